/**
 * Load over `GET /v1/stream`: every connection keeps messages on their way up to its window or the server's credit and
 * counts those that an ack covers. A request of the file is a write: one or many messages, each a WebSocket frame
 * (RFC 6455 §5.2), masked with zeros so that ids can be written into them; a server unmasks them like any other. On a
 * schedule, writes that are due go round the connections, and latency counts from when a write was due.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { fail, type GeneratorOptions, type OpenLoad, Schedule, type Tally } from './generator-contract.ts';
import { copyTemplate, type IdStamper, type RequestTemplate } from './request-file.ts';
import { readServerFrame } from './websocket-frames.ts';

/** Bytes that a connection has unacknowledged at most, and all together; each may always have one write. */
const WINDOW_BYTES = 256 * 1024;
const ALL_WINDOWS_BYTES = 64 * 1024 * 1024;
/** Connections that are opened at once. */
const OPENING_MAX = 100;

interface Write {
  readonly bytes: number;
  readonly endSeq: number;
  readonly dueAtMs: number;
}

class Connection {
  readonly #socket: Socket;
  readonly #ids: IdStamper;
  readonly #tally: Tally;
  readonly #requests: readonly RequestTemplate[];
  readonly #onOpen: () => void;
  readonly #onRoom: (connection: Connection) => void;
  readonly #windowBytesMax: number;
  #turn = 0;
  #windowBytes = 0;
  #unackedBytes = 0;
  #seq = 0;
  readonly #writes: Write[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #isOpen = false;

  constructor(
    { host, port, key = '', connections }: GeneratorOptions,
    requests: readonly RequestTemplate[],
    place: number,
    ids: IdStamper,
    tally: Tally,
    onOpen: () => void,
    onRoom: (connection: Connection) => void,
  ) {
    this.#ids = ids;
    this.#tally = tally;
    this.#onOpen = onOpen;
    this.#onRoom = onRoom;
    this.#windowBytesMax = Math.min(WINDOW_BYTES, Math.floor(ALL_WINDOWS_BYTES / connections));
    // As many copies as the window holds and one more: bytes may still be on their way.
    const copies = Math.ceil(this.#windowBytesMax / (requests[0]?.bytes.length ?? 1)) + 1;
    this.#requests = Array.from(
      { length: copies },
      (_, index) => requests[(place * copies + index) % requests.length],
    )
      .filter((request) => request !== undefined)
      .map(copyTemplate);
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.write(
      `GET /v1/stream HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\nX-Api-Key: ${key}\r\n\r\n`,
    );
    this.#socket.on('data', (data) => this.#read(data));
    this.#socket.on('error', fail);
    this.#socket.on('close', () => {
      if (!tally.isOver) fail(new Error('the server closed a connection'));
    });
  }

  /** Sends the next write if the window has room for it. */
  send(dueAtMs: number): boolean {
    const request = this.#requests[this.#turn % this.#requests.length];
    if (request === undefined) fail(new Error('no requests'));
    if (this.#windowBytes === 0) return false;
    if (this.#unackedBytes > 0 && this.#unackedBytes + request.bytes.length > this.#windowBytes) return false;
    this.#turn += 1;
    this.#ids.stamp(request);
    this.#seq += request.messages;
    this.#unackedBytes += request.bytes.length;
    this.#tally.inFlight += 1;
    this.#writes.push({ bytes: request.bytes.length, endSeq: this.#seq, dueAtMs });
    this.#socket.write(request.bytes);
    return true;
  }

  #read(data: Buffer): void {
    this.#unread = this.#unread.length === 0 ? data : Buffer.concat([this.#unread, data]);
    if (!this.#isOpen) {
      const end = this.#unread.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!this.#unread.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101')))
        fail(new Error(`no upgrade: ${this.#unread.toString('latin1', 0, end)}`));
      this.#isOpen = true;
      this.#unread = this.#unread.subarray(end + 4);
    }
    for (
      let frame = readServerFrame(this.#unread);
      frame !== undefined;
      frame = readServerFrame(this.#unread)
    ) {
      this.#unread = this.#unread.subarray(frame.bytes);
      if (frame.text === undefined) {
        if (!this.#tally.isOver)
          fail(new Error(`a frame that was not expected, opcode ${frame.opcode}: ${frame.detail}`));
      } else this.#hear(frame.text);
    }
  }

  #hear(text: string): void {
    const message = JSON.parse(text) as Record<string, unknown>;
    if (message['type'] === 'ack') {
      this.#acked(Number(message['seq']), Number(message['accepted']), Number(message['rejected']));
    } else this.#windowBytes = Math.min(this.#windowBytesMax, Number(message['credit_bytes']));
    if (message['type'] === 'welcome') this.#onOpen();
    else if (!this.#tally.isOver) this.#onRoom(this);
  }

  #acked(seq: number, accepted: number, rejected: number): void {
    const tally = this.#tally;
    tally.events += accepted;
    tally.others += rejected;
    const now = performance.now();
    for (let write = this.#writes[0]; write !== undefined && write.endSeq <= seq; write = this.#writes[0]) {
      this.#writes.shift();
      this.#unackedBytes -= write.bytes;
      tally.inFlight -= 1;
      tally.accepted += 1;
      tally.latencies.add(now - write.dueAtMs);
    }
  }
}

/** Opens the connections. */
export async function openStreams(
  options: GeneratorOptions,
  requests: readonly RequestTemplate[],
  ids: IdStamper,
  tally: Tally,
): Promise<OpenLoad> {
  const all: Connection[] = [];
  const { rate } = options;
  let next = 0;
  const schedule = new Schedule(rate ?? 1, tally, (dueAtMs) => {
    // One that has no room is passed over, once round.
    for (let tried = 0; tried < all.length; tried++) if (all[next++ % all.length]?.send(dueAtMs)) return true;
    return false;
  });
  const onRoom = rate === undefined ? fill : () => schedule.poke();
  for (let from = 0; from < options.connections; from += OPENING_MAX) {
    const count = Math.min(OPENING_MAX, options.connections - from);
    await Promise.all(
      Array.from(
        { length: count },
        (_, index) =>
          new Promise<void>((resolve) => {
            all.push(new Connection(options, requests, from + index, ids, tally, resolve, onRoom));
          }),
      ),
    );
  }
  return {
    start: () => (rate === undefined ? all.forEach(fill) : schedule.start()),
    overdue: () => (rate === undefined ? 0 : schedule.overdue()),
  };
}

function fill(connection: Connection): void {
  while (connection.send(performance.now())) {
    // Until the window is full.
  }
}
