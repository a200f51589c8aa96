/**
 * Chapter 23, Snowplow: flat events of texts, JSON and base64 within them, a pixel, and no key but the app's name. A
 * tracker sends again for ever what is not answered 200, so that no event may refuse its batch.
 */
import { buildSelfDescribingEvent, newTracker } from '@snowplow/node-tracker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, until } from '../support/appliance.ts';
import type { FlakyDoor } from '../support/flaky-door.ts';
import { APP, EVENTS, expectDelivered, KEY, startSdkServer } from '../support/real-sdk.ts';
import { rowsOf } from '../support/segment.ts';

const TP2 = '/com.snowplowanalytics.snowplow/tp2';
/** Between two flushes: the tracker holds 1,000 events, refused ones too, and forgets the oldest. */
const HELD_EVENTS = 250;

let server: Running;
beforeAll(async () => {
  server = await startSdkServer();
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

async function track(door: FlakyDoor, count: number, eventMethod: 'post' | 'get') {
  let taken = 0;
  const tracker = newTracker({ namespace: 'ns', appId: KEY, encodeBase64: eventMethod === 'post' }, {
    endpoint: door.url,
    eventMethod,
    bufferSize: 100,
    maxPostBytes: 400_000,
    onRequestSuccess: (batch: unknown[]) => {
      taken += batch.length;
    },
  } as never);
  tracker.setPlatform('mob');
  for (let n = 0; n < count; n++) {
    tracker.setUserId(`user-${n}`);
    tracker.setSessionId(`session-${n}`);
    const event = buildSelfDescribingEvent({
      event: {
        schema: 'iglu:com.acme/order_completed/jsonschema/1-0-0',
        data: { n, emoji: 'größe 🎉', big: 9_007_199_254_740_994 },
      },
    });
    tracker.track(event, null, { type: 'ttm', value: Date.UTC(2024, 4, 6) + n * 1000 });
    if (n % HELD_EVENTS === HELD_EVENTS - 1) await tracker.flush();
  }
  // What was refused goes along with the next flush only.
  for (let flushes = 0; taken < count && flushes < 20; flushes++) await tracker.flush();
}

test.each([
  ['post', EVENTS, 2],
  ['get', 300, 2],
] as const)(
  'the tracker for Node delivers by %s, each event once, through a door that refuses at first',
  async (method, events, refusals) => {
    await expectDelivered(server, {
      sdk: '@snowplow/node-tracker',
      mode: method.toUpperCase(),
      dialect: 'snowplow',
      refusals,
      events,
      number: 'event_data.data.n',
      send: (door, count) => track(door, count, method),
      expected: (n) => ({
        event_type: 'order_completed',
        user_id: `user-${n}`,
        session_id: `session-${n}`,
        timestamp: new Date(Date.UTC(2024, 4, 6) + n * 1000).toISOString(),
        platform: 'mobile',
        ip: '',
        user_agent: '',
      }),
    });
  },
  90_000,
);

const post = (body: object | string, headers: Record<string, string> = {}, path = TP2) =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers,
  });
const payload = (...data: object[]) => ({
  schema: 'iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4',
  data,
});
const event = (eid: string, more: object = {}) => ({ e: 'pv', eid, aid: KEY, p: 'web', duid: 'd1', ...more });

async function rowOf(id: string): Promise<Record<string, unknown>> {
  await server.waitForCount(`SELECT count() FROM events WHERE event_id = '${id}'`, 1);
  const [row] = await rowsOf(server, `event_id = '${id}'`);
  return row ?? {};
}

test('the address of a page says where its visitor came from', async () => {
  const url = 'https://x.test/?utm_source=news+letter&utm_medium=e%2Dmail&gclid=G1&q=1#utm_term=no';
  await post(payload(event('sp-url', { url, refr: 'https://r.test/', page: 'T' })));
  expect(await rowOf('sp-url')).toMatchObject({
    event_type: 'page_view',
    app_id: APP,
    platform: 'web',
    ip: '127.0.0.1',
    attribution: {
      utm_source: 'news letter',
      utm_medium: 'e-mail',
      gclid: 'G1',
      referrer: 'https://r.test/',
    },
    event_data: { url, page_title: 'T' },
  });
});

test.each([
  ['no JSON', '{"a":'],
  ['JSON of another shape', '[1]'],
])('a text that should hold JSON and holds %s stays as it is', async (what, ue_pr) => {
  const id = `sp-text-${what.length}`;
  await post(payload(event(id, { e: 'ue', ue_pr, cx: '!' })));
  expect(await rowOf(id)).toMatchObject({ event_type: 'ue', event_data: { ue_pr, cx: '!' } });
});

test('SP-Anonymous: neither address nor agent is kept', async () => {
  await post(payload(event('sp-anonymous')), { 'sp-anonymous': '*' });
  expect(await rowOf('sp-anonymous')).toMatchObject({ ip: '', user_agent: '', device_id: 'd1' });
});

test('the device’s time is corrected by the time of sending, the true time is not', async () => {
  const sent = Date.now() - 3_600_000;
  await post(
    payload(
      event('sp-dtm', { dtm: String(sent - 5000), stm: String(sent) }),
      event('sp-ttm', { ttm: String(sent - 5000), stm: String(sent) }),
    ),
  );
  const row = await rowOf('sp-dtm');
  const received = Date.parse(`${String(row['received_at']).replace(' ', 'T')}Z`);
  expect(row['timestamp']).toBe(new Date(received - 5000).toISOString());
  expect(await rowOf('sp-ttm')).toMatchObject({ timestamp: new Date(sent - 5000).toISOString() });
});

test('SP-Anonymous holds on a path of one’s own too', async () => {
  await post(payload(event('sp-own-path')), { 'sp-anonymous': '*' }, '/collect/ev');
  expect(await rowOf('sp-own-path')).toMatchObject({ ip: '', user_agent: '' });
});

test('any path will do that the tracker is told, also behind a prefix', async () => {
  expect((await post(payload(event('sp-path')), {}, '/collect/ev')).status).toBe(200);
  expect((await post(payload(event('sp-prefix')), {}, `/prefix${TP2}`)).status).toBe(200);
  await rowOf('sp-path');
  await rowOf('sp-prefix');
});

test('the pixel is answered with an image', async () => {
  const answer = await fetch(`${server.url}/i?e=pv&eid=sp-pixel&aid=${KEY}&page=a%20b&p=web&duid=d1`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/gif']);
  expect(Buffer.from(await answer.arrayBuffer()).toString('latin1', 0, 6)).toBe('GIF89a');
  expect(await rowOf('sp-pixel')).toMatchObject({
    event_type: 'page_view',
    event_data: { page_title: 'a b' },
  });
});

test('nothing is refused with a status on which a tracker sends again for ever', async () => {
  const statuses = [
    await post('{"data":['),
    await post(payload(event('sp-enc')), { 'content-encoding': 'lzma' }),
    await post(payload(...Array.from({ length: 10_001 }, () => ({})))),
    await post(payload({ ...event('sp-unknown'), aid: 'nobody' })),
    await post(payload(event('sp-big', { page: 'x'.repeat(2_000_000) })), { 'content-encoding': 'gzip' }),
  ].map(({ status }) => status);
  expect(statuses.every((status) => [200, 400, 401].includes(status))).toBe(true);
  expect((await post(payload(event('sp-good'), { e: 5 }))).status).toBe(401);
  await until(async () => (await fetch(`${server.url}/ready`)).ok, 5_000, 'it is well');
});
