/**
 * ClickHouse's HTTP interface with inserts, over the embedded engine: what `penstock store --writable` serves.
 *
 *   GET /ping, GET / without a query           Ok.
 *   GET or POST /?query=SELECT …               as the read-only door answers it
 *   POST /?query=INSERT INTO t FORMAT f        rows in the body, in any format and encoding that the engine reads
 *   POST /                                     the statement at the body's head, rows of an INSERT behind it
 *
 * An answer of 200 to an insert means that its rows are in the table and survive kill -9. Errors carry
 * X-ClickHouse-Exception-Code, the status that ClickHouse gives, and the engine's text. Not spoken: sessions, the native
 * compression (compress=1, decompress=1), temporary tables that outlive a request.
 */
import { randomUUID, timingSafeEqual } from 'node:crypto';
import { unlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { STORE_HEAD_BYTES_MAX } from '../../../../limits.ts';
import { type Engine, EngineError } from '../engine.ts';
import {
  defaultFormat,
  readCredentials,
  readQueryId,
  refuseForeignHost,
  refuseNativeCompression,
  refusePage,
  sendError,
  sendRefusal,
  sendResult,
  sendText,
} from '../http-words.ts';
import { createQueryRunner, type QueryResult, type QueryRunner } from '../query-runner.ts';
import { CODE_TOO_LARGE, compressionOf, readStatement, writeBody } from './insert-body.ts';
import { type InsertHead, readInsertHead } from './insert-statement.ts';
import { createStatementRunner, type StatementJob, type StatementRunner } from './statement-runner.ts';

export interface WritableDoorOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The one user; without a password anyone who reaches the port may write. */
  readonly user: string;
  readonly password: string;
  /** Folder for bodies while they are inserted. */
  readonly inboxDir: string;
  readonly queryResultBytesMax: number;
}

export interface WritableDoor {
  readonly port: number;
  /** Takes nothing more; resolves when what is in hand was answered. */
  close(): Promise<void>;
}

interface Runners {
  readonly engine: Engine;
  readonly reads: QueryRunner;
  readonly writes: StatementRunner;
}

/** Listens. Rejects when the port is taken. */
export async function openWritableDoor(engine: Engine, options: WritableDoorOptions): Promise<WritableDoor> {
  const reads = createQueryRunner(engine, options.queryResultBytesMax);
  const runners = { engine, reads, writes: createStatementRunner(engine) };
  const isLocal = LOCAL_ADDRESSES.has(options.host);
  const server = createServer((request, response) => {
    answer(request, response, runners, options, isLocal).catch((error: unknown) => {
      // Of a body that was not read to its end nothing can follow on this connection.
      const isUnread = (code: number) => code === CODE_TOO_LARGE || !request.complete;
      if (response.headersSent) response.destroy();
      else sendError(response, engine, error, isUnread);
    });
  });
  // An insert may wait for others, and a slow link may take its time; who hangs holds one socket.
  server.requestTimeout = 0;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await closed;
      runners.reads.close();
      runners.writes.close();
    },
  };
}

const LOCAL_ADDRESSES: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);
/** As ClickHouse has it by default. */
const KEEP_ALIVE_MS = 10_000;

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  runners: Runners,
  options: WritableDoorOptions,
  isLocal: boolean,
): Promise<void> {
  response.setHeader('X-ClickHouse-Timezone', 'UTC');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  const refusal = (isLocal ? refuseForeignHost(request) : undefined) ?? refusePage(request);
  if (refusal !== undefined) return sendRefusal(response, refusal);
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname === '/ping') return sendText(response, 200, 'Ok.\n');
  if (url.pathname !== '/') return sendText(response, 404, `There is no handle ${url.pathname}\n`);
  const parameters = url.searchParams;
  checkCredentials(request, parameters, options);
  refuseNativeCompression(parameters);
  const queryId = readQueryId(parameters);
  response.setHeader('X-ClickHouse-Query-Id', queryId);
  const job = { parameters, defaultFormat: defaultFormat(request, parameters), key: randomUUID() };
  const result = await serve(request, response, runners, job, join(options.inboxDir, job.key));
  if (result === undefined) sendText(response, 200, 'Ok.\n');
  else await sendResult(request, response, parameters, result);
}

/** Undefined where nothing was asked for. */
async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  runners: Runners,
  job: StatementJob,
  path: string,
): Promise<QueryResult | undefined> {
  const asked = job.parameters.get('query') ?? '';
  const head = readInsertHead(asked);
  if (head !== undefined && asked.length === head.end && request.method === 'POST') {
    const compression = compressionOf(request);
    return withFile(path, async () => {
      await writeBody(request, path);
      return runners.writes.insert(head, path, compression, job);
    });
  }
  const body = await readStatement(request);
  const parts = [Buffer.from(asked), body].filter((part) => part.length > 0);
  const text = parts.length === 2 ? Buffer.concat([Buffer.from(`${asked}\n`), body]) : parts[0];
  if (text === undefined) return undefined;
  const inlineHead = readInsertHead(text.toString('utf8', 0, STORE_HEAD_BYTES_MAX));
  if (inlineHead !== undefined && request.method === 'POST')
    return insertInline(text, inlineHead, runners, job, path);
  return runStatement(text.toString(), request, response, runners, job);
}

/** Rows behind the head, in the text itself. */
async function insertInline(
  text: Buffer,
  head: InsertHead,
  runners: Runners,
  job: StatementJob,
  path: string,
): Promise<QueryResult> {
  const headBytes = Buffer.byteLength(text.toString('utf8', 0, STORE_HEAD_BYTES_MAX).slice(0, head.end));
  return withFile(path, async () => {
    await writeFile(path, text.subarray(headBytes), { mode: 0o600 });
    return runners.writes.insert(head, path, 'none', job);
  });
}

async function runStatement(
  statement: string,
  request: IncomingMessage,
  response: ServerResponse,
  { engine, reads, writes }: Runners,
  job: StatementJob,
): Promise<QueryResult> {
  const { readsOnly } = await engine.analyze(statement);
  if (!readsOnly && request.method === 'POST') return writes.run(statement, job);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  return reads.run({ ...job, query: statement, signal: gone.signal });
}

/** The file goes with the work: a body whose insert failed is sent again. */
async function withFile<Value>(path: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } finally {
    await unlink(path).catch(() => {});
  }
}

function checkCredentials(
  request: IncomingMessage,
  parameters: URLSearchParams,
  options: WritableDoorOptions,
): void {
  const [user, password] = readCredentials(request, parameters);
  if (isSame(user, options.user) && isSame(password, options.password)) return;
  throw new EngineError(
    `Code: 516. DB::Exception: ${user}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)`,
  );
}

function isSame(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}
