/** The process with the client is killed at random: what `track` had returned for arrives, once, by a later process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { KEY, type Rig, SEED, startRig, storedOf } from './rig.ts';

const TRACKER = fileURLToPath(new URL('tracker.mjs', import.meta.url));
const LIVES = 3;

let rig: Rig | undefined;
let tracker: ChildProcess | undefined;
const queueDir = mkdtempSync(join(tmpdir(), 'penstock-sdk-queue-'));
afterEach(async () => {
  tracker?.kill('SIGKILL');
  await rig?.stop();
  rmSync(queueDir, { recursive: true, force: true });
});

/** Runs a tracker until it has said `lines` lines, then kills it; gives what it has said. */
async function runTracker(url: string, first: number, mode: string, lines = Number.POSITIVE_INFINITY) {
  const child = spawn(process.execPath, [TRACKER, url, queueDir, KEY, String(first), mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  tracker = child;
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (said.length === lines) child.kill('SIGKILL');
  }
  return said;
}

test('events that track has returned for survive kill -9 of their process', {
  timeout: 400_000,
}, async () => {
  rig = await startRig(2);
  const { url, proxy, random, killServer } = rig;
  const promised = new Set<number>();
  let restarted: Promise<void> | undefined;
  for (let life = 0; life < LIVES; life++) {
    // Some lives end while the server is away, so that a queue has events that were never sent.
    if (life === 1) restarted = killServer();
    const said = await runTracker(url, promised.size, 'track', 50 + random(400));
    for (const line of said) promised.add(Number(line));
    if (random(2) === 0) proxy.cut();
  }
  await restarted;
  const [last] = await runTracker(url, 0, 'finish');
  expect(JSON.parse(last ?? '{}'), `seed ${SEED}`).toMatchObject({ isDone: true, queued: 0, rejected: 0 });
  const stored = await storedOf(rig.server(), 'crashed', promised.size);
  expect(stored.rows, `seed ${SEED}`).toBe(stored.ids);
  const rows = await rig
    .server()
    .query<{ n: string }>(`SELECT toString(event_data.n) AS n FROM events WHERE event_type = 'crashed'`);
  const found = new Set(rows.map(({ n }) => Number(n)));
  expect([...promised].filter((n) => !found.has(n))).toEqual([]);
  // Nothing is left for a later process, not even files.
  expect(readdirSync(queueDir).filter((name) => name !== 'device')).toEqual([]);
});
