/**
 * What a start makes of the segments that it finds in a stream's folder: which rows they hold, what a crash left at
 * the end of the last one, and what their meta says.
 */
import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { parseSegmentName, SEGMENT_HEADER_BYTES, type SegmentHeader } from './format.ts';
import { type Damage, inspectSegment, openSegment, QUARANTINE, type Segment } from './segment.ts';

/**
 * Who knows what the meta of a stream's chunks says. The first chunk of every segment says it all again, so that a
 * start reads the last segment only, and those before it may be deleted.
 */
export interface MetaKeeper {
  /** Meta that a start has found, in any order; it adds up. VIEW. */
  found(meta: Uint8Array): void;
  /** All that the meta appended so far says. COPY. */
  snapshot(): Uint8Array;
}

export interface RecoveryOptions {
  readonly disk: Disk;
  readonly dir: string;
  readonly onDamage: (damage: Damage) => void;
  readonly meta?: MetaKeeper | undefined;
}

/**
 * The segments among `names`, in order, and the row behind them. The end of the last one is cut where a crash tore it;
 * without one sound chunk it is moved to quarantine. Rejects with the disk's error.
 */
export async function recoverSegments(
  options: RecoveryOptions,
  names: readonly string[],
): Promise<{ segments: Segment[]; nextRow: number }> {
  const segments: Segment[] = [];
  const meta = new MetaRecovery(options.meta);
  let nextRow = 0;
  const found = names.flatMap((name) => {
    const header = parseSegmentName(name);
    return header === undefined ? [] : [{ name, header }];
  });
  for (const [index, { name, header }] of found.entries()) {
    const next = found[index + 1]?.header;
    // Only what was written last can have a torn end; a segment before it ends where the next one begins.
    const segment =
      next === undefined
        ? await recoverLast(options, name, header, meta)
        : measure(options, name, header, next.firstRow);
    // Nothing in one that was moved away was ever promised; its rows are not given out again all the same.
    nextRow = Math.max(nextRow, segment?.endRow ?? header.firstRow);
    if (segment !== undefined) segments.push(segment);
  }
  for (const { name, ...header } of [...segments].reverse()) {
    if (meta.isWhole) break;
    await inspect(options, name, header, meta);
  }
  return { segments, nextRow };
}

/** Meta as it is read, from the newest segment back to the first whose first chunk says all that stands before it. */
class MetaRecovery {
  readonly #keeper: MetaKeeper | undefined;
  isWhole: boolean;

  constructor(keeper: MetaKeeper | undefined) {
    this.#keeper = keeper;
    this.isWhole = keeper === undefined;
  }

  readonly take = (meta: Buffer, isFirst: boolean): void => {
    this.isWhole ||= isFirst;
    this.#keeper?.found(meta);
  };
}

function measure(
  { disk, dir }: RecoveryOptions,
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

async function inspect(
  { disk, dir }: RecoveryOptions,
  name: string,
  header: SegmentHeader,
  meta: MetaRecovery,
): Promise<void> {
  const file = openSegment(disk, dir, name);
  try {
    await inspectSegment(file, name, header, meta.take);
  } finally {
    file.close();
  }
}

async function recoverLast(
  { disk, dir, onDamage }: RecoveryOptions,
  name: string,
  header: SegmentHeader,
  meta: MetaRecovery,
): Promise<Segment | undefined> {
  const file = openSegment(disk, dir, name);
  try {
    const found = await inspectSegment(file, name, header, meta.take);
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
