/**
 * A stream as it lies on the disk, for commands: it is looked at, never touched, also while the appliance runs. Then
 * files come and go between two looks; what is gone is left out, and of the segment that is written only whole chunks
 * are seen.
 */
import { join } from 'node:path';
import { STREAMS, type StreamName } from '../sinks/sink.ts';
import { type CursorState, readCursor } from './cursor.ts';
import type { DiskFile } from './disk.ts';
import { listSlots } from './folder.ts';
import { decodeSegmentHeader, parseSegmentName, SEGMENT_HEADER_BYTES } from './format.ts';
import type { ReadSource } from './reader.ts';
import { type Damage, QUARANTINE, type Segment } from './segment.ts';
import { SPARE_SUFFIX } from './spares.ts';
import { type Survey, surveySegment } from './survey.ts';
import { openReadOnly, systemDisk } from './system-disk.ts';

export interface FrozenSegment extends Segment {
  readonly survey: Survey;
  /** Of the whole file, what stands behind the last chunk included. */
  readonly fileBytes: number;
}

export interface FrozenCursor {
  readonly sink: string;
  /** Undefined where both records are damaged, or nothing was written yet. */
  readonly state: CursorState | undefined;
  /** Whether something stands there that cannot be read. */
  readonly isDamaged: boolean;
}

export interface FrozenFile {
  readonly name: string;
  readonly bytes: number;
}

export interface FrozenStream extends ReadSource {
  readonly worker: number;
  readonly name: StreamName;
  readonly dir: string;
  /** In order; of the last one only whole chunks count. */
  readonly segments: readonly FrozenSegment[];
  readonly cursors: readonly FrozenCursor[];
  readonly spares: readonly FrozenFile[];
  readonly quarantined: readonly FrozenFile[];
}

/** The streams in the journal's folder `dir`, of all slots or of `worker` alone. Rejects with the disk's error. */
export async function openFrozenStreams(
  dir: string,
  worker: number | undefined,
  onDamage: (stream: FrozenStream, damage: Damage) => void,
): Promise<FrozenStream[]> {
  const streams: FrozenStream[] = [];
  for (const slot of listSlots(dir)) {
    if (worker !== undefined && slot !== worker) continue;
    for (const name of STREAMS) streams.push(await openFrozen(join(dir, String(slot), name), slot, name));
  }
  return streams;

  async function openFrozen(streamDir: string, slot: number, name: StreamName): Promise<FrozenStream> {
    const names = systemDisk.list(streamDir);
    const spares = names.filter((file) => file.endsWith(SPARE_SUFFIX));
    const quarantine = join(streamDir, QUARANTINE);
    const stream: FrozenStream = {
      worker: slot,
      name,
      dir: streamDir,
      segments: await readSegments(streamDir, names),
      cursors: await readCursors(streamDir, names),
      spares: await measureFiles(streamDir, spares),
      quarantined: await measureFiles(quarantine, systemDisk.list(quarantine)),
      openForReading: (segment) => openReadOnly(join(streamDir, segment)),
      quarantine: (damage) => onDamage(stream, damage),
    };
    return stream;
  }
}

async function readSegments(dir: string, names: readonly string[]): Promise<FrozenSegment[]> {
  const segments: FrozenSegment[] = [];
  for (const name of names) {
    const header = parseSegmentName(name);
    if (header === undefined) continue;
    const segment = await withFile(join(dir, name), async (file) => {
      const survey = await surveySegment(file, header);
      const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
      await file.read(bytes, 0);
      const isReused = decodeSegmentHeader(bytes)?.isReused ?? false;
      const { endRow, times } = survey;
      const fileBytes = file.size();
      return {
        ...header,
        isReused,
        name,
        survey,
        fileBytes,
        bytes: fileBytes,
        endRow,
        lastTimeMs: times?.lastMs,
      };
    });
    if (segment !== undefined) segments.push(segment);
  }
  const last = segments.at(-1);
  if (last !== undefined) last.bytes = last.survey.bytes;
  return segments;
}

async function readCursors(dir: string, names: readonly string[]): Promise<FrozenCursor[]> {
  const cursors: FrozenCursor[] = [];
  for (const name of names) {
    const sink = /^(.+)\.cursor$/.exec(name)?.[1];
    if (sink === undefined) continue;
    const cursor = await withFile(join(dir, name), async (file) => {
      const bytes = Buffer.alloc(file.size());
      await file.read(bytes, 0);
      const state = readCursor(bytes);
      return { sink, state, isDamaged: state === undefined && bytes.some((byte) => byte !== 0) };
    });
    if (cursor !== undefined) cursors.push(cursor);
  }
  return cursors;
}

async function measureFiles(dir: string, names: readonly string[]): Promise<FrozenFile[]> {
  const files: FrozenFile[] = [];
  for (const name of names) {
    const file = await withFile(join(dir, name), async (opened) => ({ name, bytes: opened.size() }));
    if (file !== undefined) files.push(file);
  }
  return files;
}

/** What `read` gives of the file, which is closed then; undefined when it is gone. */
async function withFile<Result>(
  path: string,
  read: (file: DiskFile) => Promise<Result>,
): Promise<Result | undefined> {
  let file: DiskFile;
  try {
    file = openReadOnly(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return await read(file);
  } finally {
    file.close();
  }
}
