/**
 * Chapter 26, clients that send one event a request and never again: Jitsu, whose answer must be JSON, and CloudEvents,
 * whose client looks at no answer at all.
 */
import { jitsuAnalytics } from '@jitsu/js';
import { CloudEvent, emitterFor, HTTP, httpTransport, Mode } from 'cloudevents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startServer } from '../support/appliance.ts';
import { APP, expectDelivered, KEY, startSdkServer } from '../support/real-sdk.ts';
import { rowsOf } from '../support/segment.ts';

let server: Running;
beforeAll(async () => {
  server = await startSdkServer();
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const EVENTS = 10_000;
/** Requests of a client that are under way at the same time. */
const AT_ONCE = 25;

async function inTurns(count: number, send: (n: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - from) }, (_none, at) => send(from + at)),
    );
  }
}

test('Jitsu’s SDK in Node delivers every call once', async () => {
  await expectDelivered(server, {
    sdk: '@jitsu/js',
    dialect: 'jitsu',
    refusals: 0,
    events: EVENTS,
    number: 'event_data.properties.n',
    send: async (door, count) => {
      const client = jitsuAnalytics({ host: door.url, writeKey: `${KEY}:secret`, s2s: true } as never);
      await client.identify('user-1', {});
      await inTurns(count - 1, (n) => client.track(`Order ${(n + 1) % 7} größe 🎉`, { n: n + 1 }));
    },
    expected: (n) =>
      n === 0
        ? { event_type: 'identify', user_id: 'user-1' }
        : {
            event_type: `Order ${n % 7} größe 🎉`,
            user_id: 'user-1',
            platform: 'server',
            ip: '',
            user_agent: '',
          },
  });
}, 240_000);

describe.each([
  ['binary', Mode.BINARY],
  ['structured', Mode.STRUCTURED],
])('CloudEvents, %s', (name, mode) => {
  test('delivers every event once', async () => {
    await expectDelivered(server, {
      sdk: 'cloudevents',
      mode: name,
      dialect: 'cloudevents',
      refusals: 0,
      events: EVENTS,
      number: 'event_data.data.n',
      send: async (door, count) => {
        const emit = emitterFor(httpTransport(`${door.url}/orders?key=${KEY}`), { binding: HTTP, mode });
        await inTurns(count, (n) =>
          emit(
            new CloudEvent({
              id: `${name}-${n}`,
              type: `com.acme.order.${n % 7}`,
              source: '/shop/eu',
              subject: `user-${n}`,
              time: new Date(Date.UTC(2024, 4, 6) + n * 1000).toISOString(),
              datacontenttype: 'application/json',
              data: { n, emoji: 'größe 🎉' },
            }),
          ),
        );
      },
      expected: (n) => ({
        event_id: `${name}-${n}`,
        event_type: `com.acme.order.${n % 7}`,
        user_id: `user-${n}`,
        timestamp: new Date(Date.UTC(2024, 4, 6) + n * 1000).toISOString(),
        ip: '',
        user_agent: '',
      }),
    });
  }, 240_000);
});

const post = (path: string, body: string, headers: Record<string, string>) =>
  fetch(`${server.url}${path}`, { method: 'POST', body, headers: { 'x-api-key': KEY, ...headers } });
const event = (id: string, more: object = {}) => ({
  specversion: '1.0',
  id,
  type: 't',
  source: '/s',
  ...more,
});
async function rowOf(id: string): Promise<Record<string, unknown>> {
  await server.waitForCount(`SELECT count() FROM events WHERE event_id = '${id}'`, 1);
  const [row] = await rowsOf(server, `event_id = '${id}'`);
  return row ?? {};
}

test('a batch of CloudEvents, by its type, and by its looks', async () => {
  const batch = (name: string) => JSON.stringify([event(`${name}-0`), event(`${name}-1`)]);
  expect(
    (await post('/anywhere', batch('ce-typed'), { 'content-type': 'application/cloudevents-batch+json' }))
      .status,
  ).toBe(200);
  expect((await post('/anywhere', batch('ce-looks'), { 'content-type': 'text/plain' })).status).toBe(200);
  expect((await post('/anywhere', JSON.stringify(event('ce-one')), {})).status).toBe(200);
  for (const id of ['ce-typed-0', 'ce-typed-1', 'ce-looks-0', 'ce-looks-1', 'ce-one']) {
    expect(await rowOf(id)).toMatchObject({ app_id: APP, event_type: 't', event_data: { source: '/s' } });
  }
});

test.each([
  ['text', 'text/plain', 'hello "x"', { data: 'hello "x"' }],
  ['bytes', 'application/octet-stream', '\u0001\u0002', { data_base64: 'AQI=' }],
  ['JSON of another name', 'application/vnd.acme+json', '{"a":1}', { data: { a: 1 } }],
])('binary data of %s', async (name, type, body, expected) => {
  const id = `ce-${name.replaceAll(' ', '-')}`;
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': id,
    'ce-type': 't',
    'ce-source': '/s%20x',
    'content-type': type,
  };
  expect((await post('/any', body, headers)).status).toBe(200);
  expect(await rowOf(id)).toMatchObject({ event_data: { ...expected, source: '/s x' } });
});

test('binary without a body is an event without data', async () => {
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': 'ce-empty',
    'ce-type': 't',
    'ce-source': '/s',
    'content-type': 'application/json',
  };
  expect((await post('/any', '', headers)).status).toBe(200);
  expect(JSON.stringify(await rowOf('ce-empty'))).not.toContain('"data"');
});

test('in open mode the app is the extension appid, else the source', async () => {
  const open = await startServer();
  await open.ready();
  const body = JSON.stringify([event('a', { appid: 'my-app' }), event('b')]);
  await fetch(`${open.url}/v1/cloudevents`, { method: 'POST', body });
  await open.waitForCount('events', 2);
  const rows = await open.query('SELECT event_id, app_id FROM events ORDER BY event_id');
  expect(rows).toEqual([
    { event_id: 'a', app_id: 'my-app' },
    { event_id: 'b', app_id: '/s' },
  ]);
  expect(await open.stop()).toBe(0);
}, 30_000);

test('Jitsu’s key is in a header, and its answer has no destinations to load', async () => {
  const answer = await fetch(`${server.url}/api/s/page`, {
    method: 'POST',
    headers: { 'x-write-key': KEY, origin: 'https://x.test' },
    body: JSON.stringify({ messageId: 'jitsu-page', type: 'page', anonymousId: 'a1', writeKey: 'wk:***' }),
  });
  expect(await answer.json()).toEqual({ ok: true });
  expect(await rowOf('jitsu-page')).toMatchObject({ app_id: APP, device_id: 'a1' });
});
