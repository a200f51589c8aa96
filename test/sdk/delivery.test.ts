/**
 * The client against the real server, while connections are cut and the server is killed at random: every event that
 * `track` took stands in the store exactly once.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createClient } from '../../src/sdk/node.ts';
import type { ClientError, Options } from '../../src/sdk/options.ts';
import { type Rig, SEED, startRig, storedOf } from './rig.ts';

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.stop();
  rig = undefined;
});

const pause = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs));

const EVENTS = 8_000;
const KILLS = 2;

/** Tracks EVENTS in bursts; between them the connections are cut, and KILLS times the server is killed. */
async function trackThroughFaults(options: Partial<Options>, workers: number, forbidden?: RegExp) {
  rig = await startRig(workers, forbidden);
  const { url, proxy, random, killServer } = rig;
  const errors: ClientError[] = [];
  const client = createClient({
    url,
    appId: 'shop',
    webSocket: WebSocket,
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
  expect(await client.flush(60_000), 'all is acknowledged').toBe(true);
  const stats = client.stats();
  await client.close();
  const stored = await storedOf(rig.server(), 'measured', EVENTS);
  return { ids, cuts, errors, stats, stored };
}

describe('every event exactly once, with connections cut and the server killed', () => {
  for (const [name, options, transports] of [
    ['streamed', { transport: 'stream' }, ['ws']],
    ['by POST, where WebSockets do not get through', { transport: 'auto' }, ['http']],
    ['by whatever works', { transport: 'auto' }, undefined],
  ] as const) {
    test(name, { timeout: 120_000 }, async () => {
      const forbidden = name.startsWith('by POST') ? /^GET .*upgrade: websocket/is : undefined;
      const { ids, cuts, errors, stats, stored } = await trackThroughFaults(
        options,
        options.transport === 'stream' ? 2 : 1,
        forbidden,
      );
      const { rows, ids: found } = stored;
      expect({ rows, found }, `seed ${SEED}`).toEqual({ rows: EVENTS, found: EVENTS });
      expect(ids.size).toBe(EVENTS);
      expect(stats).toMatchObject({
        taken: EVENTS,
        acknowledged: EVENTS,
        rejected: 0,
        dropped: 0,
        queued: 0,
      });
      if (transports !== undefined) expect(stored.transports).toEqual(transports);
      // No test without a fault.
      expect(cuts).toBeGreaterThan(3);
      expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['unreachable']));
    });
  }
});
