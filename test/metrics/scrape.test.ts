/**
 * Scrapes of a real server: a thread that stands still must not hold one up, and docs/metrics.md has every series.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, startServer, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import {
  documentedRows,
  expectLaw,
  expectLawAtRest,
  scrape,
  sumIn,
  tableRowsIn,
} from '../support/metrics.ts';

const SCRAPE_MS_MAX = 200;

let server: Running;
beforeAll(async () => {
  const main = fileURLToPath(new URL('../faults/stuck-main.mjs', import.meta.url));
  server = await startServer({ main, config: { workers: 2 as never } });
  await until(async () => downIn(await scrape(server.url)).length === 0, 60_000, 'both threads live');
}, 90_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const post = (body: string, path = '/v1/events/batch') =>
  fetch(`${server.url}${path}`, { method: 'POST', body });

/** Names of the threads that are down. */
const downIn = (text: string) =>
  [...text.matchAll(/^penstock_thread_up\{thread="([^"]*)"\} 0$/gm)].map(([, name]) => name);

test('scrapes are answered within 200 ms beside a stuck thread, which they name', async () => {
  expect((await post(JSON.stringify(testEvents(10)))).status).toBe(200);
  const before = await expectLawAtRest(server.url);
  const stuck = post(`{"stuck":5000,"event_type":"t","app_id":"a","user_id":"u"}`, '/v1/events');
  await until(async () => downIn(await scrape(server.url)).length > 0, 5_000, 'one thread is down');
  const times: number[] = [];
  let text = '';
  for (let n = 0; n < 9; n++) {
    const startedAt = performance.now();
    text = await scrape(server.url);
    times.push(performance.now() - startedAt);
    expect(downIn(text)).toHaveLength(1);
  }
  times.sort((a, b) => a - b);
  expect(times[4]).toBeLessThan(SCRAPE_MS_MAX);
  const [down = ''] = downIn(text);
  expect(down).toMatch(/^worker-[01]$/);
  // What the thread had counted is still there, and the other one goes on.
  expect(expectLaw(text).received).toBe(before.received);
  expect((await post(JSON.stringify(testEvents(10, 'beside')))).status).toBe(200);
  const own = await scrape(server.url, `?thread=${down}`);
  expect(own).toContain(`penstock_thread_up{thread="${down}"} 0`);
  expect((await stuck).status).toBe(200);
  await until(async () => downIn(await scrape(server.url)).length === 0, 30_000, 'the thread lives again');
  expect(await expectLawAtRest(server.url)).toMatchObject({ received: before.received + 11, inFlight: 0 });
  // Its standing still is in the histogram of its event loop.
  await until(
    async () =>
      sumIn(await scrape(server.url), 'penstock_event_loop_delay_seconds_sum', `thread="${down}"`) > 2,
    10_000,
    'the delay is in the histogram',
  );
}, 60_000);

test('?thread= gives the series of that thread alone, and 404 for one that is not there', async () => {
  const text = await scrape(server.url, '?thread=front');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(lines.length).toBeGreaterThan(50);
  for (const line of lines) expect(line).toMatch(/\{(?:.*,)?thread="front"/);
  expect(text).not.toContain('penstock_journal_rows');
  const described = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  for (const name of described) expect(text).toMatch(new RegExp(`^${name}(_bucket)?\\{`, 'm'));
  for (const thread of ['worker-2', 'front"', '']) {
    const answer = await fetch(`${server.url}/metrics?thread=${encodeURIComponent(thread)}`);
    expect([thread, answer.status]).toEqual([thread, 404]);
  }
  const head = await fetch(`${server.url}/metrics?thread=worker-1`, { method: 'HEAD' });
  expect(head.status).toBe(200);
});

test('docs/metrics.md has every series with its type, labels and help, and no other', async () => {
  expect((await post('[{"event_type":"x"}]')).status).toBe(400);
  const rows = documentedRows('penstock_', 'process_').filter((row) => !row.includes('`penstock_consumer_'));
  expect(rows.toSorted()).toEqual(tableRowsIn(await scrape(server.url)).toSorted());
});
