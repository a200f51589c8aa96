// Hot path: runs three times a slab.
/** What a worker thread counts of each slab: its events (traffic.ts), how long its steps took, and how full it was. */
import { HeaderWord, OPENED_FLOAT64_INDEX, SLAB_BYTES_START } from '../slab/layout.ts';
import type { ThreadCounters } from './counters.ts';
import { histogramPlace, type ThreadStatistics } from './statistics.ts';
import { type SlabReceipt, TrafficCounter, type TrafficLabels } from './traffic.ts';

const QUEUE_WAIT = histogramPlace('queueWait');
const SCAN = histogramPlace('scan');
const JOURNAL_WRITE = histogramPlace('journalWrite');
const SLAB_BYTES = histogramPlace('slabBytes');
const SLAB_FRAMES = histogramPlace('slabFrames');

/** When the steps of a slab ended, ms of the monotonic clock. */
export interface SlabTimes {
  readonly startedAtMs: number;
  readonly scannedAtMs: number;
  readonly writtenAtMs: number;
  /** Time between start and scan's end that was spent waiting for Redis, no work of the slab. */
  readonly waitedMs?: number;
}

/** Counts the slabs of one thread into its row. */
export class SlabMeter extends TrafficCounter {
  readonly #counters: ThreadCounters;
  readonly #statistics: ThreadStatistics;

  constructor(counters: ThreadCounters, statistics: ThreadStatistics, labels: TrafficLabels) {
    super(statistics, labels);
    this.#counters = counters;
    this.#statistics = statistics;
  }

  /** The slab was scanned and written, or the journal did not take it. VIEW of its words. */
  measured(words: Uint32Array, { startedAtMs, scannedAtMs, writtenAtMs, waitedMs = 0 }: SlabTimes): void {
    const openedAtMs = new Float64Array(words.buffer)[OPENED_FLOAT64_INDEX]!;
    const statistics = this.#statistics;
    statistics.begin();
    statistics.beat(writtenAtMs);
    statistics.observe(QUEUE_WAIT, 0, Math.max(0, startedAtMs - openedAtMs) / 1000);
    statistics.observe(SCAN, 0, (scannedAtMs - startedAtMs - waitedMs) / 1000);
    statistics.observe(JOURNAL_WRITE, 0, (writtenAtMs - scannedAtMs) / 1000);
    statistics.observe(SLAB_BYTES, 0, words[HeaderWord.bytesUsed]! - SLAB_BYTES_START);
    statistics.observe(SLAB_FRAMES, 0, words[HeaderWord.frameCount]!);
    statistics.end();
  }

  /** What the journal took of a slab, and what was mended in it. */
  kept(lineBytes: number, surrogatesReplaced: number): void {
    this.#counters.add('lineBytes', lineBytes);
    this.#counters.add('surrogates', surrogatesReplaced);
  }

  /** What became of the events is certain: all of it as a group. */
  ended(words: Uint32Array, receipt: SlabReceipt, isKept: boolean): void {
    this.#statistics.begin();
    this.settled(words, receipt, isKept);
    this.#statistics.end();
  }

  /** The disk did not take a slab, or did not sync it. */
  journalFailed(): void {
    this.#counters.add('journalFailures', 1);
  }
}
