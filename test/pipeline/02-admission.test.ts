/**
 * Chapter 2, admission. Refusal comes first: key, origin, encoding and declared size are decided by the head of a
 * request. Bodies that lie about themselves, or never end, are the second half.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startServer, until } from '../support/appliance.ts';
import { testEvent, testEvents } from '../support/events.ts';
import { metricOf } from '../support/metrics.ts';
import { openSocket, readAnswer } from '../support/raw-http.ts';

async function post(
  server: Running,
  path: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
) {
  const answer = await fetch(`${server.url}${path}`, { method: 'POST', body, headers });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown>,
  };
}

describe('keys and origins', () => {
  const event = JSON.stringify({ event_type: 'tap', user_id: 'u1' });
  let server: Running;
  beforeAll(async () => {
    server = await startServer({
      config: {
        apps: [
          { name: 'shop', keys: ['shop-key-1', 'shop-key-2'], origins: ['https://shop.example'] },
          { name: 'game', keys: [`sha256:${createHash('sha256').update('game-key').digest('hex')}`] },
        ],
      } as never,
    });
  });
  afterAll(async () => {
    await server.stop();
  });

  test.each([
    ['Bearer', { authorization: 'Bearer shop-key-1' }, ''],
    ['Basic user name', { authorization: `Basic ${Buffer.from('shop-key-2:').toString('base64')}` }, ''],
    ['X-Api-Key', { 'x-api-key': 'game-key' }, ''],
    ['query', {}, '?key=shop-key-1'],
  ])('a key is taken from %s', async (_place, headers, query) => {
    expect((await post(server, `/v1/events${query}`, event, headers)).status).toBe(200);
  });

  test.each([
    ['no key', {}],
    ['an unknown key', { 'x-api-key': 'shop-key-3' }],
    ['the digest of a key', { 'x-api-key': createHash('sha256').update('game-key').digest('hex') }],
    ['an empty bearer', { authorization: 'Bearer ' }],
    ['half a header', { authorization: 'Bearer' }],
  ])('%s is 401', async (_what, headers: Record<string, string>) => {
    const answer = await post(server, '/v1/events', event, headers);
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ code: 'unauthorized' });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  test('an origin that the app does not list is 403, with CORS so that the page can read it', async () => {
    const headers = { 'x-api-key': 'shop-key-1', origin: 'https://evil.example' };
    const answer = await post(server, '/v1/events', event, headers);
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ code: 'forbidden_origin' });
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://evil.example');
  });

  test('a listed origin passes, and so does a client without one', async () => {
    const key = { 'x-api-key': 'shop-key-1' };
    expect((await post(server, '/v1/events', event, { ...key, origin: 'https://shop.example' })).status).toBe(
      200,
    );
    expect((await post(server, '/v1/events', event, key)).status).toBe(200);
  });

  test("the key's app is the event's app; another that the event names is kept in context", async () => {
    await server.ready();
    const id = 'app-of-key';
    const body = JSON.stringify({ event_id: id, event_type: 'tap', user_id: 'u1', app_id: 'other' });
    expect((await post(server, '/v1/events', body, { 'x-api-key': 'game-key' })).status).toBe(200);
    await server.waitForCount(`SELECT count() FROM events WHERE event_id = '${id}'`, 1);
    const rows = await server.query(`SELECT app_id, context FROM events WHERE event_id = '${id}'`);
    expect(rows).toEqual([{ app_id: 'game', context: { app_id: 'other' } }]);
  });
});

describe('bodies', () => {
  let server: Running;
  const limits = { wire_bytes_max: 300_000, body_bytes_max: 3_000_000 };
  beforeAll(async () => {
    server = await startServer({ config: { limits } });
  });
  afterAll(async () => {
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect(await server.stop()).toBe(0);
  });

  test('an empty body is 400 empty_body, declared or not', async () => {
    expect(await post(server, '/v1/events', '')).toMatchObject({ status: 400, body: { code: 'empty_body' } });
    const socket = await openSocket(server.url);
    socket.write('POST /v1/events/batch HTTP/1.1\r\nhost: a\r\n\r\n');
    const answer = await readAnswer(socket);
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([400, 'empty_body']);
    socket.destroy();
  });

  test.each([
    ['gzip', 'gzip', gzipSync],
    ['x-gzip', 'gzip', gzipSync],
    ['deflate', 'zlib', deflateSync],
    ['deflate', 'raw', deflateRawSync],
    ['br', 'brotli', brotliCompressSync],
  ])('a batch in %s (%s) is read', async (encoding, form, compress) => {
    const body = compress(Buffer.from(JSON.stringify(testEvents(50, `${encoding} ${form}`))));
    const answer = await post(server, '/v1/events/batch', body, { 'content-encoding': encoding });
    expect(answer).toMatchObject({ status: 200, body: { status: 'accepted', accepted: 50, rejected: 0 } });
  });

  test('gzip that nobody declared is known by its first bytes', async () => {
    const answer = await post(server, '/v1/events', gzipSync(JSON.stringify(testEvent(1, 'sniffed'))), {
      'content-type': 'text/plain',
    });
    expect(answer).toMatchObject({ status: 200, body: { event_id: 'sniffed-1' } });
  });

  test('an unknown Content-Encoding is 415', async () => {
    const answer = await post(server, '/v1/events', 'x', { 'content-encoding': 'compress' });
    expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } });
  });

  test('truncated gzip is 400 invalid_compression', async () => {
    const whole = gzipSync(JSON.stringify(testEvents(50)));
    const answer = await post(server, '/v1/events/batch', whole.subarray(0, whole.length / 2), {
      'content-encoding': 'gzip',
    });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_compression' } });
  });

  test('a gzip bomb is 413 and cut at the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000, 0x20));
    expect(bomb.length).toBeLessThan(limits.wire_bytes_max);
    const before = residentMiB(server.pid);
    const answer = await post(server, '/v1/events/batch', bomb, { 'content-encoding': 'gzip' });
    expect(answer).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
    expect(residentMiB(server.pid) - before).toBeLessThan(50);
  });

  test('a declared length over the limit is 413 before the body is sent', async () => {
    const socket = await openSocket(server.url);
    socket.write('POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 300001\r\n\r\n{');
    const answer = await readAnswer(socket);
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([413, 'body_too_large']);
    expect(answer.head.toLowerCase()).toContain('connection: close');
    socket.destroy();
  });

  test('a chunked body over the limit is 413 as soon as it is over', async () => {
    const socket = await openSocket(server.url);
    socket.on('error', () => {});
    socket.write('POST /v1/events HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
    const chunk = `${(50_000).toString(16)}\r\n${'x'.repeat(50_000)}\r\n`;
    const answered = readAnswer(socket);
    for (let sent = 0; sent < 8; sent++) socket.write(chunk);
    const answer = await answered;
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([413, 'body_too_large']);
    socket.destroy();
  });

  test('a chunked body within the limit is read whole', async () => {
    const body = Buffer.from(JSON.stringify(testEvents(300, 'chunked')));
    const socket = await openSocket(server.url);
    socket.write('POST /v1/events/batch HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
    for (let at = 0; at < body.length; at += 7_001) {
      const piece = body.subarray(at, at + 7_001);
      socket.write(
        Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
      );
    }
    socket.write('0\r\n\r\n');
    expect(JSON.parse((await readAnswer(socket)).body)).toMatchObject({ accepted: 300, rejected: 0 });
    socket.destroy();
  });

  test('a slow upload is read to its end', async () => {
    const body = Buffer.from(JSON.stringify(testEvents(20, 'slow')));
    const socket = await openSocket(server.url);
    socket.write(`POST /v1/events/batch HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`);
    const step = Math.ceil(body.length / 10);
    for (let at = 0; at < body.length; at += step) {
      socket.write(body.subarray(at, at + step));
      await sleep(50);
    }
    expect(JSON.parse((await readAnswer(socket)).body)).toMatchObject({ accepted: 20 });
    socket.destroy();
  });

  test('an upload that stands still is ended by the server, and its memory is given back', async () => {
    const socket = await openSocket(server.url);
    socket.on('error', () => {});
    socket.write('POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n{"a":"');
    await new Promise((resolve) => socket.once('close', resolve));
    await until(
      async () => (await memoryUsed(server)) < 20_000_000,
      2_000,
      'the upload is gone from the budget',
    );
  });

  test('uploads that are aborted half-way leave no bytes in the budget', async () => {
    await post(server, '/v1/events', JSON.stringify(testEvent(1, 'settle')));
    const before = await memoryUsed(server);
    for (let n = 0; n < 20; n++) {
      const socket = await openSocket(server.url);
      socket.write('POST /v1/events/batch HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n');
      socket.write('x'.repeat(100_000));
      await sleep(5);
      socket.destroy();
    }
    await until(async () => (await memoryUsed(server)) <= before, 5_000, 'the budget is as before');
  });

  test('a batch of 1,000 tiny rejects cannot fill the memory with dead letters', async () => {
    const before = residentMiB(server.pid);
    const body = JSON.stringify(Array(1000).fill(1));
    const agent = { 'user-agent': 'x'.repeat(500) };
    for (let n = 0; n < 300; n++) {
      const answer = await post(server, '/v1/events/batch', body, agent);
      expect(answer).toMatchObject({ status: 400, body: { rejected: 1000 } });
    }
    expect(residentMiB(server.pid) - before).toBeLessThan(80);
    await server.ready();
    const sql = "SELECT count() FROM events_rejected WHERE reason = 'not_an_object'";
    expect(await server.waitForCount(sql, 300 * 101)).toBe(300 * 101);
    const [row] = await server.query<{ raw: string }>(
      "SELECT raw FROM events_rejected WHERE reason = 'not_an_object' ORDER BY index DESC LIMIT 1",
    );
    expect(row!.raw).toBe(body);
  });

  test('a client that leaves before its answer disturbs nobody', async () => {
    const body = Buffer.from(JSON.stringify(testEvents(200, 'gone')));
    const head = `POST /v1/events/batch HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`;
    for (let n = 0; n < 10; n++) {
      const socket = await openSocket(server.url);
      socket.write(Buffer.concat([Buffer.from(head), body]), () => socket.destroy());
    }
    expect(await post(server, '/v1/events', JSON.stringify(testEvent(2, 'stays')))).toMatchObject({
      status: 200,
    });
  });
});

const memoryUsed = (server: Running) => metricOf(server, 'penstock_memory_used_bytes');

function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}
