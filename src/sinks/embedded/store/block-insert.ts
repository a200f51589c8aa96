/**
 * Puts one block file into its table, as one insert under its token.
 *
 * The token counts per inserted block, and the engine cuts a stream of rows into blocks as it likes; so all rows
 * of a file are squashed into one block (min_insert_block_size_*), by one thread, and a repeat has the same one
 * whatever the timing. `file()` counts as an unstable source, hence `enable_even_for_bad_queries`: block files
 * never change.
 */
import { access, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlockKind } from '../../block.ts';
import { CONTENT_CODES } from '../../content-codes.ts';
import { CONTENT_SETTINGS, ONE_BLOCK_SETTINGS } from '../../insert-settings.ts';
import { blockToken, refusedDir, spoolDir } from '../protocol.ts';
import { type Connection, EngineError, sqlString } from './engine.ts';
import { statementThreads } from './engine-config.ts';

export type InsertOutcome =
  | { readonly outcome: 'inserted' }
  /** `refused`: known to be the content's fault, the same bytes would fail again. `retry`: anything else. */
  | { readonly outcome: 'refused' | 'retry'; readonly code: number; readonly message: string };

/** By kind: format, table, and the columns with their types as the table has them. */
export interface InsertTarget {
  readonly table: string;
  readonly format: string;
  /** Names, quoted: the one called index must be. */
  readonly columns: string;
  /** Names and types: equal to the table's types, or JSON columns would be printed and parsed a second time. */
  readonly structure: string;
}

/** Settings of a connection that inserts. */
export const INSERT_SETTINGS = [
  ...Object.entries({ ...ONE_BLOCK_SETTINGS, ...CONTENT_SETTINGS }).map(
    ([name, value]) => `${name} = ${value}`,
  ),
  `max_threads = ${statementThreads()}`,
  // Pieces of 1 MiB let two cores parse one block: 114 against 89 thousand rows a second with the default of 10 MiB.
  'min_chunk_bytes_for_parallel_parsing = 1048576',
  "deduplicate_insert_select = 'enable_even_for_bad_queries'",
  'max_execution_time = 0',
];

const TARGETS = {
  native: { table: 'events', format: 'Native' },
  jsonl: { table: 'events', format: 'JSONEachRow' },
  'rejected.bin': { table: 'events_rejected', format: 'RowBinary' },
} as const satisfies Record<BlockKind, { table: string; format: string }>;

/** Reads columns and types from the tables. */
export async function readInsertTargets(connection: Connection): Promise<Record<BlockKind, InsertTarget>> {
  return {
    native: await readInsertTarget(connection, 'native'),
    jsonl: await readInsertTarget(connection, 'jsonl'),
    'rejected.bin': await readInsertTarget(connection, 'rejected.bin'),
  };
}

async function readInsertTarget(connection: Connection, kind: BlockKind): Promise<InsertTarget> {
  const target = TARGETS[kind];
  const query = `SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = ${sqlString(target.table)} AND default_kind = '' ORDER BY position`;
  const rows = (await connection.run(query, 'JSONCompactEachRow')).text().trim().split('\n');
  const columns = rows.map((row) => JSON.parse(row) as [name: string, type: string]);
  return {
    ...target,
    columns: columns.map(([name]) => `\`${name}\``).join(', '),
    structure: columns.map(([name, type]) => `\`${name}\` ${type}`).join(', '),
  };
}

/** Inserts `file` of the spool folder and deletes it, or moves it aside. Never throws for the engine or the disk. */
export async function insertBlockFile(
  connection: Connection,
  storeDir: string,
  file: string,
  target: InsertTarget,
): Promise<InsertOutcome> {
  const path = join(spoolDir(storeDir), file);
  try {
    await connection.run(
      `INSERT INTO ${target.table} (${target.columns}) SELECT ${target.columns} FROM file(${sqlString(path)}, '${target.format}', ${sqlString(target.structure)}) SETTINGS insert_deduplication_token = ${sqlString(blockToken(file))}`,
    );
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // Deleted since it was looked for: by whoever inserted it. The engine may miss a file of its own as well.
    if (error.engineCode === CODE_FILE_DOES_NOT_EXIST && !(await exists(path)))
      return { outcome: 'inserted' };
    return { outcome: outcomeOf(error), code: error.engineCode, message: error.message };
  }
  // A file that cannot be deleted is inserted again at the next start, and the table ignores it.
  await unlink(path).catch(() => {});
  return { outcome: 'inserted' };
}

/** Moves a refused file out of the way, with the engine's message, which may quote the content, beside it. */
export async function moveAside(storeDir: string, file: string, message: string): Promise<void> {
  const path = join(refusedDir(storeDir), file);
  await rename(join(spoolDir(storeDir), file), path);
  await writeFile(`${path}.error`, `${message}\n`, { mode: 0o600 }).catch(() => {});
}

/** The engine's code for a file that stands in refused/; 0 when it died of it, or nothing is said. */
export async function refusedCode(storeDir: string, file: string): Promise<number> {
  const message = await readFile(`${join(refusedDir(storeDir), file)}.error`, 'latin1').catch(() => '');
  return Number(/^Code: ([0-9]+)/.exec(message)?.[1] ?? 0);
}

const CODE_FILE_DOES_NOT_EXIST = 107;

/** An error of the operating system is the host's, whatever number the engine gives it. Rows may quote that word, further on. */
const ERRNO_ERROR = /^Code: [0-9]+\. DB::ErrnoException/;

function outcomeOf(error: EngineError): 'refused' | 'retry' {
  if (ERRNO_ERROR.test(error.message)) return 'retry';
  return CONTENT_CODES.has(error.engineCode) ? 'refused' : 'retry';
}

/** False only when there is surely no such file. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}
