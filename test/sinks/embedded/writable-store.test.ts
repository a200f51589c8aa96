/** `penstock store --writable` as clients of ClickHouse see it: the real command over real HTTP. */
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCodec } from '../../../src/sinks/kafka/codecs.ts';
import { startWritableStore, type WritableStore } from '../../support/writable-store.ts';

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));
let store: WritableStore;
beforeAll(async () => {
  store = await startWritableStore({ user: 'writer', password: 'hunter2' });
  await store.query(
    "CREATE TABLE t (a UInt32, b String DEFAULT 'none') ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 1000",
  );
});
afterAll(() => store.stop());

const codeOf = (answer: Response) => Number(answer.headers.get('x-clickhouse-exception-code'));

async function rowsOf(sql: string): Promise<string[]> {
  return (await store.query(`${sql} FORMAT CSV`)).split('\n');
}

async function emptied(): Promise<void> {
  await store.query('TRUNCATE TABLE t');
}

describe('inserts', () => {
  test.each([
    ['JSONEachRow', Buffer.from('{"a":1}\n{"a":2,"b":"two"}\n')],
    ['CSV', Buffer.from('1,none\n2,two\n')],
    ['Values', Buffer.from("(1,'none'),(2,'two')")],
    ['RowBinary', Buffer.from('\x01\0\0\0\x04none\x02\0\0\0\x03two', 'latin1')],
  ])('rows of %s in the body, columns that are not sent by their defaults', async (format, body) => {
    await emptied();
    const answer = await store.request({ query: `INSERT INTO t FORMAT ${format}` }, new Uint8Array(body));
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(await rowsOf('SELECT * FROM t ORDER BY a')).toEqual(['1,"none"', '2,"two"']);
  });

  test('Native, as another table gives it', async () => {
    await emptied();
    const block = await store.request({ query: "SELECT toUInt32(7) AS a, 'x' AS b FORMAT Native" });
    const answer = await store.request({ query: 'INSERT INTO t FORMAT Native' }, await block.arrayBuffer());
    expect(answer.status).toBe(200);
    expect(await rowsOf('SELECT * FROM t')).toEqual(['7,"x"']);
  });

  test.each([
    'INSERT INTO t FORMAT JSONEachRow\n{"a":1,"b":"ü\\"\'"}',
    'insert into table `t` (a, `b`) settings input_format_skip_unknown_fields = 1 format JSONEachRow {"a":1,"b":"ü\\"\'","c":1}',
    `/* why */ INSERT INTO default.t -- here\nVALUES (1, 'ü"\\'')`,
    `INSERT INTO t (* EXCEPT(b)) FORMAT CSV\n1`,
    "INSERT INTO t SELECT 1, 'ü\"\\''",
  ])('the statement at the body’s head: %s', async (body) => {
    await emptied();
    expect([(await store.request({}, body)).status]).toEqual([200]);
    const expected = body.includes('EXCEPT') ? '"none"' : `"ü""'"`;
    expect(await rowsOf('SELECT * FROM t')).toEqual([`1,${expected}`]);
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['lz4', async (body: Buffer) => (await openCodec('lz4')).compress(body)],
    ['zstd', async (body: Buffer) => (await openCodec('zstd')).compress(body)],
  ])('a body in %s', async (encoding, compress) => {
    await emptied();
    const body = new Uint8Array(await compress(Buffer.from('{"a":1}\n'.repeat(20_000))));
    expect(body.length).toBeLessThan(50_000);
    const answer = await store.request({ query: 'INSERT INTO t FORMAT JSONEachRow' }, body, {
      'Content-Encoding': encoding,
    });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(await rowsOf('SELECT count() FROM t')).toEqual(['20000']);
  });

  test('the same token twice counts once, another token again, also at the same time', async () => {
    await emptied();
    const send = (token: string) =>
      store.request(
        { query: 'INSERT INTO t FORMAT JSONEachRow', insert_deduplication_token: token },
        '{"a":1}',
      );
    for (const token of ['one', 'one', 'two']) expect((await send(token)).status).toBe(200);
    await Promise.all(Array.from({ length: 8 }, () => send('three')));
    expect(await rowsOf('SELECT count() FROM t')).toEqual(['3']);
  });

  test('of several blocks are one part under one token', async () => {
    await emptied();
    const blockOf = async (first: number) => {
      const query = `SELECT toUInt32(number + ${first}) AS a, 'x' AS b FROM numbers(3000) FORMAT Native`;
      return Buffer.from(await (await store.request({ query })).arrayBuffer());
    };
    const settings = {
      insert_deduplication_token: 'several',
      min_insert_block_size_rows: '1000000000',
      min_insert_block_size_bytes: '1000000000000',
      max_insert_threads: '1',
    };
    const native = new Uint8Array(Buffer.concat([await blockOf(0), await blockOf(3000)]));
    for (let time = 0; time < 2; time++) {
      const answer = await store.request({ ...settings, query: 'INSERT INTO t FORMAT Native' }, native);
      expect(answer.status).toBe(200);
    }
    expect(await rowsOf('SELECT count(), uniqExact(a) FROM t')).toEqual(['6000,6000']);
    expect(await rowsOf("SELECT count() FROM system.parts WHERE active AND table = 't'")).toEqual(['1']);
  });

  test('leave nothing behind on the disk', async () => {
    await store.request({ query: 'INSERT INTO t FORMAT JSONEachRow' }, '{"a":"bad"}');
    expect(readdirSync(join(store.dataDir, 'store/inbox'))).toEqual([]);
  });
});

