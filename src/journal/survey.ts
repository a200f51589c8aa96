/**
 * What stands in a segment, by its chunks' headers alone: bodies are stepped over, so that a look at gigabytes takes a
 * moment. What no header says, whether a body is sound, the reader says.
 */
import type { DiskFile } from './disk.ts';
import {
  bodyBytes,
  CHUNK_HEADER_BYTES,
  decodeChunkHeader,
  findChunk,
  headerSeed,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from './format.ts';

/** Many small chunks then cost one read, and a large one not much more than its header. */
const READ_BYTES = 64 * 1024;

export interface Survey {
  readonly chunks: number;
  readonly rows: number;
  /** Behind the last chunk. */
  readonly bytes: number;
  /** Row behind the last one. */
  readonly endRow: number;
  /** Earliest and latest time of a chunk, and that of the last one; undefined when there is none. */
  readonly times: { readonly fromMs: number; readonly toMs: number; readonly lastMs: number } | undefined;
}

/** Looks through the segment `header` in `file`. Rejects with the disk's error. */
export async function surveySegment(
  file: Pick<DiskFile, 'read' | 'size'>,
  header: SegmentHeader,
): Promise<Survey> {
  const size = file.size();
  const seed = headerSeed(header);
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  let window = buffer.subarray(0, 0);
  let windowStart = 0;
  let at = SEGMENT_HEADER_BYTES;
  let chunks = 0;
  let rows = 0;
  let bytes = at;
  let { firstRow: endRow } = header;
  let times: Survey['times'];
  while (at + CHUNK_HEADER_BYTES <= size) {
    if (at < windowStart || at + CHUNK_HEADER_BYTES > windowStart + window.length) {
      window = buffer.subarray(0, await file.read(buffer, at));
      windowStart = at;
      if (window.length < CHUNK_HEADER_BYTES) break;
    }
    const chunk = decodeChunkHeader(window, at - windowStart, seed);
    const end = chunk === undefined ? Number.POSITIVE_INFINITY : at + CHUNK_HEADER_BYTES + bodyBytes(chunk);
    if (chunk === undefined || end > size) {
      const found = findChunk(window, at - windowStart + 1, seed);
      // A header may begin in this window and end in the next.
      at =
        found < 0 ? Math.max(at, windowStart + window.length - CHUNK_HEADER_BYTES) + 1 : windowStart + found;
      continue;
    }
    chunks += 1;
    rows += chunk.rows;
    endRow = chunk.firstRow + chunk.rows;
    times = {
      fromMs: Math.min(times?.fromMs ?? chunk.timeMs, chunk.timeMs),
      toMs: Math.max(times?.toMs ?? chunk.timeMs, chunk.timeMs),
      lastMs: chunk.timeMs,
    };
    at = end;
    bytes = end;
  }
  return { chunks, rows, bytes, endRow, times };
}
