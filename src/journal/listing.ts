/** What `penstock journal ls` says of a stream: its files with their states, and how far each sink is. */
import type { FrozenStream } from './frozen.ts';

/** `written` now; `waiting` for a sink; `delivered` to all; a `spare` is to be written over; `quarantined` for a damage. */
export type FileState = 'written' | 'waiting' | 'delivered' | 'spare' | 'quarantined';

export interface ListedFile {
  readonly worker: number;
  readonly stream: string;
  readonly file: string;
  readonly state: FileState;
  readonly bytes: number;
  /** Undefined for what is no segment any more. */
  readonly rows?: number;
  readonly firstRow?: number;
  /** When its first and last chunks were received; undefined when there is none. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

export interface ListedCursor {
  readonly worker: number;
  readonly stream: string;
  readonly sink: string;
  /** Rows that the sink has, over the stream's life, and rows that it lacks. */
  readonly deliveredRow: number;
  readonly waitingRows: number;
}

/** The files of `stream` in the order of their rows. `isRunning`: an appliance writes to it. */
export function listFiles(stream: FrozenStream, isRunning: boolean): ListedFile[] {
  const { worker, name, segments } = stream;
  const common = { worker, stream: name };
  // Without a cursor no sink has anything.
  const delivered = Math.min(...stream.cursors.map(deliveredRow), stream.cursors.length === 0 ? 0 : Infinity);
  const state = (endRow: number, isLast: boolean): FileState => {
    if (isLast && isRunning) return 'written';
    return endRow > delivered ? 'waiting' : 'delivered';
  };
  return [
    ...segments.map(({ name: file, survey, firstRow }, index) => ({
      ...common,
      file,
      state: state(survey.endRow, index === segments.length - 1),
      bytes: survey.bytes,
      rows: survey.rows,
      firstRow,
      fromMs: survey.times?.fromMs,
      toMs: survey.times?.toMs,
    })),
    ...stream.spares.map(({ name: file, bytes }) => ({ ...common, file, state: 'spare' as const, bytes })),
    ...stream.quarantined.map(({ name: file, bytes }) => ({
      ...common,
      file,
      state: 'quarantined' as const,
      bytes,
    })),
  ];
}

/** How far each sink is in `stream`. */
export function listCursors(stream: FrozenStream): ListedCursor[] {
  const { worker, name } = stream;
  return stream.cursors.map((cursor) => ({
    worker,
    stream: name,
    sink: cursor.sink,
    deliveredRow: deliveredRow(cursor),
    // Rows that a segment lost, or that were never given out, wait for nobody.
    waitingRows: stream.segments.reduce(
      (rows, { survey }) => rows + Math.min(survey.rows, Math.max(0, survey.endRow - deliveredRow(cursor))),
      0,
    ),
  }));
}

function deliveredRow({ state }: FrozenStream['cursors'][number]): number {
  return state?.delivered.row ?? 0;
}
