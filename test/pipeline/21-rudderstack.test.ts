/**
 * Chapter 21, RudderStack: Segment's shape and routes, told apart by nothing but its clients' habits: gzip under a
 * Content-Type of forms, beacons with the key in the query, a browser SDK that sends nothing before it has been told its
 * source's settings.
 */
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, until } from '../support/appliance.ts';
import { APP, expectDelivered, KEY, startSdkServer } from '../support/real-sdk.ts';
import { rowsOf } from '../support/segment.ts';

let server: Running;
beforeAll(async () => {
  server = await startSdkServer();
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

test('the SDK for Node delivers 10,000 calls in gzip, each once, through a door that refuses at first', async () => {
  await expectDelivered(server, {
    sdk: '@rudderstack/rudder-sdk-node',
    dialect: 'segment',
    refusals: 2,
    number: 'event_data.properties.n',
    send: async (door, count) => {
      const client = new RudderAnalytics(KEY, {
        dataPlaneUrl: door.url,
        flushAt: 250,
        flushInterval: 60_000,
      });
      let done = 0;
      for (let n = 0; n < count; n++) {
        client.track(
          {
            userId: `user-${n}`,
            event: `Order ${n % 7} größe 🎉`,
            properties: { n, revenue: n + 0.25 },
            context: { os: { name: 'iOS', version: '17.4' }, sessionId: 1_715_000_000 + n },
            timestamp: new Date(Date.UTC(2024, 4, 6) + n * 1000),
            messageId: `rudder-${n}`,
          } as never,
          () => {
            done += 1;
          },
        );
        // With each call it writes its whole queue as JSON, to know its size.
        if (n % 250 === 249) await client.flush();
      }
      await client.flush();
      await until(
        () => done === count,
        20_000,
        () => `every call has its answer (${done})`,
      );
    },
    expected: (n) => ({
      event_id: `rudder-${n}`,
      event_type: `Order ${n % 7} größe 🎉`,
      user_id: `user-${n}`,
      session_id: String(1_715_000_000 + n),
      timestamp: new Date(Date.UTC(2024, 4, 6) + n * 1000).toISOString(),
      platform: 'iOS',
      os_version: '17.4',
      ip: '',
      user_agent: '',
    }),
  });
}, 240_000);

test('a beacon has its key in the query, its body as text', async () => {
  const event = { messageId: 'rs-beacon', type: 'page', anonymousId: 'a1', userId: '' };
  const answer = await fetch(`${server.url}/beacon/v1/batch?writeKey=${KEY}`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: JSON.stringify({ batch: [event] }),
  });
  expect([answer.status, await answer.text()]).toEqual([200, '{"success":true}']);
  await server.waitForCount("SELECT count() FROM events WHERE event_id = 'rs-beacon'", 1);
  const [row] = await rowsOf(server, "event_id = 'rs-beacon'");
  expect(row).toMatchObject({ app_id: APP, device_id: 'a1', user_id: '', event_type: 'page' });
});

test('the browser SDK is told that its source is on, and that nothing else is to be loaded', async () => {
  const path = `/sourceConfig/?p=npm&v=3.34.1&build=modern&writeKey=${KEY}&lockIntegrationsVersion=false`;
  const answer = await fetch(`${server.url}${path}`, { headers: { origin: 'https://shop.example' } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('access-control-allow-origin')).toBe('https://shop.example');
  expect(await answer.json()).toMatchObject({
    source: {
      writeKey: KEY,
      enabled: true,
      destinations: [],
      config: { statsCollection: { errors: { enabled: false } } },
    },
  });
});

test('its app is the customer’s only where it is not the SDK itself', async () => {
  const event = {
    messageId: 'rs-browser',
    anonymousId: 'a1',
    type: 'page',
    context: {
      app: { name: 'RudderLabs JavaScript SDK', version: '3.34.1' },
      library: { name: 'RudderLabs JavaScript SDK' },
      page: { search: '?gclid=G1&x=1', url: 'https://x.test/?gclid=G1' },
    },
  };
  await fetch(`${server.url}/v1/page`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${KEY}:`).toString('base64')}` },
    body: JSON.stringify(event),
  });
  await server.waitForCount("SELECT count() FROM events WHERE event_id = 'rs-browser'", 1);
  const [row] = await rowsOf(server, "event_id = 'rs-browser'");
  expect(row).toMatchObject({
    app_version: '',
    platform: 'web',
    ip: '127.0.0.1',
    attribution: { gclid: 'G1' },
  });
});
