/**
 * Chapter 22, PostHog: posthog-node in both of its wire forms, posthog-js as it is and as it was. The key is in the body
 * or a Bearer; gzip is declared by the one and not by the other; 200 alone is success.
 */
import { gzipSync } from 'node:zlib';
import { PostHog } from 'posthog-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Running } from '../support/appliance.ts';
import { APP, expectDelivered, KEY, OTHER_KEY, startSdkServer } from '../support/real-sdk.ts';
import { rowsOf } from '../support/segment.ts';

const OK = '{"status":1,"results":{}}';

let server: Running;
beforeAll(async () => {
  server = await startSdkServer();
});
afterAll(async () => {
  delete process.env['POSTHOG_CAPTURE_MODE'];
  expect(await server.stop()).toBe(0);
});

const uuidOf = (mode: number, n: number) => `0190000${mode}-0000-7000-8000-${n.toString().padStart(12, '0')}`;

describe.each([
  ['v0', 0],
  ['v1', 1],
])('posthog-node, wire form %s', (mode, number) => {
  test('delivers 10,000 events in gzip, each once, through a door that refuses at first', async () => {
    process.env['POSTHOG_CAPTURE_MODE'] = mode;
    await expectDelivered(server, {
      sdk: 'posthog-node',
      mode,
      dialect: 'posthog',
      refusals: 2,
      number: 'event_data.n',
      send: async (door, count) => {
        const client = new PostHog(KEY, {
          host: door.url,
          flushAt: 500,
          maxBatchSize: 500,
          flushInterval: 60_000,
          maxQueueSize: count,
          fetchRetryCount: 5,
          fetchRetryDelay: 200,
        });
        for (let n = 0; n < count; n++) {
          client.capture({
            distinctId: `user-${n}`,
            event: `Order ${n % 7} größe 🎉`,
            properties: { n, revenue: n + 0.25, $session_id: `session-${n}` },
            timestamp: new Date(Date.UTC(2024, 4, 6) + n * 1000),
            uuid: uuidOf(number, n),
          });
        }
        await client.shutdown(60_000);
      },
      expected: (n) => ({
        event_id: uuidOf(number, n),
        event_type: `Order ${n % 7} größe 🎉`,
        user_id: `user-${n}`,
        session_id: `session-${n}`,
        timestamp: new Date(Date.UTC(2024, 4, 6) + n * 1000).toISOString(),
        platform: 'server',
        ip: '',
        user_agent: '',
      }),
    });
  }, 240_000);
});

async function post(path: string, body: string | Buffer, headers: Record<string, string> = {}) {
  const answer = await fetch(`${server.url}${path}`, { method: 'POST', body, headers });
  return { status: answer.status, body: await answer.text() };
}

async function rowOf(id: string): Promise<Record<string, unknown>> {
  await server.waitForCount(`SELECT count() FROM events WHERE event_id = '${id}'`, 1);
  const [row] = await rowsOf(server, `event_id = '${id}'`);
  return row ?? {};
}

const event = (id: string, properties: object = {}, more: object = {}) => ({
  uuid: id,
  event: 'Order Completed',
  properties: {
    distinct_id: 'd1',
    $device_id: 'd1',
    $lib: 'web',
    $is_identified: false,
    token: KEY,
    ...properties,
  },
  ...more,
});

test('posthog-js in gzip that it does not declare, as text', async () => {
  const body = gzipSync(JSON.stringify({ api_key: KEY, batch: [event('ph-gzip')] }));
  expect(await post('/e/', body, { 'content-type': 'text/plain' })).toEqual({ status: 200, body: OK });
  expect(await rowOf('ph-gzip')).toMatchObject({
    app_id: APP,
    device_id: 'd1',
    user_id: '',
    platform: 'web',
    ip: '127.0.0.1',
    // The envelope has the key, and each event once more.
    event_data: { token: APP },
  });
});

