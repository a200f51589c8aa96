/**
 * The journal's bytes on disk. This page is their only description; numbers are little endian.
 *
 *   <dataDir>/journal/<worker>/<stream>/
 *     <first row, 20 digits>-<epoch, 16 hex digits>.seg     segments, in the order of their names
 *     <anything>.spare                                      segments that were let go of, to be written over
 *     <sink>.cursor                                         how far a sink is (cursor.ts)
 *     quarantine/                                           what was damaged, as it was found
 *
 * A stream is a row of chunks. Rows are counted from 0 over the stream's whole life and never counted twice, also
 * not after a crash: a number that was lost stays a gap. A segment is written by one process only; every start of
 * the stream begins a new one with a new random epoch. (epoch, first row, end row) therefore names the same bytes
 * for ever, which is what makes it good for `insert_deduplication_token`.
 *
 *   segment   header, then chunks up to the end of the file
 *   header    0 magic u32 · 4 version u32 · 8 epoch, 8 bytes · 16 first row u64 · 24 flags u32 · 28 crc32c of bytes 0–27
 *   flags     1: the file was another segment before, whose bytes may stand behind the last chunk
 *   chunk     header, then its meta, then its payload as stored
 *   header    0 magic u32 · 4 crc32c of the segment's name and bytes 8–47 · 8 first row u64 · 16 time, ms since 1970, f64
 *             24 rows u32 · 28 bytes of meta u32 · 32 bytes of payload as stored u32 · 36 bytes of payload raw u32
 *             40 codec u32 · 44 crc32c of meta and payload as stored
 *
 * The payload of stream `events` is canonical NDJSON (scan/contract.ts), whole lines; of `rejected` RowBinary rows
 * (sinks/rejected.ts). The meta of `events` says what of sessions is journaled (sessions/entry.ts), that of a segment's
 * first chunk also all that was said before it. A chunk of no rows carries meta only. A chunk counts when both checksums
 * hold; the header has one of its own so that a reader can step over a payload that is damaged; that it begins with the
 * name keeps bytes that a client chose, and chunks of a file's earlier life, from passing for a chunk.
 */
import { crc32c } from '../crc32c.ts';

export const SEGMENT_HEADER_BYTES = 32;
export const CHUNK_HEADER_BYTES = 48;
/** Bytes of an epoch; random, so that no two starts draw the same. */
export const EPOCH_BYTES = 8;

const VERSION = 1;
/** "PSJ1" and "chnk". */
const SEGMENT_MAGIC = 0x314a_5350;
const CHUNK_MAGIC = 0x6b6e_6863;
const FLAG_REUSED = 1;
const TWO_32 = 0x1_0000_0000;

/** How a payload is stored. */
export const Codec = { none: 0, lz4: 1 } as const;
export type Codec = (typeof Codec)[keyof typeof Codec];

export interface SegmentHeader {
  /** 16 hex digits. */
  readonly epoch: string;
  readonly firstRow: number;
  /** Whether the file was another segment before, so that bytes of that stand behind the last chunk. */
  readonly isReused?: boolean;
}

export interface ChunkHeader {
  readonly firstRow: number;
  /** When the first frame of the chunk was received. */
  readonly timeMs: number;
  readonly rows: number;
  readonly metaBytes: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
  readonly codec: number;
  readonly bodyCrc: number;
}

/** Name of the segment that begins at `firstRow`: names sort in the order of rows. */
export function segmentName({ firstRow, epoch }: SegmentHeader): string {
  return `${String(firstRow).padStart(20, '0')}-${epoch}.seg`;
}

/** What a segment's name says, or undefined for a file that is none. */
export function parseSegmentName(name: string): SegmentHeader | undefined {
  const match = /^([0-9]{20})-([0-9a-f]{16})\.seg$/.exec(name);
  const firstRow = Number(match?.[1]);
  if (match?.[2] === undefined || !Number.isSafeInteger(firstRow)) return undefined;
  return { firstRow, epoch: match[2] };
}

