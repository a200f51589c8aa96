/**
 * Chapter 24, Amplitude: what counts is the `code` in the body of an answer, not its status; without it events are sent
 * up to 12 times. `/batch` and `/` are its paths too, and other SDKs'.
 */
import { createInstance } from '@amplitude/analytics-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Running } from '../support/appliance.ts';
import { APP, expectDelivered, KEY, startSdkServer } from '../support/real-sdk.ts';
import { rowsOf } from '../support/segment.ts';

let server: Running;
beforeAll(async () => {
  server = await startSdkServer();
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

test('the SDK for Node delivers 10,000 events, each once, through a door that refuses at first', async () => {
  await expectDelivered(server, {
    sdk: '@amplitude/analytics-node',
    dialect: 'amplitude',
    refusals: 2,
    number: 'event_data.n',
    send: async (door, count) => {
      const client = createInstance();
      await client.init(KEY, {
        serverUrl: `${door.url}/2/httpapi`,
        flushQueueSize: 500,
        flushIntervalMillis: 100,
        logLevel: 0,
      }).promise;
      const results = Array.from(
        { length: count },
        (_none, n) =>
          client.track(
            `Order ${n % 7} größe 🎉`,
            { n, revenue: n + 0.25 },
            {
              user_id: `user-${n}`,
              device_id: `device-${n}`,
              session_id: Date.UTC(2024, 4, 6) + n,
              insert_id: `amplitude-${n}`,
              time: Date.UTC(2024, 4, 6) + n * 1000,
              os_version: '17.4',
              app_version: '3.2.1',
              platform: 'iOS',
            },
          ).promise,
      );
      const codes = new Set((await Promise.all(results)).map(({ code }) => code));
      expect([...codes]).toEqual([200]);
    },
    expected: (n) => ({
      event_id: `amplitude-${n}`,
      event_type: `Order ${n % 7} größe 🎉`,
      user_id: `user-${n}`,
      device_id: `device-${n}`,
      session_id: String(Date.UTC(2024, 4, 6) + n),
      timestamp: new Date(Date.UTC(2024, 4, 6) + n * 1000).toISOString(),
      platform: 'iOS',
      os_version: '17.4',
      app_version: '3.2.1',
      ip: '',
      user_agent: '',
    }),
  });
}, 240_000);

const event = (insert_id: string, more: object = {}) => ({
  insert_id,
  event_type: 'e',
  user_id: 'u1',
  session_id: -1,
  ...more,
});
async function post(path: string, body: object | string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${server.url}${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers,
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function rowOf(id: string): Promise<Record<string, unknown>> {
  await server.waitForCount(`SELECT count() FROM events WHERE event_id = '${id}'`, 1);
  const [row] = await rowsOf(server, `event_id = '${id}'`);
  return row ?? {};
}

test.each(['/2/httpapi', '/batch', '/', '/proxy/2/httpapi'])('%s is told what was taken', async (path) => {
  const id = `amp${path.replaceAll('/', '-')}`;
  const body = { api_key: KEY, events: [event(id)], options: { min_id_length: 1 } };
  const answer = await post(path, body);
  expect(answer).toMatchObject({
    status: 200,
    body: { code: 200, events_ingested: 1, payload_size_bytes: JSON.stringify(body).length },
  });
  expect(await rowOf(id)).toMatchObject({ app_id: APP, session_id: '', dialect: 'amplitude' });
});

test('an event without any id is taken', async () => {
  await post('/2/httpapi', { api_key: KEY, events: [{ insert_id: 'amp-nobody', event_type: 'e' }] });
  expect(await rowOf('amp-nobody')).toMatchObject({ device_id: '', user_id: '' });
});

test('rejected events are named, with a code that does not make the SDK send the others again', async () => {
  const events = [
    event('amp-good'),
    { user_id: 'u1' },
    event('amp-deep', { event_properties: { a: 'huge' } }),
    17,
  ];
  const body = JSON.stringify({ api_key: KEY, events }).replace('"huge"', '1e999');
  expect(await post('/2/httpapi', body)).toMatchObject({
    status: 200,
    body: {
      code: 200,
      events_ingested: 1,
      events_with_missing_fields: { event_type: [1] },
      events_with_invalid_fields: { event: [2, 3] },
    },
  });
  await server.waitForCount("SELECT count() FROM events_rejected WHERE dialect = 'amplitude'", 3);
});

test.each([
  ['no JSON', '{"api_key":', {}, 400, { code: 400, missing_field: 'unauthorized' }],
  ['a key that nobody has', { api_key: 'nobody', events: [] }, {}, 401, { code: 401 }],
  [
    'an unknown encoding',
    { api_key: KEY, events: [] },
    { 'content-encoding': 'lzma' },
    415,
    { code: 415, missing_field: 'unsupported_media_type' },
  ],
  ['too many events', `{"api_key":"${KEY}","events":[${Array(10_001).fill('{}')}]}`, {}, 413, { code: 413 }],
] as const)(
  '%s is refused in numbers that end its retries, or halve its batches',
  async (_what, body, headers, status, expected) => {
    const answer = await post('/2/httpapi', body, headers);
    expect(answer.status === status || answer.status === 401).toBe(true);
    expect(answer.body).toMatchObject(answer.status === status ? expected : { code: 401 });
    if (answer.status === 401) expect(String(answer.body['error'])).toMatch(/^Invalid API key/);
  },
);

test('the browser’s address is its own where it asks for that, and sentinels are no values', async () => {
  const user_properties = { $set: { utm_source: 'EMPTY', utm_medium: '-', utm_campaign: 'spring' } };
  await post('/2/httpapi', {
    api_key: KEY,
    events: [event('amp-browser', { ip: '$remote', platform: 'Web', user_properties })],
  });
  expect(await rowOf('amp-browser')).toMatchObject({
    ip: '127.0.0.1',
    attribution: { utm_campaign: 'spring' },
  });
});
