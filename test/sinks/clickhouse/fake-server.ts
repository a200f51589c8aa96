/**
 * A server that says what a test wants: errors that a real engine cannot be brought to, and silences. It answers the sink's
 * questions about itself as a ClickHouse with Penstock's tables would, and keeps the inserts.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { BLOCK_COLUMNS } from '../../../src/sinks/native-block-setup.ts';
import { REJECTED_COLUMNS } from '../../../src/sinks/rejected.ts';

export interface FakeInsert {
  readonly query: string;
  readonly token: string;
  readonly settings: URLSearchParams;
  readonly body: Buffer;
}

/** To an insert: `ok`, an error by code and name, or nothing at all. */
export type FakeAnswer = 'ok' | 'silence' | 'reset' | readonly [code: number, type: string, status?: number];

export interface FakeServer {
  readonly url: string;
  readonly inserts: FakeInsert[];
  /** What the next inserts are answered, one each, then `ok`. */
  answers: FakeAnswer[];
  /** What every statement is answered, where it is set. */
  always: FakeAnswer | undefined;
  /** Names of settings that it knows. */
  settings: Set<string>;
  /** Type of the object columns. */
  objectType: string;
  columnsOf: (table: string) => readonly (readonly [name: string, type: string])[];
  close(): Promise<void>;
}

/** Listens on a free port. */
export async function startFakeServer(): Promise<FakeServer> {
  const fake: FakeServer = {
    url: '',
    inserts: [],
    answers: [],
    always: undefined,
    settings: new Set([
      'insert_deduplication_token',
      'async_insert',
      'output_format_native_use_flattened_dynamic_and_json_serialization',
    ]),
    objectType: 'JSON(max_dynamic_paths=128)',
    columnsOf: (table) =>
      table === 'events'
        ? BLOCK_COLUMNS.map(
            ({ name, type }) => [name, type.startsWith('JSON') ? fake.objectType : type] as const,
          )
        : REJECTED_COLUMNS.map((name) => [name, 'String'] as const),
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const query = searchParams.get('query') ?? '';
    let answer: FakeAnswer = fake.always ?? 'ok';
    if (query.startsWith('INSERT')) {
      const token = searchParams.get('insert_deduplication_token') ?? '';
      const isGzip = request.headers['content-encoding'] === 'gzip';
      fake.inserts.push({ query, token, settings: searchParams, body: isGzip ? gunzipSync(body) : body });
      answer = fake.always ?? fake.answers.shift() ?? 'ok';
    }
    if (answer === 'silence') return;
    if (answer === 'reset') {
      request.socket.destroy();
    } else if (answer === 'ok') {
      response.end(query === '' ? factsAnswer(fake, body.toString()) : '');
    } else {
      const [code, type, status = 500] = answer;
      response.writeHead(status, { 'X-ClickHouse-Exception-Code': String(code) });
      response.end(`Code: ${code}. DB::Exception: as the test wants it. (${type}) (version 25.8.1.1)\n`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(fake, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

function factsAnswer(fake: FakeServer, sql: string): string {
  const rows = (values: Iterable<readonly unknown[]>) => JSON.stringify({ meta: [], data: [...values] });
  if (sql.includes('version()')) return rows([['25.8.1.1']]);
  if (sql.includes('system.settings')) return rows([...fake.settings].map((name) => [name]));
  if (sql.includes('system.columns')) return rows(fake.columnsOf(/table = '(\w+)'/.exec(sql)?.[1] ?? ''));
  if (sql.includes('system.tables')) {
    return rows([['MergeTree', 'CREATE TABLE … SETTINGS non_replicated_deduplication_window = 10000']]);
  }
  return rows([]);
}
