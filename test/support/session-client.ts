/**
 * A client that resumes: it keeps what it sends under its number until an ack covers it, and after each connect sends
 * again what the welcome's `last_seq` says is missing, no more and no less.
 */
import { StreamClient } from './stream-client.ts';

export class SessionClient {
  readonly #url: () => string;
  readonly #messages: object[] = [];
  client: StreamClient | undefined;
  /** Number of the last message that was ever sent. */
  #sent = 0;
  /** Messages that were sent a second time. */
  resent = 0;

  /** `url` gives the stream's URL with its session; it may change between connects. */
  constructor(url: () => string) {
    this.#url = url;
  }

  /** Messages made so far. */
  get count(): number {
    return this.#messages.length;
  }

  /** Adds a message; it is sent by `run`. */
  add(message: object): void {
    this.#messages.push(message);
  }

  /** Connects and sends all there is; resolves with true when it is acknowledged, with false when the connection ends. */
  async run(): Promise<boolean> {
    const client = await StreamClient.connect(this.#url());
    this.client = client;
    const lastSeq = client.welcome?.last_seq;
    if (lastSeq === undefined) return false;
    const before = this.#sent;
    this.resent += Math.max(0, before - lastSeq);
    for (let seq = lastSeq + 1; seq <= this.#messages.length && client.isOpen; seq++) {
      const message = this.#messages[seq - 1];
      if (message === undefined) throw new Error(`the server has message ${lastSeq} of ${this.count}`);
      await client.sendWithinCredit(message);
      this.#sent = Math.max(this.#sent, seq);
    }
    if (lastSeq >= this.#messages.length) return true;
    return client.acked(this.#messages.length).then(
      () => true,
      () => false,
    );
  }
}
