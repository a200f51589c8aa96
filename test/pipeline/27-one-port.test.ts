/**
 * Chapter 27, everybody on one port: paths that several SDKs share, prefixes, preflights; the plain pixel; bodies that are
 * damaged, endless or somebody's trick; and who is still taken when the server is nearly full.
 */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startServer, storePidOf } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { expectLawAtRest } from '../support/metrics.ts';
import { openSocket, readAnswer } from '../support/raw-http.ts';
import { APP, KEY, startSdkServer } from '../support/real-sdk.ts';
import { rowsOf } from '../support/segment.ts';
import { SMALL_BOUNDS } from '../support/small-bounds.ts';

let server: Running;
beforeAll(async () => {
  server = await startSdkServer();
});
afterAll(async () => {
  await expectLawAtRest(server.url);
  expect(await server.stop()).toBe(0);
});

async function post(path: string, body: object | string | Buffer, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const answer = await fetch(`${server.url}${path}`, { method: 'POST', body: text, headers });
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

/** Without a Content-Length that could refuse it. */
async function postChunked(path: string, body: Buffer) {
  const stream = new Blob([body]).stream();
  return fetch(`${server.url}${path}`, { method: 'POST', body: stream, duplex: 'half' } as RequestInit);
}

async function rowOf(id: string): Promise<Record<string, unknown>> {
  await server.waitForCount(`SELECT count() FROM events WHERE event_id = '${id}'`, 1);
  const [row] = await rowsOf(server, `event_id = '${id}'`);
  return row ?? {};
}

const amplitude = (id: string) => ({
  api_key: KEY,
  events: [{ event_type: 'e', insert_id: id, user_id: 'u' }],
});
const posthog = (id: string) => ({
  api_key: KEY,
  batch: [{ event: 'e', uuid: id, distinct_id: 'u', properties: {} }],
});
const segment = (id: string) => ({ writeKey: KEY, batch: [{ type: 'page', messageId: id, userId: 'u' }] });
const snowplow = (id: string) => ({
  schema: 'iglu:x/payload_data/jsonschema/1-0-4',
  data: [{ e: 'pv', eid: id, aid: KEY }],
});
const cloudevent = (id: string) => [{ specversion: '1.0', id, type: 't', source: '/s', appid: KEY }];
const BODIES = { amplitude, posthog, segment, snowplow, cloudevents: cloudevent };

describe.each(['/batch', '/batch/', '/', '/any/path/of/yours'])('on %s', (path) => {
  test.each(Object.entries(BODIES))('a body of %s is told by its members', async (dialect, body) => {
    const id = `shared-${path.length}-${dialect}`;
    expect((await post(path, gzipSync(JSON.stringify(body(id))))).status).toBe(200);
    expect(await rowOf(id)).toMatchObject({ dialect, app_id: APP });
  });
});

test.each([
  ['/prefix/v1/batch', segment('p-1')],
  ['/a/b/c/batch/', posthog('p-2')],
  ['//v1/batch', segment('p-3')],
  ['/prefix/2/httpapi', amplitude('p-4')],
])('%s: what stands before a path that is known is passed over', async (path, body) => {
  expect((await post(path, body)).status).toBe(200);
});

test.each([
  ['a body that is nobody’s', '{"a":1}', 404],
  ['a list that is nobody’s', '[{"a":1}]', 404],
  ['no JSON', 'hello', 404],
  ['nothing', '', 200],
])('%s on a path that is nobody’s', async (_what, body, status) => {
  expect((await post('/nowhere', body)).status).toBe(status);
});

test('a preflight is answered on any path, before a browser is refused there', async () => {
  const answer = await fetch(`${server.url}/any/path`, {
    method: 'OPTIONS',
    headers: { origin: 'https://x.test', 'access-control-request-headers': 'x-custom' },
  });
  expect(answer.status).toBe(204);
  expect(answer.headers.get('access-control-allow-headers')).toBe('x-custom');
});

test.each([
  '/2/httpapi',
  '/e/',
  '/track/',
  '/i/v1/analytics/events',
  '/com.snowplowanalytics.snowplow/tp2',
  '/api/s/track',
])('%s: every answer may be read by the page, refusals too', async (path) => {
  const origin = 'https://shop.example';
  for (const body of ['', '{"a"', 'x']) {
    const answer = await post(path, body, { origin });
    expect([path, body, answer.headers.get('access-control-allow-origin')]).toEqual([path, body, origin]);
    expect(answer.headers.get('access-control-allow-credentials')).toBe('true');
    expect(answer.headers.get('access-control-expose-headers')).toContain('Retry-After');
    expect(answer.status).not.toBe(429);
    expect(answer.status).toBeLessThan(500);
  }
});

describe('the pixel', () => {
  test('takes an event of columns, attribution and data from a query', async () => {
    const query = `key=${KEY}&event_id=px-1&event_type=opened&user_id=u1&utm_campaign=spring%20sale&gclid=G1&plan=pro+x&plan=no`;
    const answer = await fetch(`${server.url}/v1/pixel.gif?${query}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/gif']);
    const row = await rowOf('px-1');
    expect(row).toMatchObject({
      event_type: 'opened',
      app_id: APP,
      user_id: 'u1',
      ip: '127.0.0.1',
      attribution: { utm_campaign: 'spring sale', gclid: 'G1' },
      event_data: { plan: 'pro x' },
      dialect: 'pixel',
    });
    expect(JSON.stringify(row)).not.toContain(KEY);
  });

  test('is 401 without a key', async () => {
    expect((await fetch(`${server.url}/v1/pixel.gif?event_type=x`)).status).toBe(401);
  });
});

describe('bodies that are somebody’s trick', () => {
  const track = (id: string, properties: string) =>
    post('/v1/track', `{"messageId":"${id}","userId":"u","event":"e","properties":${properties}}`, {
      'x-write-key': KEY,
    });

  test.each([
    ['lone surrogate', '{"a":"\\ud83c"}', { a: '\ufffd' }],
    ['integers beyond 2^53', '{"a":12345678901234567890}', undefined],
    [
      '__proto__ and constructor',
      '{"__proto__":{"x":1},"constructor":"c","toString":1}',
      { constructor: 'c' },
    ],
    [
      'HTML, SQL, templates',
      '{"a":"<b>\'; DROP TABLE events; --{jndi:x}"}',
      { a: "<b>'; DROP TABLE events; --{jndi:x}" },
    ],
    ['properties that are a text', '"text"', undefined],
    ['properties that are a list', '[1,2]', undefined],
  ])('%s: kept', async (what, properties, expected) => {
    const id = `trick-${what.replaceAll(/\W/g, '-')}`;
    expect((await track(id, properties)).status).toBe(200);
    const row = await rowOf(id);
    if (expected !== undefined) expect(row).toMatchObject({ event_data: { properties: expected } });
  });

  test.each([
    ['NaN of a Python client', '{"a":NaN}'],
    ['64 levels and more', `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`],
    ['a number beyond all', '{"a":1e999}'],
    ['a key twice', '{"a":1,"a":2}'],
  ])('%s: 200, and in events_rejected', async (what, properties) => {
    const before = Number(
      (await server.query<{ n: string }>('SELECT count() AS n FROM events_rejected'))[0]?.n,
    );
    expect((await track(`bad-${what.length}`, properties)).status).toBe(200);
    await server.waitForCount('events_rejected', before + 1);
  });

  test.each(['{"a":1,}', "{'a':1}", '{a:1}', '{"a":1} /* c */', 'true', '"text"', '123', 'null'])(
    '%s as a whole body: no JSON of events is never 5xx',
    async (body) => {
      for (const path of ['/v1/track', '/v1/batch', '/2/httpapi', '/e/', '/track', '/batch']) {
        const { status } = await post(path, body, { 'x-write-key': KEY });
        expect([path, status < 500]).toEqual([path, true]);
      }
    },
  );

  test('a byte order mark, also in gzip, is passed over', async () => {
    const body = Buffer.from(`\ufeff${JSON.stringify(segment('bom'))}`);
    expect((await post('/v1/batch', body)).status).toBe(200);
    expect((await post('/batch', gzipSync(body))).status).toBe(200);
    await rowOf('bom');
  });

  test('a bomb of base64 in gzip ends at the limit of bytes', async () => {
    const bomb = gzipSync(Buffer.concat([Buffer.from('data='), Buffer.alloc(40_000_000, 'A')]));
    expect((await post('/track', bomb)).status).toBe(413);
  });

  test('depth costs no stack, where keys are looked for', async () => {
    const deep = `{"batch":[{"properties":${'['.repeat(500_000)}${']'.repeat(500_000)}}]}`;
    expect((await post('/e/', deep)).status).toBe(401);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  test('a body that never comes to its end is no answer’s business', async () => {
    const socket = await openSocket(server.url);
    socket.write(`POST /track HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\ndata=`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    const next = await openSocket(server.url);
    next.write('GET /i?e=pv HTTP/1.1\r\nhost: a\r\n\r\n');
    expect((await readAnswer(next)).status).toBe(401);
    next.destroy();
  });

  test.each(['%', '%zz', '%E0%A4', '+', '&&&=', 'data', `data=${'%41'.repeat(1000)}`])(
    'a query of %s is no fault of the server',
    async (query) => {
      for (const path of ['/track', '/i', '/v1/pixel.gif', '/e']) {
        expect((await fetch(`${server.url}${path}?${query}`)).status).toBeLessThan(500);
      }
    },
  );
});

test.each([
  ['/batch/', 413],
  ['/2/httpapi', 413],
  ['/com.snowplowanalytics.snowplow/tp2', 400],
])('%s: a body over the limit is read to its end, so that its SDK hears %i', async (path, status) => {
  const body = Buffer.alloc(8_000_000, ' ');
  const answers = [await post(path, body), await postChunked(path, body)];
  expect(answers.map((answer) => answer.status)).toEqual([status, status]);
});

test('apps that list their origins refuse others, also when the key is in the body', async () => {
  const strict = await startServer({
    config: { apps: [{ name: APP, keys: [KEY], origins: ['https://shop.example'] }] as never },
  });
  const send = (origin: string) =>
    fetch(`${strict.url}/2/httpapi`, {
      method: 'POST',
      headers: { origin },
      body: JSON.stringify(amplitude('origin')),
    });
  expect((await send('https://other.example')).status).toBe(403);
  expect((await send('https://shop.example')).status).toBe(200);
  expect(await strict.stop()).toBe(0);
}, 30_000);

test('when it is nearly full, clients that come back are asked to; those that do not are taken', async () => {
  const full = await startServer({
    config: {
      ...SMALL_BOUNDS,
    },
  });
  await full.ready();
  const store = storePidOf(full);
  process.kill(store, 'SIGSTOP');
  try {
    const send = async (path: string, body: string) =>
      (await fetch(`${full.url}${path}`, { method: 'POST', body })).status;
    let status = 200;
    for (let sent = 0; status === 200 && sent < 300_000; sent += 100) {
      status = await send('/v1/events/batch', JSON.stringify(testEvents(100, 'fill', sent)));
    }
    expect(status).toBe(503);
    expect(await send('/v1/track', '{"userId":"u","event":"e"}')).toBe(503);
    const data = Buffer.from('{"event":"e","properties":{"distinct_id":"u"}}').toString('base64');
    expect(await send('/track', `data=${data}`)).toBe(200);
    expect(await send('/api/s/track', '{"type":"track","event":"e","userId":"u"}')).toBe(200);
  } finally {
    process.kill(store, 'SIGCONT');
  }
  expect(await full.stop()).toBe(0);
}, 60_000);
