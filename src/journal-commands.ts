/**
 * `penstock journal ls | verify`: what stands in the journal of a data directory, and whether it is sound. Both only
 * read, also while Penstock runs.
 */
import { join } from 'node:path';
import { journalDir } from './journal/folder.ts';
import { type FrozenStream, openFrozenStreams } from './journal/frozen.ts';
import { listCursors, listFiles } from './journal/listing.ts';
import { isLocked } from './journal/lock.ts';
import type { Damage } from './journal/segment.ts';
import { verifyStream } from './journal/verify.ts';
import { formatBytes, formatTable, formatTime } from './text.ts';

export interface LookOptions {
  readonly dataDir: string;
  readonly worker: number | undefined;
  readonly isJson: boolean;
}

/** A command that cannot be run as it was asked, with what to do. */
export class CommandError extends Error {}

/** The streams of a data directory; rejects with a CommandError when there is no journal. */
export async function openStreams(
  { dataDir, worker }: Pick<LookOptions, 'dataDir' | 'worker'>,
  onDamage: (stream: FrozenStream, damage: Damage) => void = () => {},
): Promise<{ streams: FrozenStream[]; isRunning: boolean }> {
  const dir = journalDir(dataDir);
  const isRunning = await findingJournal(dir, () => isLocked(dir));
  const streams = await openFrozenStreams(dir, worker, onDamage);
  if (worker !== undefined && streams.length === 0)
    throw new CommandError(`worker ${worker} has no journal in ${dir}; leave --worker out to see all`);
  return { streams, isRunning };
}

/** What `work` gives; rejects with a CommandError when the journal's folder `dir` is not there. */
export async function findingJournal<Result>(dir: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new CommandError(`there is no journal in ${dir}; name its data directory with --data-dir`);
  }
}

/** `penstock journal ls`: the text for stdout. */
export async function listJournal(options: LookOptions): Promise<string> {
  const { streams, isRunning } = await openStreams(options);
  const files = streams.flatMap((stream) => listFiles(stream, isRunning));
  const cursors = streams.flatMap(listCursors);
  if (options.isJson) return `${JSON.stringify({ running: isRunning, files, cursors }, null, 2)}\n`;
  const total = (key: 'rows' | 'bytes') => files.reduce((sum, file) => sum + (file[key] ?? 0), 0);
  return [
    formatTable(
      ['WORKER', 'STREAM', 'STATE', 'ROWS', 'BYTES', 'FROM', 'TO', 'FILE'],
      files.map((file) => [
        String(file.worker),
        file.stream,
        file.state,
        file.rows === undefined ? '-' : String(file.rows),
        formatBytes(file.bytes),
        formatTime(file.fromMs),
        formatTime(file.toMs),
        file.file,
      ]),
      ['WORKER', 'ROWS', 'BYTES'],
    ),
    formatTable(
      ['WORKER', 'STREAM', 'SINK', 'DELIVERED UP TO ROW', 'ROWS WAITING'],
      cursors.map(({ worker, stream, sink, deliveredRow, waitingRows }) => [
        String(worker),
        stream,
        sink,
        String(deliveredRow),
        String(waitingRows),
      ]),
      ['WORKER', 'DELIVERED UP TO ROW', 'ROWS WAITING'],
    ),
    `${files.length} files, ${total('rows')} rows, ${formatBytes(total('bytes'))}; Penstock ${isRunning ? 'runs' : 'is stopped'}.\n`,
  ].join('\n');
}

/** `penstock journal verify`: the text for stdout, and whether all of it is sound. */
export async function verifyJournal(options: LookOptions): Promise<{ text: string; isSound: boolean }> {
  const { streams, isRunning } = await openStreams(options);
  const results = [];
  for (const stream of streams) {
    const { damages, ...counts } = await verifyStream(stream);
    const { worker, name } = stream;
    results.push({
      worker,
      stream: name,
      ...counts,
      // What is being written is no end that was torn.
      tornBytes: isRunning ? 0 : counts.tornBytes,
      damages: damages.map(({ segment, ...place }) => ({ file: join(stream.dir, segment), ...place })),
      cursors: stream.cursors
        .filter(({ isDamaged }) => isDamaged)
        .map(({ sink }) => join(stream.dir, `${sink}.cursor`)),
    });
  }
  const isSound = results.every(({ damages, cursors }) => damages.length + cursors.length === 0);
  if (options.isJson)
    return { text: `${JSON.stringify({ sound: isSound, streams: results }, null, 2)}\n`, isSound };
  const table = formatTable(
    ['WORKER', 'STREAM', 'SEGMENTS', 'CHUNKS', 'ROWS', 'DAMAGES', 'ROWS LOST', 'TORN END'],
    results.map((one) => [
      String(one.worker),
      one.stream,
      String(one.segments),
      String(one.chunks),
      String(one.rows),
      String(one.damages.length + one.cursors.length),
      String(one.rowsLost),
      formatBytes(one.tornBytes),
    ]),
    ['WORKER', 'SEGMENTS', 'CHUNKS', 'ROWS', 'DAMAGES', 'ROWS LOST', 'TORN END'],
  );
  const places = results.flatMap((one) => [
    ...one.damages.map(
      ({ file, offset, bytes, kind }) => `damaged (${kind}): ${file}, ${bytes} bytes from byte ${offset}\n`,
    ),
    ...one.cursors.map((file) => `damaged (cursor): ${file}; its sink is brought again all that is kept\n`),
  ]);
  const verdict = isSound
    ? 'Sound. A torn end is a write that the end of the process cut off; nobody was told that it was kept.\n'
    : 'Damaged. A start steps over these places, keeps their bytes in quarantine/ and delivers the rest.\n';
  return { text: [table, ...places, verdict].join(''), isSound };
}
