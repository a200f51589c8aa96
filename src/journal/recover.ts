/** What a start finds of a stream's segments, and what it does with the end of the last one. */
import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { parseSegmentName, SEGMENT_HEADER_BYTES, type SegmentHeader } from './format.ts';
import { type Damage, inspectSegment, openSegment, QUARANTINE, type Segment } from './segment.ts';

export interface RecoverOptions {
  readonly disk: Disk;
  readonly dir: string;
  readonly onDamage: (damage: Damage) => void;
}

/**
 * The segments among `names`, in order, and the row behind them. The last one is read whole, and cut back to its last
 * sound chunk, or put aside when it has none. Rejects with the disk's error.
 */
export async function recoverSegments(
  options: RecoverOptions,
  names: readonly string[],
): Promise<{ segments: Segment[]; nextRow: number }> {
  const found = names.flatMap((name) => {
    const header = parseSegmentName(name);
    return header === undefined ? [] : [{ name, header }];
  });
  const segments: Segment[] = [];
  let nextRow = 0;
  for (const [index, { name, header }] of found.entries()) {
    const next = found[index + 1]?.header;
    // Only what was written last can have a torn end; a segment before it ends where the next one begins.
    const segment =
      next === undefined
        ? await recoverLast(options, name, header)
        : measure(options, name, header, next.firstRow);
    nextRow = Math.max(nextRow, segment?.endRow ?? header.firstRow);
    if (segment !== undefined) segments.push(segment);
  }
  return { segments, nextRow };
}

function measure(
  { disk, dir }: RecoverOptions,
  name: string,
  header: SegmentHeader,
  endRow: number,
): Segment {
  const file = openSegment(disk, dir, name);
  try {
    return { ...header, name, bytes: file.size(), endRow, lastTimeMs: undefined };
  } finally {
    file.close();
  }
}

async function recoverLast(
  { disk, dir, onDamage }: RecoverOptions,
  name: string,
  header: SegmentHeader,
): Promise<Segment | undefined> {
  const file = openSegment(disk, dir, name);
  try {
    const found = await inspectSegment(file, name, header);
    if (found !== undefined) {
      if (found.tail !== undefined) onDamage(found.tail);
      file.truncate(found.segment.bytes);
      return found.segment;
    }
    // Nothing in it was ever promised, unless its very first chunk was damaged: that is kept.
    const bytes = file.size();
    disk.makeDir(join(dir, QUARANTINE));
    disk.rename(join(dir, name), join(dir, QUARANTINE, name));
    if (bytes > SEGMENT_HEADER_BYTES) onDamage({ segment: name, offset: 0, bytes, kind: 'tail' });
    return undefined;
  } finally {
    file.close();
  }
}
