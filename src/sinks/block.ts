/**
 * A block in memory: bytes in pieces of BLOCK_CHUNK_BYTES from a pool that the target's blocks share. Pieces, not one
 * buffer: a slab's lines may be longer than a block, and at light load a block stays small.
 */
import { BLOCK_CHUNK_BYTES, FREE_BLOCK_CHUNKS_MAX } from '../limits.ts';
import type { NativeBlockEncoder } from './native-block.ts';

/**
 * What a block holds: rows of `events` in the format Native, the same as canonical lines where nothing encodes them, or
 * RowBinary rows of `events_rejected`. Also the ends of the embedded store's file names.
 */
export const BLOCK_KINDS = ['native', 'jsonl', 'rejected.bin'] as const;
export type BlockKind = (typeof BLOCK_KINDS)[number];

/** A piece of memory and how much of it is used. */
interface Piece {
  readonly buffer: Buffer;
  bytes: number;
}

export interface Block {
  readonly kind: BlockKind;
  readonly pieces: Piece[];
  bytes: number;
  rows: number;
}

export interface ChunkPool {
  readonly free: Buffer[];
}

/** An empty pool; one a target. */
export function createChunkPool(): ChunkPool {
  return { free: [] };
}

/** An empty block, which takes no memory yet. */
export function createBlock(kind: BlockKind): Block {
  return { kind, pieces: [], bytes: 0, rows: 0 };
}

/** COPY of `bytes` to the end of the block. */
export function appendToBlock(block: Block, pool: ChunkPool, bytes: Uint8Array, rows: number): void {
  for (let from = 0; from < bytes.length; ) {
    const last = block.pieces.at(-1);
    const piece =
      last !== undefined && last.bytes < BLOCK_CHUNK_BYTES ? last : addPiece(block, takeChunk(pool), 0);
    const length = Math.min(BLOCK_CHUNK_BYTES - piece.bytes, bytes.length - from);
    piece.buffer.set(bytes.subarray(from, from + length), piece.bytes);
    piece.bytes += length;
    from += length;
  }
  block.bytes += bytes.length;
  block.rows += rows;
}

/** Puts what the encoder has gathered to the end of the block; the encoder begins the next. */
export function appendNativeBlock(block: Block, encoder: NativeBlockEncoder, pool: ChunkPool): void {
  const rows = encoder.rows();
  const chunks: Buffer[] = [];
  const bytes = encoder.take(() => {
    const chunk = takeChunk(pool);
    chunks.push(chunk);
    return chunk;
  });
  for (const [index, chunk] of chunks.entries()) {
    addPiece(block, chunk, Math.min(BLOCK_CHUNK_BYTES, bytes - index * BLOCK_CHUNK_BYTES));
  }
  block.bytes += bytes;
  block.rows += rows;
}

/** VIEWS of the block's bytes in order, valid until releaseBlock. */
export function blockViews(block: Block): Buffer[] {
  return block.pieces.map(({ buffer, bytes }) => buffer.subarray(0, bytes));
}

/** Gives the block's memory back; the block must not be used again. */
export function releaseBlock(block: Block, pool: ChunkPool): void {
  for (const { buffer } of block.pieces) {
    if (pool.free.length < FREE_BLOCK_CHUNKS_MAX) pool.free.push(buffer);
  }
  block.pieces.length = 0;
}

function takeChunk(pool: ChunkPool): Buffer {
  return pool.free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_CHUNK_BYTES);
}

function addPiece(block: Block, buffer: Buffer, bytes: number): Piece {
  const piece = { buffer, bytes };
  block.pieces.push(piece);
  return piece;
}
