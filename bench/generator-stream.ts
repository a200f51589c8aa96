/**
 * Load over `GET /v1/stream`: every connection keeps messages on their way up to WINDOW_BYTES or the server's credit and
 * counts those that an ack covers. A request of the file is a write: many messages, each a WebSocket frame
 * (RFC 6455 §5.2), masked with zeros so that ids can be written into them; a server unmasks them like any other.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { fail, type GeneratorOptions, type Tally } from './generator-contract.ts';
import { copyTemplate, type IdStamper, type RequestTemplate } from './request-file.ts';

/** Bytes that a connection has unacknowledged at most. */
const WINDOW_BYTES = 256 * 1024;
const OPCODE_TEXT = 0x81;
const MASKED = 0x80;
const MASK_BYTES = 4;
const LENGTH_16 = 126;

/** The frames of a client for these messages, one behind the other. */
export function encodeFrames(messages: readonly Buffer[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => {
      const head = Buffer.alloc(message.length < LENGTH_16 ? 2 + MASK_BYTES : 4 + MASK_BYTES);
      head[0] = OPCODE_TEXT;
      if (message.length < LENGTH_16) head[1] = MASKED | message.length;
      else {
        head[1] = MASKED | LENGTH_16;
        head.writeUInt16BE(message.length, 2);
      }
      return [head, message];
    }),
  );
}

interface Write {
  readonly bytes: number;
  readonly endSeq: number;
  readonly sentAtMs: number;
}

class Connection {
  readonly #socket: Socket;
  readonly #ids: IdStamper;
  readonly #tally: Tally;
  readonly #requests: readonly RequestTemplate[];
  #turn = 0;
  #windowBytes = 0;
  #unackedBytes = 0;
  #seq = 0;
  #ackedSeq = 0;
  readonly #writes: Write[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #isOpen = false;

  constructor(
    { host, port, key = '' }: GeneratorOptions,
    requests: readonly RequestTemplate[],
    ids: IdStamper,
    tally: Tally,
  ) {
    this.#ids = ids;
    this.#tally = tally;
    // As many copies as the window holds and one more: bytes may still be on their way.
    const [first] = requests;
    const copies = Math.ceil(WINDOW_BYTES / (first?.bytes.length ?? 1)) + 1;
    this.#requests = Array.from({ length: copies }, (_, index) => requests[index % requests.length])
      .filter((request) => request !== undefined)
      .map(copyTemplate);
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.write(
      `GET /v1/stream HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\nX-Api-Key: ${key}\r\n\r\n`,
    );
    this.#socket.on('data', (data) => this.#read(data));
    this.#socket.on('error', fail);
    this.#socket.on('close', () => fail(new Error('the server closed a connection')));
  }

  #fill(): void {
    for (;;) {
      const request = this.#requests[this.#turn % this.#requests.length];
      if (request === undefined) fail(new Error('no requests'));
      if (this.#unackedBytes + request.bytes.length > this.#windowBytes) return;
      this.#turn += 1;
      this.#ids.stamp(request);
      this.#seq += request.idOffsets.length;
      this.#unackedBytes += request.bytes.length;
      this.#writes.push({ bytes: request.bytes.length, endSeq: this.#seq, sentAtMs: performance.now() });
      this.#socket.write(request.bytes);
    }
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
    for (let text = this.#nextText(); text !== undefined; text = this.#nextText()) this.#hear(text);
  }

  /** Text of the next whole frame; other frames than text end the generator. */
  #nextText(): string | undefined {
    const bytes = this.#unread;
    if (bytes.length < 4) return undefined;
    const short = bytes.readUInt8(1);
    const head = short < LENGTH_16 ? 2 : 4;
    const length = short < LENGTH_16 ? short : bytes.readUInt16BE(2);
    if (bytes.readUInt8(0) !== OPCODE_TEXT || short > LENGTH_16)
      fail(new Error(`a frame that was not expected: ${bytes.toString('latin1', 0, 64)}`));
    if (bytes.length < head + length) return undefined;
    this.#unread = bytes.subarray(head + length);
    return bytes.toString('utf8', head, head + length);
  }

  #hear(text: string): void {
    const message = JSON.parse(text) as Record<string, unknown>;
    if (message['type'] === 'ack') this.#acked(Number(message['seq']), Number(message['rejected']));
    else this.#windowBytes = Math.min(WINDOW_BYTES, Number(message['credit_bytes']));
    this.#fill();
  }

  #acked(seq: number, rejected: number): void {
    this.#tally.accepted += seq - this.#ackedSeq - rejected;
    this.#tally.others += rejected;
    this.#ackedSeq = seq;
    const now = performance.now();
    for (let write = this.#writes[0]; write !== undefined && write.endSeq <= seq; write = this.#writes[0]) {
      this.#writes.shift();
      this.#unackedBytes -= write.bytes;
      this.#tally.latenciesMs.push(now - write.sentAtMs);
    }
  }
}

/** Runs until the process ends. */
export function streamLoad(
  options: GeneratorOptions,
  requests: readonly RequestTemplate[],
  ids: IdStamper,
  tally: Tally,
): void {
  for (let index = 0; index < options.connections; index++) new Connection(options, requests, ids, tally);
}
