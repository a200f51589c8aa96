/**
 * Chapter 10, a sink that is away. Its breaker opens: nothing is sent but a probe now and then, events wait in the
 * journal, clients notice nothing; `/ready` and `/metrics` say how far behind it is.
 */
import { afterEach, expect, test } from 'vitest';
import { type Running, startServer, storePidOf, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { metricOf } from '../support/metrics.ts';

let server: Running;
afterEach(async () => {
  await (server as Running | undefined)?.stop();
});

const post = (events: unknown) =>
  fetch(`${server.url}/v1/events/batch`, { method: 'POST', body: JSON.stringify(events) });
const parts = async () => (await (await fetch(`${server.url}/ready`)).json()) as Record<string, string>;

const LABELS = 'thread="worker-0",sink="embedded",stream="events"';
const metric = (name: string) => metricOf(server, name, LABELS);

test('a store that hangs opens the breaker, costs no client anything, and is caught up with', async () => {
  server = await startServer({ config: { delivery: { send_timeout_ms: 1_000 } } });
  await server.ready();
  expect((await parts())['sink_embedded']).toBe('ok');
  expect((await post(testEvents(10, 'before'))).status).toBe(200);
  await until(async () => (await metric('penstock_sink_delivered_rows_total')) === 10, 10_000, 'delivered');

  const store = storePidOf(server);
  process.kill(store, 'SIGSTOP');
  try {
    expect((await post(testEvents(50, 'away'))).status).toBe(200);
    await until(async () => (await parts())['sink_embedded'] === 'away', 10_000, 'the breaker opens');
    expect((await post(testEvents(50, 'away', 50))).status).toBe(200);
    await until(async () => (await metric('penstock_sink_lag_rows')) === 100, 2_000, 'the lag is told');
    expect(await metric('penstock_sink_lag_seconds')).toBeGreaterThan(2);
    expect(await metric('penstock_sink_failures_total')).toBeGreaterThanOrEqual(3);
    // A sink that is away is no reason to send traffic elsewhere.
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    await until(async () => (await metric('penstock_sink_failures_total')) >= 5, 10_000, 'probes fail');
    const said = server.logs.filter((line) => line.msg.startsWith('a sink does not take blocks'));
    expect(said).toMatchObject([{ sink: 'embedded', stream: 'events', worker: 0 }]);
  } finally {
    process.kill(store, 'SIGCONT');
  }
  await until(async () => (await metric('penstock_sink_lag_rows')) === 0, 20_000, 'caught up');
  expect((await parts())['sink_embedded']).toBe('ok');
  expect(await metric('penstock_sink_breaker_state')).toBe(0);
  expect(await metric('penstock_sink_lag_seconds')).toBe(0);
  expect(await metric('penstock_sink_retries_total')).toBeGreaterThanOrEqual(2);
  expect(await server.waitForCount('events', 110)).toBe(110);
  expect(await server.query('SELECT uniqExact(event_id) AS n FROM events')).toEqual([{ n: 110 }]);
}, 60_000);
