// Hot path: a few calls a slab.
/**
 * What must be read together, in shared memory: each thread has a row, the front the last one, which it writes as the
 * only one and whole groups at a time; the front reads all of them at a scrape and never waits for a thread.
 *
 *   row   word 0              version, as two 32-bit words of which the first counts: odd while the thread writes
 *         word 1              last sign of life, ms of the monotonic clock
 *         then                THREAD_VALUES
 *         then                HISTOGRAMS: for each of its label sets the counts of its buckets, then the sum
 *         then                traffic (traffic.ts): TRAFFIC_COUNTERS a cell, then a word an app and reason
 *
 * Words are float64, exact up to 2^53. They are plain stores between `begin` and `end`, which change the version by
 * Atomics.add; the reader copies a row and takes the copy when the version was even and the same before and after
 * (Atomics.load in `copyRow`), else, after some tries, the copy that it took last: older, but whole. So a copy has all of
 * a group or none of it, and a slab costs some additions where it would cost some thirty atomic stores. A thread that died
 * within a group leaves the version odd until the front, which has the row then, calls `takeOver`.
 *
 * Values are totals since the process started: a thread that takes over the row of a dead one goes on from them.
 */
import { assert } from '../assert.ts';
import { HISTOGRAMS, type HistogramKey, THREAD_VALUES, type ThreadValueKey } from './statistics-names.ts';

const VERSION = 0;
const BEAT = 1;
const VALUES_START = 2;
const HISTOGRAMS_START = VALUES_START + THREAD_VALUES.length;
/** A copy is taken again this often when the thread writes meanwhile: a group is written within microseconds, unless the thread loses its core just then. */
const COPY_TRIES_MAX = 100;

const VALUE_WORD = Object.fromEntries(
  THREAD_VALUES.map(({ key }, index) => [key, VALUES_START + index]),
) as Record<ThreadValueKey, number>;

/** Where the histograms of one key stand: each of its label sets takes `words` words. */
export interface HistogramPlace {
  readonly start: number;
  readonly words: number;
  readonly bounds: readonly number[];
}

const PLACES = placeHistograms();
/** The first word behind the histograms: traffic begins here. */
export const TRAFFIC_START = HISTOGRAMS_START + HISTOGRAMS.reduce((sum, one) => sum + wordsOf(one), 0);

function wordsOf(histogram: { readonly bounds: readonly number[]; readonly labels: readonly object[] }) {
  // One bucket more than bounds, and the sum.
  return (histogram.bounds.length + 2) * histogram.labels.length;
}

function placeHistograms(): Record<HistogramKey, HistogramPlace> {
  const places: Partial<Record<HistogramKey, HistogramPlace>> = {};
  let start = HISTOGRAMS_START;
  for (const histogram of HISTOGRAMS) {
    const { key, bounds } = histogram;
    places[key] = { start, words: bounds.length + 2, bounds };
    start += wordsOf(histogram);
  }
  return places as Record<HistogramKey, HistogramPlace>;
}

/** Where the histograms of `key` stand. */
export function histogramPlace(key: HistogramKey): HistogramPlace {
  return PLACES[key];
}

/** Shared memory of `rows` rows, and what must be known to use it; plain data, which may be sent to threads. */
export interface StatisticsMemory {
  readonly buffer: SharedArrayBuffer;
  readonly rows: number;
  readonly rowWords: number;
}

/** Memory with all values zero; `trafficWords` are those of trafficWords(). */
export function createStatisticsMemory(rows: number, trafficWords: number): StatisticsMemory {
  const rowWords = TRAFFIC_START + trafficWords;
  return { buffer: new SharedArrayBuffer(rows * rowWords * 8), rows, rowWords };
}

/** The row of one thread; only that thread writes. */
export class ThreadStatistics {
  /** VIEW of the row. Written between `begin` and `end` only. */
  readonly words: Float64Array;
  readonly #version: Int32Array;

  constructor({ buffer, rowWords }: StatisticsMemory, row: number) {
    this.words = new Float64Array(buffer, row * rowWords * 8, rowWords);
    this.#version = new Int32Array(buffer, row * rowWords * 8, 1);
  }

