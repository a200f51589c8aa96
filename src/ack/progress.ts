/**
 * How far each worker's journal is on the disk and in the sinks, in shared memory, for the answers that wait for it.
 *
 *   slot s: PROGRESS_WORDS words of 64 bits
 *     0 term · 1 synced row of `events` · 2 of `rejected` · 3 delivered row of `events` · 4 of `rejected`
 *
 * Written by the thread that holds the slot only (Atomics.store below), read by the front (Atomics.load below). Rows
 * count over the journal's whole life, so a thread that takes over the slot of a dead one goes on with them.
 *
 * A row is what its number says only within its term: a new term begins with each thread, and with each sync that
 * failed, since what was written before either may never reach the disk. The writer stores the term before any row
 * of it, the reader loads the row before the term. Delivered rows hold over terms.
 */
import type { JournalPlace } from '../slab/slab.ts';

const PROGRESS_WORDS = 5;
const Word = {
  term: 0,
  syncedEvents: 1,
  syncedRejected: 2,
  deliveredEvents: 3,
  deliveredRejected: 4,
} as const;

/** Ends of the two streams of a journal: all rows below are meant. */
type JournalRows = JournalPlace['rows'];

/** Shared memory for the progress of `slots` journals. */
export function createProgressMemory(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(slots * PROGRESS_WORDS * 8);
}

/** The thread's side: tells what was reached. */
export class ProgressWriter {
  readonly #words: BigInt64Array;

  /** Begins a term. */
  constructor(memory: SharedArrayBuffer, slot: number) {
    this.#words = new BigInt64Array(memory, slot * PROGRESS_WORDS * 8, PROGRESS_WORDS);
    this.syncFailed();
  }

  get term(): number {
    return Number(this.#words[Word.term]);
  }

  /** Nothing written so far will be called synced. */
  syncFailed(): void {
    this.#store(Word.term, this.term + 1);
  }

  /** What was written below `rows` in `term` survives a power failure. */
  synced(term: number, rows: JournalRows): void {
    if (term !== this.term) return;
    this.#raise(Word.syncedEvents, rows.events);
    this.#raise(Word.syncedRejected, rows.rejected);
  }

  /** Every sink has what stands below `rows`. */
  delivered(rows: JournalRows): void {
    this.#raise(Word.deliveredEvents, rows.events);
    this.#raise(Word.deliveredRejected, rows.rejected);
  }

  #raise(word: number, row: number): void {
    if (row > Number(this.#words[word])) this.#store(word, row);
  }

  #store(word: number, value: number): void {
    Atomics.store(this.#words, word, BigInt(value));
  }
}

/** The front's side. */
export class ProgressReader {
  readonly #words: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new BigInt64Array(memory);
  }

  /** Whether the rows of `place` survive a power failure; undefined when that will never be known. */
  isSynced({ slot, term, rows }: JournalPlace): boolean | undefined {
    const isThere =
      this.#load(slot, Word.syncedEvents) >= rows.events &&
      this.#load(slot, Word.syncedRejected) >= rows.rejected;
    return this.#load(slot, Word.term) === term ? isThere : undefined;
  }

  /** Whether every sink has the rows of `place`. */
  isDelivered({ slot, rows }: JournalPlace): boolean {
    return (
      this.#load(slot, Word.deliveredEvents) >= rows.events &&
      this.#load(slot, Word.deliveredRejected) >= rows.rejected
    );
  }

  #load(slot: number, word: number): number {
    return Number(Atomics.load(this.#words, slot * PROGRESS_WORDS + word));
  }
}