/** The header of a new segment. */
export function encodeSegmentHeader({ epoch, firstRow, isReused = false }: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  bytes.writeUInt32LE(SEGMENT_MAGIC, 0);
  bytes.writeUInt32LE(VERSION, 4);
  bytes.write(epoch, 8, 'hex');
  writeRow(bytes, firstRow, 16);
  bytes.writeUInt32LE(isReused ? FLAG_REUSED : 0, 24);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 28), 0), 28);
  return bytes;
}

/** The header at the start of `bytes`, or undefined when it is damaged or of another version. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES || bytes.readUInt32LE(0) !== SEGMENT_MAGIC) return undefined;
  if (bytes.readUInt32LE(28) !== crc32c(bytes.subarray(0, 28), 0)) return undefined;
  if (bytes.readUInt32LE(4) !== VERSION) return undefined;
  const isReused = (bytes.readUInt32LE(24) & FLAG_REUSED) !== 0;
  return { epoch: bytes.toString('hex', 8, 8 + EPOCH_BYTES), firstRow: readRow(bytes, 16), isReused };
}

/** What the checksums of a segment's chunk headers begin with. */
export function headerSeed(header: SegmentHeader): number {
  return crc32c(Buffer.from(segmentName(header), 'latin1'), 0);
}

/** Writes a chunk's header to the start of `target`, which has CHUNK_HEADER_BYTES. */
export function encodeChunkHeader(header: ChunkHeader, seed: number, target: Buffer): void {
  target.writeUInt32LE(CHUNK_MAGIC, 0);
  writeRow(target, header.firstRow, 8);
  target.writeDoubleLE(header.timeMs, 16);
  target.writeUInt32LE(header.rows, 24);
  target.writeUInt32LE(header.metaBytes, 28);
  target.writeUInt32LE(header.storedBytes, 32);
  target.writeUInt32LE(header.rawBytes, 36);
  target.writeUInt32LE(header.codec, 40);
  target.writeUInt32LE(header.bodyCrc, 44);
  target.writeUInt32LE(crc32c(target.subarray(8, CHUNK_HEADER_BYTES), seed), 4);
}

/** The chunk header at `offset` of `bytes`, or undefined when none stands there whole and sound. */
export function decodeChunkHeader(bytes: Buffer, offset: number, seed: number): ChunkHeader | undefined {
  if (offset + CHUNK_HEADER_BYTES > bytes.length || bytes.readUInt32LE(offset) !== CHUNK_MAGIC)
    return undefined;
  const crc = crc32c(bytes.subarray(offset + 8, offset + CHUNK_HEADER_BYTES), seed);
  if (bytes.readUInt32LE(offset + 4) !== crc) return undefined;
  return {
    firstRow: readRow(bytes, offset + 8),
    timeMs: bytes.readDoubleLE(offset + 16),
    rows: bytes.readUInt32LE(offset + 24),
    metaBytes: bytes.readUInt32LE(offset + 28),
    storedBytes: bytes.readUInt32LE(offset + 32),
    rawBytes: bytes.readUInt32LE(offset + 36),
    codec: bytes.readUInt32LE(offset + 40),
    bodyCrc: bytes.readUInt32LE(offset + 44),
  };
}

/** Bytes of meta and payload behind a chunk's header. */
export function bodyBytes(header: ChunkHeader): number {
  return header.metaBytes + header.storedBytes;
}

/** Offset in `bytes` of the first sound chunk header at or behind `from`, or -1. */
export function findChunk(bytes: Buffer, from: number, seed: number): number {
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(CHUNK_MAGIC);
  for (let at = bytes.indexOf(magic, from); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    if (decodeChunkHeader(bytes, at, seed) !== undefined) return at;
  }
  return -1;
}

function writeRow(target: Buffer, row: number, offset: number): void {
  target.writeUInt32LE(row % TWO_32, offset);
  target.writeUInt32LE(Math.floor(row / TWO_32), offset + 4);
}

function readRow(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * TWO_32;
}
