/**
 * The journal's surroundings with a meter between: sinks whose blocks are counted when they are answered, a disk whose
 * syncs are. The journal knows of neither.
 */
import type { Clock } from './clock.ts';
import type { Disk, DiskFile } from './journal/disk.ts';
import { histogramPlace, type ThreadStatistics } from './metrics/statistics.ts';
import { sinkLabelIndex } from './metrics/statistics-names.ts';
import type { BlockTarget, SinkTargets, StreamName } from './sinks/sink.ts';

const FLUSH_ROWS = histogramPlace('flushRows');
const FLUSH_BYTES = histogramPlace('flushBytes');
const FLUSH_SECONDS = histogramPlace('flushSeconds');
const JOURNAL_SYNC = histogramPlace('journalSync');

type MonotonicClock = Pick<Clock, 'monotonicMs'>;

/** The sink's targets; a block that is answered, for good or for its content, is counted. */
export function meteredSink(
  sink: SinkTargets,
  statistics: ThreadStatistics,
  clock: MonotonicClock,
): SinkTargets {
  const { blockBytesMax, blockRowsMax, flushIntervalMs } = sink;
  return {
    blockBytesMax,
    ...(blockRowsMax === undefined ? {} : { blockRowsMax }),
    flushIntervalMs,
    events: () => meteredTarget(sink.events(), 'events', statistics, clock),
    rejected: () => meteredTarget(sink.rejected(), 'rejected', statistics, clock),
  };
}

function meteredTarget(
  target: BlockTarget,
  stream: StreamName,
  statistics: ThreadStatistics,
  clock: MonotonicClock,
): BlockTarget {
  const index = sinkLabelIndex(target.name, stream);
  if (index < 0) return target;
  return {
    name: target.name,
    begin: () => target.begin(),
    async send(token, block, signal) {
      const { rows, bytes } = block;
      const beganAtMs = clock.monotonicMs();
      const outcome = await target.send(token, block, signal);
      if (outcome === 'retry') return outcome;
      const seconds = (clock.monotonicMs() - beganAtMs) / 1000;
      statistics.begin();
      statistics.observe(FLUSH_ROWS, index, rows);
      statistics.observe(FLUSH_BYTES, index, bytes);
      statistics.observe(FLUSH_SECONDS, index, seconds);
      statistics.end();
      return outcome;
    },
  };
}

/** The disk; a sync of a file that went well is counted. */
export function meteredDisk(disk: Disk, statistics: ThreadStatistics, clock: MonotonicClock): Disk {
  const synced = (ms: number) => {
    statistics.begin();
    statistics.observe(JOURNAL_SYNC, 0, ms / 1000);
    statistics.end();
  };
  return {
    ...disk,
    open: (path, create) => new MeteredFile(disk.open(path, create), clock, synced),
  };
}

class MeteredFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #clock: MonotonicClock;
  readonly #synced: (ms: number) => void;

  constructor(file: DiskFile, clock: MonotonicClock, synced: (ms: number) => void) {
    this.#file = file;
    this.#clock = clock;
    this.#synced = synced;
  }

  size(): number {
    return this.#file.size();
  }

  write(views: readonly Uint8Array[], position: number): void {
    this.#file.write(views, position);
  }

  writeAsync(views: readonly Uint8Array[], position: number): Promise<void> | undefined {
    return this.#file.writeAsync?.(views, position);
  }

  get isDirect(): boolean {
    return this.#file.isDirect ?? false;
  }

  readBlocks(target: Uint8Array, position: number): Promise<number> {
    return this.#file.readBlocks?.(target, position) ?? this.#file.read(target, position);
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.#file.read(target, position);
  }

  truncate(bytes: number): void {
    this.#file.truncate(bytes);
  }

  async sync(): Promise<void> {
    const beganAtMs = this.#clock.monotonicMs();
    await this.#file.sync();
    this.#synced(this.#clock.monotonicMs() - beganAtMs);
  }

  close(): void {
    this.#file.close();
  }
}
