/** The door's list of settings, held against every setting and every format that this engine has. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FREE_SETTINGS } from '../../../src/sinks/embedded/store/free-settings.ts';
import type { Store } from '../../../src/sinks/embedded/store-process.ts';
import { createHarness, query, untilReady } from './harness.ts';

const harness = createHarness();
let store: Store;
beforeAll(async () => {
  store = harness.start();
  await untilReady(store);
});
afterAll(() => harness.close());

function get(parameters: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
  const url = `http://127.0.0.1:${store.queryPort()}/?${new URLSearchParams(parameters)}`;
  return fetch(url, { headers });
}

/** Words of names of settings that reach a file, a host or a secret. */
const REACHING =
  /schema|path|file|template|url|uri|dir(ectory)?_|command|script|disk|storage|host|user|password|secret|proxy|registry|subject/;

test('the list names settings of this engine only, none of which reaches outside by its name', async () => {
  const known = new Set((await query(store, 'SELECT name FROM system.settings')).split('\n'));
  expect(known.size).toBeGreaterThan(1000);
  expect([...FREE_SETTINGS].filter((name) => !known.has(name))).toEqual([]);
  expect([...FREE_SETTINGS].filter((name) => REACHING.test(name))).toEqual([]);
});

test('of all settings, the listed are taken and every other is refused or without effect', async () => {
  const rows = await query(store, 'SELECT name, value FROM system.settings FORMAT JSONCompactEachRow');
  const taken: string[] = [];
  const settings = rows.split('\n').map((row) => JSON.parse(row) as [name: string, value: string]);
  for (const [name, value] of settings) {
    const response = await get({ query: 'SELECT 1', [name]: value });
    if (response.status === 200) taken.push(name);
    else expect([name, response.headers.get('x-clickhouse-exception-code')]).toEqual([name, '164']);
    await response.arrayBuffer();
  }
  // Bounded, or words of the HTTP interface that the door reads or ignores.
  const others = taken.filter((name) => !FREE_SETTINGS.has(name));
  expect(others.sort()).toEqual([
    'add_http_cors_header',
    'cancel_http_readonly_queries_on_client_close',
    'enable_http_compression',
    'http_headers_progress_interval_ms',
    'http_response_buffer_size',
    'http_wait_end_of_query',
    'http_write_exception_in_output_format',
    'http_zlib_compression_level',
    'log_comment',
    'log_queries',
    'max_execution_time',
    'max_memory_usage',
    'max_result_bytes',
    'max_threads',
    'readonly',
    'send_progress_in_http_headers',
  ]);
  expect(taken.filter((name) => FREE_SETTINGS.has(name)).sort()).toEqual(
    [...FREE_SETTINGS].filter((name) => settings.some(([known]) => known === name)).sort(),
  );
}, 60_000);

test('no schema is written: not by the URL, not by SETTINGS, not by default_format', async () => {
  const target = join(harness.dataDir, 'victim');
  const cases: Record<string, string>[] = [
    { query: 'SELECT 1 AS x FORMAT Protobuf', output_format_schema: target },
    { query: `SELECT 1 AS x SETTINGS output_format_schema = '${target}' FORMAT Protobuf` },
    { query: `SELECT 1 AS x FORMAT Protobuf SETTINGS output_format_schema = '${target}'` },
    { query: `SELECT 1 AS x FORMAT JSON SETTINGS output_format_schema = '${target}'` },
    { query: `SELECT * FROM (SELECT 1 AS x SETTINGS output_format_schema = '${target}')` },
    { query: `SELECT formatRow('Protobuf', 1 AS x) SETTINGS output_format_schema = '${target}'` },
    { query: 'SELECT 1 AS x', default_format: 'Protobuf' },
    { query: 'SELECT 1 AS x FORMAT protobufSINGLE' },
    { query: 'SELECT 1 AS x FORMAT `Protobuf`' },
    { query: 'EXPLAIN SELECT 1 AS x FORMAT Protobuf' },
  ];
  for (const parameters of cases) {
    const response = await get(parameters);
    const code = response.headers.get('x-clickhouse-exception-code');
    expect([parameters['query'], code]).toEqual([parameters['query'], '164']);
  }
  expect(existsSync(target)).toBe(false);
});

