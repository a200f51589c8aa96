/** What both doors read of a request of ClickHouse's HTTP interface, and write of an answer. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Engine, EngineError } from './engine.ts';
import { contentTypeOf, statusOf } from './query-errors.ts';
import type { QueryResult } from './query-runner.ts';

const gzipAsync = promisify(gzip);
const LOCAL_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const QUERY_ID = /^[\x21-\x7e]{1,128}$/;

/** Why a request is refused before it is looked at. */
export interface RequestRefusal {
  readonly status: number;
  readonly message: string;
}

/** Refuses what was not sent to this host by a name of its own: a rebound DNS name cannot forge the Host header. */
export function refuseForeignHost(request: IncomingMessage): RequestRefusal | undefined {
  const host = (request.headers.host ?? '').replace(/:[0-9]*$/, '').toLowerCase();
  return LOCAL_HOSTS.has(host)
    ? undefined
    : { status: 403, message: 'this interface answers to localhost only' };
}

/** Refuses what a foreign page sent, by headers that browsers set themselves, and methods that mean nothing here. */
export function refusePage(request: IncomingMessage): RequestRefusal | undefined {
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

/** User and password: of Basic, of ClickHouse's own headers, or of the URL; `default` and none where nothing says. */
export function readCredentials(
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

/** Throws EngineError for the native compression, which neither door speaks. */
export function refuseNativeCompression(parameters: URLSearchParams): void {
  for (const name of ['compress', 'decompress']) {
    if ((parameters.get(name) ?? '0') === '0') continue;
    throw new EngineError(
      `Code: 48. DB::Exception: ${name}=1, the native compression, is not spoken here; use enable_http_compression and Content-Encoding. (NOT_IMPLEMENTED)`,
    );
  }
}

/** The id that the request names, else a new one. */
export function readQueryId(parameters: URLSearchParams): string {
  const asked = parameters.get('query_id') ?? '';
  return QUERY_ID.test(asked) ? asked : randomUUID();
}

/** The format of a result whose query names none. */
export function defaultFormat(request: IncomingMessage, parameters: URLSearchParams): string {
  return parameters.get('default_format') ?? header(request, 'x-clickhouse-format') ?? 'TabSeparated';
}

/** Sends a result that is whole. */
export async function sendResult(
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

/** Sends an error as ClickHouse words it. `isUnread`: the rest of the request is not read, so the connection ends. */
export function sendError(
  response: ServerResponse,
  engine: Engine,
  error: unknown,
  isUnread: (engineCode: number) => boolean,
): void {
  const engineError = error instanceof EngineError ? error : undefined;
  const code = engineError?.engineCode ?? 1002;
  const text = engineError?.message ?? `Code: 1002. DB::Exception: ${String(error)} (UNKNOWN_EXCEPTION)`;
  response.writeHead(statusOf(code), {
    'Content-Type': 'text/plain; charset=UTF-8',
    'X-ClickHouse-Exception-Code': String(code),
    ...(isUnread(code) ? { Connection: 'close' } : {}),
  });
  response.end(`${text} (version ${engine.version} (official build))\n`);
}

/** Sends a few words. */
export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/html; charset=UTF-8' });
  response.end(text);
}

/** Sends a refusal and ends the connection. */
export function sendRefusal(response: ServerResponse, { status, message }: RequestRefusal): void {
  response.writeHead(status, { 'Content-Type': 'text/plain', Connection: 'close' });
  response.end(`${message}\n`);
}

/** The first value of a header. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
