import { assert } from '../assert.ts';
import { FREE_SLABS_MAX, SLAB_BYTES } from '../limits.ts';
import type { MemoryBudget } from './budget.ts';
import { SLAB_BYTES_START } from './layout.ts';
import { Slab } from './slab.ts';

/** Largest slab alignment needed: a slab's length is a multiple of 8 so that its float64 view covers it. */
const ALIGNMENT = 8;

/**
 * Slabs within the memory budget. Those of the ordinary size are kept for reuse, up to FREE_SLABS_MAX; a slab for
 * one large body is made for it and given up after it.
 */
export class SlabPool {
  readonly #budget: MemoryBudget;
  readonly #isBeyondFull: (isPromised: boolean) => boolean;
  readonly #reservedBytes: () => number;
  readonly #free: Slab[] = [];
  #generation = 0;

  /**
   * `isBeyondFull` says whether what is behind the workers, the journal, takes no more; `reservedBytes`, how much of
   * the budget is for frames that were promised to be taken.
   */
  constructor(
    budget: MemoryBudget,
    isBeyondFull: (isPromised: boolean) => boolean = () => false,
    reservedBytes: () => number = () => 0,
  ) {
    this.#budget = budget;
    this.#isBeyondFull = isBeyondFull;
    this.#reservedBytes = reservedBytes;
    budget.reclaimBy(() => this.#giveFree());
  }

  /** Bytes of the budget in use; free slabs are none of them. */
  heldBytes(): number {
    return this.#budget.used() - this.#free.length * SLAB_BYTES;
  }

  /** Whether nothing more may be begun: sinks can bring the use over the budget without taking from it. */
  isFull(isPromised = false): boolean {
    const bytesMax = this.#budget.bytesMax - (isPromised ? 0 : this.#reservedBytes());
    return this.heldBytes() >= bytesMax || this.#isBeyondFull(isPromised);
  }

  /** An open slab with room for `frameBytes`, or undefined when the budget has none. */
  take(frameBytes: number, nowMs: number, isPromised = false): Slab | undefined {
    // A free slab is paid for, but what it brings grows into the sinks' memory.
    if (this.isFull(isPromised)) return undefined;
    const bytes = Math.max(SLAB_BYTES, SLAB_BYTES_START + frameBytes);
    const slab = bytes === SLAB_BYTES ? (this.#free.pop() ?? this.#make(bytes)) : this.#make(bytes);
    slab?.open(nowMs, ++this.#generation);
    return slab;
  }

  /** Takes a slab back; the caller keeps no reference. */
  give(slab: Slab): void {
    assert(slab.generation !== 0, 'a slab is given back once');
    slab.close();
    if (slab.bytes.length === SLAB_BYTES && this.#free.length < FREE_SLABS_MAX) this.#free.push(slab);
    else this.#budget.give(slab.bytes.length);
  }

  #make(bytes: number): Slab | undefined {
    const aligned = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    if (!this.#budget.tryTake(aligned)) return undefined;
    return new Slab(aligned);
  }

  #giveFree(): boolean {
    if (this.#free.pop() === undefined) return false;
    this.#budget.give(SLAB_BYTES);
    return true;
  }
}