describe('errors have ClickHouse’s status, code and words', () => {
  test.each([
    ['INSERT INTO t FORMAT JSONEachRow', '{"a":"bad"}', 400, 27, 'CANNOT_PARSE_INPUT_ASSERTION_FAILED'],
    ['INSERT INTO t FORMAT RowBinary', 'x', 500, 33, 'CANNOT_READ_ALL_DATA'],
    ['INSERT INTO missing FORMAT JSONEachRow', '{"a":1}', 404, 60, 'UNKNOWN_TABLE'],
    ['INSERT INTO missing.t FORMAT JSONEachRow', '{"a":1}', 404, 81, 'UNKNOWN_DATABASE'],
    ['INSERT INTO t (z) FORMAT JSONEachRow', '{"z":1}', 500, 16, 'NO_SUCH_COLUMN_IN_TABLE'],
    ['INSERT INTO t FORMAT Nonsense', '{"a":1}', 404, 73, 'UNKNOWN_FORMAT'],
    ['INSRT INTO t FORMAT CSV', '1', 400, 62, 'SYNTAX_ERROR'],
    ['CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a', '', 500, 57, 'TABLE_ALREADY_EXISTS'],
  ])('%s', async (query, body, status, code, word) => {
    const answer = await store.request({ query }, body);
    const text = await answer.text();
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    expect(text).toMatch(
      new RegExp(`^Code: ${code}\\. DB::Exception: (?!Code:)[\\s\\S]*\\(${word}\\) \\(version `),
    );
    expect(text).not.toContain(store.dataDir);
  });

  test('a wrong password, a wrong user, none', async () => {
    for (const [user, key] of [
      ['writer', 'wrong'],
      ['other', 'hunter2'],
      ['', ''],
    ] as const) {
      const answer = await store.request({ query: 'SELECT 1' }, undefined, {
        'X-ClickHouse-User': user,
        'X-ClickHouse-Key': key,
      });
      expect([answer.status, codeOf(answer)]).toEqual([403, 516]);
    }
  });

  test('a body that breaks off is no insert', async () => {
    await emptied();
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(Buffer.from('{"a":1}\n'));
        controller.error(new Error('broken'));
      },
    });
    const request = fetch(
      `${store.url}/?query=INSERT+INTO+t+FORMAT+JSONEachRow&user=writer&password=hunter2`,
      {
        method: 'POST',
        body,
        duplex: 'half',
      } as RequestInit,
    );
    await expect(request).rejects.toThrow();
    expect(await rowsOf('SELECT count() FROM t')).toEqual(['0']);
  });
});

describe('nothing reaches the host', () => {
  test.each([
    "INSERT INTO t SELECT 1, * FROM file('/etc/passwd', 'LineAsString')",
    "INSERT INTO FUNCTION file('/tmp/penstock-out', 'CSV', 'a UInt8') SELECT 1",
    "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV",
    "SELECT 1 INTO OUTFILE '/tmp/penstock-out'",
    "CREATE TABLE f (a String) ENGINE = File(CSV, '/etc/passwd')",
    "CREATE TABLE f (a String) ENGINE = URL('http://localhost/', CSV)",
    "CREATE TABLE f (a String DEFAULT file('/etc/passwd')) ENGINE = Memory",
    "CREATE TABLE f (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '/tmp/')",
    "CREATE DATABASE f ENGINE = Filesystem('/')",
    "CREATE DICTIONARY d (a UInt8) PRIMARY KEY a SOURCE(FILE(path '/etc/passwd' format 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
    "CREATE VIEW v AS SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
    "ATTACH TABLE f FROM '/etc' (a String) ENGINE = Log",
    "BACKUP TABLE t TO File('/tmp/penstock-out')",
    'SYSTEM SHUTDOWN',
    'SET max_threads = 1',
    'SELECT 1; SELECT 2',
  ])('%s', async (statement) => {
    const answer = await store.request({}, statement);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect([48, 62, 164, 497]).toContain(codeOf(answer));
    await answer.arrayBuffer();
  });

  test('nor does a setting', async () => {
    for (const name of ['format_schema', 'output_format_schema', 'storage_policy', 'user_files_path']) {
      const answer = await store.request(
        { query: 'INSERT INTO t FORMAT JSONEachRow', [name]: 'x' },
        '{"a":1}',
      );
      expect([name, codeOf(answer)]).toEqual([name, 452]);
    }
  });

  test('nor a web page', async () => {
    const answer = await store.request({ query: 'SELECT 1' }, undefined, { Origin: 'https://evil.example' });
    expect(answer.status).toBe(403);
  });

  test('a table and its columns may have any name', async () => {
    await store.query('CREATE TABLE file (file String, url String) ENGINE = Memory');
    await store.query("INSERT INTO file (file, url) VALUES ('a', 'b')");
    expect(await store.query('SELECT url FROM default.file')).toBe('b');
  });
});

