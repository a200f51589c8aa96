/**
 * Blocks for ClickHouse as they gather, each in the form in which it goes out: Native where the addon encodes it, else
 * the lines as they are; rejected rows as they are.
 */

import { NATIVE_BLOCK_ROWS_MAX } from '../limits.ts';
import {
  appendNativeBlock,
  appendToBlock,
  type Block,
  type BlockKind,
  type ChunkPool,
  createBlock,
  releaseBlock,
} from './block.ts';
import { createNativeBlockEncoder, type NativeBlockEncoder } from './native-block.ts';
import type { JsonForm } from './native-block-setup.ts';
import type { BlockBuilder } from './sink.ts';

/** A block whose bytes stand once it is sealed. */
export interface SealableBlock extends BlockBuilder {
  /** Ends the gathering; what it gathered, in the file's form. Called again it gives the same. */
  seal(): Block;
}

/** Bytes are kept as they are. */
export class PlainBlock implements SealableBlock {
  readonly #block: Block;
  readonly #pool: ChunkPool;

  constructor(kind: Exclude<BlockKind, 'native'>, pool: ChunkPool) {
    this.#block = createBlock(kind);
    this.#pool = pool;
  }

  get bytes(): number {
    return this.#block.bytes;
  }

  get rows(): number {
    return this.#block.rows;
  }

  add(payload: Uint8Array, rows: number): void {
    appendToBlock(this.#block, this.#pool, payload, rows);
  }

  seal(): Block {
    return this.#block;
  }

  release(): void {
    releaseBlock(this.#block, this.#pool);
  }
}

/** Encoders that no block uses; one gathers and one is sealed at a time, and a bisection has one more. */
export interface EncoderPool {
  readonly free: NativeBlockEncoder[];
  make(): NativeBlockEncoder | undefined;
}

/** Encoders of a target; `bytesMax` bounds one Native block, of which a sealed one may have several. */
export function createEncoderPool(jsonForm: JsonForm, bytesMax: number): EncoderPool {
  return {
    free: [],
    make: () => createNativeBlockEncoder({ jsonForm, bytesMax, rowsMax: NATIVE_BLOCK_ROWS_MAX }),
  };
}

/** Lines encoded as they come. A line that the encoder cannot read, which no scanner writes, goes to `onUnreadable`. */
export class NativeBlock implements SealableBlock {
  readonly #block = createBlock('native');
  readonly #pool: ChunkPool;
  readonly #encoders: EncoderPool;
  readonly #onUnreadable: (line: Buffer) => void;
  #encoder: NativeBlockEncoder | undefined;

  constructor(
    encoder: NativeBlockEncoder,
    encoders: EncoderPool,
    pool: ChunkPool,
    onUnreadable: (line: Buffer) => void,
  ) {
    this.#encoder = encoder;
    this.#encoders = encoders;
    this.#pool = pool;
    this.#onUnreadable = onUnreadable;
  }

  get bytes(): number {
    return this.#block.bytes + (this.#encoder?.bytes() ?? 0);
  }

  get rows(): number {
    return this.#block.rows + (this.#encoder?.rows() ?? 0);
  }

  add(payload: Uint8Array): void {
    const encoder = this.#encoder;
    if (encoder === undefined) return;
    for (let from = 0; from < payload.length; ) {
      from += encoder.append(from === 0 ? payload : payload.subarray(from));
      if (encoder.isFull()) appendNativeBlock(this.#block, encoder, this.#pool);
      else if (from < payload.length) from = this.#putAside(payload, from);
    }
  }

  seal(): Block {
    const encoder = this.#encoder;
    if (encoder !== undefined) {
      appendNativeBlock(this.#block, encoder, this.#pool);
      this.#encoder = undefined;
      this.#encoders.free.push(encoder);
    }
    return this.#block;
  }

  release(): void {
    this.seal();
    releaseBlock(this.#block, this.#pool);
  }

  /** Position behind the line at `from`. */
  #putAside(payload: Uint8Array, from: number): number {
    const newline = payload.indexOf(0x0a, from);
    const end = newline < 0 ? payload.length : newline + 1;
    this.#onUnreadable(Buffer.from(payload.subarray(from, end)));
    return end;
  }
}
