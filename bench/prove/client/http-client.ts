/**
 * One HTTP client: a keep-alive connection with one batch in flight. A batch without a 200 is sent again with the same
 * ids, over a new connection when the old one broke, until it has one; only then comes the next. So what is
 * acknowledged is always the events below one number.
 */
import { connect, type Socket } from 'node:net';
import { NumberedBody } from './body.ts';
import type { ClientLedger, LoadOptions } from './messages.ts';
import { Pace, retryPauseMs, type Tally } from './tally.ts';

const ANSWER_TIMEOUT_MS = 10_000;

interface BatchAnswer {
  readonly accepted?: number;
  readonly rejected?: number;
  readonly duplicates?: number;
}

export class HttpClient {
  readonly #options: LoadOptions;
  readonly #client: number;
  readonly #tally: Tally;
  readonly #pace: Pace;
  readonly #body: NumberedBody;
  readonly #head: Buffer;
  readonly #resent: number[] = [];
  #socket: Socket | undefined;
  #unread: Buffer = Buffer.alloc(0);
  #acknowledged = 0;
  #sent = 0;
  #sentAt = 0;
  #isWaiting = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LoadOptions, client: number, eventsPerSecond: number, tally: Tally) {
    this.#options = options;
    this.#client = client;
    this.#tally = tally;
    this.#pace = new Pace(eventsPerSecond);
    this.#body = new NumberedBody(options.prefix, client, options.eventsPerBatch);
    this.#head = Buffer.from(
      `POST /v1/events/batch HTTP/1.1\r\nHost: ${options.host}:${options.port}\r\nContent-Type: application/json\r\nContent-Length: ${this.#body.bytes.length}\r\n\r\n`,
    );
    this.#open();
  }

  /** Whether everything that was sent is acknowledged. */
  get isSettled(): boolean {
    return this.#acknowledged === this.#sent;
  }

  ledger(): ClientLedger {
    return {
      client: this.#client,
      transport: 'http',
      acknowledged: this.#acknowledged,
      sent: this.#sent,
      resent: this.#resent,
      eventsEach: this.#options.eventsPerBatch,
    };
  }

  /** Sends when the pace lets it; called often. */
  tick(): void {
    if (this.#isWaiting) {
      if (performance.now() - this.#sentAt > ANSWER_TIMEOUT_MS) this.#socket?.destroy();
      return;
    }
    if (this.#socket?.readyState !== 'open' || this.#timer !== undefined) return;
    const { eventsPerBatch } = this.#options;
    if (!this.isSettled) {
      this.#resent.push(this.#acknowledged);
      this.#tally.resentEvents += eventsPerBatch;
    } else if (this.#tally.stopping || !this.#pace.take(eventsPerBatch)) return;
    this.#body.write(this.#acknowledged);
    this.#sent = this.#acknowledged + eventsPerBatch;
    this.#sentAt = performance.now();
    this.#isWaiting = true;
    this.#socket.write(this.#head);
    // Written over by the next batch, which comes only after the answer to this one, or on another socket.
    this.#socket.write(Buffer.from(this.#body.bytes));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #open(): void {
    const { host, port } = this.#options;
    const socket = connect({ host, port, noDelay: true });
    this.#socket = socket;
    this.#unread = Buffer.alloc(0);
    socket.on('connect', () => this.tick());
    socket.on('data', (data) => this.#data(data));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#socket !== socket || this.#closed) return;
      this.#socket = undefined;
      if (this.#isWaiting) this.#tally.refused('connection lost');
      this.#isWaiting = false;
      this.#pause(() => this.#open());
    });
  }

  #pause(then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        then();
      },
      retryPauseMs(this.#failures++),
    );
  }

  #data(data: Buffer): void {
    this.#unread = this.#unread.length === 0 ? data : Buffer.concat([this.#unread, data]);
    const headEnd = this.#unread.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.#unread.toString('latin1', 0, headEnd);
    const end = headEnd + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#unread.length < end) return;
    const body = this.#unread.toString('utf8', headEnd + 4, end);
    this.#unread = this.#unread.subarray(end);
    this.#isWaiting = false;
    this.#answered(head.slice(9, 12), body);
  }

  #answered(status: string, body: string): void {
    if (status !== '200') {
      this.#tally.refused(status);
      if (!status.startsWith('5')) this.#tally.problem(`an answer of ${status}: ${body.slice(0, 200)}`);
      this.#pause(() => this.tick());
      return;
    }
    const { accepted = 0, rejected = 0, duplicates = 0 } = JSON.parse(body) as BatchAnswer;
    if (rejected > 0 || accepted + duplicates !== this.#options.eventsPerBatch) {
      this.#tally.problem(`a 200 that does not add up: ${body.slice(0, 200)}`);
    }
    this.#failures = 0;
    this.#acknowledged = this.#sent;
    this.#tally.acked(this.#options.eventsPerBatch, performance.now() - this.#sentAt);
    this.tick();
  }
}
