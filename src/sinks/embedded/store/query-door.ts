/**
 * ClickHouse's HTTP interface, for reading, on 127.0.0.1 alone. Any local program may read: there is no password.
 * Web pages are kept out: by the Host header, which a rebound DNS name cannot forge, and by Origin and
 * Sec-Fetch-Site, which browsers set themselves when a foreign page sends the request.
 *
 *   GET /ping, GET / without a query    Ok.
 *   GET or POST /?query=…               query in the URL, the body, or both, joined by a newline
 *
 * Answers carry X-ClickHouse-Format, -Query-Id, -Summary and -Timezone; errors X-ClickHouse-Exception-Code and the
 * engine's text. A result is whole or an error: nothing is sent before the query is done.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { QUERY_BYTES_MAX } from '../../../limits.ts';
import { type Engine, EngineError } from './engine.ts';
import { contentTypeOf, statusOf } from './query-errors.ts';
import { createQueryRunner, type QueryResult, type QueryRunner } from './query-runner.ts';

export interface QueryDoor {
  readonly port: number;
  close(): void;
}

const gzipAsync = promisify(gzip);
const LOCAL_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const QUERY_ID = /^[\x21-\x7e]{1,128}$/;

/** Listens on `port`, 0 for a free one. Rejects when it is taken. */
export async function openQueryDoor(
  engine: Engine,
  port: number,
  resultBytesMax: number,
): Promise<QueryDoor> {
  const runner = createQueryRunner(engine, resultBytesMax);
  const server = createServer((request, response) => {
    answer(request, response, runner).catch((error: unknown) => {
      if (!response.headersSent) sendError(response, engine, error);
      else response.destroy();
    });
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  } catch (error) {
    runner.close();
    throw error;
  }
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
      runner.close();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  runner: QueryRunner,
): Promise<void> {
  response.setHeader('X-ClickHouse-Timezone', 'UTC');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  const refusal = refuseRequest(request);
  if (refusal !== undefined) {
    response.writeHead(refusal.status, { 'Content-Type': 'text/plain', Connection: 'close' });
    response.end(`${refusal.message}\n`);
    return;
  }
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname === '/ping') return sendText(response, 200, 'Ok.\n');
  if (url.pathname !== '/') return sendText(response, 404, `There is no handle ${url.pathname}\n`);
  const body = await readBody(request);
  const parameters = url.searchParams;
  const query = [parameters.get('query') ?? '', body].filter((part) => part !== '').join('\n');
  if (query === '') return sendText(response, 200, 'Ok.\n');
  refuseParameters(request, parameters, query);
  const queryId = readQueryId(parameters);
  response.setHeader('X-ClickHouse-Query-Id', queryId);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const result = await runner.run({
    query,
    parameters,
    defaultFormat:
      parameters.get('default_format') ?? header(request, 'x-clickhouse-format') ?? 'TabSeparated',
    key: randomUUID(),
    signal: gone.signal,
  });
  await sendResult(request, response, parameters, result);
}

function refuseRequest(request: IncomingMessage): { status: number; message: string } | undefined {
  const host = (request.headers.host ?? '').replace(/:[0-9]*$/, '').toLowerCase();
  if (!LOCAL_HOSTS.has(host)) return { status: 403, message: 'this interface answers to localhost only' };
  if (isFromForeignPage(request)) return { status: 403, message: 'this interface does not answer web pages' };
  if (request.method !== 'GET' && request.method !== 'POST' && request.method !== 'HEAD') {
    return { status: 405, message: 'GET, HEAD or POST' };
  }
  return undefined;
}

/** `null` is the origin of sandboxed pages and of files. Programs that are no browsers send neither header. */
function isFromForeignPage(request: IncomingMessage): boolean {
  const site = header(request, 'sec-fetch-site');
  if (site === 'cross-site' || site === 'same-site') return true;
  const { origin } = request.headers;
  return origin !== undefined && !(URL.canParse(origin) && LOCAL_HOSTS.has(new URL(origin).hostname));
}

