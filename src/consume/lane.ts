/**
 * One partition on its way into ClickHouse: gathers what is fetched, as it stands in the topic, and takes it block by block
 * through the steps of contract.ts. While a block is under way the next gathers, up to CONSUME_LANE_BYTES_MAX.
 *
 *   gathering ──(rows, bytes, age, or memory is short)──▶ note ─▶ insert ─▶ letters ─▶ done ─▶ gathering
 *
 * A lane that begins with a noted block gathers all of it first, whatever its size. It ends for good when a commit is lost;
 * `finish` ends it behind the block in hand, `end` as soon as it can. What was not confirmed is for whoever has the partition
 * next.
 */
import type { Clock } from '../clock.ts';
import { Ending } from '../journal/ending.ts';
import { CONSUME_GROWTH_START, CONSUME_LANE_BYTES_MAX } from '../limits.ts';
import type { BlockTarget } from '../sinks/sink.ts';
import type { Assembler, BlockBounds, FilledBlock } from './assembler.ts';
import type { CommitOutcome, Place, Progress } from './contract.ts';
import type { Inserter } from './inserter.ts';
import type { Letter } from './letter.ts';
import type { RawBatch } from './raw-batch.ts';

export interface LaneParts {
  readonly target: BlockTarget;
  readonly assembler: Assembler;
  readonly inserter: Inserter;
  /** Commits for a place; with `lost` this member has it no longer. */
  readonly commit: (entry: Place & Progress) => Promise<CommitOutcome>;
  /** Brings letters to the dead-letter topic; false when the end came first. */
  readonly putAside: (letters: readonly Letter[], ending: Ending) => Promise<boolean>;
  /** Told of what keeps a block that only people can mend. */
  readonly onTrouble: (place: Place, error: unknown) => void;
  readonly clock: Clock;
  readonly bounds: BlockBounds;
  readonly flushIntervalMs: number;
}

export class Lane {
  readonly place: Place;
  readonly #parts: LaneParts;
  readonly #ending = new Ending();
  #progress: Progress;
  #position: number;
  #batches: RawBatch[] = [];
  #gatheredBytes = 0;
  #gatheredRows = 0;
  /** When the oldest of what gathers came. */
  #gatheringSinceMs: number | undefined;
  #growth = CONSUME_GROWTH_START;
  #endOffset: number | undefined;
  #isShort = false;
  #isFinishing = false;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;

  constructor(place: Place, progress: Progress, parts: LaneParts) {
    this.place = place;
    this.#progress = progress;
    this.#position = progress.offset;
    this.#parts = parts;
  }

  /** What was confirmed last. */
  get progress(): Progress {
    return this.#progress;
  }

  /** The offset to fetch next. */
  get position(): number {
    return this.#position;
  }

  get gatheredBytes(): number {
    return this.#gatheredBytes;
  }

  /** Records that are in the topic and not in ClickHouse, by their offsets; undefined before the first fetch. */
  get lag(): number | undefined {
    return this.#endOffset === undefined ? undefined : Math.max(0, this.#endOffset - this.#progress.offset);
  }

