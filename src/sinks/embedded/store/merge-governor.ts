/**
 * Lets merges of `events` wait while blocks do. Merging is the larger half of what the engine does (docs/decisions.md,
 * "Store"): a store that is behind catches up twice as fast without it, and merges what has gathered when it is idle.
 *
 *   merging   as the engine likes; held when blocks are waiting all the time, few parts have gathered and no merge
 *             has come far, since holding throws away what is under way
 *   held      until blocks wait no more, or STORE_HELD_PARTS_MAX parts have gathered: the more there are, the longer
 *             takes every query; far above it the engine would delay inserts
 *
 * Nothing of it outlives the process: an engine starts with its merges on.
 */
import {
  STORE_BUSY_SHARE,
  STORE_HELD_PARTS_MAX,
  STORE_IDLE_SHARE,
  STORE_MERGE_LOST_SECONDS_MAX,
} from '../../../limits.ts';

/** Runs a statement; rejects with the engine's error. */
export type RunStatement = (sql: string) => Promise<string>;

export class MergeGovernor {
  readonly #run: RunStatement;
  #isHeld = false;

  constructor(run: RunStatement) {
    this.#run = run;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /**
   * Decides anew. `busyShare` is the share of the time since the last call in which a block was inserted. Rejects with
   * the engine's error; the merges then are as they were.
   */
  async decide(busyShare: number): Promise<void> {
    if (this.#isHeld) {
      if (busyShare < STORE_IDLE_SHARE || (await this.#parts()) >= STORE_HELD_PARTS_MAX)
        await this.#hold(false);
    } else if (busyShare >= STORE_BUSY_SHARE && (await this.#isWorthHolding())) {
      await this.#hold(true);
    }
  }

  /** From half the bound on the parts are merged first, or merges would be held and let go in turn. */
  async #isWorthHolding(): Promise<boolean> {
    if ((await this.#parts()) >= STORE_HELD_PARTS_MAX / 2) return false;
    const underWay = Number(
      await this.#run(
        "SELECT max(elapsed) FROM system.merges WHERE database = currentDatabase() AND table = 'events'",
      ),
    );
    return !(underWay > STORE_MERGE_LOST_SECONDS_MAX);
  }

  async #parts(): Promise<number> {
    const text = await this.#run(
      "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'events'",
    );
    return Number(text);
  }

  async #hold(isHeld: boolean): Promise<void> {
    await this.#run(`SYSTEM ${isHeld ? 'STOP' : 'START'} MERGES events`);
    this.#isHeld = isHeld;
  }
}
