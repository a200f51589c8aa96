/**
 * A load generator that costs little: every connection writes requests that were encoded before, under new event ids,
 * waits for the answer's last byte, writes the next. At 100-event batches autocannon takes 1.7 cores for the load that this one makes with a
 * third of one (the column `generator busy` of `npm run bench` shows it), and would itself be what is measured.
 *
 * Runs as a process of its own: `node generator.js '{"port", "host", "requestFile", "connections", "seconds"}'`, and
 * prints one JSON line, GeneratorResult. The request file is requests one behind the other, each with its length before
 * it (u32, little endian). Only answers with a Content-Length are understood; servers of the bench give no others.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { findIdDigits, writeFreshIds } from './fresh-ids.ts';
import { percentile } from './statistics.ts';

export interface GeneratorOptions {
  readonly host: string;
  readonly port: number;
  readonly requestFile: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface GeneratorResult {
  /** Answers of 200, of 503, and any other. */
  readonly accepted: number;
  readonly refused: number;
  readonly others: number;
  readonly seconds: number;
  /** Of the accepted. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuSeconds: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as GeneratorOptions;
const requests = readRequests(options.requestFile);
const idDigits = requests.map(findIdDigits);
const counts = { accepted: 0, refused: 0, others: 0 };
const latencies: number[] = [];
let nextRequest = 0;

function readRequests(file: string): Buffer[] {
  const bytes = readFileSync(file);
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    found.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return found;
}

function open(): void {
  let sentAt = 0;
  let unread: Buffer = Buffer.alloc(0);
  const socket = connect({ port: options.port, host: options.host, noDelay: true });
  const send = () => {
    sentAt = performance.now();
    const turn = nextRequest++ % requests.length;
    const request = requests[turn];
    if (request === undefined) fail(new Error('the request file is empty'));
    writeFreshIds(request, idDigits[turn] ?? []);
    socket.write(request);
  };
  socket.on('connect', send);
  socket.on('data', (data) => {
    unread = unread.length === 0 ? data : Buffer.concat([unread, data]);
    const answer = readAnswer(unread);
    if (answer === undefined) return;
    unread = unread.subarray(answer.bytes);
    if (answer.status === '200') {
      counts.accepted += 1;
      latencies.push(performance.now() - sentAt);
    } else if (answer.status === '503') counts.refused += 1;
    else counts.others += 1;
    send();
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the server closed a connection')));
}

/** Status and length of the answer at the start of `bytes`, once all of it is there. */
function readAnswer(bytes: Buffer): { status: string; bytes: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const bodyBytes = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]);
  if (Number.isNaN(bodyBytes)) fail(new Error(`an answer without Content-Length: ${head}`));
  const length = headEnd + 4 + bodyBytes;
  return bytes.length < length ? undefined : { status: head.slice(9, 12), bytes: length };
}

function fail(error: Error): never {
  process.stderr.write(`generator: ${error.message}\n`);
  process.exit(1);
}

for (let n = 0; n < options.connections; n++) open();
const startedAt = performance.now();
setTimeout(() => {
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = process.cpuUsage();
  const result: GeneratorResult = {
    ...counts,
    seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}, options.seconds * 1000);
