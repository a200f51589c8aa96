/**
 * The journal of one worker thread: its streams of accepted and of rejected events, and the deliveries of each to
 * every sink.
 *
 *   append ─▶ stream `events`    ─▶ a delivery a sink
 *          ─▶ stream `rejected`  ─▶ a delivery a sink
 *
 * The folder is named by the worker's slot, so that the thread that replaces a dead one goes on with its journal.
 * Folders of slots that are not used any more (`left`) are delivered and emptied, never appended to.
 */

import { BLOCK_BYTES_MIN } from '../limits.ts';
import { STREAMS, type StreamName } from '../sinks/sink.ts';
import type { Disk } from './disk.ts';
import { Line, type LineOptions, type WayReport } from './line.ts';
import { Retention, type RetentionOptions } from './retention.ts';

/** A row of each stream; all below it are meant. */
export type StreamRows = Readonly<Record<StreamName, number>>;

/** Where the journal tells how far it is; answers wait for it. */
export interface JournalProgress {
  /** Grows with each sync that failed. */
  readonly term: number;
  synced(term: number, rows: StreamRows): void;
  syncFailed(): void;
  delivered(rows: StreamRows): void;
}

export interface WorkerJournalOptions extends Omit<LineOptions, 'retains' | 'blockBytesMax'> {
  readonly disk: Disk;
  /** Where the journals of `left` are. */
  readonly leftDisk: Disk;
  /** Slot of this worker. */
  readonly worker: number;
  /** Slots of earlier starts whose journals this worker empties. */
  readonly left: readonly number[];
  /** Bytes that the blocks of accepted events may take together: two a sink and journal, one that gathers and one that is sent. */
  readonly blocksBytesMax: number;
  readonly retention: RetentionOptions;
  readonly progress: JournalProgress;
  /** Now, ms since 1970. */
  readonly openedAtMs: number;
}

const NOTHING = new Uint8Array(0);

export class WorkerJournal {
  readonly #own: Readonly<Record<StreamName, Line>>;
  /** Those of this worker and of the slots it empties. */
  readonly #lines: readonly Line[];
  readonly #retention: Retention;
  readonly #isDurable: boolean;
  readonly #progress: JournalProgress;
  readonly #slot: number;
  #isFailing = false;

  private constructor(
    own: Readonly<Record<StreamName, Line>>,
    lines: readonly Line[],
    options: WorkerJournalOptions,
  ) {
    this.#own = own;
    this.#lines = lines;
    this.#retention = new Retention(options.retention, lines);
    this.#isDurable = options.isDurable;
    this.#progress = options.progress;
    this.#slot = options.worker;
  }

  /** Recovers the journal and begins to deliver what stands in it. Rejects with the disk's error. */
  static async open(options: WorkerJournalOptions): Promise<WorkerJournal> {
    const { disk, leftDisk, worker } = options;
    const lineOptions = {
      ...options,
      retains: options.retention.retentionMs > 0,
      blockBytesMax: blockBytesMax(options),
    };
    const events = await Line.open(lineOptions, disk, worker, 'events');
    const rejected = await Line.open(lineOptions, disk, worker, 'rejected');
    const lines = [events, rejected];
    for (const slot of options.left) {
      for (const name of STREAMS) lines.push(await Line.open(lineOptions, leftDisk, slot, name));
    }
    const journal = new WorkerJournal({ events, rejected }, lines, options);
    journal.#repeatMeta(options);
    return journal;
  }

  /**
   * Says again what the meta of earlier segments said, of this slot and of those that are emptied, before any of them
   * is deleted. A disk that is full must still give segments back, so that it may fail.
   */
  #repeatMeta({ meta, openedAtMs }: WorkerJournalOptions): void {
    if (meta !== undefined && meta.snapshot().length > 0) {
      try {
        this.append('events', NOTHING, 0, openedAtMs);
      } catch {
        // Said with the next chunk, which begins a segment.
      }
    }
    for (const line of this.#lines) line.allowDeletes();
  }