test('posthog-js as it was: a bare list or event, the token in it, the time of sending in the query', async () => {
  const sent = Date.now() - 3_600_000;
  const times = { timestamp: new Date(sent - 5_000).toISOString() };
  const query = `?ip=1&_=${sent}&ver=1.150.0`;
  expect(await post(`/e/${query}`, JSON.stringify([event('ph-list', {}, times)]))).toMatchObject({
    status: 200,
  });
  expect(await post(`/e/${query}`, JSON.stringify(event('ph-single', {}, times)))).toMatchObject({
    status: 200,
  });
  for (const id of ['ph-list', 'ph-single']) {
    const row = await rowOf(id);
    const received = Date.parse(`${String(row['received_at']).replace(' ', 'T')}Z`);
    expect([id, row['app_id'], row['timestamp']]).toEqual([
      id,
      APP,
      new Date(received - 5_000).toISOString(),
    ]);
    // The name of the app stands where its key stood.
    expect(row).toMatchObject({ event_data: { token: APP } });
  }
});

test('a beacon without compression: base64 in a form', async () => {
  const data = Buffer.from(JSON.stringify(event('ph-form'))).toString('base64');
  const body = `data=${encodeURIComponent(data)}`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  expect(await post('/e/?compression=base64&beacon=1', body, headers)).toMatchObject({
    status: 200,
    body: OK,
  });
  expect(await rowOf('ph-form')).toMatchObject({ app_id: APP });
});

test('$process_person_profile:false makes a device of whoever it is', async () => {
  const anonymous = {
    uuid: 'ph-anonymous',
    event: 'e',
    distinct_id: 'x1',
    properties: { $process_person_profile: false, $is_server: true },
  };
  await post('/batch/', JSON.stringify({ api_key: KEY, batch: [anonymous] }));
  expect(await rowOf('ph-anonymous')).toMatchObject({ device_id: 'x1', user_id: '' });
});

test.each([
  ['historical_migration of the batch', {}, { historical_migration: true }],
  ['$ignore_sent_at of the event', { $ignore_sent_at: true }, {}],
])('a time is not corrected with %s', async (what, properties, more) => {
  const id = `ph-exact-${what.length}`;
  const timestamp = '2020-01-02T03:04:05.000Z';
  const batch = [event(id, properties, { timestamp })];
  await post(
    '/batch/',
    JSON.stringify({ api_key: KEY, batch, sent_at: '2020-01-02T03:04:05.000Z', ...more }),
  );
  expect(await rowOf(id)).toMatchObject({ timestamp });
});

test('an event without a person or device is 200, and found in events_rejected', async () => {
  const batch = [{ uuid: 'ph-bad', event: 'e', properties: {} }, event('ph-good')];
  expect(await post('/batch/', JSON.stringify({ api_key: KEY, batch }))).toEqual({ status: 200, body: OK });
  await rowOf('ph-good');
  await server.waitForCount("SELECT count() FROM events_rejected WHERE dialect = 'posthog'", 1);
});

test('events of several apps in one body go to theirs; one key that nobody has refuses the whole body', async () => {
  const both = [event('ph-both-0'), event('ph-both-1', { token: OTHER_KEY })];
  expect(await post('/e/', JSON.stringify(both))).toMatchObject({ status: 200 });
  expect(await rowOf('ph-both-0')).toMatchObject({ app_id: APP });
  expect(await rowOf('ph-both-1')).toMatchObject({ app_id: 'other', event_data: { token: 'other' } });
  const two = [event('ph-mixed-0'), event('ph-mixed-1', { token: 'nobody' })];
  expect(await post('/e/', JSON.stringify(two))).toMatchObject({ status: 401 });
  expect(await post('/e/', JSON.stringify([event('ph-nokey', { token: undefined })]))).toMatchObject({
    status: 401,
  });
  expect(await rowsOf(server, "startsWith(event_id, 'ph-mixed')")).toEqual([]);
});

test('flags, settings and recordings have an answer', async () => {
  const flags = await post('/flags/?v=2', JSON.stringify({ token: KEY, distinct_id: 'd1' }));
  expect(JSON.parse(flags.body)).toMatchObject({ flags: {}, errorsWhileComputingFlags: false });
  const config = await fetch(`${server.url}/array/${KEY}/config`);
  expect(await config.json()).toMatchObject({
    supportedCompression: ['gzip', 'gzip-js'],
    sessionRecording: false,
  });
  expect((await fetch(`${server.url}/array/${KEY}/config.js`)).headers.get('content-type')).toBe(
    'application/javascript',
  );
  expect((await post('/decide/?v=3', '{}')).status).toBe(200);
});
