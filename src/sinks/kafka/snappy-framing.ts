/**
 * Snappy as Kafka has it: not Google's frame format but that of xerial's snappy-java (SnappyOutputStream), which the
 * Java client writes. All integers big-endian:
 *
 *   0x82 "SNAPPY" 0x00 · version int32 1 · compatible int32 1 · blocks: length int32, then a raw snappy block
 *
 * Brokers and the Java client read a single raw block without the framing too, and some producers send it; it is
 * read here and not written, since a few clients know the framing only.
 */
import { SNAPPY_BLOCK_BYTES } from '../../limits.ts';

/** Raw snappy blocks, as the package `snappy` has them. */
export interface SnappyBlocks {
  compressSync(bytes: Buffer): Buffer;
  uncompressSync(bytes: Buffer): string | Buffer;
}

const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const HEADER = Buffer.concat([MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);
const LENGTH_BYTES = 4;

/** Compresses block by block. COPY. */
export function frameSnappy(snappy: SnappyBlocks, bytes: Buffer): Buffer {
  const parts: Buffer[] = [HEADER];
  for (let at = 0; at < bytes.length; at += SNAPPY_BLOCK_BYTES) {
    const block = snappy.compressSync(bytes.subarray(at, at + SNAPPY_BLOCK_BYTES));
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

/** Undoes frameSnappy, or a raw block. Throws when a block is cut short or not snappy, or all give over `bytesMax` bytes. */
export function unframeSnappy(snappy: SnappyBlocks, bytes: Buffer, bytesMax: number): Buffer {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return uncompress(snappy, bytes, bytesMax);
  const parts: Buffer[] = [];
  let left = bytesMax;
  for (let at = HEADER.length; at < bytes.length; ) {
    const length = at + LENGTH_BYTES > bytes.length ? -1 : bytes.readInt32BE(at);
    at += LENGTH_BYTES + length;
    if (length < 0 || at > bytes.length) throw new RangeError('a snappy block is cut short');
    const block = uncompress(snappy, bytes.subarray(at - length, at), left);
    left -= block.length;
    parts.push(block);
  }
  return Buffer.concat(parts);
}

function uncompress(snappy: SnappyBlocks, block: Buffer, bytesMax: number): Buffer {
  if (uncompressedBytes(block) > bytesMax) throw new RangeError('more bytes than a batch may have');
  return snappy.uncompressSync(block) as Buffer;
}

/** The length that a raw block begins with, as a varint of at most five bytes. */
function uncompressedBytes(block: Buffer): number {
  let length = 0;
  for (let index = 0; index < 5 && index < block.length; index++) {
    const byte = block[index] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) break;
  }
  return length;
}
