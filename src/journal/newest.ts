/**
 * The newest payloads that stand in the folder of a stream, whoever wrote them, delivered or not, spares included. For
 * a start that wants to know what was kept last; it reads only, and passes over what is damaged or half written over:
 * telling of that is the stream's own (stream.ts), and a chunk that is not read here is not lost.
 */
import { join } from 'node:path';
import { crc32c } from '../crc32c.ts';
import { decompress } from './codec.ts';
import type { Disk, DiskFile } from './disk.ts';
import {
  bodyBytes,
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  decodeChunkHeader,
  findChunk,
  headerSeed,
  parseSegmentName,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from './format.ts';

/** Bytes read at once. */
const READ_BYTES = 4 * 1024 * 1024;
const SPARE = /\.spare$/;

interface Part {
  readonly name: string;
  readonly header: SegmentHeader;
  /** First byte that is looked at. */
  readonly from: number;
}

/**
 * Calls `take` with each payload of the last `bytesMax` bytes of the folder's segments that was received at `sinceMs` or
 * later, or stands behind one that was (the clock may have been set back meanwhile), oldest first. VIEW, valid until `take` returns. Gives the bytes that were looked at. Rejects with the disk's error.
 */
export async function readNewest(
  disk: Disk,
  dir: string,
  bytesMax: number,
  sinceMs: number,
  take: (payload: Buffer) => void,
): Promise<number> {
  let bytes = 0;
  const window = new FileWindow();
  let isNew = false;
  const isWanted = ({ timeMs }: ChunkHeader) => {
    isNew ||= timeMs >= sinceMs;
    return isNew;
  };
  for (const part of chooseParts(disk, dir, bytesMax)) {
    const file = disk.open(join(dir, part.name), false);
    try {
      window.open(file);
      bytes += await readPart(window, part, isWanted, take);
    } finally {
      file.close();
    }
  }
  return bytes;
}

/** Segments whose ends are among the newest bytes, oldest first: names sort by row, and rows never come again. */
function chooseParts(disk: Disk, dir: string, bytesMax: number): Part[] {
  const parts: Part[] = [];
  let leftBytes = bytesMax;
  for (const name of disk.list(dir).reverse()) {
    const header = parseSegmentName(name.replace(SPARE, ''));
    if (header === undefined || leftBytes <= 0) continue;
    const size = sizeOf(disk, join(dir, name));
    parts.unshift({ name, header, from: Math.max(SEGMENT_HEADER_BYTES, size - leftBytes) });
    leftBytes -= size;
  }
  return parts;
}

function sizeOf(disk: Disk, path: string): number {
  const file = disk.open(path, false);
  try {
    return file.size();
  } finally {
    file.close();
  }
}

async function readPart(
  window: FileWindow,
  { header, from }: Part,
  isWanted: (chunk: ChunkHeader) => boolean,
  take: (payload: Buffer) => void,
): Promise<number> {
  const seed = headerSeed(header);
  // Behind a cut the next chunk must be looked for, and behind a segment's last one: what the file held before.
  for (let at = await findNext(window, from, seed); at < window.size; ) {
    const chunk = decodeChunkHeader(await window.at(at, CHUNK_HEADER_BYTES), 0, seed);
    if (chunk === undefined) {
      at = await findNext(window, at, seed);
      continue;
    }
    at += CHUNK_HEADER_BYTES;
    const payload = isWanted(chunk) ? await readPayload(window, at, chunk) : undefined;
    if (payload !== undefined) take(payload);
    at += bodyBytes(chunk);
  }
  return Math.max(0, window.size - from);
}

async function readPayload(window: FileWindow, at: number, chunk: ChunkHeader): Promise<Buffer | undefined> {
  const body = await window.at(at, bodyBytes(chunk));
  if (body.length < bodyBytes(chunk) || crc32c(body, 0) !== chunk.bodyCrc) return undefined;
  try {
    return decompress(body.subarray(chunk.metaBytes), chunk.codec, chunk.rawBytes);
  } catch {
    return undefined;
  }
}

/** Offset of the first sound chunk header at or behind `from`, or the file's end. */
async function findNext(window: FileWindow, from: number, seed: number): Promise<number> {
  for (let at = from; at < window.size; ) {
    const bytes = await window.at(at, READ_BYTES);
    const found = findChunk(bytes, 0, seed);
    if (found >= 0) return at + found;
    if (bytes.length < READ_BYTES) break;
    // One that begins at the end of these bytes is found in the next.
    at += bytes.length - CHUNK_HEADER_BYTES;
  }
  return window.size;
}

/** A file's bytes, some megabytes at a time. One for all files: a buffer a file would be garbage of the size of all that is read. */
class FileWindow {
  size = 0;
  #file: DiskFile | undefined;
  #bytes = Buffer.alloc(0);
  #start = 0;
  #length = 0;

  /** Looks at `file` from now on. */
  open(file: DiskFile): void {
    this.#file = file;
    this.size = file.size();
    this.#length = 0;
  }

  /** VIEW of `length` bytes, fewer where the file ends; valid until the next call. */
  async at(offset: number, length: number): Promise<Buffer> {
    if (offset < this.#start || offset + length > this.#start + this.#length) {
      const wanted = Math.min(Math.max(length, READ_BYTES), Math.max(0, this.size - offset));
      if (this.#bytes.length < wanted) this.#bytes = Buffer.allocUnsafeSlow(wanted);
      this.#length = (await this.#file?.read(this.#bytes.subarray(0, wanted), offset)) ?? 0;
      this.#start = offset;
    }
    const from = offset - this.#start;
    return this.#bytes.subarray(from, Math.min(from + length, this.#length));
  }
}
