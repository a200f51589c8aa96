import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readWords } from '../../../src/sinks/embedded/store/query-guard.ts';
import type { Store } from '../../../src/sinks/embedded/store-process.ts';
import { createHarness, eventLine, eventLines, untilReady } from './harness.ts';

const harness = createHarness();
let store: Store;
let client: ClickHouseClient;
let base: string;

beforeAll(async () => {
  store = harness.start();
  await untilReady(store);
  base = `http://127.0.0.1:${store.queryPort()}`;
  client = createClient({ url: base, log: { level: ClickHouseLogLevel.OFF } });
  const sink = await harness.sink(store);
  sink.append(eventLines('q', 1000), 1000);
  sink.append(
    Buffer.from(eventLine('big').replace('"context"', '"event_data":{"n":9007199254740993},"context"')),
    1,
  );
  await sink.drain();
});
afterAll(async () => {
  await client?.close();
  await harness.close();
});

const post = (sql: string, parameters = '') => fetch(`${base}/?${parameters}`, { method: 'POST', body: sql });

describe('@clickhouse/client', () => {
  test('pings', async () => {
    expect(await client.ping()).toEqual({ success: true });
    expect(await client.ping({ select: true })).toEqual({ success: true });
  });

  test('queries with parameters, whatever is in them', async () => {
    const result = await client.query({
      query:
        'SELECT {text:String} AS text, {list:Array(Int32)} AS list, {none:Nullable(String)} AS none, {at:DateTime} AS at, {map:Map(String, Int32)} AS map',
      query_params: {
        text: "it's \\ a\ttab\nand 'more",
        list: [1, -2],
        none: null,
        at: new Date(0),
        map: { a: 1 },
      },
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0, wait_end_of_query: 1 },
      query_id: 'my-query',
    });
    expect(result.query_id).toBe('my-query');
    expect(await result.json()).toEqual([
      {
        text: "it's \\ a\ttab\nand 'more",
        list: [1, -2],
        none: null,
        at: '1970-01-01 00:00:00',
        map: { a: 1 },
      },
    ]);
  });

  test('streams rows', async () => {
    const result = await client.query({ query: 'SELECT event_id FROM events', format: 'JSONEachRow' });
    let rows = 0;
    for await (const chunk of result.stream()) rows += chunk.length;
    expect(rows).toBe(1001);
  });

  test('reads integers beyond 2^53 unchanged', async () => {
    const result = await client.query({
      query: "SELECT event_data FROM events WHERE event_id = 'big'",
      format: 'JSONEachRow',
    });
    expect(await result.text()).toContain('{"n":9007199254740993}');
  });

  test('gets compressed results, and sees errors with code and type', async () => {
    const compressing = createClient({
      url: base,
      compression: { response: true },
      log: { level: ClickHouseLogLevel.OFF },
    });
    const result = await compressing.query({
      query: 'SELECT number FROM numbers(1000)',
      format: 'JSONEachRow',
    });
    expect(await result.json()).toHaveLength(1000);
    await expect(compressing.query({ query: 'SELECT * FROM nowhere' })).rejects.toMatchObject({
      code: '60',
      type: 'UNKNOWN_TABLE',
    });
    await compressing.close();
  });

  test('cannot write', async () => {
    await expect(
      client.insert({ table: 'events', values: [{ event_id: 'x' }], format: 'JSONEachRow' }),
    ).rejects.toMatchObject({ code: '164' });
    await expect(client.command({ query: 'TRUNCATE TABLE events' })).rejects.toMatchObject({ code: '164' });
  });
});

