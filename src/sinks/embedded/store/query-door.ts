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
import { QUERY_BYTES_MAX } from '../../../limits.ts';
import { type Engine, EngineError } from './engine.ts';
import {
  defaultFormat,
  header,
  readCredentials,
  readQueryId,
  refuseForeignHost,
  refuseNativeCompression,
  refusePage,
  sendError,
  sendRefusal,
  sendResult,
  sendText,
} from './http-words.ts';
import { createQueryRunner, type QueryRunner } from './query-runner.ts';

export interface QueryDoor {
  readonly port: number;
  close(): void;
}

/** A query that was too long is not read to its end. */
const isUnread = (engineCode: number) => engineCode === CODE_QUERY_IS_TOO_LARGE;
const CODE_QUERY_IS_TOO_LARGE = 229;

/** Listens on `port`, 0 for a free one. Rejects when it is taken. */
export async function openQueryDoor(
  engine: Engine,
  port: number,
  resultBytesMax: number,
): Promise<QueryDoor> {
  const runner = createQueryRunner(engine, resultBytesMax);
  const server = createServer((request, response) => {
    answer(request, response, runner).catch((error: unknown) => {
      if (!response.headersSent) sendError(response, engine, error, isUnread);
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
  const refusal = refuseForeignHost(request) ?? refusePage(request);
  if (refusal !== undefined) return sendRefusal(response, refusal);
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
    defaultFormat: defaultFormat(request, parameters),
    key: randomUUID(),
    signal: gone.signal,
  });
  await sendResult(request, response, parameters, result);
}

function refuseParameters(request: IncomingMessage, parameters: URLSearchParams, query: string): void {
  if (Buffer.byteLength(query) > QUERY_BYTES_MAX) throw tooLarge();
  refuseNativeCompression(parameters);
  const [user, password] = readCredentials(request, parameters);
  if (user !== 'default' || password !== '') {
    throw new EngineError(
      `Code: 516. DB::Exception: ${user}: Authentication failed: there is one user, default, without a password. (AUTHENTICATION_FAILED)`,
    );
  }
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
