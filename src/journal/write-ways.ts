// Hot path: once a chunk.
/**
 * Whether a write goes through the page cache or past it (direct.ts). The cache copies every byte, and a page that it has
 * to get first costs ten times the copy on a machine that gives memory back to its host; a direct write takes next
 * to no processor time and waits for the disk. Which is quicker depends on machine and moment, so it is measured: the
 * quicker way is taken, and the other is tried now and then, and as soon as the one that is taken got slower.
 *
 * A trial is a few writes in a row, and medians count: the first direct write behind others waits until what the cache has
 * of its first block is on the disk (`node dist/bench/journal.js` prints both), and any may wait long where the disk is busy
 * with what the cache gave it. By single trials and a mean the cache was kept where direct writes were three times as fast
 * (docs/decisions.md).
 */
import {
  ASYNC_WRITE_SHARE,
  DIRECT_WRITE_BYTES_MIN,
  WRITE_SLOWER_RATIO,
  WRITE_TIMES_KEPT,
  WRITES_OF_TRIAL,
  WRITES_PER_TRIAL,
} from '../limits.ts';

/** What writes of one way took lately, in milliseconds a byte. */
class WriteTimes {
  readonly #times: number[] = [];
  #next = 0;

  add(msPerByte: number): void {
    this.#times[this.#next] = msPerByte;
    this.#next = (this.#next + 1) % WRITE_TIMES_KEPT;
  }

  get isEmpty(): boolean {
    return this.#times.length === 0;
  }

  /** Undefined before the first. */
  median(): number | undefined {
    return this.#times.toSorted((a, b) => a - b)[this.#times.length >> 1];
  }
}

/** Chooses the way of a write by how long others took, each way for itself. One a thread. */
export class WriteWays {
  readonly #cached = new WriteTimes();
  readonly #direct = new WriteTimes();
  /** The way that is taken, but for trials. */
  #takesDirect = false;
  #canDirect = true;
  /** Writes to the next trial; below nought are those of one. */
  #writesLeft = 0;
  /** What the way that is taken took at the last trial. */
  #msAtTrial = 0;

  /** Whether the next write of `bytes` is to go past the cache. */
  choosesDirect(bytes: number): boolean {
    if (!this.#canDirect || bytes < DIRECT_WRITE_BYTES_MIN || this.#cached.isEmpty) return false;
    return this.#writesLeft < 0 ? !this.#takesDirect : this.#takesDirect;
  }

  /** A write of `bytes` took `ms`. Small ones say nothing: what they cost is the call. */
  note(isDirect: boolean, bytes: number, ms: number): void {
    if (bytes < DIRECT_WRITE_BYTES_MIN) return;
    (isDirect ? this.#direct : this.#cached).add(ms / bytes);
    this.#writesLeft -= 1;
    if (this.#writesLeft < -WRITES_OF_TRIAL) this.#choose();
    else if (this.#writesLeft > 0 && this.#isSlower()) this.#writesLeft = 0;
  }

  /** As `note`, of a direct write while which the thread went on. */
  noteAsync(bytes: number, ms: number): void {
    this.note(true, bytes, ms * ASYNC_WRITE_SHARE);
  }

  /** The file system has no direct writes: none is tried again. */
  forbidDirect(): void {
    this.#canDirect = false;
  }

  /** Behind a trial. */
  #choose(): void {
    const cached = this.#cached.median() ?? 0;
    const direct = this.#direct.median() ?? Number.POSITIVE_INFINITY;
    this.#takesDirect = direct < cached;
    this.#msAtTrial = Math.min(cached, direct);
    this.#writesLeft = WRITES_PER_TRIAL;
  }

  /** Whether the way that is taken got so slow that the other is not to wait for its turn. */
  #isSlower(): boolean {
    const now = (this.#takesDirect ? this.#direct : this.#cached).median() ?? 0;
    return now > WRITE_SLOWER_RATIO * this.#msAtTrial;
  }
}
