/** One stream of a worker's journal with its way to every sink: a cursor and a delivery each. */
import { join } from 'node:path';
import type { BlockTarget, SinkTargets, StreamName } from '../sinks/sink.ts';
import type { BreakerState } from './breaker.ts';
import type { Compression } from './codec.ts';
import { Cursor } from './cursor.ts';
import { Delivery, type DeliveryOptions } from './delivery.ts';
import type { Disk } from './disk.ts';
import type { MetaKeeper } from './recovery.ts';
import type { ChunkPlace, Damage, Segment } from './segment.ts';
import { JournalStream } from './stream.ts';

export interface LineOptions {
  /** `<dataDir>/journal`. */
  readonly dir: string;
  /** Id of this data directory, part of every token. */
  readonly node: string;
  readonly sinks: readonly SinkTargets[];
  readonly segmentBytesMax: number;
  readonly compression: Compression;
  /** A block goes out at this many bytes, whatever its sink would like. */
  readonly blockBytesMax: number;
  /** Bytes of segments kept for being written over, a stream. */
  readonly spareBytesMax: number;
  readonly sendTimeoutMs: number;
  /** Whether an append is durable only when `sync` resolved. */
  readonly isDurable: boolean;
  /** Pause after the `failures`th failed send in a row, with its jitter. */
  readonly retryPauseMs: (failures: number) => number;
  /** Called when the breaker of a sink and stream, of the journal of slot `worker`, has changed. */
  readonly onBreaker: (
    sink: string,
    stream: StreamName,
    worker: number,
    state: BreakerState,
    before: BreakerState,
  ) => void;
  /** How a row of `events` is kept that a sink refuses alone. */
  readonly poison: DeliveryOptions['poison'];
  /** Whether segments that every sink has stay until they are given up. */
  readonly retains: boolean;
  /** What the meta of `events` says, and how it is said again. */
  readonly meta?: MetaKeeper | undefined;
  readonly onDamage: (stream: string, damage: Damage) => void;
}

interface Way {
  readonly sink: string;
  readonly cursor: Cursor;
  readonly delivery: Delivery;
  /** Row that was delivered when it was opened. */
  readonly openedRow: number;
}

/** How far one sink is. */
export interface WayReport {
  readonly sink: string;
  readonly breaker: BreakerState;
  readonly failures: number;
  readonly retries: number;
  /** Rows delivered, or put aside, since it was opened. */
  readonly delivered: number;
  readonly lagRows: number;
  /** When the oldest row was received that is not delivered; undefined when there is none. */
  readonly oldestTimeMs: number | undefined;
}

export class Line {
  readonly name: StreamName;
  readonly stream: JournalStream;
  readonly #ways: readonly Way[];
  readonly #openedRow: number;
  readonly #retains: boolean;
  #retainedBytes = 0;
  /** Whether what the meta of its segments says stands elsewhere too. */
  #mayDelete = false;

  private constructor(
    name: StreamName,
    stream: JournalStream,
    retains: boolean,
    ways: (line: Line) => Way[],
  ) {
    this.name = name;
    this.stream = stream;
    this.#retains = retains;
    this.#ways = ways(this);
    this.#openedRow = this.deliveredRow;
  }

  /** Recovers the stream `name` of slot `worker` and begins to deliver what stands in it. Rejects with the disk's error. */
  static async open(options: LineOptions, disk: Disk, worker: number, name: StreamName): Promise<Line> {
    const dir = join(options.dir, String(worker), name);
    const stream = await JournalStream.open({
      disk,
      dir,
      segmentBytesMax: options.segmentBytesMax,
      compression: options.compression,
      spareBytesMax: name === 'events' ? options.spareBytesMax : 0,
      isSynced: options.isDurable,
      meta: name === 'events' ? options.meta : undefined,
      onDamage: (damage) => options.onDamage(`${worker}/${name}`, damage),
    });
    const opened: [SinkTargets, BlockTarget, Cursor][] = [];
    for (const sink of options.sinks) {
      const target = sink[name]();
      opened.push([sink, target, await Cursor.open(disk, join(dir, `${target.name}.cursor`))]);
    }
    // What a block in hand was named by is never the name of other rows, also when a power failure took those.
    for (const [, , { state }] of opened) stream.skipTo(state?.blockEndRow ?? 0);
    return new Line(name, stream, options.retains, (line) =>
      opened.map(([sink, target, cursor]) => {
        const delivery = new Delivery({
          stream,
          cursor,
          target,
          tokenPrefix: `${options.node}-${worker}-${name}`,
          blockBytesMax: Math.min(sink.blockBytesMax, options.blockBytesMax),
          blockRowsMax: sink.blockRowsMax,
          flushIntervalMs: sink.flushIntervalMs,
          sendTimeoutMs: options.sendTimeoutMs,
          syncsCursor: options.isDurable,
          breaker: {
            pauseMs: options.retryPauseMs,
            onChange: (state, before) => options.onBreaker(target.name, name, worker, state, before),
          },
          poison: name === 'events' ? options.poison : undefined,
          onDelivered: () => line.#letGo(),
        });
        return { sink: target.name, cursor, delivery, openedRow: delivery.deliveredRow };
      }),
    );
  }

