/**
 * The engine in this process: ClickHouse as a library (chDB) on `<storeDir>/engine`. One folder a process; the
 * engine holds a lock on the file `status` in it, which goes with the process, however that ends.
 *
 * A connection runs one statement at a time, off the event loop, and has settings of its own. Opening one beside
 * others takes about 1 ms, so each query gets a fresh one and no setting outlives it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ChdbResult, drainPending, Session } from 'chdb';
import { ChdbNodeEngine } from 'chdb/durable/node';
import { STDERR_FILE } from '../protocol.ts';
import { forgetLostParts } from './deduplication-logs.ts';
import { writeEngineConfig } from './engine-config.ts';

/** A failure as the engine words it: `Code: 60. DB::Exception: … (UNKNOWN_TABLE)`. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  /** ClickHouse's error number; 0 when the text names none. */
  readonly engineCode: number;

  constructor(text: string) {
    super(text);
    this.engineCode = Number(/Code: ([0-9]+)/.exec(text)?.[1] ?? 0);
  }
}

export interface Connection {
  /** Runs one text of statements; rejects with EngineError. */
  run(sql: string, format?: string): Promise<ChdbResult>;
  close(): void;
}

/** What a text of statements would do, by the engine's own parser. */
export interface Analysis {
  readonly statementCount: number;
  /** SELECT, SHOW, DESCRIBE, EXPLAIN, EXISTS that write nothing anywhere, INTO OUTFILE included. */
  readonly readsOnly: boolean;
}

export interface Engine {
  readonly version: string;
  connect(): Connection;
  analyze(sql: string): Promise<Analysis>;
  /** Waits for what runs, then lets go of the folder. */
  close(): Promise<void>;
}

/** `chdb_query_class` of the engine's C interface. */
const CLASS_READ_ONLY = 0;

/** Opens the engine, creating its folder when needed. Throws EngineError when another process has it. */
export async function openEngine(storeDir: string): Promise<Engine> {
  const dir = join(storeDir, 'engine');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const root = openRoot(dir, writeEngineConfig(storeDir));
  closeHostFiles(root, dir);
  const analyzer = new ChdbNodeEngine();
  // Its own connection to the same folder. The second path only bounds BACKUP, which nobody here may run.
  await analyzer.start({ dataPath: dir, backupsAllowedPath: join(dir, 'no-backups') });
  const analyzeInTurn = createTurns();
  return {
    version: root.query('SELECT version()', 'TSVRaw').trim(),
    connect: () => createConnection(new Session(dir)),
    async analyze(sql) {
      const analysis = await analyzeInTurn(() => analyzer.analyze(sql, 'default'));
      return {
        statementCount: analysis.statementCount,
        readsOnly: Number(analysis.queryClass) === CLASS_READ_ONLY,
      };
    },
    async close() {
      await drainPending();
      await analyzer.close();
      root.close();
      await drainPending();
    },
  };
}

function openRoot(dir: string, configPath: string): Session {
  try {
    return new Session(dir, { connectionArgs: [`--config-file=${configPath}`] });
  } catch {
    // The engine prints its reason to stderr and throws none; the lock is the one that people meet.
    throw new EngineError(`the engine did not start on ${dir}: ${lockHolder(dir)}`);
  }
}

/**
 * The library lays the host's file system under the database `default`: any path is a table of it, and EXISTS tells
 * of every file whether it is there. The plain database of that name takes its place. What the library made itself
 * lies in memory; the plain one is created with a new data directory and comes back with its tables at later starts.
 */
function closeHostFiles(root: Session, dir: string): void {
  const metadata = join(dir, 'metadata/default.sql');
  // A process killed while it created the database leaves this behind, and the engine would not overwrite it.
  rmSync(`${metadata}.tmp`, { force: true });
  // The engine does not attach a database without tables again: killed before the first was made, it would never start.
  if (existsSync(metadata) && !hasTables(dir, metadata)) rmSync(metadata);
  // Databases of `penstock store --writable` come up with the library; their tokens are looked at as well.
  const others = otherDatabases(dir).map(quoteIdentifier);
  for (const name of ['default', ...others]) root.query(`DETACH DATABASE ${name} SYNC`);
  forgetLostParts(dir);
  root.query(existsSync(metadata) ? 'ATTACH DATABASE default' : 'CREATE DATABASE default ENGINE = Atomic');
  for (const name of others) root.query(`ATTACH DATABASE ${name}`);
}

/** Names of the databases beside `default` that have tables: each is a file named by it, its bytes that are no word as %XX. */
function otherDatabases(dir: string): string[] {
  const folder = join(dir, 'metadata');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql') && file !== 'default.sql')
    .filter((file) => hasTables(dir, join(folder, file)))
    .map((file) => decodeURIComponent(file.slice(0, -'.sql'.length)));
}

/** Each table of a database is a file in the folder that its UUID names. */
function hasTables(dir: string, metadata: string): boolean {
  const uuid = /UUID '([0-9a-f-]{36})'/.exec(readFileSync(metadata, 'utf8'))?.[1] ?? '';
  const folder = join(dir, 'store', uuid.slice(0, 3), uuid);
  return uuid !== '' && existsSync(folder) && readdirSync(folder).some((file) => file.endsWith('.sql'));
}

/** The engine writes its own process id into the lock file. */
function lockHolder(dir: string): string {
  try {
    const pid = Number(/PID: ([0-9]+)/.exec(readFileSync(join(dir, 'status'), 'utf8'))?.[1]);
    process.kill(pid, 0);
    if (pid !== process.pid) return `process ${pid} has this data directory in use`;
  } catch {
    // No file, or no such process: then the lock was not the reason.
  }
  return `its own words stand in ${STDERR_FILE} beside that folder`;
}

function createConnection(session: Session): Connection {
  const inTurn = createTurns();
  return {
    run: (sql, format = 'TSVRaw') =>
      inTurn(async () => {
        try {
          return await session.queryAsync(sql, { format });
        } catch (error) {
          throw new EngineError(error instanceof Error ? stripPrefix(error.message) : String(error));
        }
      }),
    close: () => session.close(),
  };
}

/** Runs tasks one after the other: what the binding does with two statements on one connection is not promised. */
function createTurns(): <Value>(task: () => Promise<Value>) => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const turn = last.then(task);
    last = turn.catch(() => {});
    return turn;
  };
}

/** The binding puts its own words before the engine's. */
function stripPrefix(message: string): string {
  const start = message.indexOf('Code: ');
  return start === -1 ? message : message.slice(start);
}

/** `text` as a string literal of SQL. */
export function sqlString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** `name` as an identifier of SQL. */
export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}
