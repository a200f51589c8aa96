/**
 * Chapter 8, Segment's HTTP API without its SDK: the relatives of analytics-node, and curl. Keys in every place, bodies
 * in every wrapping, clocks that are wrong, and answers that browsers and other SDKs can work with.
 */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startServer } from '../support/appliance.ts';
import { expectLawAtRest } from '../support/metrics.ts';
import { openSocket, readAnswer } from '../support/raw-http.ts';
import { CALL_TYPES, rowsOf } from '../support/segment.ts';

const KEY = 'wk_shop_1';
const OK = '{"success":true}';

const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`;

let server: Running;
beforeAll(async () => {
  server = await startServer({ config: { apps: [{ name: 'shop', keys: [KEY, 'id:secret'] }] as never } });
  await server.ready();
});
afterAll(async () => {
  await expectLawAtRest(server.url);
  expect(await server.stop()).toBe(0);
});

async function post(path: string, body: string | Buffer, headers: Record<string, string> = {}) {
  const answer = await fetch(`${server.url}${path}`, {
    method: 'POST',
    body,
    headers: { authorization: basic(`${KEY}:`), ...headers },
  });
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

/** The row of an event, when it is there. */
async function rowOf(id: string): Promise<Record<string, unknown>> {
  await server.waitForCount(`SELECT count() FROM events WHERE event_id = '${id}'`, 1);
  const rows = await rowsOf(server, `event_id = '${id}'`);
  expect(rows.length).toBe(1);
  return rows[0] ?? {};
}

const single = (id: string, more: object = {}) =>
  JSON.stringify({ messageId: id, userId: 'u1', properties: { id }, ...more });

describe('a route a call', () => {
  const paths = CALL_TYPES.flatMap((type) =>
    [`/v1/${type}`, `/v1/${type}/`, `/v1/${type[0]}`].map((path) => ({
      path,
      type,
      id: `typed${path.replaceAll('/', '-')}`,
    })),
  );
  beforeAll(async () => {
    for (const { path, type, id } of paths) {
      const answer = await post(path, single(id, type === 'track' ? { event: 'Signed Up' } : {}));
      expect([path, answer.status, answer.body]).toEqual([path, 200, OK]);
      expect(answer.headers.get('content-type')).toBe('application/json');
    }
  });

  test.each(paths)('$path makes a $type of a body that does not say its type', async ({ type, id }) => {
    expect(await rowOf(id)).toMatchObject({
      event_type: type === 'track' ? 'Signed Up' : type,
      app_id: 'shop',
      user_id: 'u1',
      event_data: { properties: { id } },
      dialect: 'segment',
    });
  });

  test('a body that does say it is believed', async () => {
    expect((await post('/v1/track', single('own-type', { type: 'screen', name: 'Home' }))).status).toBe(200);
    expect(await rowOf('own-type')).toMatchObject({ event_type: 'screen', event_data: { name: 'Home' } });
  });
});

test.each(['/v1/batch', '/v1/b', '/v1/import', '/v1/batch/'])('%s takes a batch', async (path) => {
  const id = `batch${path.replaceAll('/', '-')}`;
  const batch = [
    JSON.parse(single(`${id}-0`, { type: 'page' })),
    JSON.parse(single(`${id}-1`, { type: 'track', event: 'Bought' })),
  ];
  expect(await post(path, JSON.stringify({ batch, writeKey: KEY }))).toMatchObject({
    status: 200,
    body: OK,
  });
  expect(await rowOf(`${id}-0`)).toMatchObject({ event_type: 'page' });
  const row = await rowOf(`${id}-1`);
  expect(row).toMatchObject({ event_type: 'Bought' });
  expect(JSON.stringify(row)).not.toContain(KEY);
});

test.each([
  ['one hour ahead is set right', 3_600_000, true],
  ['one hour behind is set right', -3_600_000, true],
  ['30 s ahead is left alone: retries send an old sentAt', 30_000, false],
  ['30 s behind is left alone', -30_000, false],
])('a clock that is %s', async (_what, skewMs, isCorrected) => {
  const id = `skew${skewMs}`;
  const sentAt = Date.now() + skewMs;
  const at = sentAt - 5_000;
  const event = { messageId: id, type: 'page', userId: 'u1', timestamp: new Date(at).toISOString() };
  await post('/v1/batch', JSON.stringify({ batch: [event], sentAt: new Date(sentAt).toISOString() }));
  const row = await rowOf(id);
  const receivedAt = Date.parse(`${String(row['received_at']).replace(' ', 'T')}Z`);
  const expected = isCorrected ? at + receivedAt - sentAt : at;
  expect(row['timestamp']).toBe(new Date(expected).toISOString());
});

test('an event of the past is not moved by a clock that is right', async () => {
  const event = { messageId: 'past', type: 'page', userId: 'u1', timestamp: '2020-02-29T12:00:00.000Z' };
  await post('/v1/batch', JSON.stringify({ batch: [event], sentAt: new Date().toISOString() }));
  expect(await rowOf('past')).toMatchObject({ timestamp: '2020-02-29T12:00:00.000Z' });
});

test('a bad event among good ones is 200, and is found in events_rejected', async () => {
  const good = [single('good-0', { type: 'page' }), single('good-1', { type: 'page' })];
  const bad = '{"messageId":"nobody","type":"page","properties":{"größe":1}}';
  const body = `{"batch":[${good[0]},${bad},17,${good[1]}],"sentAt":"2026-11-20T12:00:00Z"}`;
  expect(await post('/v1/batch', body)).toMatchObject({ status: 200, body: OK });
  await rowOf('good-0');
  await rowOf('good-1');
  await server.waitForCount('events_rejected', 2);
  const rows = await server.query(
    'SELECT reason, toUInt32(index) AS index, raw, app_id, dialect FROM events_rejected ORDER BY index',
  );
  expect(rows).toEqual([
    { reason: 'missing_field', index: 1, raw: bad, app_id: 'shop', dialect: 'segment' },
    { reason: 'not_an_object', index: 2, raw: '17', app_id: 'shop', dialect: 'segment' },
  ]);
});

test('a batch of which nothing is good is 200 too: the SDK could only drop it', async () => {
  expect(await post('/v1/batch', '{"batch":[{},{}]}')).toMatchObject({ status: 200, body: OK });
  expect(await post('/v1/track', '{}')).toMatchObject({ status: 200, body: OK });
});

test.each([
  ['none', {}],
  ['text/plain;charset=UTF-8', {}],
  ['application/x-www-form-urlencoded;charset=UTF-8', {}],
  ['application/json; charset=utf-8', {}],
  ['image/png', {}],
])(
  'a body of content type %s is read by its bytes: plain, gzip, gzip undeclared, plain declared as gzip',
  async (type) => {
    const id = `type-${type.replaceAll(/[^a-z]/g, '-')}`;
    const headers: Record<string, string> = type === 'none' ? {} : { 'content-type': type };
    const gzip = { ...headers, 'content-encoding': 'gzip' };
    // A Buffer, for which fetch adds no type of its own.
    const body = (n: number) => Buffer.from(single(`${id}-${n}`));
    const answers = [
      await post('/v1/page', body(0), headers),
      await post('/v1/page', gzipSync(body(1)), gzip),
      await post('/v1/page', gzipSync(body(2)), headers),
      await post('/v1/page', body(3), gzip),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    for (let n = 0; n < 4; n++) expect(await rowOf(`${id}-${n}`)).toMatchObject({ event_type: 'page' });
  },
);

test.each([
  ['X-Write-Key, which may have a colon', { 'x-write-key': 'id:secret', authorization: '' }, ''],
  ['X-Write-Key, before the password of the site', { 'x-write-key': KEY, authorization: basic('me:pw') }, ''],
  ['?writeKey=, where a beacon has no headers', { authorization: '' }, '?writeKey=wk_shop_1'],
  ['?writeKey= in percent-encoding', { authorization: '' }, '?writeKey=id%3Asecret'],
  ['Bearer', { authorization: `Bearer ${KEY}` }, ''],
])('the key is taken from %s', async (_place, headers, query) => {
  const id = `key-${JSON.stringify(headers).length}-${query.length}`;
  expect((await post(`/v1/page${query}`, single(id), headers)).status).toBe(200);
  expect(await rowOf(id)).toMatchObject({ app_id: 'shop' });
});

test.each([
  [
    'of a batch',
    '/v1/batch',
    (id: string) => ({ batch: [JSON.parse(single(id, { type: 'page' }))], writeKey: KEY }),
  ],
  ['of an event', '/v1/page', (id: string) => JSON.parse(single(id, { writeKey: KEY }))],
  [
    'of an event in a batch',
    '/v1/b',
    (id: string) => ({ batch: [JSON.parse(single(id, { writeKey: KEY, type: 'page' }))] }),
  ],
])('the key is taken from the body %s, and not kept', async (what, path, body) => {
  const id = `body-key-${what.length}`;
  expect((await post(path, JSON.stringify(body(id)), { authorization: '' })).status).toBe(200);
  const row = await rowOf(id);
  expect(row).toMatchObject({ app_id: 'shop' });
  expect(JSON.stringify(row)).not.toContain(KEY);
});

test('a body with an unknown key, and one without any, is 401', async () => {
  for (const body of [{ batch: [], writeKey: 'nobody' }, JSON.parse(single('keyless'))]) {
    const answer = await post('/v1/batch', JSON.stringify(body), { authorization: '' });
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([401, 'unauthorized']);
  }
});

test('click ids in the address of the page are attribution, in a batch too', async () => {
  const context = (search: string) => ({
    page: { search, url: `https://x.test/${search}` },
    campaign: { source: 'a' },
  });
  const batch = ['?gclid=G%201&x=1', '', '?fbclid=F'].map((search, n) =>
    JSON.parse(single(`click-${n}`, { type: 'page', context: context(search) })),
  );
  await post('/v1/batch', JSON.stringify({ batch }));
  expect(await rowOf('click-0')).toMatchObject({ attribution: { utm_source: 'a', gclid: 'G 1' } });
  expect((await rowOf('click-1'))['attribution']).toEqual({ utm_source: 'a' });
  expect(await rowOf('click-2')).toMatchObject({ attribution: { utm_source: 'a', fbclid: 'F' } });
});

