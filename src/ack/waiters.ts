/**
 * Answers that promise more than the journal: they wait here until a sync or the sinks have passed the rows of their
 * slab, and leave with what was reached. What does not come within the timeout, or cannot come any more, falls back
 * to the level that every answer has: it was reached before anything waits here.
 *
 * Waiting answers of one slab are one entry. Shared memory is looked at by a timer that runs only while there is one.
 */
import type { Clock } from '../clock.ts';
import { ACK_POLL_INTERVAL_MS } from '../limits.ts';
import type { JournalPlace } from '../slab/slab.ts';
import type { AckLevel } from './level.ts';
import type { ProgressReader } from './progress.ts';

/** Called once, with whether the level was reached. */
export type Settle = (isReached: boolean) => void;

/** `count` answers for `level` have waited `ms`. */
export type OnWaited = (level: AckLevel, ms: number, count: number) => void;

interface Entry {
  readonly place: JournalPlace;
  readonly level: AckLevel;
  readonly deadlineMs: number;
  readonly settles: Settle[];
}

export class AckWaiters {
  readonly #progress: ProgressReader;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #onWaited: OnWaited;
  #entries: Entry[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isEnding = false;
  #count = 0;
  #fallbacks = 0;

  constructor(progress: ProgressReader, timeoutMs: number, clock: Clock, onWaited: OnWaited = () => {}) {
    this.#progress = progress;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#onWaited = onWaited;
  }

  /** Answers that wait. */
  get count(): number {
    return this.#count;
  }

  /** Answers that left with less than was asked for. */
  get fallbacks(): number {
    return this.#fallbacks;
  }

  /** Waits for `level` at `place`, which is the same object for all answers of a slab; undefined falls back. */
  wait(place: JournalPlace | undefined, level: AckLevel, settle: Settle): void {
    if (place === undefined || this.#isEnding) {
      this.#fallbacks += 1;
      settle(false);
      return;
    }
    this.#count += 1;
    const last = this.#entries.at(-1);
    if (last?.place === place && last.level === level) {
      last.settles.push(settle);
      return;
    }
    const deadlineMs = this.#clock.monotonicMs() + this.#timeoutMs;
    this.#entries.push({ place, level, deadlineMs, settles: [settle] });
    this.#timer ??= setInterval(() => this.poll(), ACK_POLL_INTERVAL_MS);
  }

  /** Settles what was reached, and what will not be. */
  poll(): void {
    const nowMs = this.#clock.monotonicMs();
    const settled: [Entry, boolean][] = [];
    this.#entries = this.#entries.filter((entry) => {
      const isReached = this.#isReached(entry);
      const isOver = isReached === undefined || nowMs >= entry.deadlineMs || this.#isEnding;
      if (isReached !== true && !isOver) return true;
      settled.push([entry, isReached === true]);
      return false;
    });
    if (this.#entries.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    for (const [entry, isReached] of settled) {
      const { level, deadlineMs, settles } = entry;
      this.#onWaited(level, nowMs - deadlineMs + this.#timeoutMs, settles.length);
      this.#settle(entry, isReached);
    }
  }

  /** From now on nothing waits: a drain does not wait for sinks. */
  end(): void {
    this.#isEnding = true;
    this.poll();
  }

  #isReached({ place, level }: Entry): boolean | undefined {
    return level === 'fsync' ? this.#progress.isSynced(place) : this.#progress.isDelivered(place);
  }

  #settle({ settles }: Entry, isReached: boolean): void {
    this.#count -= settles.length;
    if (!isReached) this.#fallbacks += settles.length;
    for (const settle of settles) settle(isReached);
  }
}
