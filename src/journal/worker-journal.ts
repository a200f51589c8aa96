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
import { join } from 'node:path';
import type { BlockTarget } from '../sinks/sink.ts';
import type { Compression } from './codec.ts';
import { Cursor } from './cursor.ts';
import { Delivery, type DeliveryOptions } from './delivery.ts';
import type { Disk } from './disk.ts';
import type { Damage } from './segment.ts';
import { JournalStream } from './stream.ts';

/** What a stream carries. */
export const STREAMS = ['events', 'rejected'] as const;
export type StreamName = (typeof STREAMS)[number];

/** One sink: makes its targets, one for each delivery, which sends one block at a time; and how its blocks are cut. */
export interface SinkTargets extends Readonly<Record<StreamName, () => BlockTarget>> {
  readonly blockBytesMax: number;
  readonly flushIntervalMs: number;
}

export interface WorkerJournalOptions {
  readonly disk: Disk;
  /** Where the journals of `left` are. */
  readonly leftDisk: Disk;
  /** `<dataDir>/journal`. */
  readonly dir: string;
  /** Id of this data directory, part of every token. */
  readonly node: string;
  /** Slot of this worker. */
  readonly worker: number;
  /** Slots of earlier starts whose journals this worker empties. */
  readonly left: readonly number[];
  readonly sinks: readonly SinkTargets[];
  readonly segmentBytesMax: number;
  readonly compression: Compression;
  /** Bytes of segments kept for being written over, a stream. */
  readonly spareBytesMax: number;
  /** Whether an append is durable only when `sync` resolved. */
  readonly isDurable: boolean;
  readonly retryPauseMs: (failures: number) => number;
  /** How a row of `events` is kept that a sink refuses alone. */
  readonly poison: DeliveryOptions['poison'];
  readonly onDamage: (stream: string, damage: Damage) => void;
}

interface Line {
  readonly name: StreamName;
  readonly stream: JournalStream;
  readonly cursors: readonly Cursor[];
  readonly deliveries: readonly Delivery[];
  /** Row that was delivered when it was opened. */
  openedRow: number;
}

export class WorkerJournal {
  readonly #own: Readonly<Record<StreamName, Line>>;
  /** Those of this worker and of the slots it empties. */
  readonly #lines: readonly Line[];
  readonly #isDurable: boolean;
  #isFailing = false;

  private constructor(own: Readonly<Record<StreamName, Line>>, lines: readonly Line[], isDurable: boolean) {
    this.#own = own;
    this.#lines = lines;
    this.#isDurable = isDurable;
  }

  /** Recovers the journal and begins to deliver what stands in it. Rejects with the disk's error. */
  static async open(options: WorkerJournalOptions): Promise<WorkerJournal> {
    const { disk, leftDisk, worker } = options;
    const events = await openLine(options, disk, worker, 'events');
    const rejected = await openLine(options, disk, worker, 'rejected');
    const lines = [events, rejected];
    for (const slot of options.left) {
      for (const name of STREAMS) lines.push(await openLine(options, leftDisk, slot, name));
    }
    return new WorkerJournal({ events, rejected }, lines, options.isDurable);
  }

  /**
   * Appends `rows` rows received at `timeMs` and offers them to the sinks. COPY. Throws the disk's error; nothing
   * was appended then.
   */
  append(name: StreamName, payload: Uint8Array, rows: number, timeMs: number): void {
    const { stream, deliveries } = this.#own[name];
    this.#isFailing = true;
    const place = stream.append([payload], rows, timeMs);
    this.#isFailing = false;
    for (const delivery of deliveries) delivery.offer(place, payload, rows);
  }

  /** Undefined where appends need none; else resolves when all of them so far survive a power failure, rejects when the disk failed. */
  synced(): Promise<void> | undefined {
    return this.#isDurable ? this.#sync() : undefined;
  }

  async #sync(): Promise<void> {
    try {
      await Promise.all(STREAMS.map((name) => this.#own[name].stream.sync()));
    } catch (error) {
      this.#isFailing = true;
      throw error;
    }
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

  /** Bytes of all segments. */
  get bytes(): number {
    return sum(this.#lines, ({ stream }) => stream.bytes);
  }

  /** Bytes that the deliveries hold in memory. */
  get memoryBytes(): number {
    return sum(this.#lines, ({ deliveries }) => sum(deliveries, ({ memoryBytes }) => memoryBytes));
  }

  /** Rows, of both streams, that not every sink has. */
  get waitingRows(): number {
    return sum(this.#lines, (line) => line.stream.nextRow - deliveredRow(line));
  }

  /** Rows that every sink was brought, or put aside, since this was opened. */
  get deliveredRows(): number {
    return sum(this.#lines, (line) => deliveredRow(line) - line.openedRow);
  }

  /** Delivers all it can until `signal` aborts. Gives the rows that stay in the journal. */
  async drain(signal: AbortSignal): Promise<number> {
    const deliveries = this.#lines.flatMap((line) => line.deliveries);
    await Promise.all(deliveries.map((delivery) => delivery.drain(signal)));
    return this.waitingRows;
  }

  /** Stops and closes everything. */
  async close(): Promise<void> {
    for (const line of this.#lines) {
      await Promise.all(line.deliveries.map((delivery) => delivery.close()));
      line.stream.close();
      for (const cursor of line.cursors) cursor.close();
    }
  }
}

async function openLine(
  options: WorkerJournalOptions,
  disk: Disk,
  worker: number,
  name: StreamName,
): Promise<Line> {
  const { sinks } = options;
  const dir = join(options.dir, String(worker), name);
  const stream = await JournalStream.open({
    disk,
    dir,
    segmentBytesMax: options.segmentBytesMax,
    compression: options.compression,
    spareBytesMax: name === 'events' ? options.spareBytesMax : 0,
    onDamage: (damage) => options.onDamage(`${worker}/${name}`, damage),
  });
  const targets = sinks.map((sink) => ({ sink, target: sink[name]() }));
  const cursors: Cursor[] = [];
  for (const { target } of targets) cursors.push(await Cursor.open(disk, join(dir, `${target.name}.cursor`)));
  // What a block in hand was named by is never the name of other rows, also when a power failure took those.
  for (const { state } of cursors) stream.skipTo(state?.blockEndRow ?? 0);
  const deliveries: Delivery[] = [];
  const line: Line = { name, stream, cursors, deliveries, openedRow: 0 };
  for (const [index, { sink, target }] of targets.entries()) {
    const cursor = cursors[index];
    if (cursor === undefined) continue;
    deliveries.push(
      new Delivery({
        stream,
        cursor,
        target,
        tokenPrefix: `${options.node}-${worker}-${name}`,
        blockBytesMax: sink.blockBytesMax,
        flushIntervalMs: sink.flushIntervalMs,
        syncsCursor: options.isDurable,
        retryPauseMs: options.retryPauseMs,
        poison: name === 'events' ? options.poison : undefined,
        onDelivered: () => stream.deleteBefore(deliveredRow(line)),
      }),
    );
  }
  line.openedRow = deliveredRow(line);
  return line;
}

/** Row below which every sink has everything. */
function deliveredRow({ stream, deliveries }: Line): number {
  return deliveries.reduce((row, delivery) => Math.min(row, delivery.deliveredRow), stream.nextRow);
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
