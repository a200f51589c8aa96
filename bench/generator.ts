/**
 * A load generator that costs little: every connection writes the same pre-encoded bytes, waits for the answer's
 * last byte, writes again. autocannon parses and counts each answer and is itself the bottleneck at 100-event
 * batches; this one only counts bytes, since every answer here has the same length as the first.
 *
 * Runs as a process of its own: `node generator.js '{"url", "path", "bodyFile", "connections", "seconds"}'`, and
 * prints one JSON line.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

interface GeneratorOptions {
  readonly url: string;
  readonly path: string;
  readonly bodyFile: string;
  readonly connections: number;
  readonly seconds: number;
}

const options = JSON.parse(process.argv[2]!) as GeneratorOptions;
const { hostname, port } = new URL(options.url);
const body = readFileSync(options.bodyFile);
const head = `POST ${options.path} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
const request = Buffer.concat([Buffer.from(head), body]);

let requests = 0;
let answerBytes = 0;
let stopping = false;

function open(): void {
  // One buffer for all reads of the connection: nothing is kept of an answer but its length.
  const buffer = Buffer.allocUnsafeSlow(64 * 1024);
  let seen = 0;
  const socket = connect({
    port: Number(port),
    host: hostname,
    noDelay: true,
    onread: {
      buffer,
      callback(length) {
        if (answerBytes === 0) answerBytes = firstAnswerBytes(buffer, length);
        seen += length;
        if (seen >= answerBytes) {
          seen -= answerBytes;
          requests += 1;
          if (stopping) socket.destroy();
          else socket.write(request);
        }
        return true;
      },
    },
  });
  socket.on('connect', () => socket.write(request));
  socket.on('error', (error) => {
    process.stderr.write(`generator: ${error.message}\n`);
    process.exit(1);
  });
}

function firstAnswerBytes(buffer: Buffer, length: number): number {
  const text = buffer.toString('latin1', 0, length);
  if (!text.startsWith('HTTP/1.1 200')) {
    process.stderr.write(`generator: ${text.slice(0, 200)}\n`);
    process.exit(1);
  }
  return text.indexOf('\r\n\r\n') + 4 + Number(/content-length: (\d+)/i.exec(text)![1]);
}

for (let n = 0; n < options.connections; n++) open();
const startedAt = performance.now();
setTimeout(() => {
  stopping = true;
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = process.cpuUsage();
  process.stdout.write(
    `${JSON.stringify({ requests, seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6 })}\n`,
  );
  process.exit(0);
}, options.seconds * 1000);