test('a SETTINGS clause is refused wherever it stands: subqueries obey it in spite of readonly', async () => {
  const cases = [
    "SELECT * FROM (SELECT getSetting('readonly') SETTINGS readonly = 0)",
    "SELECT (SELECT getSetting('max_execution_time') settings max_execution_time = 0)",
    "WITH a AS (SELECT getSetting('max_memory_usage') SETTINGS max_memory_usage = 0) SELECT * FROM a",
    "(SELECT getSetting('max_threads') SETTINGS max_threads = 77) UNION ALL (SELECT 1)",
    'SELECT * FROM view(SELECT 1 /**/SETTINGS/**/ readonly = 0)',
    'SELECT 1 SETTINGS max_block_size = 10',
  ];
  for (const text of cases) {
    const response = await get({ query: text });
    expect([text, response.headers.get('x-clickhouse-exception-code')]).toEqual([text, '164']);
  }
  expect(await query(store, "SELECT 'SETTINGS', count() > 0 FROM system.settings")).toBe('SETTINGS\t1');
});

test('of all formats only those with schemas and templates are refused, and none leaves a file behind', async () => {
  const before = [readdirSync('.'), readdirSync(join(harness.dataDir, 'store'))];
  const formats = (await query(store, 'SELECT name FROM system.formats WHERE is_output')).split('\n');
  const refused: string[] = [];
  for (const format of formats) {
    const response = await get({ query: `SELECT 1 AS x FORMAT ${format}` });
    if (response.headers.get('x-clickhouse-exception-code') === '164') refused.push(format);
    await response.arrayBuffer();
  }
  expect(refused.sort()).toEqual(['AvroConfluent', 'Protobuf', 'ProtobufList', 'ProtobufSingle', 'Template']);
  expect([readdirSync('.'), readdirSync(join(harness.dataDir, 'store'))]).toEqual(before);
});

test('requests that a foreign page makes are refused', async () => {
  const status = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      request(`http://127.0.0.1:${store.queryPort()}/?query=SELECT+1`, { headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  for (const origin of [
    'https://evil.example',
    'http://localhost.evil.example',
    'null',
    '',
    'http://10.0.0.1',
  ]) {
    expect([origin, await status({ origin })]).toEqual([origin, 403]);
  }
  for (const site of ['cross-site', 'same-site']) expect(await status({ 'sec-fetch-site': site })).toBe(403);
  for (const origin of ['http://localhost:3000', 'http://127.0.0.1', 'https://[::1]:8443']) {
    expect([origin, await status({ origin, 'sec-fetch-site': 'same-origin' })]).toEqual([origin, 200]);
  }
  expect(await status({ 'sec-fetch-site': 'none' })).toBe(200);
});

test('the database has no tables but its own, whatever files the host has, also after a second start', async () => {
  const file = join(harness.dataDir, 'host.csv');
  writeFileSync(file, 'secret_header,b\nsecret,2\n');
  for (let start = 0; start < 2; start++) {
    for (const name of [`default.\`${file}\``, `\`${file}\``, `system.\`${file}\``]) {
      expect(await query(store, `EXISTS TABLE ${name}`)).toBe('0');
      const response = await get({ query: `DESCRIBE TABLE ${name}` });
      expect([response.status, await response.text()]).toEqual([404, expect.not.stringContaining('secret')]);
    }
    expect(await query(store, "SELECT engine FROM system.databases WHERE name = 'default'")).toBe('Atomic');
    expect(await query(store, 'SELECT count() FROM default.events')).toBe('0');
    if (start > 0) break;
    await store.stop();
    store = harness.start();
    await untilReady(store);
  }
});
