import { setTimeout as sleep } from 'node:timers/promises';
import { testEvents } from './events.ts';

/** Events of one request of `Load`. */
export const LOAD_BATCH = 50;

/**
 * One client that sends batch after batch, the same again until it is acknowledged: events are numbered in the order in
 * which they are journaled. Load, not a race: what was sent is read again later.
 */
export class Load {
  acknowledged = 0;
  #isOver = false;
  readonly #done: Promise<void>;

  constructor(url: string) {
    this.#done = this.#run(url);
  }

  async #run(url: string): Promise<void> {
    while (!this.#isOver) {
      const body = JSON.stringify(testEvents(LOAD_BATCH, 'e', this.acknowledged));
      const answer = await fetch(`${url}/v1/events/batch`, { method: 'POST', body }).catch(() => undefined);
      if (answer?.status === 200) this.acknowledged += LOAD_BATCH;
      await sleep(answer?.status === 200 ? 3 : 50);
    }
  }

  /** Sends nothing more; gives how many events were acknowledged. */
  async end(): Promise<number> {
    this.#isOver = true;
    await this.#done;
    return this.acknowledged;
  }
}
