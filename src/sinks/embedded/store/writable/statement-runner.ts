/**
 * Runs what the writable door was asked for: an insert whose rows stand in a file, or a statement that writes. Each has a
 * connection of its own, so that no setting outlives it; a few run at a time.
 *
 * An insert is the engine's own INSERT, reading from the file: defaults, tokens and errors are those of any ClickHouse.
 */
import { availableParallelism } from 'node:os';
import {
  QUERIES_MAX,
  QUERIES_WAITING_MAX,
  STORE_INSERTS_MAX,
  STORE_INSERTS_WAITING_MAX,
} from '../../../../limits.ts';
import { type Connection, type Engine, EngineError, quoteIdentifier, sqlString } from '../engine.ts';
import { createPlaces } from '../places.ts';
import type { QueryResult } from '../query-runner.ts';
import { insertSettings } from './insert-settings.ts';
import type { InsertHead } from './insert-statement.ts';
import { checkStatement } from './statement-guard.ts';

export interface StatementJob {
  readonly parameters: URLSearchParams;
  readonly defaultFormat: string;
  /** Unique mark of this run. */
  readonly key: string;
}

export interface StatementRunner {
  /** Inserts the rows of `path`. Rejects with EngineError. */
  insert(head: InsertHead, path: string, compression: string, job: StatementJob): Promise<QueryResult>;
  /** Runs one statement that the guard lets through. Rejects with EngineError. */
  run(statement: string, job: StatementJob): Promise<QueryResult>;
  close(): void;
}

export function createStatementRunner(engine: Engine): StatementRunner {
  const helper = engine.connect();
  const prepared = helper.run('SET max_query_size = 4000000');
  const inserts = createPlaces(
    Math.max(1, Math.min(STORE_INSERTS_MAX, availableParallelism() - 1)),
    STORE_INSERTS_WAITING_MAX,
  );
  const statements = createPlaces(QUERIES_MAX, QUERIES_WAITING_MAX);

  async function execute(sql: string, settings: string, job: StatementJob): Promise<QueryResult> {
    const connection = engine.connect();
    try {
      await prepare(connection, settings, job.parameters);
      const result = await connection.run(sql, job.defaultFormat);
      return {
        bytes: result.bytes(),
        format: job.defaultFormat,
        readRows: result.rowsRead,
        readBytes: result.bytesRead,
        elapsedSeconds: result.elapsed,
      };
    } finally {
      connection.close();
    }
  }

  return {
    async insert(head, path, compression, job) {
      const settings = insertSettings(job.parameters, head.settings, job.key);
      const sql = `INSERT INTO ${head.table} ${head.columns} FROM INFILE ${sqlString(path)} COMPRESSION ${sqlString(compression)} FORMAT ${head.format}`;
      return inserts
        .in(() => execute(sql, settings, job))
        .catch((error: unknown) => {
          throw error instanceof EngineError ? new EngineError(withoutFile(error.message)) : error;
        });
    },
    async run(statement, job) {
      await prepared;
      await checkStatement(engine, helper, statement);
      const settings = insertSettings(job.parameters, new Map(), job.key);
      return statements.in(() => execute(statement, settings, job));
    },
    close: () => helper.close(),
  };
}

async function prepare(connection: Connection, settings: string, parameters: URLSearchParams): Promise<void> {
  const database = parameters.get('database') ?? '';
  if (database !== '') await connection.run(`USE ${quoteIdentifier(database)}`);
  await connection.run(settings);
}

/** An error as a server words it that read the rows from the request: the file and the second wrapping left out. */
function withoutFile(message: string): string {
  return message
    .replace(/^(Code: [0-9]+\. DB::Exception: )(?:Code: [0-9]+\. DB::Exception: )+/, '$1')
    .replace(/: \(in file\/uri [^)]*\)/g, '')
    .replace(/: While executing File\b/g, '')
    .replace(/: data for INSERT was parsed from file/g, '')
    .replace(/( \([A-Z_0-9]+\))(?: \(version [^()]*\)\.\1)+/g, '$1');
}
