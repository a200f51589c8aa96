/**
 * Chapter 29, what every SDK hears in every state of the server: taken, refused for what it is, full, stopping. Each
 * dialect's words are what its clients were measured to need (docs/sdks.md); whatever it is, it is one whole answer that a
 * page may read, on a connection that goes on, and never 429, 404, a redirect or an end without an answer.
 */
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startServer, storePidOf, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { scrape } from '../support/metrics.ts';
import { openSocket, type RawAnswer, readAnswer } from '../support/raw-http.ts';
import { KEY, startSdkServer } from '../support/real-sdk.ts';
import { SMALL_BOUNDS } from '../support/small-bounds.ts';

const ORIGIN = 'https://shop.example';
const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` });
const json = (value: unknown) => JSON.stringify(value);
const base64 = (value: unknown) => encodeURIComponent(Buffer.from(json(value)).toString('base64'));

interface Sent {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

interface Family {
  readonly name: string;
  /** A request of `count` events under the key, whose text is what is between the events' brackets otherwise. */
  send(key: string, count?: number): Sent;
  readonly ok: readonly [type: string, body: string | RegExp];
  /** Status of a batch of too many events; absent where a request is one event. */
  readonly tooMany?: 400 | 413;
  /** Status of a body over the limit of bytes, and of one in an unknown encoding. */
  readonly tooLarge: 400 | 413;
  readonly unknownEncoding: 400 | 415;
  /** Refusals have the status in a body of JSON: always, or until the body says whose it is, on paths of several SDKs. */
  readonly numeric?: 'always' | 'early';
  /** Its clients never send again, and are taken from what is kept for them. */
  readonly cannotRetry?: boolean;
}

const many = (event: object, count: number) => Array.from({ length: count }, () => event);
const track = { type: 'track', event: 'e', userId: 'u' };
const COMMON = { tooMany: 413, tooLarge: 413, unknownEncoding: 415 } as const;
const SEGMENT_OK = ['application/json', '{"success":true}'] as const;
const POSTHOG_OK = ['application/json', '{"status":1,"results":{}}'] as const;
const GIF = ['image/gif', /^GIF89a/] as const;

const FAMILIES: readonly Family[] = [
  {
    ...COMMON,
    name: 'Segment and RudderStack, a batch under Basic',
    send: (key, count = 1) => ({
      path: '/v1/batch',
      headers: basic(key),
      body: json({ batch: many(track, count) }),
    }),
    ok: SEGMENT_OK,
  },
  {
    ...COMMON,
    name: 'Segment in a browser, one call, its key in the body too',
    send: (key) => ({ path: '/v1/t', body: json({ ...track, writeKey: key }) }),
    ok: SEGMENT_OK,
    tooMany: undefined as never,
  },
  {
    ...COMMON,
    name: 'a beacon of RudderStack',
    send: (key, count = 1) => ({
      path: `/beacon/v1/batch?writeKey=${key}`,
      body: json({ batch: many(track, count) }),
    }),
    ok: SEGMENT_OK,
  },
  {
    ...COMMON,
    name: 'posthog-node',
    numeric: 'early',
    send: (key, count = 1) => ({
      path: '/batch/',
      body: json({ api_key: key, batch: many({ event: 'e', distinct_id: 'u', properties: {} }, count) }),
    }),
    ok: POSTHOG_OK,
  },
  {
    ...COMMON,
    name: 'posthog-node, its newer form',
    send: (key, count = 1) => ({
      path: '/i/v1/analytics/events',
      headers: { authorization: `Bearer ${key}` },
      body: json({ batch: many({ event: 'e', distinct_id: 'u', properties: {} }, count) }),
    }),
    ok: POSTHOG_OK,
  },
  {
    ...COMMON,
    name: 'posthog-js',
    send: (key, count = 1) => ({
      path: '/e/',
      body: json(many({ event: 'e', properties: { token: key, distinct_id: 'u' } }, count)),
    }),
    ok: POSTHOG_OK,
  },
  {
    name: 'Snowplow',
    send: (key, count = 1) => ({
      path: '/com.snowplowanalytics.snowplow/tp2',
      body: json({ schema: 's', data: many({ e: 'pv', aid: key }, count) }),
    }),
    ok: ['application/json', '{"ok":true}'],
    tooMany: 400,
    tooLarge: 400,
    unknownEncoding: 400,
  },
  {
    name: 'Snowplow’s pixel',
    send: (key) => ({ method: 'GET', path: `/i?e=pv&aid=${key}` }),
    ok: GIF,
    tooLarge: 400,
    unknownEncoding: 400,
  },
  {
    ...COMMON,
    name: 'Amplitude',
    send: (key, count = 1) => ({
      path: '/2/httpapi',
      body: json({ api_key: key, events: many({ event_type: 'e', user_id: 'u' }, count) }),
    }),
    ok: [
      'application/json',
      /^\{"code":200,"events_ingested":1,"payload_size_bytes":\d+,"server_upload_time":\d{13}\}$/,
    ],
    numeric: 'always',
  },
  {
    ...COMMON,
    name: 'Mixpanel, a form',
    send: (key, count = 1) => ({
      path: '/track',
      body: `data=${base64(many({ event: 'e', properties: { token: key } }, count))}`,
    }),
    ok: ['text/plain', '1'],
    cannotRetry: true,
  },
  {
    name: 'Mixpanel, a query',
    send: (key) => ({
      method: 'GET',
      path: `/engage?verbose=1&data=${base64({ $token: key, $distinct_id: 'u', $set: {} })}`,
    }),
    ok: ['application/json', '{"error":null,"status":1}'],
    tooLarge: 413,
    unknownEncoding: 415,
    cannotRetry: true,
  },
  {
    name: 'Jitsu',
    send: (key) => ({ path: '/api/s/track', headers: { 'x-write-key': key }, body: json(track) }),
    ok: ['application/json', '{"ok":true}'],
    tooLarge: 413,
    unknownEncoding: 415,
    cannotRetry: true,
  },
  {
    ...COMMON,
    name: 'CloudEvents',
    send: (key, count = 1) => ({
      path: '/any/path',
      headers: { 'content-type': 'application/cloudevents-batch+json' },
      body: json(many({ specversion: '1.0', type: 't', source: '/s', appid: key }, count)),
    }),
    ok: ['application/json', '{"ok":true}'],
    cannotRetry: true,
  },
  {
    name: 'the plain pixel',
    send: (key) => ({ method: 'GET', path: `/v1/pixel.gif?key=${key}&event_type=e&user_id=u` }),
    ok: GIF,
    tooLarge: 413,
    unknownEncoding: 415,
    cannotRetry: true,
  },
];

/** Sends on the connection what a page's SDK would, and reads one whole answer. */
function exchange(socket: Socket, { method = 'POST', path, headers = {}, body = '' }: Sent) {
  const bytes = Buffer.from(body);
  const names = { host: 'a', origin: ORIGIN, ...headers, 'content-length': String(bytes.length) };
  const head = Object.entries(names).map(([name, value]) => `${name}: ${value}\r\n`);
  const answer = readAnswer(socket, 20_000);
  socket.write(`${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n`);
  socket.write(bytes);
  return answer;
}

const headerOf = ({ head }: RawAnswer, name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1];

function expectTaken(answer: RawAnswer, [type, body]: Family['ok']): void {
  expect([answer.status, headerOf(answer, 'content-type')]).toEqual([200, type]);
  if (typeof body === 'string') expect(answer.body).toBe(body);
  else expect(answer.body).toMatch(body);
  expectReadable(answer);
}

/** In words that its clients understand: a problem, or for Amplitude's the status as a number. */
function expectRefused(answer: RawAnswer, { numeric }: Family, status: number, when: 'early' | 'late'): void {
  expect(answer.status).toBe(status);
  const isNumeric = numeric === 'always' || numeric === when;
  const said = JSON.parse(answer.body) as Record<string, unknown>;
  if (isNumeric) {
    const isFinal = status !== 503 && status !== 413;
    expect(headerOf(answer, 'content-type')).toBe('application/json');
    expect([said['code'], typeof said['missing_field']]).toEqual([status, isFinal ? 'string' : 'undefined']);
    expect(String(said['error']).startsWith('Invalid API key')).toBe(status === 401);
  } else {
    expect(headerOf(answer, 'content-type')).toBe('application/problem+json');
    expect([said['status'], typeof said['code']]).toEqual([status, 'string']);
  }
  if (status === 503) expect(headerOf(answer, 'retry-after')).toMatch(/^[1-9]\d?$/);
  expectReadable(answer);
}

function expectReadable(answer: RawAnswer): void {
  expect(headerOf(answer, 'access-control-allow-origin')).toBe(ORIGIN);
  expect(headerOf(answer, 'access-control-allow-credentials')).toBe('true');
  expect(headerOf(answer, 'access-control-expose-headers')).toContain('Retry-After');
  expect(headerOf(answer, 'vary')).toBe('Origin');
}

/** That the connection goes on after what was sent. */
async function expectOpen(socket: Socket): Promise<void> {
  const health = readAnswer(socket);
  socket.write('GET /health HTTP/1.1\r\nhost: a\r\n\r\n');
  expect((await health).status).toBe(200);
  socket.destroy();
}

/** For what a family has no such case of. */
function none(_name: string, _check: () => Promise<void>): void {}

describe.each(FAMILIES)('$name', (family) => {
  let server: Running;
  beforeAll(async () => {
    server = await shared();
  });

  async function send(sent: Sent): Promise<RawAnswer> {
    const socket = await openSocket(server.url);
    const answer = await exchange(socket, sent);
    await expectOpen(socket);
    return answer;
  }

  test('what is good: 200, in the words that it wants', async () => {
    expectTaken(await send(family.send(KEY)), family.ok);
  });

  test('an unknown key: 401', async () => {
    expectRefused(await send(family.send('nobody')), family, 401, 'late');
  });

  test('an encoding that is none', async () => {
    const { headers, ...sent } = family.send(KEY);
    const answer = await send({ ...sent, headers: { ...headers, 'content-encoding': 'lzma' } });
    expectRefused(answer, family, family.unknownEncoding, 'early');
  });

  const isPost = family.send(KEY).method !== 'GET';
  (isPost ? test : none)('a body over the limit is read to its end', async () => {
    const { body = '', ...sent } = family.send(KEY);
    const answer = await send({ ...sent, body: `${body.slice(0, -1)}${' '.repeat(6_000_000)}` });
    expectRefused(answer, family, family.tooLarge, 'early');
  });

  (family.tooMany !== undefined ? test : none)('more events than may be', async () => {
    expectRefused(await send(family.send(KEY, 10_001)), family, family.tooMany ?? 0, 'late');
  });

  (isPost ? test : none)('nothing at all, as beacons send it: 200', async () => {
    const { path, headers } = family.send(KEY);
    const answer = await send({ path, headers: { ...headers, ...basic(KEY) } });
    expectTaken(answer, [family.ok[0], family.numeric === undefined ? family.ok[1] : /^\{"code":200/]);
  });
});

let running: Promise<Running> | undefined;
/** One server for all of them. */
function shared(): Promise<Running> {
  running ??= startSdkServer();
  return running;
}
afterAll(async () => {
  expect(await (await shared()).stop()).toBe(0);
});

test('a full journal: 503 to those that come back, 200 to those that never do, until their part is full too', async () => {
  const full = await startServer({
    config: {
      apps: [{ name: 'shop', keys: [KEY] }] as never,
      ...SMALL_BOUNDS,
    },
  });
  await full.ready();
  const store = storePidOf(full);
  process.kill(store, 'SIGSTOP');
  const socket = await openSocket(full.url);
  try {
    const fill = async (from: number) => {
      const body = json(testEvents(200, 'fill', from));
      return (await exchange(socket, { path: '/v1/events/batch', headers: basic(KEY), body })).status;
    };
    let status = 200;
    for (let from = 0; status === 200 && from < 300_000; from += 200) status = await fill(from);
    expect(status).toBe(503);
    for (const family of FAMILIES) {
      const answer = await exchange(socket, family.send(KEY));
      if (family.cannotRetry) expectTaken(answer, family.ok);
      else expectRefused(answer, family, 503, 'early');
    }
    // What is kept for them ends as well.
    const properties = { token: KEY, filler: 'x'.repeat(40_000) };
    const body = `data=${base64([{ event: 'e', properties }])}`;
    for (let sent = 0; status !== 200 || sent === 0; sent++) {
      const answer = await exchange(socket, { path: '/track', body });
      if (answer.status === 503) break;
      expect([answer.status, sent < 1_000]).toEqual([200, true]);
    }
    for (const family of FAMILIES)
      expectRefused(await exchange(socket, family.send(KEY)), family, 503, 'early');
    await expectOpen(socket);
  } finally {
    process.kill(store, 'SIGCONT');
  }
  expect(await full.stop()).toBe(0);
}, 120_000);

test('a server that stops: 503 on connections that are open, which it asks to be closed', async () => {
  const stopping = await startServer({ config: { apps: [{ name: 'shop', keys: [KEY] }] as never } });
  await stopping.ready();
  const body = json({ batch: [track] });
  const slow = await openSocket(stopping.url);
  const head = `POST /v1/batch HTTP/1.1\r\nhost: a\r\norigin: ${ORIGIN}\r\nauthorization: ${basic(KEY).authorization}\r\n`;
  slow.write(`${head}content-length: ${body.length}\r\n\r\n${body.slice(0, 10)}`);
  await until(
    async () => /penstock_requests_in_flight\{[^}]*\} [1-9]/.test(await scrape(stopping.url)),
    10_000,
    'the slow request is in flight',
  );
  // All at once, before and after: uWebSockets ends a connection that says nothing for 10 s.
  const sockets = await Promise.all(FAMILIES.map(() => openSocket(stopping.url)));
  const all = () =>
    Promise.all(FAMILIES.map((family, index) => exchange(sockets[index] as Socket, family.send(KEY))));
  for (const [index, answer] of (await all()).entries()) {
    expectTaken(answer, (FAMILIES[index] as Family).ok);
  }
  slow.write(body.slice(10, 20));
  stopping.signal('SIGTERM');
  await until(() => stopping.logs.some(({ msg }) => msg === 'draining'), 10_000, 'the drain begins');
  for (const [index, answer] of (await all()).entries()) {
    expectRefused(answer, FAMILIES[index] as Family, 503, 'early');
    expect(headerOf(answer, 'connection')).toBe('close');
  }
  const last = readAnswer(slow);
  slow.write(body.slice(20));
  const answer = await last;
  expectTaken(answer, SEGMENT_OK);
  expect(headerOf(answer, 'connection')).toBe('close');
  expect(await stopping.exited).toBe(0);
  await stopping.stop();
  for (const socket of [...sockets, slow]) socket.destroy();
}, 60_000);
