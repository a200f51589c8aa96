/**
 * A block that gathers in memory: bytes in pieces of BLOCK_CHUNK_BYTES from a pool that the thread's sinks share.
 * Pieces, not one buffer: a slab's lines may be longer than a block, and at light load a block stays small.
 */
import { assert } from '../../assert.ts';
import { BLOCK_CHUNK_BYTES, FREE_BLOCK_CHUNKS_MAX } from '../../limits.ts';
import type { NativeBlockEncoder } from '../native-block.ts';
import type { BlockKind } from './protocol.ts';

export interface Block {
  readonly kind: BlockKind;
  readonly chunks: Buffer[];
  /** Bytes used of the last chunk; the ones before it are full. */
  lastChunkBytes: number;
  bytes: number;
  rows: number;
}

export interface ChunkPool {
  readonly free: Buffer[];
}

/** An empty pool; one a thread. */
export function createChunkPool(): ChunkPool {
  return { free: [] };
}

/** An empty block, which takes no memory yet. */
export function createBlock(kind: BlockKind): Block {
  return { kind, chunks: [], lastChunkBytes: BLOCK_CHUNK_BYTES, bytes: 0, rows: 0 };
}

/** COPY of `bytes` to the end of the block. */
export function appendToBlock(block: Block, pool: ChunkPool, bytes: Uint8Array, rows: number): void {
  let from = 0;
  while (from < bytes.length) {
    if (block.lastChunkBytes === BLOCK_CHUNK_BYTES) {
      block.chunks.push(pool.free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_CHUNK_BYTES));
      block.lastChunkBytes = 0;
    }
    const chunk = block.chunks.at(-1);
    assert(chunk !== undefined, 'a block that is not full has a last chunk');
    const length = Math.min(BLOCK_CHUNK_BYTES - block.lastChunkBytes, bytes.length - from);
    chunk.set(bytes.subarray(from, from + length), block.lastChunkBytes);
    block.lastChunkBytes += length;
    from += length;
  }
  block.bytes += bytes.length;
  block.rows += rows;
}

/** What the encoder has gathered, as a block of kind native; the encoder begins the next. */
export function takeNativeBlock(encoder: NativeBlockEncoder, pool: ChunkPool): Block {
  const block = createBlock('native');
  block.rows = encoder.rows();
  block.bytes = encoder.take(() => {
    const chunk = pool.free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_CHUNK_BYTES);
    block.chunks.push(chunk);
    return chunk;
  });
  const fullBytes = BLOCK_CHUNK_BYTES * Math.max(0, block.chunks.length - 1);
  block.lastChunkBytes = block.chunks.length === 0 ? BLOCK_CHUNK_BYTES : block.bytes - fullBytes;
  return block;
}

/** VIEWS of the block's bytes in order, valid until releaseBlock. */
export function blockViews(block: Block): Buffer[] {
  return block.chunks.map((chunk, index) =>
    index === block.chunks.length - 1 ? chunk.subarray(0, block.lastChunkBytes) : chunk,
  );
}

/** Gives the block's memory back; the block must not be used again. */
export function releaseBlock(block: Block, pool: ChunkPool): void {
  for (const chunk of block.chunks) {
    if (pool.free.length < FREE_BLOCK_CHUNKS_MAX) pool.free.push(chunk);
  }
  block.chunks.length = 0;
}
