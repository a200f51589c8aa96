/** A WebSocket client of `/v1/stream` that remembers what the server said. */
import WebSocket from 'ws';

export interface AckMessage {
  readonly type: 'ack';
  readonly seq: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly duplicates?: number;
  readonly errors: readonly { seq: number; index: number; code: string; field?: string; message: string }[];
}

export interface WelcomeMessage {
  readonly type: 'welcome';
  readonly credit_bytes: number;
  readonly max_message_bytes: number;
  readonly ack: string;
  readonly last_seq?: number;
}

export interface CreditMessage {
  readonly type: 'credit';
  readonly credit_bytes: number;
}

export class StreamClient {
  readonly socket: WebSocket;
  readonly acks: AckMessage[] = [];
  welcome: WelcomeMessage | undefined;
  /** What the server said last. */
  creditBytes = 0;
  /** Resolves with the close code and reason. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Bytes of messages sent, by their number from 1; of acknowledged ones 0. */
  readonly #sentBytes: number[] = [];
  #ackedBytesUpTo = 0;
  #unackedBytes = 0;
  #wake: (() => void) | undefined;

  private constructor(url: string, options: WebSocket.ClientOptions, protocols: string[]) {
    this.socket = new WebSocket(url, protocols, options);
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake?.();
      });
    });
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as AckMessage | WelcomeMessage | CreditMessage;
      if (message.type === 'credit') this.creditBytes = message.credit_bytes;
      else if (message.type === 'welcome') this.#begin(message);
      else this.#acknowledge(message);
      this.#wake?.();
    });
  }

  /** Connects and waits for the welcome, or for the close that comes instead. */
  static async connect(
    url: string,
    options: WebSocket.ClientOptions = {},
    protocols: string[] = ['penstock.v1'],
  ): Promise<StreamClient> {
    const client = new StreamClient(url, { perMessageDeflate: false, ...options }, protocols);
    await client.#until(() => client.welcome !== undefined);
    return client;
  }

  /** Highest acknowledged message, 0 before the first ack. */
  get ackedSeq(): number {
    return this.acks.at(-1)?.seq ?? 0;
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  get accepted(): number {
    return this.acks.reduce((sum, ack) => sum + ack.accepted, 0);
  }

  get rejected(): number {
    return this.acks.reduce((sum, ack) => sum + ack.rejected, 0);
  }

  /** Number of the last message that was sent. */
  sentSeq = 0;

  send(message: string | Buffer | object, options?: { binary?: boolean; fin?: boolean }): void {
    const data = typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message);
    if (options?.fin !== false) this.sentSeq += 1;
    this.socket.send(data, { binary: false, ...options });
  }

  /** Sends as a well-behaved client does: waits while the message would exceed the credit. */
  async sendWithinCredit(message: object): Promise<void> {
    const text = JSON.stringify(message);
    const bytes = Buffer.byteLength(text);
    await this.#until(() => this.#unackedBytes + bytes <= this.creditBytes);
    this.#unackedBytes += bytes;
    this.#sentBytes[this.sentSeq + 1] = bytes;
    this.send(text);
  }

  /** Waits until message `seq` is acknowledged, or the connection is closed. */
  async acked(seq: number): Promise<void> {
    await this.#until(() => this.ackedSeq >= seq);
    if (this.ackedSeq < seq) {
      const { code, reason } = await this.closed;
      throw new Error(`closed with ${code} ${reason}, ${this.ackedSeq} of ${seq} acknowledged`);
    }
  }

  close(): void {
    this.socket.close();
  }

  #begin(welcome: WelcomeMessage): void {
    this.welcome = welcome;
    this.creditBytes = welcome.credit_bytes;
    this.sentSeq = welcome.last_seq ?? 0;
    this.#ackedBytesUpTo = this.sentSeq;
  }

  #acknowledge(ack: AckMessage): void {
    this.acks.push(ack);
    for (let seq = this.#ackedBytesUpTo + 1; seq <= ack.seq; seq++)
      this.#unackedBytes -= this.#sentBytes[seq] ?? 0;
    this.#ackedBytesUpTo = ack.seq;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && this.socket.readyState !== WebSocket.CLOSED) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
