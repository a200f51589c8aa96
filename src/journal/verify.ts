/** Reads a stream's segments whole, every checksum, and says what is damaged. Nothing is changed. */
import { wholeBlocks } from './direct.ts';
import { SEGMENT_HEADER_BYTES } from './format.ts';
import type { FrozenSegment, FrozenStream } from './frozen.ts';
import { StreamReader } from './reader.ts';
import type { Damage } from './segment.ts';

export interface Verification {
  readonly segments: number;
  readonly chunks: number;
  readonly rows: number;
  readonly damages: readonly Damage[];
  /** Rows that the damages took. */
  readonly rowsLost: number;
  /** Bytes behind the last whole chunk: a write that the process's end cut off, or the running one; no damage. */
  readonly tornBytes: number;
}

/** Verifies one stream. Rejects with the disk's error; a segment that is deleted meanwhile is left out. */
export async function verifyStream(stream: FrozenStream): Promise<Verification> {
  const total = { segments: 0, chunks: 0, rows: 0, rowsLost: 0, tornBytes: 0 };
  const damages: Damage[] = [];
  for (const segment of stream.segments) {
    const one = await verifySegment(stream, segment);
    if (one === undefined) continue;
    total.segments += 1;
    total.chunks += one.chunks;
    total.rows += one.rows;
    total.rowsLost += one.rowsLost;
    total.tornBytes += one.tornBytes;
    damages.push(...one.damages);
  }
  return { ...total, damages };
}

async function verifySegment(
  stream: FrozenStream,
  segment: FrozenSegment,
): Promise<Omit<Verification, 'segments'> | undefined> {
  const isLast = segment === stream.segments.at(-1);
  const damages: Damage[] = [];
  // What fills the last block of a direct write up was no write that was cut off.
  const isFilledUp = segment.fileBytes === wholeBlocks(segment.bytes);
  let tornBytes = isLast && !segment.isReused && !isFilledUp ? segment.fileBytes - segment.bytes : 0;
  let isDamagedSince = false;
  const quarantine = (damage: Damage) => {
    const isEnd = isLast && damage.kind !== 'header' && damage.offset + damage.bytes >= segment.bytes;
    if (isEnd) tornBytes += damage.bytes;
    else {
      damages.push(damage);
      isDamagedSince = true;
    }
  };
  const source = { segments: [segment], openForReading: stream.openForReading, quarantine };
  const reader = new StreamReader(source, { segment: segment.name, offset: SEGMENT_HEADER_BYTES, row: 0 });
  let chunks = 0;
  let rows = 0;
  let rowsLost = 0;
  let endRow = segment.firstRow;
  try {
    for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
      chunks += 1;
      rows += chunk.rows;
      if (isDamagedSince) rowsLost += chunk.firstRow - endRow;
      isDamagedSince = false;
      endRow = chunk.firstRow + chunk.rows;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    reader.close();
  }
  // At the end of a segment only the next one's name says how many rows were lost.
  const next = stream.segments[stream.segments.indexOf(segment) + 1];
  if (isDamagedSince && next !== undefined) rowsLost += next.firstRow - endRow;
  return { chunks, rows, damages, rowsLost, tornBytes };
}
