/**
 * Chapter 25, Mixpanel: events and profiles in base64, in forms and in queries of 13 KB and more. The SDK for Node never
 * sends again, and takes nothing for success but the body `1`.
 */
import Mixpanel from 'mixpanel';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Running } from '../support/appliance.ts';
import { APP, EVENTS, expectDelivered, KEY, startSdkServer } from '../support/real-sdk.ts';
import { rowsOf } from '../support/segment.ts';

let server: Running;
beforeAll(async () => {
  server = await startSdkServer();
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const eventOf = (n: number, mode: string) => ({
  event: `Order ${n % 7} größe 🎉`,
  properties: {
    n,
    distinct_id: `user-${n}`,
    $insert_id: `${mode}-${n}`,
    time: Date.UTC(2024, 4, 6) + n * 1000,
    $os: 'iOS',
    $os_version: '17.4',
    $app_version_string: '3.2.1',
    filler: '>>>???~~~ÿÿÿ',
  },
});

describe.each([
  ['track_batch', EVENTS],
  ['import_batch', EVENTS],
  ['track', 2_000],
])('the SDK for Node, %s', (mode, events) => {
  test('delivers every event once, in requests that are never sent again', async () => {
    await expectDelivered(server, {
      sdk: 'mixpanel',
      mode,
      dialect: 'mixpanel',
      refusals: 0,
      events,
      number: 'event_data.n',
      send: async (door, count) => {
        const client = Mixpanel.init(KEY, {
          host: `127.0.0.1:${door.port}`,
          protocol: 'http',
          key: 'account',
        } as never);
        const all = Array.from({ length: count }, (_none, n) => eventOf(n, mode));
        const call = (start: (done: (error: unknown) => void) => void) =>
          new Promise<void>((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
        if (mode === 'track_batch') await call((done) => client.track_batch(all as never, done));
        if (mode === 'import_batch') await call((done) => client.import_batch(all as never, done));
        if (mode === 'track') {
          for (let from = 0; from < count; from += 50) {
            const some = all.slice(from, from + 50);
            await Promise.all(
              some.map(({ event, properties }) => call((done) => client.track(event, properties, done))),
            );
          }
        }
      },
      expected: (n) => ({
        event_id: `${mode}-${n}`,
        event_type: `Order ${n % 7} größe 🎉`,
        user_id: `user-${n}`,
        timestamp: new Date(Date.UTC(2024, 4, 6) + n * 1000).toISOString(),
        platform: 'iOS',
        os_version: '17.4',
        app_version: '3.2.1',
        ip: '',
        user_agent: '',
      }),
    });
  }, 240_000);
});

async function rowOf(id: string): Promise<Record<string, unknown>> {
  await server.waitForCount(`SELECT count() FROM events WHERE event_id = '${id}'`, 1);
  const [row] = await rowsOf(server, `event_id = '${id}'`);
  return row ?? {};
}

const json = (id: string, more: object = {}) =>
  JSON.stringify({ event: 'e', properties: { token: KEY, $insert_id: id, distinct_id: 'u1', ...more } });
const base64 = (text: string | Buffer) => Buffer.from(text as string).toString('base64');
const form = (path: string, body: string | Buffer | FormData, type?: string) =>
  fetch(`${server.url}${path}`, { method: 'POST', body, ...(type && { headers: { 'content-type': type } }) });
const FORM = 'application/x-www-form-urlencoded';

test.each([
  [
    'base64 in a form, percent-encoded',
    'b64',
    (id: string) => form('/track/', `data=${encodeURIComponent(base64(json(id)))}`, FORM),
  ],
  [
    'base64 in a form, its plus signs not encoded',
    'plus',
    (id: string) => form('/track', `data=${base64(json(id, { x: '>>>~~~ûûû>>>' }))}`, FORM),
  ],
  [
    'base64 behind another field',
    'second',
    (id: string) => form('/track', `verbose=1&data=${encodeURIComponent(base64(json(id)))}&ip=1`, FORM),
  ],
  ['JSON in a form', 'json', (id: string) => form('/track/', `data=${encodeURIComponent(json(id))}`, FORM)],
  [
    'JSON in a form, plus for a space',
    'space',
    (id: string) =>
      form('/track/', `data=${encodeURIComponent(json(id, { s: 'a b' })).replaceAll('%20', '+')}`, FORM),
  ],
  ['JSON as it is', 'plain', (id: string) => form('/track?verbose=1', `[${json(id)}]`)],
  [
    'a form as text, as a beacon sends it',
    'beacon',
    (id: string) =>
      form('/track/', `data=${encodeURIComponent(base64(json(id)))}`, 'text/plain;charset=UTF-8'),
  ],
  [
    'the query of a GET',
    'get',
    (id: string) => fetch(`${server.url}/track?data=${encodeURIComponent(base64(json(id)))}`),
  ],
] as const)('%s', async (_what, name, send) => {
  const id = `mp-${name}`;
  expect((await send(id)).status).toBe(200);
  const row = await rowOf(id);
  expect(row).toMatchObject({ app_id: APP, user_id: 'u1', event_type: 'e' });
  if (name === 'plus') expect(row).toMatchObject({ event_data: { x: '>>>~~~ûûû>>>' } });
  if (name === 'space') expect(row).toMatchObject({ event_data: { s: 'a b' } });
});

test('a beacon of a multipart form', async () => {
  const body = new FormData();
  body.set('verbose', '1');
  body.set('data', base64(json('mp-multipart')));
  expect((await form('/track/', body)).status).toBe(200);
  await rowOf('mp-multipart');
});

test('emoji in CESU-8, as the browser SDK writes them, and half of one', async () => {
  const [before, after] = json('mp-cesu', { emoji: '@' }).split('@') as [string, string];
  const emoji = Buffer.from('eda0bcedbe89eda0bc', 'hex');
  const body = base64(Buffer.concat([Buffer.from(before), emoji, Buffer.from(after)]));
  await form('/track/', `data=${encodeURIComponent(body)}`, FORM);
  expect(await rowOf('mp-cesu')).toMatchObject({ event_data: { emoji: '🎉\ufffd' } });
});

test('an event of 60 KB in a query', async () => {
  const data = encodeURIComponent(base64(json('mp-long', { long: 'x'.repeat(45_000) })));
  const answer = await fetch(`${server.url}/track?ip=0&verbose=0&data=${data}`);
  expect([answer.status, await answer.text()]).toEqual([200, '1']);
  const row = await rowOf('mp-long');
  expect(row).toMatchObject({ event_data: { long: 'x'.repeat(45_000) } });
});

test.each([
  ['/track', '1', 'text/plain'],
  ['/track?verbose=1', '{"error":null,"status":1}', 'application/json'],
  ['/track?img=1', 'GIF', 'image/gif'],
])('%s is answered %s', async (path, body, type) => {
  const answer = await form(path, `data=${base64(json('mp-answer'))}`, FORM);
  expect(answer.headers.get('content-type')).toBe(type);
  expect((await answer.text()).startsWith(body)).toBe(true);
});

test('profiles of people and groups are events', async () => {
  const person = JSON.stringify({ $token: KEY, $distinct_id: 'mp-person', $set: { plan: 'pro' } });
  const group = JSON.stringify([
    { $token: KEY, $group_key: 'company', $group_id: 'mp-acme', $set: { a: 1 } },
  ]);
  await form('/engage/', `data=${base64(person)}`, FORM);
  await form('/groups/', `data=${base64(group)}`, FORM);
  await server.waitForCount(
    "SELECT count() FROM events WHERE event_type IN ('$profile_update', '$group_update')",
    2,
  );
  const rows = await rowsOf(server, "event_type IN ('$profile_update', '$group_update') ORDER BY event_type");
  expect(rows).toMatchObject([
    { app_id: APP, event_data: { operation: '$set', $group_id: 'mp-acme', $set: { a: 1 }, $token: APP } },
    { app_id: APP, user_id: 'mp-person', event_data: { $set: { plan: 'pro' } } },
  ]);
});

test('$device: is cut from a device’s id; the address is the peer’s only where the SDK asks for it', async () => {
  const device = json('mp-device', { distinct_id: '$device:d1', mp_lib: 'web' });
  await form('/track/?ip=1', `data=${base64(device)}`, FORM);
  await form('/track/?ip=0', `data=${base64(json('mp-noip'))}`, FORM);
  expect(await rowOf('mp-device')).toMatchObject({
    device_id: 'd1',
    user_id: '',
    platform: 'web',
    ip: '127.0.0.1',
  });
  expect(await rowOf('mp-noip')).toMatchObject({ ip: '' });
});

test('nothing is a body: no data, damaged base64, an empty field', async () => {
  expect((await fetch(`${server.url}/track?verbose=1`)).status).toBe(200);
  expect((await form('/track/', 'data=', FORM)).status).toBeLessThan(500);
  expect((await form('/track/', 'data=%%%', FORM)).status).toBeLessThan(500);
  expect((await form('/track/', '', FORM)).status).toBe(200);
});
