/**
 * The end of a delivery, and what must not be waited for beyond it. Promise.race with one promise that lives as long as
 * the process would keep something of every send for ever; here a wait that is over leaves nothing behind.
 */
import { createBackoff, pause } from '../backoff.ts';

export class Ending {
  #isOver = false;
  readonly #waits = new Set<() => void>();

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends all waits, now and later. */
  end(): void {
    this.#isOver = true;
    for (const stop of this.#waits) stop();
    this.#waits.clear();
  }

  /** What `work` resolves with, or undefined when the end comes first. */
  before<Result>(work: Promise<Result>): Promise<Result | undefined> {
    return new Promise((resolve, reject) => {
      const stop = () => resolve(undefined);
      if (this.#isOver) stop();
      else this.#waits.add(stop);
      work.then(resolve, reject).finally(() => this.#waits.delete(stop));
    });
  }

  /** Resolves after `delayMs`, or at the end. */
  async pause(delayMs: number): Promise<void> {
    await this.before(pause(delayMs));
  }

  /** Calls `work`, which fails with the disk only, with growing pauses until it succeeds; undefined when the end comes before. */
  async untilDone<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    const backoff = createBackoff();
    while (!this.#isOver) {
      try {
        return await work();
      } catch {
        await this.pause(backoff.next());
      }
    }
    return undefined;
  }
}
