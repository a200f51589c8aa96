/**
 * Chapter 14, rates. An app or a key that sends more than it may is told so before a byte of its body is read, in the words
 * that its SDK understands, and how long to wait; a stream is told to wait by its credit. What was let in counts.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { type Running, startServer, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { metricOf } from '../support/metrics.ts';
import { NO_STORE } from '../support/redis.ts';
import { StreamClient } from '../support/stream-client.ts';

let server: Running;
afterEach(async () => {
  await server.stop();
});

const apps = [
  { name: 'shop', keys: ['k-shop', 'k-other'], events_per_second: 1, burst: 50 },
  { name: 'game', keys: ['k-game'], key_events_per_second: 1, key_burst: 50 },
  { name: 'free', keys: ['k-free'] },
];

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(body), headers });
}

const batch = (key: string, prefix: string) =>
  post('/v1/events/batch', testEvents(100, prefix), { 'X-Api-Key': key });

describe('a rate', () => {
  test('of an app is refused with 429 and the seconds to wait, over all its keys and nobody else’s', async () => {
    server = await startServer({ config: { ...NO_STORE, apps } });
    expect((await batch('k-shop', 'a')).status).toBe(200);
    const refused = await batch('k-other', 'b');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(await refused.json()).toMatchObject({ code: 'rate_limited', status: 429 });
    expect((await batch('k-free', 'c')).status).toBe(200);
    expect((await batch('k-game', 'd')).status).toBe(200);
    expect((await batch('k-game', 'e')).status).toBe(429);
    expect(await metricOf(server, 'penstock_rate_limit_hits_total')).toBe(2);
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toContain('penstock_rate_limit_hits_total{thread="front",scope="key"} 1');
    expect(text).toContain('penstock_requests_refused_total{thread="front",code="rate_limited"} 2');
    expect(await metricOf(server, 'penstock_events_accepted_total')).toBe(300);
  });

  test('is filled again', async () => {
    server = await startServer({
      config: { ...NO_STORE, apps: [{ name: 'shop', keys: ['k'], events_per_second: 200, burst: 100 }] },
    });
    expect((await batch('k', 'a')).status).toBe(200);
    await until(async () => (await batch('k', 'b')).status === 200, 10_000, 'the bucket is filled');
  });

  test('counts where the key stands in the body, in the words of the SDK: PostHog’s is never told 429', async () => {
    server = await startServer({ config: { ...NO_STORE, apps } });
    const posthog = (n: number) =>
      post('/e/', {
        api_key: 'k-shop',
        batch: Array.from({ length: 100 }, (_, index) => ({
          event: 'e',
          uuid: `${n}-${index}`,
          properties: { distinct_id: 'd' },
        })),
      });
    expect((await posthog(1)).status).toBe(200);
    const refused = await posthog(2);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const amplitude = await post('/2/httpapi', {
      api_key: 'k-shop',
      events: [{ event_type: 'e', user_id: 'user-1' }],
    });
    expect(amplitude.status).toBe(429);
    const answer = (await amplitude.json()) as Record<string, unknown>;
    // With `missing_field` Amplitude's SDKs would drop the batch.
    expect(answer['code']).toBe(429);
    expect(answer).not.toHaveProperty('missing_field');
    const segment = await post('/v1/batch', { batch: [] }, { Authorization: `Basic ${btoa('k-shop:')}` });
    expect(segment.status).toBe(429);
    // Jitsu's never send again: they are refused when as much again is owed.
    const jitsu = () =>
      post('/api/s/track', { type: 'track', event: 'e', anonymousId: 'x' }, { 'X-Write-Key': 'k-shop' });
    expect((await jitsu()).status).toBe(200);
    expect(await metricOf(server, 'penstock_rate_limit_hits_total')).toBe(3);
  });

  test('holds a stream by its credit, and lets it go on by itself', async () => {
    server = await startServer({
      config: { ...NO_STORE, apps: [{ name: 'shop', keys: ['k'], events_per_second: 20, burst: 50 }] },
    });
    const client = await StreamClient.connect(`${server.streamUrl}?key=k`);
    client.send(testEvents(100, 'ws'));
    await client.acked(1);
    await until(() => client.creditBytes === 0, 5_000, 'the credit is 0');
    await until(() => client.creditBytes > 0, 10_000, 'the credit is back');
    client.send(testEvents(100, 'again'));
    await client.acked(2);
    expect(client.accepted).toBe(200);
    // One that does not care is closed.
    await until(() => client.creditBytes === 0, 10_000, 'the credit is 0');
    const more = JSON.stringify(testEvents(1_000, 'more'));
    // What it may have sent before it knew is taken: four megabytes.
    for (let bytes = 0; client.isOpen && bytes < 20_000_000; bytes += more.length) {
      client.send(more);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect((await client.closed).code).toBe(1013);
  }, 90_000);

  test('of open mode counts all together', async () => {
    server = await startServer({
      config: { ...NO_STORE, rate_limits: { app_events_per_second: 1, app_burst: 50 } },
    });
    expect((await batch('', 'a')).status).toBe(200);
    expect((await batch('', 'b')).status).toBe(429);
  });
});
