/**
 * Rows on their way to Kafka, as the journal has them, in one piece of memory: record batches are made of them when they are
 * sent, since larger batches compress better. The memory comes from a pool of the target's and doubles as it fills, so
 * that a block at light load is small.
 */
import { KAFKA_BLOCK_BYTES_START } from '../../limits.ts';
import type { BlockBuilder } from '../sink.ts';

/** Memory of blocks that were released; `bytesMax` bounds what one of them keeps. */
export interface BlockPool {
  readonly free: Buffer[];
  readonly bytesMax: number;
}

/** One block is sent, one gathers; more come back only after a bisection. */
const POOLED_MAX = 2;

/**
 * How far the send of a block is. It outlives the block: after a pause the journal gathers the same rows again, and asks under
 * the same token.
 */
export interface SendProgress {
  readonly token: string;
  readonly bytes: number;
  /** Everything before it was sent, or put aside. */
  sent: number;
}

/** Whether `progress` is of the block that is to be sent. Of damage in between comes a block with fewer bytes. */
export function isOf(progress: SendProgress | undefined, token: string, block: GatheredBlock): boolean {
  return progress?.token === token && progress.bytes === block.bytes;
}

/** A block of one delivery, in memory of its pool. */
export class GatheredBlock implements BlockBuilder {
  readonly #pool: BlockPool;
  #memory: Buffer;
  #bytes = 0;
  #rows = 0;

  constructor(pool: BlockPool) {
    this.#pool = pool;
    this.#memory = pool.free.pop() ?? Buffer.allocUnsafeSlow(KAFKA_BLOCK_BYTES_START);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** COPY. */
  add(payload: Uint8Array, rows: number): void {
    const end = this.#bytes + payload.length;
    if (end > this.#memory.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#memory.length));
      this.#memory.copy(grown, 0, 0, this.#bytes);
      this.#memory = grown;
    }
    this.#memory.set(payload, this.#bytes);
    this.#bytes = end;
    this.#rows += rows;
  }

  /** VIEW of all rows until `release`. */
  view(): Buffer {
    return this.#memory.subarray(0, this.#bytes);
  }

  release(): void {
    const { free, bytesMax } = this.#pool;
    if (free.length < POOLED_MAX && this.#memory.length <= bytesMax) free.push(this.#memory);
    this.#memory = Buffer.alloc(0);
    this.#bytes = 0;
    this.#rows = 0;
  }
}
