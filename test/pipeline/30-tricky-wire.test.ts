/**
 * Chapter 30, how requests travel that are a little off: encodings that are said wrongly, twice or not at all, charsets,
 * queries, paths, and the same request twice at once. What is made of each is its test's name.
 */
import zlib, { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Running } from '../support/appliance.ts';
import { openSocket, readAnswer } from '../support/raw-http.ts';
import { APP, KEY, startSdkServer } from '../support/real-sdk.ts';
import { rowsOf } from '../support/segment.ts';

let server: Running;
beforeAll(async () => {
  server = await startSdkServer();
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const HEADERS = { 'x-write-key': KEY };
async function post(path: string, body: Buffer | string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${server.url}${path}`, {
    method: 'POST',
    body,
    headers: { ...HEADERS, ...headers },
  });
  return { status: answer.status, body: await answer.text() };
}
async function rowOf(id: string): Promise<Record<string, unknown>> {
  await server.waitForCount(`SELECT count() FROM events WHERE event_id = '${id}'`, 1);
  const rows = await rowsOf(server, `event_id = '${id}'`);
  expect(rows.length).toBe(1);
  return rows[0] ?? {};
}
const track = (id: string, properties: unknown = {}) =>
  JSON.stringify({ messageId: id, type: 'track', event: 'e', userId: 'u', properties });

describe('an encoding', () => {
  const HAS_ZSTD = typeof zlib.zstdCompressSync === 'function';
  test.each([
    ['gzip', 'gzip', gzipSync],
    ['GZIP', 'GZIP', gzipSync],
    ['x-gzip', 'x-gzip', gzipSync],
    ['deflate with zlib’s header', 'deflate', deflateSync],
    ['deflate without', 'deflate', deflateRawSync],
    ['br', 'br', brotliCompressSync],
    ['identity', 'identity', (body: string) => Buffer.from(body)],
    ['gzip that is plain JSON', 'gzip', (body: string) => Buffer.from(body)],
    ['deflate that is gzip is no deflate, but', undefined, gzipSync],
  ] as const)('%s: stored', async (what, encoding, compress) => {
    const id = `encoding-${what.replaceAll(/\W/g, '-')}`;
    const headers = encoding === undefined ? {} : { 'content-encoding': encoding };
    expect(await post('/v1/track', compress(track(id)), headers)).toMatchObject({ status: 200 });
    await rowOf(id);
  });

  test('zstd: stored where the runtime has it, else 415', async () => {
    const body = HAS_ZSTD
      ? zlib.zstdCompressSync(track('encoding-zstd'))
      : Buffer.from(track('encoding-zstd'));
    const { status } = await post('/v1/track', body, { 'content-encoding': 'zstd' });
    expect(status).toBe(HAS_ZSTD ? 200 : 415);
  });

  test.each(['gzip, gzip', 'lzma', 'compress'])('%s: 415', async (encoding) => {
    const answer = await post('/v1/track', gzipSync(gzipSync(track('never'))), {
      'content-encoding': encoding,
    });
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([415, 'unsupported_media_type']);
  });

  test('gzip of gzip: 400, since it is no JSON', async () => {
    const body = gzipSync(gzipSync(track('never')));
    expect((await post('/v1/track', body, { 'content-encoding': 'gzip' })).status).toBe(400);
  });
});

describe('a charset', () => {
  test.each(['iso-8859-1', 'utf-16', 'none-such'])(
    '%s that is said of UTF-8: not looked at',
    async (charset) => {
      const id = `charset-${charset}`;
      const type = { 'content-type': `application/json; charset=${charset}` };
      expect((await post('/v1/track', track(id, { a: 'größe 🎉' }), type)).status).toBe(200);
      expect(await rowOf(id)).toMatchObject({ event_data: { properties: { a: 'größe 🎉' } } });
    },
  );

  test.each([
    ['UTF-16, little endian', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16, big endian', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
    ['latin-1 of more than ASCII', (text: string) => Buffer.from(text, 'latin1')],
  ])('%s in the bytes: 400, or one dead letter', async (_what, encode) => {
    const { status, body } = await post('/v1/track', encode(track('never', { a: 'é' })));
    expect([status === 400, body === '{"success":true}']).toContain(true);
    expect(await rowsOf(server, "event_id = 'never'")).toEqual([]);
  });
});

// Every route and body of this kind: chapter 32.
describe('a body that is no event is refused, with 400 unless it is JSON', () => {
  test.each([
    ['a trailing comma', '{"event":"e","userId":"u",}', 400],
    ['single quotes', "{'event':'e'}", 400],
    ['a comment', '{"event":"e"/* c */}', 400],
    ['unquoted keys', '{event:"e"}', 400],
    ['an empty object', '{}', 200],
    ['true', 'true', 400],
    ['a text', '"text"', 400],
    ['a number', '123', 400],
    ['null', 'null', 400],
    ['an empty list', '[]', 400],
  ])('%s', async (_what, body, status) => {
    expect((await post('/v1/track', body)).status).toBe(status);
  });
});

describe('a query', () => {
  const mixpanel = (id: string, more: object = {}) =>
    encodeURIComponent(
      Buffer.from(
        JSON.stringify({ event: 'e', properties: { token: KEY, $insert_id: id, ...more } }),
      ).toString('base64'),
    );

  test('of 100 KB: stored', async () => {
    const data = mixpanel('query-long', { long: 'x'.repeat(75_000) });
    const answer = await fetch(`${server.url}/track?data=${data}`);
    expect([answer.status, await answer.text()]).toEqual([200, '1']);
    await rowOf('query-long');
  });

  test('with data twice: the first', async () => {
    await fetch(`${server.url}/track?data=${mixpanel('query-first')}&data=${mixpanel('query-second')}`);
    await rowOf('query-first');
    expect(await rowsOf(server, "event_id = 'query-second'")).toEqual([]);
  });

  test('with data beside a body with data: the body', async () => {
    await post(`/track?data=${mixpanel('query-beside')}`, `data=${mixpanel('query-body')}`);
    await rowOf('query-body');
    expect(await rowsOf(server, "event_id = 'query-beside'")).toEqual([]);
  });
});

test.each(['/V1/Batch', '/v1%2Fbatch', '/a/../v1/batch', '/v1/batch//'])(
  'a path spelt %s: its body says whose it is',
  async (path) => {
    const id = `path-${Buffer.from(path).toString('hex')}`;
    const socket = await openSocket(server.url);
    const body = JSON.stringify({
      batch: [{ messageId: id, type: 'track', event: 'e', userId: 'u' }],
      writeKey: KEY,
    });
    // fetch would make another path of it.
    socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    expect((await readAnswer(socket)).status).toBe(200);
    socket.destroy();
    expect(await rowOf(id)).toMatchObject({ app_id: APP, dialect: 'segment' });
  },
);

describe('the same event twice', () => {
  test('in two requests at once, as Chromium sends a POST again by itself: stored once', async () => {
    const body = track('twice-at-once');
    const request = `POST /v1/track HTTP/1.1\r\nhost: a\r\nx-write-key: ${KEY}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const sockets = await Promise.all([openSocket(server.url), openSocket(server.url)]);
    const answers = sockets.map((socket) => readAnswer(socket));
    for (const socket of sockets) socket.write(request);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    for (const socket of sockets) socket.destroy();
    await rowOf('twice-at-once');
  });

  test('in one batch, with other data: the first is stored', async () => {
    const batch = [1, 2].map((n) => JSON.parse(track('twice-in-batch', { n })));
    expect((await post('/v1/batch', JSON.stringify({ batch }))).status).toBe(200);
    expect(await rowOf('twice-in-batch')).toMatchObject({ event_data: { properties: { n: 1 } } });
  });
});

test('a property that changes its type is stored as it was sent, each time', async () => {
  const values = [39.95, '39,95', null, true, [1], { amount: 1 }];
  const batch = values.map((revenue, n) => JSON.parse(track(`drift-${n}`, { revenue })));
  await post('/v1/batch', JSON.stringify({ batch }));
  await server.waitForCount("SELECT count() FROM events WHERE startsWith(event_id, 'drift-')", values.length);
  const rows = await rowsOf(server, "startsWith(event_id, 'drift-') ORDER BY event_id");
  expect(rows.length).toBe(values.length);
  expect(rows[0]).toMatchObject({ event_data: { properties: { revenue: 39.95 } } });
  expect(rows[1]).toMatchObject({ event_data: { properties: { revenue: '39,95' } } });
});