  /** Begins a group: until `end` nobody reads the row. Nothing that can throw may stand between the two. */
  begin(): void {
    const before = Atomics.add(this.#version, VERSION, 1);
    assert((before & 1) === 0, 'groups do not overlap');
  }

  /** Ends a group. */
  end(): void {
    const before = Atomics.add(this.#version, VERSION, 1);
    assert((before & 1) === 1, 'a group was begun');
  }

  /** The writer of the row is gone: whoever calls this is it now. */
  takeOver(): void {
    if ((Atomics.load(this.#version, VERSION) & 1) === 1) Atomics.add(this.#version, VERSION, 1);
  }

  /** Within a group: adds `amount` to a single value. */
  add(key: ThreadValueKey, amount: number): void {
    this.words[VALUE_WORD[key]]! += amount;
  }

  /** Within a group: sets a single value. */
  set(key: ThreadValueKey, value: number): void {
    this.words[VALUE_WORD[key]] = value;
  }

  /** What a single value is. */
  read(key: ThreadValueKey): number {
    return this.words[VALUE_WORD[key]]!;
  }

  /** Within a group: a sign of life at `monotonicMs`. */
  beat(monotonicMs: number): void {
    this.words[BEAT] = monotonicMs;
  }

  /** Within a group: `count` observations of `value`, in the unit of the series. */
  observe(place: HistogramPlace, labelIndex: number, value: number, count = 1): void {
    const { bounds } = place;
    const start = place.start + labelIndex * place.words;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.words[start + bucket]! += count;
    this.words[start + place.words - 1]! += value * count;
  }
}

/** A row as it was at one moment. COPY. */
export class StatisticsCopy {
  readonly words: Float64Array;

  constructor(words: Float64Array) {
    this.words = words;
  }

  /** A single value. */
  read(key: ThreadValueKey): number {
    return this.words[VALUE_WORD[key]]!;
  }

  /** When the thread last gave a sign of life, ms of the monotonic clock; 0 for never. */
  get beatAtMs(): number {
    return this.words[BEAT]!;
  }

  /** Sum and count of a histogram over all its label sets. */
  total(key: HistogramKey): { readonly sum: number; readonly count: number } {
    const { start, words } = PLACES[key];
    const { labels } = HISTOGRAMS.find((histogram) => histogram.key === key)!;
    let sum = 0;
    let count = 0;
    for (let index = 0; index < labels.length; index++) {
      const at = start + index * words;
      for (let bucket = 0; bucket < words - 1; bucket++) count += this.words[at + bucket]!;
      sum += this.words[at + words - 1]!;
    }
    return { sum, count };
  }
}

/** The front's view of all rows. */
export class StatisticsReader {
  readonly rows: number;
  readonly #words: readonly Float64Array[];
  readonly #versions: readonly Int32Array[];
  /** By row, the last copy. */
  readonly #last: Float64Array[];

  constructor({ buffer, rows, rowWords }: StatisticsMemory) {
    this.rows = rows;
    const indexes = Array.from({ length: rows }, (_, row) => row * rowWords * 8);
    this.#words = indexes.map((offset) => new Float64Array(buffer, offset, rowWords));
    this.#versions = indexes.map((offset) => new Int32Array(buffer, offset, 1));
    this.#last = indexes.map(() => new Float64Array(rowWords));
  }

  /** All rows, each as it was at one moment. */
  copy(): StatisticsCopy[] {
    return this.#words.map((_, row) => new StatisticsCopy(this.#copyRow(row)));
  }

  #copyRow(row: number): Float64Array {
    const words = this.#words[row]!;
    const version = this.#versions[row]!;
    const copy = new Float64Array(words.length);
    for (let tries = 0; tries < COPY_TRIES_MAX; tries++) {
      const before = Atomics.load(version, VERSION);
      copy.set(words);
      if ((before & 1) !== 0 || Atomics.load(version, VERSION) !== before) continue;
      this.#last[row] = copy;
      return copy;
    }
    return this.#last[row]!;
  }
}