function refuseParameters(request: IncomingMessage, parameters: URLSearchParams, query: string): void {
  if (Buffer.byteLength(query) > QUERY_BYTES_MAX) throw tooLarge();
  for (const name of ['compress', 'decompress']) {
    if ((parameters.get(name) ?? '0') === '0') continue;
    throw new EngineError(
      `Code: 48. DB::Exception: ${name}=1, the native compression, is not spoken here; use enable_http_compression. (NOT_IMPLEMENTED)`,
    );
  }
  const [user, password] = readCredentials(request, parameters);
  if (user !== 'default' || password !== '') {
    throw new EngineError(
      `Code: 516. DB::Exception: ${user}: Authentication failed: there is one user, default, without a password. (AUTHENTICATION_FAILED)`,
    );
  }
}

function readCredentials(
  request: IncomingMessage,
  parameters: URLSearchParams,
): [user: string, password: string] {
  const authorization = header(request, 'authorization') ?? '';
  if (authorization.startsWith('Basic ')) {
    const text = Buffer.from(authorization.slice('Basic '.length), 'base64').toString();
    const colon = text.indexOf(':');
    return colon === -1 ? [text, ''] : [text.slice(0, colon) || 'default', text.slice(colon + 1)];
  }
  const user = header(request, 'x-clickhouse-user') ?? parameters.get('user') ?? '';
  return [user || 'default', header(request, 'x-clickhouse-key') ?? parameters.get('password') ?? ''];
}

function readQueryId(parameters: URLSearchParams): string {
  const asked = parameters.get('query_id') ?? '';
  return QUERY_ID.test(asked) ? asked : randomUUID();
}

async function readBody(request: IncomingMessage): Promise<string> {
  if (request.method !== 'POST') return '';
  if ((header(request, 'content-encoding') ?? 'identity') !== 'identity') {
    throw new EngineError('Code: 48. DB::Exception: A compressed query is not read here. (NOT_IMPLEMENTED)');
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > QUERY_BYTES_MAX) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooLarge(): EngineError {
  return new EngineError(
    `Code: 229. DB::Exception: The query is over ${QUERY_BYTES_MAX} bytes. (QUERY_IS_TOO_LARGE)`,
  );
}

async function sendResult(
  request: IncomingMessage,
  response: ServerResponse,
  parameters: URLSearchParams,
  result: QueryResult,
): Promise<void> {
  response.setHeader('Content-Type', contentTypeOf(result.format));
  response.setHeader('X-ClickHouse-Format', result.format);
  response.setHeader(
    'X-ClickHouse-Summary',
    JSON.stringify({
      read_rows: String(result.readRows),
      read_bytes: String(result.readBytes),
      elapsed_ns: String(Math.round(result.elapsedSeconds * 1e9)),
    }),
  );
  const wantsGzip =
    parameters.get('enable_http_compression') === '1' &&
    (header(request, 'accept-encoding') ?? '').toLowerCase().includes('gzip');
  if (wantsGzip) response.setHeader('Content-Encoding', 'gzip');
  const bytes = wantsGzip ? await gzipAsync(result.bytes, { level: 3 }) : result.bytes;
  response.writeHead(200, { 'Content-Length': bytes.length });
  response.end(bytes);
}

function sendError(response: ServerResponse, engine: Engine, error: unknown): void {
  const engineError = error instanceof EngineError ? error : undefined;
  const code = engineError?.engineCode ?? 1002;
  const text = engineError?.message ?? `Code: 1002. DB::Exception: ${String(error)} (UNKNOWN_EXCEPTION)`;
  response.writeHead(statusOf(code), {
    'Content-Type': 'text/plain; charset=UTF-8',
    'X-ClickHouse-Exception-Code': String(code),
    // A query that was too long is not read to its end.
    ...(code === 229 ? { Connection: 'close' } : {}),
  });
  response.end(`${text} (version ${engine.version} (official build))\n`);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/html; charset=UTF-8' });
  response.end(text);
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
