/**
 * HTTP load: every connection writes a request, waits for the answer's last byte, writes the next. On a schedule a
 * request that is due waits for a free connection, and its latency counts from when it was due, so that a server that
 * stalls cannot hide it (coordinated omission). Only answers with a Content-Length are understood.
 */
import { connect, type Socket } from 'node:net';
import { fail, type GeneratorOptions, type OpenLoad, Schedule, type Tally } from './generator-contract.ts';
import { copyTemplate, type IdStamper, type RequestTemplate } from './request-file.ts';

/** Requests that a connection has copies of, sent in turn. */
const COPIES = 8;
/** Connections that are opened at once: more than a listen backlog would be refused. */
const OPENING_MAX = 100;
const NO_BYTES: Buffer = Buffer.alloc(0);

class Connection {
  readonly #socket: Socket;
  readonly #requests: readonly RequestTemplate[];
  readonly #ids: IdStamper;
  readonly #tally: Tally;
  readonly #onFree: (connection: Connection) => void;
  #turn = 0;
  #events = 0;
  #dueAtMs = 0;
  #unread = NO_BYTES;

  constructor(
    { host, port }: GeneratorOptions,
    requests: readonly RequestTemplate[],
    ids: IdStamper,
    tally: Tally,
    onOpen: () => void,
    onFree: (connection: Connection) => void,
  ) {
    this.#requests = requests.map(copyTemplate);
    this.#ids = ids;
    this.#tally = tally;
    this.#onFree = onFree;
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('connect', onOpen);
    this.#socket.on('data', (data) => this.#read(data));
    this.#socket.on('error', fail);
    this.#socket.on('close', () => {
      if (!tally.isOver) fail(new Error('the server closed a connection'));
    });
  }

  /** Sends the next request, which was due at `dueAtMs`. */
  send(dueAtMs: number): void {
    this.#dueAtMs = dueAtMs;
    const request = this.#requests[this.#turn++ % this.#requests.length];
    if (request === undefined) fail(new Error('no requests'));
    this.#ids.stamp(request);
    this.#events = request.events;
    this.#tally.inFlight += 1;
    this.#socket.write(request.bytes);
  }

  #read(data: Buffer): void {
    this.#unread = this.#unread.length === 0 ? data : Buffer.concat([this.#unread, data]);
    const answer = readAnswer(this.#unread);
    if (answer === undefined) return;
    this.#unread = this.#unread.subarray(answer.bytes);
    const tally = this.#tally;
    tally.inFlight -= 1;
    if (answer.status === '200') {
      tally.accepted += 1;
      tally.events += this.#events;
      tally.latencies.add(performance.now() - this.#dueAtMs);
    } else if (answer.status === '503') tally.refused += 1;
    else tally.others += 1;
    if (!tally.isOver) this.#onFree(this);
  }
}

/** Opens the connections. */
export async function openHttp(
  options: GeneratorOptions,
  requests: readonly RequestTemplate[],
  ids: IdStamper,
  tally: Tally,
): Promise<OpenLoad> {
  // First in, first out: none is idle for so long that a server closes it.
  const free: Connection[] = [];
  const { rate } = options;
  const schedule = new Schedule(rate ?? 1, tally, (dueAtMs) => {
    const connection = free.shift();
    connection?.send(dueAtMs);
    return connection !== undefined;
  });
  const sendLater = (connection: Connection) => {
    free.push(connection);
    schedule.poke();
  };
  const onFree = rate === undefined ? sendAtOnce : sendLater;
  for (let from = 0; from < options.connections; from += OPENING_MAX) {
    const count = Math.min(OPENING_MAX, options.connections - from);
    await Promise.all(
      Array.from({ length: count }, (_, index) => {
        const own = ownRequests(requests, from + index);
        return new Promise<void>((resolve) => {
          free.push(new Connection(options, own, ids, tally, resolve, onFree));
        });
      }),
    );
  }
  return {
    start: () => (rate === undefined ? free.splice(0).forEach(sendAtOnce) : schedule.start()),
    overdue: () => (rate === undefined ? 0 : schedule.overdue()),
  };
}

function ownRequests(requests: readonly RequestTemplate[], connection: number): RequestTemplate[] {
  return Array.from(
    { length: Math.min(COPIES, requests.length) },
    (_, copy) => requests[(connection * COPIES + copy) % requests.length],
  ).filter((request) => request !== undefined);
}

function sendAtOnce(connection: Connection): void {
  connection.send(performance.now());
}

/** Status and length of the answer at the start of `bytes`, once all of it is there. */
function readAnswer(bytes: Buffer): { status: string; bytes: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const declared = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  // An answer of 204 has neither body nor length.
  if (declared === undefined && !head.startsWith('HTTP/1.1 204'))
    fail(new Error(`an answer without Content-Length: ${head}`));
  const length = headEnd + 4 + Number(declared ?? 0);
  return bytes.length < length ? undefined : { status: head.slice(9, 12), bytes: length };
}