  /** Whether to fetch: room is left, or a noted block is not whole. */
  get wantsMore(): boolean {
    if (this.#isFinishing || this.#ending.isOver) return false;
    return this.#gatheredBytes < CONSUME_LANE_BYTES_MAX || this.#position < this.#progress.end;
  }

  /** Takes what was fetched at `position`, in order; batches that lie before it are not looked at. Keeps them. */
  take(batches: readonly RawBatch[], endOffset: number): void {
    this.#endOffset = endOffset;
    for (const batch of batches) {
      if (batch.nextOffset <= this.#position) continue;
      this.#batches.push(batch);
      this.#gatheredBytes += batch.bytes.length;
      this.#gatheredRows += batch.recordCount;
      this.#position = batch.nextOffset;
    }
    if (this.#batches.length === 0) return;
    this.#gatheringSinceMs ??= this.#parts.clock.monotonicMs();
    this.#stir();
  }

  /** Goes on at `offset`: the records before it are no more. */
  skipTo(offset: number): void {
    this.#position = Math.max(this.#position, offset);
    this.#stir();
  }

  /** Sends what has gathered: memory is short. */
  flush(): void {
    this.#isShort = this.#batches.length > 0;
    this.#stir();
  }

  /** Begins no block any more; `run` resolves behind the one in hand. */
  finish(): void {
    this.#isFinishing = true;
    this.#stir();
  }

  /** Ends as soon as nothing reads its memory. */
  end(): void {
    this.#ending.end();
    this.#stir();
  }

  /** Brings block after block until it ends. Never rejects. */
  async run(): Promise<void> {
    while (await this.#untilDue()) {
      try {
        if (!(await this.#bring())) break;
      } catch (error) {
        this.#parts.onTrouble(this.place, error);
        await this.#ending.pause(this.#parts.flushIntervalMs);
      }
    }
    clearTimeout(this.#timer);
    this.#ending.end();
  }

  /** One block; false when the lane is over. Rejects where its records cannot be read on this machine. */
  async #bring(): Promise<boolean> {
    const { inserter, putAside } = this.#parts;
    const brought = await inserter.inTurn(this.#ending, () => this.#insertBlock());
    if (brought === undefined) return false;
    if (brought.letters.length > 0 && !(await putAside(brought.letters, this.#ending))) return false;
    const { lineage } = this.#progress;
    const { end } = brought.block;
    if ((await this.#commit({ offset: end, end, lineage })) === 'lost') return false;
    this.#drop(end);
    return true;
  }

  /** Notes and inserts; undefined when the lane is over. */
  async #insertBlock(): Promise<{ block: FilledBlock; letters: Letter[] } | undefined> {
    // It waited for a place.
    if (this.#isFinishing) return undefined;
    const { assembler, inserter, target, bounds } = this.#parts;
    const { offset, end, lineage } = this.#progress;
    const batches = [...this.#batches];
    const noted = end > offset ? end : undefined;
    const block = await assembler.fill(target, this.place, batches, offset, noted, bounds);
    this.#measure(block);
    if (noted === undefined && (await this.#commit({ offset, end: block.end, lineage })) === 'lost') {
      block.builder.release();
      return undefined;
    }
    const refused = await inserter.insert({ ...this.place, lineage, batches, block }, this.#ending);
    if (refused === undefined) return undefined;
    const letters = [...block.letters, ...refused].sort((left, right) => left.offset - right.offset);
    return { block, letters };
  }

  async #commit(progress: Progress): Promise<CommitOutcome> {
    const outcome = await this.#parts.commit({ ...this.place, ...progress });
    if (outcome === 'committed') this.#progress = progress;
    return outcome;
  }

  #measure({ builder, rawBytes }: FilledBlock): void {
    if (rawBytes > 0 && builder.rows > 0) this.#growth = builder.bytes / rawBytes;
  }

  /** Forgets what lies before `end`. */
  #drop(end: number): void {
    this.#batches = this.#batches.filter(({ nextOffset }) => nextOffset > end);
    this.#gatheredBytes = this.#batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
    this.#gatheredRows = this.#batches.reduce((sum, { recordCount }) => sum + recordCount, 0);
    this.#gatheringSinceMs = this.#batches.length > 0 ? this.#parts.clock.monotonicMs() : undefined;
    this.#isShort = false;
  }

  /** False when the lane is over. */
  async #untilDue(): Promise<boolean> {
    while (!this.#ending.isOver && !this.#isFinishing) {
      const waitMs = this.#dueInMs();
      if (waitMs <= 0) return true;
      if (waitMs < Number.POSITIVE_INFINITY) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#stir(), waitMs).unref();
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return false;
  }

  /** Milliseconds until a block is due, infinite where there is nothing to bring yet. */
  #dueInMs(): number {
    const { bounds, clock, flushIntervalMs } = this.#parts;
    const { offset, end } = this.#progress;
    if (end > offset) return this.#position >= end ? 0 : Number.POSITIVE_INFINITY;
    if (this.#gatheringSinceMs === undefined) return Number.POSITIVE_INFINITY;
    const isFull =
      this.#gatheredRows >= bounds.rowsMax ||
      this.#gatheredBytes * this.#growth >= bounds.bytesMax ||
      this.#gatheredBytes >= CONSUME_LANE_BYTES_MAX;
    if (isFull || this.#isShort) return 0;
    return this.#gatheringSinceMs + flushIntervalMs - clock.monotonicMs();
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
