// Hot path: once a slab or flush.
/**
 * Canonical lines as blocks in ClickHouse's format Native: the binding of native/encode, which needs no parsing by the
 * engine. Anything that takes this format takes these bytes: a file, the body of an HTTP insert.
 *
 * The wire form, with the engine's source files that define it, stands at the top of native/encode/block-write.h and
 * json-write.h. A reader must have the settings of store/block-insert.ts for the rows whose JSON goes as text.
 *
 * Who owns what. Lines are read during the call and never kept. The block gathers in memory of the encoder, about
 * `bytes()` of it, twice that after it has grown; `take` COPIES it into pieces that the caller owns and begins the next
 * one in the same memory, of which it keeps at most NATIVE_BLOCK_KEEP_BYTES.
 */
import { assert } from '../assert.ts';
import { NATIVE_BLOCK_PIECES_MAX } from '../limits.ts';
import { loadNativeAddon } from '../native-addon.ts';
import { type BlockOptions, encodeBlockSetup } from './native-block-setup.ts';

interface Addon {
  createBlock(words: Uint32Array, bytes: Uint8Array): object | undefined;
  appendBlock(encoder: object, counts: Float64Array, lines: Uint8Array): void;
  measureBlock(encoder: object): number;
  takeBlock(encoder: object, pieces: readonly Uint8Array[]): number;
}

const addon = loadNativeAddon<Addon>();

export interface NativeBlockEncoder {
  /**
   * Adds whole canonical lines. Returns the bytes of those that were added: `lines.length`; or less, where the block is
   * full or else the line that begins there is damaged. Lines from there on are not in the block. Never throws for bad
   * lines.
   */
  append(lines: Uint8Array): number;
  /** Whether the block takes no more. */
  isFull(): boolean;
  /** Rows since the last `take`. */
  rows(): number;
  /** Of these, the ones whose JSON the engine must parse: arrays of mixed types, escaped keys, too many paths. */
  textRows(): number;
  /** About the bytes that `take` would give; exact ones cost a pass over the columns. */
  bytes(): number;
  /**
   * Writes the block into pieces that `allocate` gives, each filled before the next, and begins a new one. Returns its
   * length in bytes, 0 when there were no rows. `allocate` gives pieces of any length above 0; at most
   * NATIVE_BLOCK_PIECES_MAX may be needed.
   */
  take(allocate: () => Uint8Array): number;
}

/** An encoder for one thread, or undefined where the addon is not built. */
export function createNativeBlockEncoder(options: BlockOptions): NativeBlockEncoder | undefined {
  if (addon === undefined) return undefined;
  const { words, bytes } = encodeBlockSetup(options);
  const encoder = addon.createBlock(words, bytes);
  if (encoder === undefined) return undefined;
  const { appendBlock, measureBlock, takeBlock } = addon;
  const counts = new Float64Array(5);
  return {
    append(lines) {
      appendBlock(encoder, counts, lines);
      return counts[0]!;
    },
    rows: () => counts[1]!,
    bytes: () => counts[2]!,
    textRows: () => counts[3]!,
    isFull: () => counts[4] === 1,
    take(allocate) {
      const length = measureBlock(encoder);
      const pieces: Uint8Array[] = [];
      for (let room = 0; room < length; ) {
        const piece = allocate();
        assert(piece.length > 0 && pieces.length < NATIVE_BLOCK_PIECES_MAX, 'a block fits its pieces');
        pieces.push(piece);
        room += piece.length;
      }
      const taken = takeBlock(encoder, pieces);
      assert(taken === length, 'a block is as long as it was measured');
      counts.fill(0);
      return length;
    },
  };
}