  /** Row below which every sink has everything. */
  get deliveredRow(): number {
    return this.#ways.reduce(
      (row, { delivery }) => Math.min(row, delivery.deliveredRow),
      this.stream.nextRow,
    );
  }

  /** Rows that every sink has, or that were put aside, since it was opened. */
  get deliveredRows(): number {
    return this.deliveredRow - this.#openedRow;
  }

  /** Rows that not every sink has. */
  get waitingRows(): number {
    return this.stream.nextRow - this.deliveredRow;
  }

  /** Bytes that the deliveries hold in memory. */
  get memoryBytes(): number {
    return this.#ways.reduce((bytes, { delivery }) => bytes + delivery.memoryBytes, 0);
  }

  /** From now on segments that every sink has may go: what their meta says stands elsewhere too. */
  allowDeletes(): void {
    this.#mayDelete = true;
    this.#letGo();
  }

  /** Appends a chunk, none of its rows for meta alone, and offers it to the sinks. COPY. Throws the disk's error; nothing was appended then. */
  append(payload: Uint8Array, rows: number, timeMs: number, meta?: Uint8Array): void {
    this.#offer(this.stream.append([payload], rows, timeMs, meta), payload, rows);
  }

  /**
   * As `append`, while the thread goes on where that is worth it: undefined when it is done, else resolves when it is. VIEW of
   * `payload` until then, and nothing else may be appended. Throws, or rejects with, the disk's error.
   */
  appendAsync(
    payload: Uint8Array,
    rows: number,
    timeMs: number,
    meta?: Uint8Array,
  ): Promise<void> | undefined {
    const place = this.stream.appendAsync([payload], rows, timeMs, meta);
    if (place instanceof Promise) return place.then((its) => this.#offer(its, payload, rows));
    this.#offer(place, payload, rows);
    return undefined;
  }

  #offer(place: ChunkPlace, payload: Uint8Array, rows: number): void {
    for (const { delivery } of this.#ways) delivery.offer(place, payload, rows);
    // No sink will move for it.
    if (rows === 0) this.#letGo();
  }

  /** How far each sink is, in the order of the configuration. */
  reports(): WayReport[] {
    return this.#ways.map(({ sink, delivery, openedRow }) => ({
      sink,
      breaker: delivery.breaker.state,
      failures: delivery.breaker.failuresTotal,
      retries: delivery.breaker.retriesTotal,
      delivered: delivery.deliveredRow - openedRow,
      lagRows: delivery.lagRows,
      oldestTimeMs: delivery.oldestTimeMs,
    }));
  }

  /** Delivers all it can until `signal` aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#ways.map(({ delivery }) => delivery.drain(signal)));
  }

  /** Stops and closes everything. */
  async close(): Promise<void> {
    await Promise.all(this.#ways.map(({ delivery }) => delivery.close()));
    this.stream.close();
    for (const { cursor } of this.#ways) cursor.close();
  }

  /** Bytes of segments that every sink has and that are kept all the same. */
  get retainedBytes(): number {
    return this.#retainedBytes;
  }

  /** Bytes of the segments that a sink still needs, or that are written. */
  get waitingBytes(): number {
    return this.stream.bytes - this.#retainedBytes;
  }

  /** The oldest segment that every sink has, if one is kept. */
  firstRetained(): Segment | undefined {
    const first = this.#mayDelete ? this.stream.segments[0] : undefined;
    return first !== undefined && this.stream.isDone(first, this.deliveredRow) ? first : undefined;
  }

  /** Deletes the segment that `firstRetained` gave; `isGone` where its room is needed at once. Throws the disk's error. */
  giveUp(segment: Segment, isGone = false): void {
    this.stream.deleteFirst(segment, isGone);
    this.#letGo();
  }

  /** Deletes what every sink has, or counts it when it is kept. */
  #letGo(): void {
    const { stream, deliveredRow } = this;
    // Without a sink nothing was delivered.
    if (this.#ways.length === 0 || !this.#mayDelete) return;
    if (!this.#retains) stream.deleteBefore(deliveredRow);
    else this.#retainedBytes = doneBytes(stream, deliveredRow);
  }
}

/** Bytes of the segments that are done. */
function doneBytes(stream: JournalStream, row: number): number {
  return stream.segments.reduce((bytes, one) => bytes + (stream.isDone(one, row) ? one.bytes : 0), 0);
}
