// Hot path: runs some ten times a slab.
/**
 * Counters in shared memory: each thread writes its own row, the front reads all of them, so that a scrape or an
 * admission never waits for a thread.
 *
 *   row of thread slot s: THREAD_COUNTERS, SINK_COUNTERS of each sink and stream, THREAD_GAUGES, SINK_GAUGES of
 *   each sink and stream (names.ts), one 64-bit word each
 *
 * A word has one writer, which stores whole values (Atomics.store below); readers load them (Atomics.load in
 * `read`). Values are totals since the process started: a thread that takes over the slot of a dead one goes on
 * from its totals. Its gauges stand until it sets its own, since the journal of the slot is as full as it was: at 0 the
 * rows in it would count as delivered, and its bytes as room. Only `isOpen` is taken back, by the front, which has the
 * row while no thread has the slot.
 */
import {
  SINK_COUNTERS,
  SINK_GAUGES,
  sinkWords,
  THREAD_COUNTERS,
  THREAD_GAUGES,
  type ThreadGauge,
  type ThreadValue,
} from './names.ts';

const KEYS: readonly ThreadValue[] = [
  ...THREAD_COUNTERS.map(({ key }) => key),
  ...sinkWords(SINK_COUNTERS),
  ...THREAD_GAUGES.map(({ key }) => key),
  ...sinkWords(SINK_GAUGES),
];
const WORD = Object.fromEntries(KEYS.map((key, index) => [key, index])) as Record<ThreadValue, number>;
const WORDS_PER_THREAD = KEYS.length;

/** Shared memory for the values of `threads` threads, all zero. */
export function createCounterMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * WORDS_PER_THREAD * 8);
}

/** The values of one thread slot; only that thread writes. */
export class ThreadCounters {
  readonly #words: BigInt64Array;

  constructor(memory: SharedArrayBuffer, slot: number) {
    this.#words = new BigInt64Array(memory, slot * WORDS_PER_THREAD * 8, WORDS_PER_THREAD);
  }

  /** Adds `amount`, an integer of at least 0. */
  add(key: ThreadValue, amount: number): void {
    if (amount !== 0) Atomics.store(this.#words, WORD[key], this.#words[WORD[key]]! + BigInt(amount));
  }

  /** Sets a gauge. */
  set(key: ThreadGauge, value: number): void {
    Atomics.store(this.#words, WORD[key], BigInt(value));
  }
}

/** The front's view of all threads' values. */
export class CounterReader {
  readonly threadCount: number;
  readonly #words: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new BigInt64Array(memory);
    this.threadCount = this.#words.length / WORDS_PER_THREAD;
  }

  /** Value of one thread slot. */
  read(key: ThreadValue, slot: number): number {
    return Number(Atomics.load(this.#words, slot * WORDS_PER_THREAD + WORD[key]));
  }

  /** Sum over all threads. */
  total(key: ThreadValue): number {
    let sum = 0;
    for (let slot = 0; slot < this.threadCount; slot++) sum += this.read(key, slot);
    return sum;
  }

  /** Values by thread slot. */
  each(key: ThreadValue): number[] {
    return Array.from({ length: this.threadCount }, (_, slot) => this.read(key, slot));
  }

  /** Largest value over all threads. */
  max(key: ThreadValue): number {
    let max = 0;
    for (let slot = 0; slot < this.threadCount; slot++) max = Math.max(max, this.read(key, slot));
    return max;
  }
}