test('analytics.js is told where to send, and its own metrics are not kept', async () => {
  const answer = await fetch(`${server.url}/v1/projects/${KEY}/settings`, {
    headers: { origin: 'https://x.test' },
  });
  expect(answer.headers.get('access-control-allow-origin')).toBe('https://x.test');
  expect(await answer.json()).toMatchObject({
    integrations: { 'Segment.io': { apiKey: KEY, apiHost: `${new URL(server.url).host}/v1` } },
    metrics: { sampleRate: 0 },
  });
  expect((await post('/v1/m', '{"series":[]}')).status).toBe(200);
});

test('a beacon without a body, or of white space, is 200 and nothing', async () => {
  for (const path of ['/v1/batch', '/v1/page']) {
    expect(await post(path, '')).toMatchObject({ status: 200, body: OK });
    expect(await post(path, ' \n')).toMatchObject({ status: 200, body: OK });
  }
  const socket = await openSocket(server.url);
  socket.write(`POST /v1/p?writeKey=${KEY} HTTP/1.1\r\nhost: a\r\n\r\n`);
  expect(await readAnswer(socket)).toMatchObject({ status: 200, body: OK });
  socket.destroy();
});

test('a body that cannot be read is a problem document with its status', async () => {
  const cases = [
    ['{"batch":[', 400, 'invalid_json'],
    ['no JSON', 400, 'invalid_json'],
    // 413, on which clients that can halve a batch do so; Segment's own drop it on 400 as well.
    [`{"batch":[${Array(10_001).fill('{}')}]}`, 413, 'batch_too_large'],
  ] as const;
  for (const [body, status, code] of cases) {
    const answer = await post('/v1/batch', body);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
    expect(JSON.parse(answer.body)).toMatchObject({ status, code });
  }
});

