/**
 * Zstandard (RFC 8878): of node:zlib, which has it since Node 22.15, else of @bokuweb/zstd-wasm, which is the C library
 * as WebAssembly and so needs no platform's build.
 */

/** What node:zlib has of zstd; both are missing before Node 22.15. */
export interface ZlibZstd {
  zstdCompressSync?(bytes: Buffer, options: { params: Record<number, number> }): Buffer;
  zstdDecompressSync?(bytes: Buffer, options: { maxOutputLength: number }): Buffer;
}

/** What is used of @bokuweb/zstd-wasm. */
export interface WasmZstd {
  init(): Promise<void>;
  compress(bytes: Uint8Array, level: number): Uint8Array;
  /** `defaultHeapSize` is the room for a frame that does not tell its size. */
  decompress(bytes: Uint8Array, options: { defaultHeapSize: number }): Uint8Array;
}

interface Zstd {
  compress(bytes: Buffer): Buffer;
  decompress(bytes: Buffer): Buffer;
}

/** Level 1 is ×1.6 as fast as the usual 3, and on event lines no worse. */
const LEVEL = 1;
/** ZSTD_c_compressionLevel in zstd.h; node:zlib has it among its constants where it has zstd. */
const LEVEL_PARAMETER = 100;
const MAGIC = 0xfd2fb528;

/** zstd of node:zlib, or undefined where the runtime has none. Decompresses to at most `bytesMax` bytes, else throws. */
export function openZlibZstd(
  { zstdCompressSync, zstdDecompressSync }: ZlibZstd,
  bytesMax: number,
): Zstd | undefined {
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return undefined;
  const options = { params: { [LEVEL_PARAMETER]: LEVEL } };
  return {
    compress: (bytes) => zstdCompressSync(bytes, options),
    decompress(bytes) {
      if (contentBytes(bytes) > bytesMax) throw new RangeError('more bytes than a batch may have');
      return zstdDecompressSync(bytes, { maxOutputLength: bytesMax });
    },
  };
}

/** zstd of WebAssembly, with the same contract. */
export async function openWasmZstd(zstd: WasmZstd, bytesMax: number): Promise<Zstd> {
  await zstd.init();
  return {
    compress: (bytes) => viewOf(zstd.compress(bytes, LEVEL)),
    decompress(bytes) {
      // The library takes the size that a frame claims on trust, also where there is no memory for it.
      if (contentBytes(bytes) > bytesMax) throw new RangeError('more bytes than a batch may have');
      // The Java client compresses as a stream, and its frames do not tell.
      return viewOf(zstd.decompress(bytes, { defaultHeapSize: bytesMax }));
    },
  };
}

/**
 * The size that the frames say they have, or -1 where one does not (RFC 8878, 3.1.1). Throws for what is no whole frame:
 * node:zlib takes one that is cut short for whole (Node 22.23).
 */
function contentBytes(frames: Buffer): number {
  let total = 0;
  for (let at = 0; at < frames.length || at === 0; ) {
    if (at + 5 > frames.length || frames.readUInt32LE(at) !== MAGIC) throw new RangeError('not a zstd frame');
    const descriptor = frames.readUInt8(at + 4);
    const isSingleSegment = (descriptor & 0x20) !== 0;
    const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
    const sizeAt = at + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
    if (sizeAt + sizeBytes > frames.length) throw new RangeError('a zstd frame is cut short');
    const size = readSize(frames, sizeAt, sizeBytes);
    total = size < 0 || total < 0 ? -1 : total + size;
    const checksumBytes = (descriptor & 4) !== 0 ? 4 : 0;
    at = passBlocks(frames, sizeAt + sizeBytes) + checksumBytes;
    if (at > frames.length) throw new RangeError('a zstd frame is cut short');
  }
  return total;
}

/** Frame_Content_Size: the two bytes count from 256. */
function readSize(frames: Buffer, at: number, bytes: number): number {
  if (bytes === 0) return -1;
  if (bytes === 8) return Number(frames.readBigUInt64LE(at));
  return frames.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
}

/** The place behind the last block of the frame whose first is at `at`; it may lie behind the bytes. */
function passBlocks(frames: Buffer, at: number): number {
  while (at + 3 <= frames.length) {
    const header = frames.readUIntLE(at, 3);
    const isRunOfOneByte = ((header >> 1) & 3) === 1;
    at += 3 + (isRunOfOneByte ? 1 : header >> 3);
    if ((header & 1) !== 0) return at;
  }
  throw new RangeError('a zstd frame is cut short');
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