describe('the HTTP interface', () => {
  test('joins the query of the URL and of the body, and knows formats', async () => {
    expect(await (await fetch(`${base}/?query=SELECT+count()+FROM+events`)).text()).toBe('1001\n');
    expect(await (await post('FROM numbers(2)', 'query=SELECT+number')).text()).toBe('0\n1\n');
    const csv = await post("SELECT 'a'", 'default_format=CSV');
    expect([
      await csv.text(),
      csv.headers.get('x-clickhouse-format'),
      csv.headers.get('content-type'),
    ]).toEqual(['"a"\n', 'CSV', 'text/csv; charset=UTF-8; header=absent']);
    const named = await post('SELECT 1 AS a FORMAT JSONEachRow', 'default_format=CSV');
    expect([await named.text(), named.headers.get('x-clickhouse-format')]).toEqual([
      '{"a":1}\n',
      'JSONEachRow',
    ]);
    expect(named.headers.get('x-clickhouse-timezone')).toBe('UTC');
    expect(JSON.parse(named.headers.get('x-clickhouse-summary') ?? '')).toHaveProperty('elapsed_ns');
    for (const path of ['/', '/ping']) expect(await (await fetch(base + path)).text()).toBe('Ok.\n');
    expect((await fetch(`${base}/play`)).status).toBe(404);
    expect(await (await post('SELECT currentDatabase()', 'database=system')).text()).toBe('system\n');
  });

  test('answers errors with ClickHouse’s status, code and text', async () => {
    const cases: [sql: string, parameters: string, status: number, code: string][] = [
      ['SELECT nope', '', 404, '47'],
      ['SELEC 1', '', 400, '62'],
      ['SELECT 1; SELECT 2', '', 400, '62'],
      ['SELECT 1', 'database=nope', 404, '81'],
      ['SELECT 1', 'output_format_nope=1', 500, '164'],
      ['SELECT 1 FORMAT Nope', '', 404, '73'],
      ['SELECT 1', 'user=admin', 403, '516'],
      ['SELECT 1', 'password=x', 403, '516'],
      ['SELECT 1', 'compress=1', 501, '48'],
      ["SELECT throwIf(1, 'boom')", '', 500, '395'],
      [
        'SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))',
        'max_execution_time=1',
        408,
        '159',
      ],
      [`SELECT '${'x'.repeat(300_000)}'`, '', 413, '229'],
    ];
    for (const [sql, parameters, status, code] of cases) {
      const response = await post(sql, parameters);
      const text = await response.text();
      expect([
        sql.slice(0, 40),
        response.status,
        response.headers.get('x-clickhouse-exception-code'),
      ]).toEqual([sql.slice(0, 40), status, code]);
      expect(text).toMatch(
        new RegExp(`^Code: ${code}\\. DB::Exception: .*\\([A-Z_]+\\) \\(version 26\\..*\\)\\n$`, 's'),
      );
    }
  });

  test('is for this machine only, whatever name a browser was told', async () => {
    const status = (host: string) =>
      new Promise<number>((resolve, reject) => {
        request(`${base}/?query=SELECT+1`, { headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
          .on('error', reject)
          .end();
      });
    expect(await Promise.all(['localhost:8123', '[::1]:8123', '127.0.0.1'].map(status))).toEqual([
      200, 200, 200,
    ]);
    expect(
      await Promise.all(['evil.example', 'localhost.evil.example:8123', '127.0.0.1.nip.io'].map(status)),
    ).toEqual([403, 403, 403]);
    expect((await fetch(base, { method: 'PUT', body: 'SELECT 1' })).status).toBe(405);
  });

  test('compresses when it is asked to', async () => {
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      const url = `${base}/?enable_http_compression=1&query=${encodeURIComponent('SELECT number FROM numbers(3)')}`;
      request(url, { headers: { 'accept-encoding': 'gzip' } }, async (response) => {
        expect(response.headers['content-encoding']).toBe('gzip');
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        resolve(Buffer.concat(chunks));
      })
        .on('error', reject)
        .end();
    });
    expect(gunzipSync(bytes).toString()).toBe('0\n1\n2\n');
  });
});

