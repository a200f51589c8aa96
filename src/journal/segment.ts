/** A segment as a stream knows it, and what a start has to find out about one that an earlier process left. */
import { join } from 'node:path';
import { crc32c } from '../crc32c.ts';
import { wholeBlocks } from './direct.ts';
import type { Disk, DiskFile } from './disk.ts';
import {
  bodyBytes,
  CHUNK_HEADER_BYTES,
  decodeChunkHeader,
  decodeSegmentHeader,
  findChunk,
  headerSeed,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from './format.ts';

export interface Segment extends SegmentHeader {
  readonly name: string;
  /** Bytes that hold whole chunks; what a reader may read. Grows while the segment is written. */
  bytes: number;
  /** Row behind the last one. */
  endRow: number;
  /** Whether this process wrote of it past the page cache, past which it is best read then; undefined of an earlier start's. */
  isDirect?: boolean;
  /** When its last chunk was received; undefined where that was not read yet, or there is none. */
  lastTimeMs: number | undefined;
}

/** Folder, within a stream's, of what was damaged. */
export const QUARANTINE = 'quarantine';

/** A place between two chunks. */
export interface Position {
  /** Name of the segment. */
  readonly segment: string;
  readonly offset: number;
  /** Rows before it, over the stream's life. */
  readonly row: number;
}

/** Where a chunk that was appended begins and ends. */
export interface ChunkPlace {
  readonly start: Position;
  readonly end: Position;
  readonly epoch: string;
  /** When the first frame of the chunk was received. */
  readonly timeMs: number;
}

/** A chunk that is to be written. */
export interface BegunChunk {
  readonly segment: Segment;
  readonly file: DiskFile;
  readonly views: readonly Uint8Array[];
  readonly bytes: number;
  readonly firstRow: number;
  readonly rows: number;
  readonly timeMs: number;
}

/** What was not as it should be on the disk, and where it is kept. */
export interface Damage {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  /** `tail`: the end of a write that was cut off, which nobody was told of. `middle`: sound chunks stand behind it. `header`: the whole file. */
  readonly kind: 'tail' | 'middle' | 'header';
}

/** A segment that is begun. */
export function emptySegment(header: SegmentHeader): Segment {
  const name = segmentName(header);
  const { firstRow } = header;
  return {
    ...header,
    name,
    bytes: SEGMENT_HEADER_BYTES,
    endRow: firstRow,
    isDirect: false,
    lastTimeMs: undefined,
  };
}

/** Copies damaged bytes of a stream's folder into its quarantine. Throws the disk's error. */
export function keepDamaged(disk: Disk, dir: string, damage: Damage, bytes: Uint8Array): void {
  disk.makeDir(join(dir, QUARANTINE));
  const file = disk.open(join(dir, QUARANTINE, `${damage.segment}-${damage.offset}`), true);
  try {
    file.write([bytes], 0);
  } finally {
    file.close();
  }
}

/** The file of `name` for reading and writing. */
export function openSegment(disk: Disk, dir: string, name: string): DiskFile {
  return disk.open(join(dir, name), false);
}

/**
 * Reads the last segment of an earlier start whole: its end row, and what stands behind its last sound chunk, which
 * the caller cuts off. Damage with sound chunks behind it is left to the reader, who steps over it; so is that of
 * the header, since the name says the same. Undefined when there is no sound chunk in it. `onMeta` gets the meta of
 * each sound chunk, a VIEW until it returns, and whether the chunk is the segment's first.
 */
export async function inspectSegment(
  file: DiskFile,
  name: string,
  header: SegmentHeader,
  onMeta: (meta: Buffer, isFirst: boolean) => void = () => {},
): Promise<{ segment: Segment; tail: Damage | undefined } | undefined> {
  const bytes = Buffer.allocUnsafeSlow(file.size());
  await file.read(bytes, 0);
  const seed = headerSeed(header);
  let at = SEGMENT_HEADER_BYTES;
  let soundEnd = 0;
  let endRow = header.firstRow;
  let lastTimeMs: number | undefined;
  while (at >= 0 && at < bytes.length) {
    const chunk = decodeChunkHeader(bytes, at, seed);
    const end = chunk === undefined ? bytes.length + 1 : at + CHUNK_HEADER_BYTES + bodyBytes(chunk);
    const isSound =
      chunk !== undefined &&
      end <= bytes.length &&
      crc32c(bytes.subarray(at + CHUNK_HEADER_BYTES, end), 0) === chunk.bodyCrc;
    if (isSound) {
      const metaStart = at + CHUNK_HEADER_BYTES;
      onMeta(bytes.subarray(metaStart, metaStart + chunk.metaBytes), at === SEGMENT_HEADER_BYTES);
      endRow = chunk.firstRow + chunk.rows;
      lastTimeMs = chunk.timeMs;
      soundEnd = end;
      at = end;
    } else {
      at = findChunk(bytes, at + 1, seed);
    }
  }
  if (soundEnd === 0) return undefined;
  const rest = isFilledUp(bytes, soundEnd) ? 0 : bytes.length - soundEnd;
  const isReused = decodeSegmentHeader(bytes)?.isReused ?? false;
  const tail: Damage = { segment: name, offset: soundEnd, bytes: rest, kind: 'tail' };
  return {
    segment: { name, ...header, bytes: soundEnd, endRow, lastTimeMs },
    tail: rest > 0 && !isReused ? tail : undefined,
  };
}

/** Whether behind `end` stands only what fills the last block of a direct write up (direct.ts). */
export function isFilledUp(bytes: Buffer, end: number): boolean {
  return bytes.length === wholeBlocks(end) && bytes.subarray(end).every((byte) => byte === 0);
}