test('10,000 events in one batch are taken, more than other routes allow', async () => {
  const batch = Array.from({ length: 10_000 }, (_, n) => ({
    messageId: `many-${n}`,
    type: 'page',
    userId: 'u',
  }));
  expect(await post('/v1/batch', JSON.stringify({ batch }))).toMatchObject({ status: 200, body: OK });
  await server.waitForCount("SELECT count() FROM events WHERE startsWith(event_id, 'many-')", 10_000);
});

describe('from a page of another origin', () => {
  const origin = 'https://shop.example';

  test('the preflight allows what is asked, also the headers of a retry', async () => {
    const answer = await fetch(`${server.url}/v1/t`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,x-retry-count',
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    expect(answer.headers.get('access-control-allow-headers')).toBe('authorization,x-retry-count');
  });

  test.each([
    ['an event', single('cors'), basic(`${KEY}:`), 200],
    ['an empty beacon', '', basic(`${KEY}:`), 200],
    ['no JSON', 'x', basic(`${KEY}:`), 400],
    ['an unknown key', single('cors'), basic('nobody:'), 401],
  ])(
    '%s has an answer that the page may read, with Retry-After',
    async (_what, body, authorization, status) => {
      const answer = await post('/v1/t', body, { origin, authorization });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
      expect(answer.headers.get('access-control-expose-headers')).toContain('Retry-After');
    },
  );
});
