// Hot path: once a chunk.
/**
 * Writes past the page cache (O_DIRECT); write-ways.ts says when they are worth it.
 *
 * A direct write is of whole blocks. The block in which an append begins is written again with what stood in it; behind
 * the last byte of an append the block is filled with zeros, which the next append overwrites.
 */
import { DIRECT_STAGE_BYTES } from '../limits.ts';
import { alignedBuffer, BLOCK_BYTES } from '../memory.ts';

/** Bytes from `position` back to where its block begins. */
export function headBytes(position: number): number {
  return position % BLOCK_BYTES;
}

/** `bytes` up to a whole block. */
export function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

let stage: Buffer | undefined;
let isStageTaken = false;

/** Whether this thread can have memory for direct writes. */
export function hasDirectStage(): boolean {
  stage ??= alignedBuffer(DIRECT_STAGE_BYTES);
  return stage !== undefined;
}

/** The thread's memory for direct writes, whole blocks; undefined where there is none, or while it is taken. Used within one call. */
export function directStage(): Buffer | undefined {
  return hasDirectStage() && !isStageTaken ? stage : undefined;
}

/** What `directStage` gave is the caller's until `giveDirectStage`. */
export function takeDirectStage(): void {
  isStageTaken = true;
}

/** Gives back what `takeDirectStage` gave. */
export function giveDirectStage(): void {
  isStageTaken = false;
}

/**
 * Gathers `views` behind the first `headBytes(position)` bytes of `target`, which has room for all, and fills the last block
 * up with zeros. Gives the bytes of the blocks.
 */
export function gatherBlocks(views: readonly Uint8Array[], position: number, target: Buffer): number {
  let filled = headBytes(position);
  for (const view of views) {
    target.set(view, filled);
    filled += view.length;
  }
  const whole = wholeBlocks(filled);
  target.fill(0, filled, whole);
  return whole;
}

/**
 * Gathers `views` behind the first `head` bytes of `target`, whole blocks, and hands it to `write` as often as it is full and at
 * the end, filled up with zeros. `write` gets the bytes to write and where, from `position`'s block on. Gives the bytes
 * of the last block that are in use; they stand at the start of `target` then.
 */
export function writeBlocks(
  views: readonly Uint8Array[],
  position: number,
  target: Buffer,
  write: (bytes: number, at: number) => void,
): number {
  let filled = headBytes(position);
  let at = position - filled;
  for (const view of views) {
    for (let from = 0; from < view.length; ) {
      const length = Math.min(view.length - from, target.length - filled);
      target.set(view.subarray(from, from + length), filled);
      from += length;
      filled += length;
      if (filled < target.length) continue;
      write(filled, at);
      at += filled;
      filled = 0;
    }
  }
  const whole = wholeBlocks(filled);
  target.fill(0, filled, whole);
  if (whole > 0) write(whole, at);
  const rest = headBytes(filled);
  target.copyWithin(0, filled - rest, filled);
  return rest;
}
