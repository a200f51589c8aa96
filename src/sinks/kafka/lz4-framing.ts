/**
 * LZ4 frames (LZ4 Frame Format 1.6) around raw blocks: the library's own frames cost ×1.4 of that on event lines. All
 * integers little-endian:
 *
 *   magic · FLG 0x60 (version 1, independent blocks, which the Java client insists on) · BD 0x50 (blocks of up to
 *   256 KiB) · header checksum 0xfb · blocks: length int32, its top bit set where the bytes are not compressed, then
 *   the bytes · end mark int32 0
 */
import { LZ4_BLOCK_BYTES } from '../../limits.ts';

/** LZ4 as the package `lz4-napi` has it. */
export interface Lz4 {
  /** A raw block, before it the length of what went in as an int32. */
  compressSync(bytes: Buffer): Buffer;
  /** Undoes compressSync; the length before the block may be more than comes out. Throws where it is less. */
  uncompressSync(bytes: Buffer): Buffer;
  /** Takes a frame that is cut short for whole, and as much memory as comes out. */
  decompressFrameSync(bytes: Buffer): Buffer;
}

/** The checksum is the second byte of xxHash32 over FLG and BD, and so the same in every frame. */
const HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x50, 0xfb]);
const MAGIC = 0x184d2204;
const END_MARK = Buffer.alloc(4);
const LENGTH_BYTES = 4;
const NOT_COMPRESSED = 0x8000_0000;

/** Compresses block by block. COPY. */
export function frameLz4(lz4: Lz4, bytes: Buffer): Buffer {
  const parts: Buffer[] = [HEADER];
  for (let at = 0; at < bytes.length; at += LZ4_BLOCK_BYTES) {
    const plain = bytes.subarray(at, at + LZ4_BLOCK_BYTES);
    const block = lz4.compressSync(plain).subarray(LENGTH_BYTES);
    const isShorter = block.length < plain.length;
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt32LE(isShorter ? block.length : plain.length + NOT_COMPRESSED);
    parts.push(length, isShorter ? block : plain);
  }
  parts.push(END_MARK);
  return Buffer.concat(parts);
}

/** Undoes frameLz4, and reads frames that others wrote. Throws when one is cut short, or all may give over `bytesMax` bytes. */
export function unframeLz4(lz4: Lz4, bytes: Buffer, bytesMax: number): Buffer {
  if (contentBytesMax(bytes) > bytesMax) throw new RangeError('more bytes than a batch may have');
  return unframePlain(lz4, bytes) ?? lz4.decompressFrameSync(bytes);
}

/**
 * One frame of blocks that stand alone, without checksums, as frameLz4 and Java's client write it, block by block: a quarter of
 * the time of the library's frames on event lines. Undefined for any other. `frame` is whole.
 */
function unframePlain(lz4: Lz4, frame: Buffer): Buffer | undefined {
  if (frame.readUInt8(LENGTH_BYTES) !== HEADER[LENGTH_BYTES]) return undefined;
  const blockBytesMax = blockBytesOf(frame.readUInt8(LENGTH_BYTES + 1));
  const parts: Buffer[] = [];
  let at = HEADER.length;
  for (let word = frame.readUInt32LE(at); word !== 0; word = frame.readUInt32LE(at)) {
    const block = frame.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + (word % NOT_COMPRESSED));
    at += LENGTH_BYTES + block.length;
    if (word >= NOT_COMPRESSED) {
      parts.push(block);
      continue;
    }
    const sized = Buffer.allocUnsafe(LENGTH_BYTES + block.length);
    sized.writeUInt32LE(blockBytesMax);
    sized.set(block, LENGTH_BYTES);
    parts.push(lz4.uncompressSync(sized));
  }
  return at + LENGTH_BYTES === frame.length ? Buffer.concat(parts) : undefined;
}

function blockBytesOf(descriptor: number): number {
  return 4 ** (4 + ((descriptor >> 4) & 7));
}

/** The most that frames can give: blocks of the size that their headers name, each byte at most 255. */
function contentBytesMax(frames: Buffer): number {
  let total = 0;
  for (let at = 0; at < frames.length || at === 0; ) {
    if (at + HEADER.length > frames.length || frames.readUInt32LE(at) !== MAGIC) {
      throw new RangeError('not an LZ4 frame');
    }
    const flags = frames.readUInt8(at + 4);
    const blockBytesMax = blockBytesOf(frames.readUInt8(at + 5));
    const hasChecksums = (flags & 0x10) !== 0;
    at += HEADER.length + ((flags & 8) !== 0 ? 8 : 0) + ((flags & 1) !== 0 ? 4 : 0);
    for (let length = 1; length !== 0; ) {
      if (at + LENGTH_BYTES > frames.length) throw new RangeError('an LZ4 frame is cut short');
      length = frames.readUInt32LE(at) % NOT_COMPRESSED;
      total += Math.min(blockBytesMax, 255 * length);
      at += LENGTH_BYTES + length + (hasChecksums && length > 0 ? 4 : 0);
    }
    at += (flags & 4) !== 0 ? 4 : 0;
    if (at > frames.length) throw new RangeError('an LZ4 frame is cut short');
  }
  return total;
}