  /**
   * Appends `rows` rows received at `timeMs`, none for meta alone, and offers them to the sinks. COPY. On a full disk
   * what is kept for replays makes room. Throws the disk's error; nothing was appended then.
   */
  append(name: StreamName, payload: Uint8Array, rows: number, timeMs: number, meta?: Uint8Array): void {
    this.#isFailing = true;
    while (!this.#tryAppend(name, payload, rows, timeMs, meta));
    this.#isFailing = false;
  }

  /**
   * As `append`, while the thread goes on where that is worth it: undefined when it is done, else resolves when it is. VIEW of
   * `payload` and `meta` until then, and nothing else may be appended to the stream. Throws, or rejects with, the disk's error.
   */
  appendAsync(
    name: StreamName,
    payload: Uint8Array,
    rows: number,
    timeMs: number,
    meta?: Uint8Array,
  ): Promise<void> | undefined {
    const again = (error: unknown) => {
      this.#isFailing = true;
      if (!isDiskFull(error) || !this.#retention.makeRoom()) throw error;
      this.append(name, payload, rows, timeMs, meta);
    };
    const done = () => {
      this.#isFailing = false;
    };
    try {
      const written = this.#own[name].appendAsync(payload, rows, timeMs, meta);
      if (written === undefined) done();
      return written?.then(done, again);
    } catch (error) {
      again(error);
      return undefined;
    }
  }

  #tryAppend(
    name: StreamName,
    payload: Uint8Array,
    rows: number,
    timeMs: number,
    meta: Uint8Array | undefined,
  ): boolean {
    try {
      this.#own[name].append(payload, rows, timeMs, meta);
      return true;
    } catch (error) {
      if (!isDiskFull(error) || !this.#retention.makeRoom()) throw error;
      return false;
    }
  }

  /** Undefined where appends need none; else resolves when all of them so far survive a power failure, rejects when the disk failed. */
  synced(): Promise<void> | undefined {
    return this.#isDurable ? this.sync() : undefined;
  }

  /** Makes all appends so far survive a power failure; the progress tells it too. Rejects when the disk failed. */
  async sync(): Promise<void> {
    const { term, rows } = this.place();
    try {
      await Promise.all(STREAMS.map((name) => this.#own[name].stream.sync()));
      this.#progress.synced(term, rows);
    } catch (error) {
      this.#progress.syncFailed();
      this.#isFailing = true;
      throw error;
    }
  }

  /** Where all appends so far end. */
  place(): { slot: number; term: number; rows: StreamRows } {
    const { events, rejected } = this.#own;
    const rows = { events: events.stream.nextRow, rejected: rejected.stream.nextRow };
    return { slot: this.#slot, term: this.#progress.term, rows };
  }

  /** Tells how far the sinks are. */
  tellDelivered(): void {
    const { events, rejected } = this.#own;
    this.#progress.delivered({ events: events.deliveredRow, rejected: rejected.deliveredRow });
  }

  /** Whether the disk did not take what came last. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** Finds out whether a disk that failed works again: without traffic nothing else would. */
  probe(): void {
    try {
      for (const name of STREAMS) this.#own[name].stream.probe();
      this.#isFailing = false;
    } catch {
      // Still failing.
    }
  }

  /** Bytes of the segments that a sink needs, or that are written. */
  get bytes(): number {
    return sum(this.#lines, ({ waitingBytes }) => waitingBytes);
  }

  /** Bytes of the segments that are kept for replays only. */
  get retainedBytes(): number {
    return this.#retention.bytes;
  }

  /** Gives up what was kept for replays for long enough; to be called now and then. Never throws. */
  sweep(): void {
    try {
      this.#retention.sweep();
    } catch {
      // A file that cannot be deleted is tried again.
    }
  }

  /** Bytes that the deliveries hold in memory. */
  get memoryBytes(): number {
    return sum(this.#lines, ({ memoryBytes }) => memoryBytes);
  }

  /** Rows, of both streams, that not every sink has. */
  get waitingRows(): number {
    return sum(this.#lines, ({ waitingRows }) => waitingRows);
  }

  /** Rows that every sink was brought, or put aside, since this was opened. */
  get deliveredRows(): number {
    return sum(this.#lines, ({ deliveredRows }) => deliveredRows);
  }

  /** How far each sink is with each stream of each journal; a sink may stand there more than once. */
  sinkReports(): (WayReport & { readonly stream: StreamName })[] {
    return this.#lines.flatMap((line) => line.reports().map((way) => ({ ...way, stream: line.name })));
  }

  /** Delivers all it can until `signal` aborts. Gives the rows that stay in the journal. */
  async drain(signal: AbortSignal): Promise<number> {
    await Promise.all(this.#lines.map((line) => line.drain(signal)));
    return this.waitingRows;
  }

  /** Stops and closes everything. */
  async close(): Promise<void> {
    for (const line of this.#lines) await line.close();
  }
}

/** The share of each block. */
function blockBytesMax({ blocksBytesMax, left, sinks }: WorkerJournalOptions): number {
  const blocks = 2 * (1 + left.length) * Math.max(1, sinks.length);
  return Math.max(BLOCK_BYTES_MIN, Math.floor(blocksBytesMax / blocks));
}

function isDiskFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