test('the official client works: ping, DDL, insert, query, compressed both ways', async () => {
  const client = createClient({
    url: store.url,
    username: 'writer',
    password: 'hunter2',
    compression: { request: true, response: true },
  });
  expect(await client.ping({ select: true })).toEqual({ success: true });
  await client.command({ query: 'CREATE TABLE c (a UInt32, b String) ENGINE = MergeTree ORDER BY a' });
  await client.insert({ table: 'c', values: [{ a: 1, b: 'x' }], format: 'JSONEachRow' });
  const result = await client.query({
    query: 'SELECT * FROM c WHERE a = {a:UInt32}',
    query_params: { a: 1 },
  });
  expect((await result.json<{ a: number }>()).data).toEqual([{ a: 1, b: 'x' }]);
  await client.close();
});

test('killed before it has a table in its own database, it starts again', async () => {
  const empty = await startWritableStore();
  await empty.query('CREATE DATABASE other');
  await empty.query('CREATE TABLE other.t (a UInt8) ENGINE = MergeTree ORDER BY a');
  await empty.query('INSERT INTO other.t VALUES (1)');
  await empty.kill();
  await empty.restart();
  expect(await empty.query('SELECT a FROM other.t')).toBe('1');
  await empty.query('CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a');
  await empty.query('INSERT INTO t VALUES (2)');
  await empty.query('CREATE DATABASE `ü-x y`');
  await empty.query('CREATE TABLE `ü-x y`.t (a UInt8) ENGINE = MergeTree ORDER BY a');
  await empty.kill();
  await empty.restart();
  expect(await empty.query('SELECT a FROM t')).toBe('2');
  expect(await empty.query('SELECT count() FROM `ü-x y`.t')).toBe('0');
  await empty.stop();
});

test('what was answered is there after kill -9, and so are its tokens', async () => {
  await emptied();
  const numbers = Array.from({ length: 50 }, (_, n) => n);
  let answered = 0;
  const send = async (n: number) => {
    const answer = await store.request(
      { query: 'INSERT INTO t FORMAT JSONEachRow', insert_deduplication_token: `kill-${n}` },
      `{"a":${n}}`,
    );
    if (answer.status === 200) answered += 1;
  };
  const sending = Promise.allSettled(numbers.map(send));
  while (answered < 10) await new Promise((resolve) => setTimeout(resolve, 1));
  await store.kill();
  await sending;
  expect(answered).toBeLessThan(50);
  await store.restart();
  expect(Number(await store.query('SELECT count() FROM t'))).toBeGreaterThanOrEqual(answered);
  await Promise.all(numbers.map(send));
  expect(await rowsOf('SELECT count(), uniqExact(a) FROM t')).toEqual(['50,50']);
});

test('a token whose rows a kill took is forgotten, in every database', async () => {
  await store.query('CREATE DATABASE tokens');
  await store.query(
    'CREATE TABLE tokens.t (a UInt32) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100',
  );
  const send = (n: number) =>
    store.request(
      { query: 'INSERT INTO tokens.t FORMAT CSV', insert_deduplication_token: `t-${n}` },
      String(n),
    );
  await send(1);
  await send(2);
  const path = await store.query(
    "SELECT path FROM system.parts WHERE database = 'tokens' AND name = 'all_2_2_0'",
  );
  await store.kill();
  // As if it had been killed between the token and the part.
  rmSync(path, { recursive: true });
  await store.restart();
  for (const n of [1, 2]) expect((await send(n)).status).toBe(200);
  expect(await rowsOf('SELECT a FROM tokens.t ORDER BY a')).toEqual(['1', '2']);
});

describe('the command', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [MAIN, 'store', ...args], { encoding: 'utf8' });

  test('teaches by --help', () => {
    const { stdout } = run('--help');
    for (const word of ['--writable', 'penstock migrate', 'curl', 'insert_deduplication_token', 'kill -9'])
      expect(stdout).toContain(word);
  });

  test('says what is missing or wrong', () => {
    expect(run('--data-dir', 'x', '--port', '0').stderr).toContain("'--writable' not specified");
    expect(run('--writable', '--data-dir', 'x', '--port', 'http').stderr).toContain('0 to 65535');
    const second = run('--writable', '--data-dir', store.dataDir, '--port', '0');
    expect(second.stdout).toContain('has this data directory in use');
    expect(second.status).toBe(1);
    const brackets = run('--writable', '--data-dir', '/tmp/[x]', '--port', '0');
    expect(brackets.stderr).toContain('must not contain');
    expect(brackets.status).toBe(1);
  });
});
