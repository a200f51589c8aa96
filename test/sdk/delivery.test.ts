/**
 * The client against the real server, while connections are cut and the server is killed at random: every event that
 * `track` took stands in the store exactly once.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createClient as createPlainClient } from '../../src/sdk/index.ts';
import { createClient } from '../../src/sdk/node.ts';
import type { ClientError, Options } from '../../src/sdk/options.ts';
import { KEY, type Rig, SEED, startRig, storedOf } from './rig.ts';

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.stop();
  rig = undefined;
});

const pause = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs));

const EVENTS = 6_000;
const KILLS = 2;

/** Tracks EVENTS in bursts; between them the connections are cut, and KILLS times the server is killed. */
async function trackThroughFaults(options: Partial<Options>, workers: number, forbidden?: RegExp) {
  rig = await startRig(workers, forbidden);
  const { url, proxy, random, killServer } = rig;
  const errors: ClientError[] = [];
  const client = createClient({
    url,
    key: KEY,
    // Node 22 has its own.
    ...('WebSocket' in globalThis ? {} : { webSocket: WebSocket }),
    retryDelayMsMax: 1_000,
    flushIntervalMs: 50,
    onError: (error) => errors.push(error),
    ...options,
  });
  const ids = new Set<string>();
  let cuts = 0;
  let kills = 0;
  let restarted = Promise.resolve();
  while (ids.size < EVENTS) {
    // More than the queue takes would be refused, as it should, and prove nothing here.
    if (client.stats().queued > 5_000) {
      await pause(10);
      continue;
    }
    for (let n = random(100); n >= 0 && ids.size < EVENTS; n--) {
      ids.add(client.track('measured', { n: ids.size, text: 'x'.repeat(random(300)) }));
    }
    await pause(random(30));
    if (random(12) === 0) {
      proxy.cut();
      cuts++;
    }
    if (ids.size > (EVENTS * (kills + 1)) / (KILLS + 1)) {
      // The next kill waits until the server is back from this one, the events do not.
      await restarted;
      await pause(random(100));
      kills++;
      restarted = killServer();
    }
  }
  await restarted;
  expect(await client.flush(120_000), 'all is acknowledged').toBe(true);
  const stats = client.stats();
  await client.close();
  const stored = await storedOf(rig.server(), 'measured', EVENTS);
  return { ids, cuts, errors, stats, stored };
}

async function expectOnce(
  options: Partial<Options>,
  workers: number,
  transports: readonly string[] | undefined,
  forbidden?: RegExp,
): Promise<void> {
  const { ids, cuts, errors, stats, stored } = await trackThroughFaults(options, workers, forbidden);
  expect({ rows: stored.rows, found: stored.ids }, `seed ${SEED}`).toEqual({ rows: EVENTS, found: EVENTS });
  expect(ids.size).toBe(EVENTS);
  expect(stats).toMatchObject({ taken: EVENTS, acknowledged: EVENTS, rejected: 0, dropped: 0, queued: 0 });
  if (transports !== undefined) expect(stored.transports).toEqual(transports);
  // No test without a fault. A server that is back before the next attempt is none that the client would tell of.
  expect(cuts).toBeGreaterThan(0);
  expect(errors.filter(({ code }) => code !== 'unreachable')).toEqual([]);
}

describe('with connections cut and the server killed', { timeout: 300_000 }, () => {
  test('events that are streamed are stored once each', () => expectOnce({ transport: 'stream' }, 2, ['ws']));

  test('events go by POST where WebSockets do not get through, and are stored once each', () =>
    expectOnce({ transport: 'auto' }, 1, ['http'], /^GET .*upgrade: websocket/is));

  test('events that go by whatever works are stored once each', () =>
    expectOnce({ transport: 'auto' }, 1, undefined));
});

test('the client for any other place sends too', { timeout: 180_000 }, async () => {
  rig = await startRig(1);
  const client = createPlainClient({ url: `${rig.url}/`, key: KEY, transport: 'http' });
  for (let n = 0; n < 100; n++) client.track('elsewhere', { n });
  expect(await client.close(60_000)).toBe(true);
  expect(await storedOf(rig.server(), 'elsewhere', 100)).toEqual({
    rows: 100,
    ids: 100,
    transports: ['http'],
  });
});
