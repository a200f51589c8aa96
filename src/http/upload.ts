import type { Reason } from '../outcome.ts';
import type { MemoryBudget } from '../slab/budget.ts';

/** First size of the buffer; it doubles from there. */
const FIRST_BYTES = 16 * 1024;

/**
 * A body that arrives in more than one piece: gathered in memory that grows with what came, not with what was
 * declared, so that a client that promises 5 MB and sends one byte holds 16 KiB.
 */
export class Upload {
  readonly #budget: MemoryBudget;
  readonly #bodyBytesMax: number;
  #buffer = Buffer.alloc(0);
  #length = 0;

  /** `budget` is that of all unfinished uploads. */
  constructor(budget: MemoryBudget, bodyBytesMax: number) {
    this.#budget = budget;
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Takes a piece. COPY. Gives the reason when the body is over its limit or memory over its budget. */
  append(piece: Uint8Array): Reason | undefined {
    const needed = this.#length + piece.length;
    if (needed > this.#bodyBytesMax) return 'body_too_large';
    if (needed > this.#buffer.length && !this.#grow(needed)) return 'overloaded';
    this.#buffer.set(piece, this.#length);
    this.#length = needed;
    return undefined;
  }

  /** VIEW of what came, until drop. */
  body(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Gives the memory back; the upload is empty again. */
  drop(): void {
    this.#budget.give(this.#buffer.length);
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
  }

  #grow(needed: number): boolean {
    let bytes = Math.max(FIRST_BYTES, this.#buffer.length);
    while (bytes < needed) bytes *= 2;
    if (!this.#budget.tryTake(bytes - this.#buffer.length)) return false;
    const grown = Buffer.allocUnsafeSlow(bytes);
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
    return true;
  }
}
