/**
 * Runs the queries of the door: QUERIES_MAX at a time, each over a connection of its own with its own settings,
 * QUERIES_WAITING_MAX more in line. A query whose client went away is killed by its key in system.processes,
 * since nothing else reaches one that runs.
 */
import { QUERIES_MAX, QUERIES_WAITING_MAX } from '../../../limits.ts';
import { type Engine, EngineError, quoteIdentifier, sqlString } from './engine.ts';
import { createPlaces } from './places.ts';
import { checkQuery } from './query-guard.ts';
import { queryParameters, querySettings } from './query-settings.ts';

export interface QueryJob {
  readonly query: string;
  readonly parameters: URLSearchParams;
  /** The format when the query names none. */
  readonly defaultFormat: string;
  /** Unique mark of this run. */
  readonly key: string;
  readonly signal: AbortSignal;
}

export interface QueryResult {
  readonly bytes: Uint8Array;
  readonly format: string;
  readonly readRows: number;
  readonly readBytes: number;
  readonly elapsedSeconds: number;
}

export interface QueryRunner {
  /** Rejects with EngineError. */
  run(job: QueryJob): Promise<QueryResult>;
  close(): void;
}

export function createQueryRunner(engine: Engine, resultBytesMax: number): QueryRunner {
  // For formatting, which takes no time, and for KILL QUERY, which must not wait behind a query.
  const helper = engine.connect();
  const prepared = helper.run('SET max_query_size = 4000000');
  const places = createPlaces(QUERIES_MAX, QUERIES_WAITING_MAX);

  async function run(job: QueryJob): Promise<QueryResult> {
    await prepared;
    const settings = querySettings(job.parameters, resultBytesMax, job.key);
    const parameters = queryParameters(job.parameters);
    const checked = await checkQuery(engine, helper, job.query, parameters, job.defaultFormat);
    return places.in(() => runChecked(job, settings, checked.format ?? job.defaultFormat));
  }

  async function runChecked(job: QueryJob, settings: string, format: string): Promise<QueryResult> {
    const connection = engine.connect();
    const kill = () => {
      helper.run(`KILL QUERY WHERE Settings['log_comment'] = ${sqlString(job.key)} ASYNC`).catch(() => {});
    };
    job.signal.addEventListener('abort', kill, { once: true });
    try {
      const database = job.parameters.get('database') ?? '';
      if (database !== '') await connection.run(`USE ${quoteIdentifier(database)}`);
      await connection.run(settings);
      if (job.signal.aborted) {
        throw new EngineError('Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)');
      }
      const result = await connection.run(job.query, job.defaultFormat);
      return {
        bytes: result.bytes(),
        format,
        readRows: result.rowsRead,
        readBytes: result.bytesRead,
        elapsedSeconds: result.elapsed,
      };
    } finally {
      job.signal.removeEventListener('abort', kill);
      connection.close();
    }
  }

  return { run, close: () => helper.close() };
}
