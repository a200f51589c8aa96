/**
 * HTTP load: every connection writes a request, waits for the answer's last byte, writes the next. On a schedule a
 * request that is due waits for a free connection, and its latency counts from when it was due, so that a server that
 * stalls cannot hide it (coordinated omission). Only answers with a Content-Length are understood.
 */
import { connect, type Socket } from 'node:net';
import { fail, type GeneratorOptions, type Tally } from './generator-contract.ts';
import { copyTemplate, type IdStamper, type RequestTemplate } from './request-file.ts';

/** Requests that a connection has copies of, sent in turn. */
const COPIES = 8;
const NO_BYTES: Buffer = Buffer.alloc(0);

class Connection {
  readonly #socket: Socket;
  readonly #requests: readonly RequestTemplate[];
  readonly #ids: IdStamper;
  readonly #tally: Tally;
  readonly #onFree: (connection: Connection) => void;
  #turn = 0;
  #dueAtMs = 0;
  #unread = NO_BYTES;

  constructor(
    { host, port }: GeneratorOptions,
    requests: readonly RequestTemplate[],
    ids: IdStamper,
    tally: Tally,
    onFree: (connection: Connection) => void,
  ) {
    this.#requests = requests.map(copyTemplate);
    this.#ids = ids;
    this.#tally = tally;
    this.#onFree = onFree;
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('connect', () => onFree(this));
    this.#socket.on('data', (data) => this.#read(data));
    this.#socket.on('error', fail);
    this.#socket.on('close', () => fail(new Error('the server closed a connection')));
  }

  /** Sends the next request, which was due at `dueAtMs`. */
  send(dueAtMs: number): void {
    this.#dueAtMs = dueAtMs;
    const request = this.#requests[this.#turn++ % this.#requests.length];
    if (request === undefined) fail(new Error('no requests'));
    this.#ids.stamp(request);
    this.#socket.write(request.bytes);
  }

  #read(data: Buffer): void {
    this.#unread = this.#unread.length === 0 ? data : Buffer.concat([this.#unread, data]);
    const answer = readAnswer(this.#unread);
    if (answer === undefined) return;
    this.#unread = this.#unread.subarray(answer.bytes);
    if (answer.status === '200') {
      this.#tally.accepted += 1;
      this.#tally.latenciesMs.push(performance.now() - this.#dueAtMs);
    } else if (answer.status === '503') this.#tally.refused += 1;
    else this.#tally.others += 1;
    this.#onFree(this);
  }
}

/** Runs until the process ends. */
export function httpLoad(
  options: GeneratorOptions,
  requests: readonly RequestTemplate[],
  ids: IdStamper,
  tally: Tally,
): void {
  const { rate, connections } = options;
  const onFree = rate === undefined ? sendAtOnce : onSchedule(rate);
  for (let index = 0; index < connections; index++) {
    const own = Array.from(
      { length: COPIES },
      (_, copy) => requests[(index * COPIES + copy) % requests.length],
    );
    new Connection(
      options,
      own.filter((request) => request !== undefined),
      ids,
      tally,
      onFree,
    );
  }
}

function sendAtOnce(connection: Connection): void {
  connection.send(performance.now());
}

/** Gives free connections the requests that are due. */
function onSchedule(rate: number): (connection: Connection) => void {
  const free: Connection[] = [];
  const startedAtMs = performance.now();
  let sent = 0;
  const sendDue = () => {
    for (;;) {
      const dueAtMs = startedAtMs + (sent * 1000) / rate;
      if (dueAtMs > performance.now()) return;
      const connection = free.pop();
      if (connection === undefined) return;
      sent += 1;
      connection.send(dueAtMs);
    }
  };
  setInterval(sendDue, 1);
  return (connection) => {
    free.push(connection);
    sendDue();
  };
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