describe('bounds', () => {
  test('a result over the limit is an error, not a cut', async () => {
    const response = await post('SELECT number FROM numbers(100000000)');
    expect([response.status, response.headers.get('x-clickhouse-exception-code')]).toEqual([500, '396']);
    const raised = await post(
      'SELECT number FROM numbers(100000000)',
      'max_result_bytes=999999999999&result_overflow_mode=break',
    );
    expect(raised.status).toBe(500);
  });

  test('more queries than places wait, and a client that goes away frees its place', async () => {
    const slow = 'SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))';
    const gone = new AbortController();
    const slowOnes = Array.from({ length: 4 }, () =>
      fetch(base, { method: 'POST', body: slow, signal: gone.signal }).catch(() => 'aborted'),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    const waiting = post('SELECT 1');
    // Inserts have connections of their own.
    const sink = await harness.sink(store);
    sink.append(Buffer.from(eventLine('meanwhile', { app_id: 'other' })), 1);
    await sink.drain();
    gone.abort();
    expect(await Promise.all(slowOnes)).toEqual(Array(4).fill('aborted'));
    const started = performance.now();
    expect(await (await waiting).text()).toBe('1\n');
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('nothing is written and nothing outside is read', () => {
  const out = join(harness.dataDir, 'outfile');
  const refused: [sql: string, parameters?: string][] = [
    ["INSERT INTO events (event_id) VALUES ('x')"],
    ["INSERT INTO FUNCTION file('/tmp/x', 'CSV') SELECT 1"],
    ['CREATE TABLE x (a Int8) ENGINE = Memory'],
    ['CREATE TEMPORARY TABLE x (a Int8) ENGINE = Memory'],
    ['CREATE FUNCTION f AS (x) -> x'],
    ['DROP TABLE events'],
    ['ALTER TABLE events DELETE WHERE 1'],
    ['DELETE FROM events WHERE 1'],
    ['OPTIMIZE TABLE events'],
    ['SET max_threads = 1'],
    ['SET readonly = 0'],
    ['USE system'],
    ['KILL QUERY WHERE 1'],
    ['SYSTEM FLUSH LOGS'],
    ['SYSTEM STOP MERGES events'],
    [`BACKUP TABLE events TO File('${out}')`],
    [`SELECT 1 INTO OUTFILE '${out}'`],
    [`EXPLAIN SELECT 1 INTO OUTFILE '${out}'`],
    [`SHOW TABLES INTO OUTFILE '${out}' FORMAT CSV`],
    ['SELECT 1 SETTINGS readonly = 0'],
    ['SELECT 1 SETTINGS max_memory_usage = 0'],
    ["SELECT 1 FORMAT Template SETTINGS format_template_row = '/etc/passwd'"],
    ['SELECT 1 FORMAT Template', 'format_template_row=/etc/passwd'],
    ['SELECT 1 FORMAT Protobuf', 'format_schema=/etc/passwd:x'],
    ["SELECT * FROM file('/etc/passwd', 'LineAsString')"],
    ["SELECT * FROM '/etc/passwd'"],
    ['SELECT * FROM `/etc/passwd.csv`'],
    ["DESCRIBE file('/etc/passwd')"],
    ["EXPLAIN SELECT file('/etc/passwd')"],
    ["SELECT file('/etc/passwd')"],
    ["SELECT * APPLY(file) FROM (SELECT '/etc/passwd')"],
    ["SELECT arrayMap(file, ['/etc/passwd'])"],
    ['SELECT arrayMap("fi\\x6ce", [\'/etc/passwd\'])'],
    ["SELECT arrayMap({f:Identifier}, ['/etc/passwd'])", 'param_f=file'],
    ["SELECT * FROM filesystem('/etc')"],
    ["SELECT * FROM executable('id', 'LineAsString', 'a String')"],
    ["SELECT * FROM sqlite('/tmp/x', 'y')"],
    ["SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')"],
    ["DESCRIBE url('http://127.0.0.1:1/')"],
    ["SELECT * FROM s3('http://127.0.0.1:1/bucket/x', 'LineAsString')"],
    ["SELECT * FROM remote('127.0.0.1', 'system.one')"],
    ["SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')"],
    ["SELECT hasColumnInTable('127.0.0.1', 'a', 'b', 'c', 'd', 'e')"],
  ];

  for (const [sql, parameters] of refused) {
    test(sql, async () => {
      const response = await post(sql, parameters);
      const text = await response.text();
      expect([response.status, text]).not.toEqual([200, text]);
      expect(response.headers.get('x-clickhouse-exception-code')).toMatch(/^(164|497|62|457|456|60)$/);
      expect(text).not.toContain('root:');
      expect(existsSync(out)).toBe(false);
    });
  }

  test('GET cannot either', async () => {
    const response = await fetch(`${base}/?query=${encodeURIComponent('DROP TABLE events')}`);
    expect(response.headers.get('x-clickhouse-exception-code')).toBe('164');
    expect(await (await post("SELECT count() FROM events WHERE app_id = 'shop'")).text()).toBe('1001\n');
  });

  test('a word in a literal or behind a dot is free', async () => {
    expect(await (await post("SELECT 'file', event_data.file FROM events LIMIT 1")).text()).toBe(
      'file\t\\N\n',
    );
  });
});

test('readWords sees bare and quoted names, and no literals', () => {
  expect(readWords("SELECT file('a file \\' file'), `x y`, \"z\", a.file, 'é' FORMAT CSV")).toEqual([
    'SELECT',
    'file',
    'x y',
    'z',
    'a',
    'FORMAT',
    'CSV',
  ]);
});
