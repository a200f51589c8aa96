/**
 * One WebSocket client: messages in flight up to a window, acknowledged by number. When the connection ends, a new one
 * sends again every message that no ack covers, with the same ids and in the same order.
 */
import WebSocket from 'ws';
import { NumberedBody } from './body.ts';
import type { ClientLedger, LoadOptions } from './messages.ts';
import { Pace, retryPauseMs, type Tally } from './tally.ts';

/** Messages without an ack; far below the credit. */
const WINDOW_MESSAGES = 64;
const ACK_TIMEOUT_MS = 10_000;

interface ServerMessage {
  readonly type: string;
  readonly seq?: number;
  readonly accepted?: number;
  readonly rejected?: number;
  readonly duplicates?: number;
  readonly errors?: readonly unknown[];
}

export class StreamClient {
  readonly #options: LoadOptions;
  readonly #client: number;
  readonly #tally: Tally;
  readonly #pace: Pace;
  readonly #body: NumberedBody;
  readonly #resent: number[] = [];
  #socket: WebSocket | undefined;
  #isWelcome = false;
  /** Messages, over the client's life. */
  #acknowledged = 0;
  #sentEver = 0;
  /** The next to send on this connection. */
  #next = 0;
  /** What was acknowledged when this connection began: its message 1 is the one behind. */
  #base = 0;
  /** When each message without an ack was sent on this connection. */
  readonly #sentAt: number[] = [];
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LoadOptions, client: number, eventsPerSecond: number, tally: Tally) {
    this.#options = options;
    this.#client = client;
    this.#tally = tally;
    this.#pace = new Pace(eventsPerSecond);
    this.#body = new NumberedBody(options.prefix, client, options.eventsPerMessage);
    this.#open();
  }

  get isSettled(): boolean {
    return this.#acknowledged === this.#sentEver;
  }

  ledger(): ClientLedger {
    const { eventsPerMessage } = this.#options;
    return {
      client: this.#client,
      transport: 'websocket',
      acknowledged: this.#acknowledged * eventsPerMessage,
      sent: this.#sentEver * eventsPerMessage,
      resent: this.#resent,
      eventsEach: eventsPerMessage,
    };
  }

  tick(): void {
    const socket = this.#socket;
    if (socket === undefined || !this.#isWelcome || socket.readyState !== WebSocket.OPEN) return;
    const { eventsPerMessage } = this.#options;
    const oldest = this.#sentAt[0];
    if (oldest !== undefined && performance.now() - oldest > ACK_TIMEOUT_MS) {
      socket.terminate();
      return;
    }
    while (this.#next - this.#acknowledged < WINDOW_MESSAGES) {
      const first = this.#next * eventsPerMessage;
      if (this.#next < this.#sentEver) {
        this.#resent.push(first);
        this.#tally.resentEvents += eventsPerMessage;
      } else if (this.#tally.stopping || !this.#pace.take(eventsPerMessage)) return;
      this.#body.write(first);
      socket.send(Buffer.from(this.#body.bytes), { binary: false });
      this.#sentAt.push(performance.now());
      this.#next += 1;
      this.#sentEver = Math.max(this.#sentEver, this.#next);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  #open(): void {
    const { host, port } = this.#options;
    const socket = new WebSocket(`ws://${host}:${port}/v1/stream`, ['penstock.v1'], {
      perMessageDeflate: false,
      handshakeTimeout: ACK_TIMEOUT_MS,
    });
    this.#socket = socket;
    this.#isWelcome = false;
    this.#base = this.#acknowledged;
    this.#next = this.#acknowledged;
    this.#sentAt.length = 0;
    socket.on('message', (data) => {
      if (this.#socket === socket) this.#message(JSON.parse(String(data)) as ServerMessage);
    });
    socket.on('error', () => {});
    socket.on('close', (code) => {
      if (this.#socket !== socket || this.#closed) return;
      this.#socket = undefined;
      this.#tally.refused(`close ${code}`);
      if (code === 1008 || code === 1009) this.#tally.problem(`a stream was closed with ${code}`);
      this.#timer = setTimeout(() => this.#open(), retryPauseMs(this.#failures++));
    });
  }

  #message(message: ServerMessage): void {
    if (message.type === 'welcome') {
      this.#isWelcome = true;
    } else if (message.type === 'ack') {
      this.#failures = 0;
      const upTo = this.#base + (message.seq ?? 0);
      const count = upTo - this.#acknowledged;
      const events = count * this.#options.eventsPerMessage;
      const { accepted = 0, rejected = 0, duplicates = 0 } = message;
      if (rejected > 0 || accepted + duplicates !== events || count <= 0 || upTo > this.#next) {
        this.#tally.problem(`an ack that does not add up: ${JSON.stringify(message).slice(0, 200)}`);
      }
      const [oldest = 0] = this.#sentAt.splice(0, count);
      this.#acknowledged = upTo;
      this.#tally.acked(events, performance.now() - oldest);
    }
    this.tick();
  }
}
