/**
 * Chapter 9, the journal. What was acknowledged is there after anything: each test counts its events by id, and each
 * of them is in the table once.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Running, startServer, storePidOf, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { metricOf } from '../support/metrics.ts';

let server: Running;
let dataDir = '';
afterEach(async () => {
  await (server as Running | undefined)?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

function post(events: unknown): Promise<Response> {
  return fetch(`${server.url}/v1/events/batch`, { method: 'POST', body: JSON.stringify(events) });
}

/** Sends batches of `size` over `clients` connections until `isOver`; gives the ids that were acknowledged. */
async function load(prefix: string, clients: number, size: number, isOver: () => boolean): Promise<string[]> {
  const acknowledged: string[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (!isOver()) {
        const events = testEvents(size, prefix, next);
        next += size;
        const answer = await post(events).catch(() => undefined);
        if (answer?.status === 200) for (const event of events) acknowledged.push(event.event_id);
        else await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }),
  );
  return acknowledged;
}

/** Of `ids`, how many are not in the table when the journal is delivered; and how many rows are in it twice. */
async function faults(ids: readonly string[]): Promise<{ lost: number; twice: number }> {
  await server.ready();
  await until(async () => (await waitingRows()) === 0, 40_000, 'the journal is delivered');
  const found = await server.query<{ event_id: string }>('SELECT event_id FROM events');
  const known = new Set(found.map(({ event_id }) => event_id));
  return { lost: ids.filter((id) => !known.has(id)).length, twice: found.length - known.size };
}

/** Rows in the journal that the store does not have. */
const waitingRows = () => metricOf(server, 'penstock_journal_rows');

describe.each(['os', 'fsync'])('with durability %s', (durability) => {
  test('kill -9 under load, again and again, loses nothing that was acknowledged and counts nothing twice', async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'penstock-journal-test-'));
    const acknowledged: string[] = [];
    for (let life = 0; life < 4; life++) {
      server = await startServer({ dataDir, config: { workers: 2 as never, journal: { durability } } });
      await server.ready();
      let isOver = false;
      const loading = load(`life${life}`, 4, 50, () => isOver);
      await new Promise((resolve) => setTimeout(resolve, 300 + 250 * life));
      server.signal('SIGKILL');
      await server.exited;
      isOver = true;
      acknowledged.push(...(await loading));
    }
    expect(acknowledged.length).toBeGreaterThan(1000);
    // Another count of workers: whose journals are nobody's now are delivered too.
    server = await startServer({ dataDir, config: { workers: 1 as never } });
    expect(await faults(acknowledged)).toEqual({ lost: 0, twice: 0 });
  }, 90_000);
});

test.each([
  ['SIGTERM', 'SIGTERM', 0],
  ['SIGINT', 'SIGINT', 30],
  ['SIGTERM', 'SIGINT', 150],
] as const)(
  '%s under load, and %s %i ms later, leaves at once with 1; nothing that was acknowledged is lost or counted twice',
  async (first, second, afterMs) => {
    server = await startServer({ config: { workers: 2 as never, drain_timeout_ms: 20_000 as never } });
    await server.ready();
    dataDir = server.dataDir;
    let isOver = false;
    const loading = load('forced', 4, 50, () => isOver);
    await new Promise((resolve) => setTimeout(resolve, 500));
    // A drain that would take its whole time.
    const store = storePidOf(server);
    process.kill(store, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const signalledAt = performance.now();
    server.signal(first);
    await until(() => server.logs.some((line) => line.msg === 'stopping'), 5_000, 'the drain begins');
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    server.signal(second);
    expect(await server.exited).toBe(1);
    expect(performance.now() - signalledAt).toBeLessThan(5_000);
    isOver = true;
    const acknowledged = await loading;
    expect(acknowledged.length).toBeGreaterThan(500);
    server = await startServer({ dataDir, config: { workers: 2 as never } });
    expect(await faults(acknowledged)).toEqual({ lost: 0, twice: 0 });
  },
  60_000,
);

test('SIGINT under load drains as SIGTERM does, and exits 0', async () => {
  server = await startServer({ config: { workers: 2 as never } });
  await server.ready();
  dataDir = server.dataDir;
  let isOver = false;
  const loading = load('drained', 4, 50, () => isOver);
  await new Promise((resolve) => setTimeout(resolve, 500));
  server.signal('SIGINT');
  expect(await server.exited).toBe(0);
  isOver = true;
  const acknowledged = await loading;
  server = await startServer({ dataDir, config: { workers: 2 as never } });
  // Nothing was left to bring.
  await server.waitForCount('events', acknowledged.length);
  expect(await waitingRows()).toBe(0);
  expect(await faults(acknowledged)).toEqual({ lost: 0, twice: 0 });
}, 60_000);

test('a store that is away for a while costs no client anything, and is caught up with', async () => {
  server = await startServer({ config: { embedded: { block_bytes_max: 262_144 } } });
  await server.ready();
  const engine = readdirSync(join(server.dataDir, 'store'));
  expect(engine).toContain('engine');
  let isOver = false;
  const loading = load('away', 2, 50, () => isOver);
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.kill(storePidOf(server), 'SIGKILL');
    await until(
      () => server.logs.filter((line) => line.msg === 'store is up').length === round + 2,
      20_000,
      'up',
    );
  }
  isOver = true;
  const acknowledged = await loading;
  expect(acknowledged.length).toBeGreaterThan(2000);
  expect(await faults(acknowledged)).toEqual({ lost: 0, twice: 0 });
}, 60_000);

test('a full disk is 503 with Retry-After, /ready says so, /health stays green, and it heals by itself', async (context) => {
  dataDir = mkdtempSync(join(tmpdir(), 'penstock-journal-test-'));
  const journal = join(dataDir, 'journal');
  mkdirSync(journal);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', journal], { stdio: 'ignore' });
  } catch {
    return context.skip('needs the right to mount a tmpfs');
  }
  try {
    server = await startServer({ dataDir, config: { journal: { segment_bytes: 1_048_576 } } });
    await server.ready();
    const before = testEvents(100, 'before');
    expect((await post(before)).status).toBe(200);
    const filler = join(journal, 'filler');
    try {
      writeFileSync(filler, Buffer.alloc(8 * 1024 * 1024));
    } catch {
      // As much as there is room for.
    }
    const refused = await post(testEvents(500, 'refused'));
    expect([refused.status, (await refused.json()) as { code: string }]).toMatchObject([
      503,
      { code: 'overloaded' },
    ]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await until(async () => (await fetch(`${server.url}/ready`)).status === 503, 2_000, '/ready says no');
    rmSync(filler);
    await until(
      async () => (await fetch(`${server.url}/ready`)).ok,
      5_000,
      'it is ready again, without traffic',
    );
    const after = testEvents(100, 'after');
    expect((await post(after)).status).toBe(200);
    const ids = [...before, ...after].map(({ event_id }) => event_id);
    expect(await faults(ids)).toEqual({ lost: 0, twice: 0 });
    await server.stop(true);
  } finally {
    execFileSync('umount', ['-l', journal], { stdio: 'ignore' });
  }
}, 60_000);

test('a second process on the same directory is refused, and says why', async () => {
  server = await startServer();
  await expect(startServer({ dataDir: server.dataDir })).rejects.toThrow(/in use/);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});

test('a journal that was damaged is reported, kept aside, and stops nothing', async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'penstock-journal-test-'));
  server = await startServer({ dataDir });
  await server.ready();
  process.kill(storePidOf(server), 'SIGSTOP');
  const stopped = storePidOf(server);
  for (let batch = 0; batch < 3; batch++) expect((await post(testEvents(50, `b${batch}`))).status).toBe(200);
  server.signal('SIGKILL');
  await server.exited;
  process.kill(stopped, 'SIGKILL');
  const events = join(dataDir, 'journal/0/events');
  const segment = join(events, readdirSync(events).find((name) => name.endsWith('.seg')) ?? '');
  flipBits(segment, 32 + 48 + 100);
  server = await startServer({ dataDir });
  const ids = [1, 2].flatMap((batch) => testEvents(50, `b${batch}`).map(({ event_id }) => event_id));
  expect(await faults(ids)).toEqual({ lost: 0, twice: 0 });
  expect(server.logs.some((line) => line.msg.startsWith('the journal was damaged'))).toBe(true);
  expect(readdirSync(join(events, 'quarantine'))).toHaveLength(1);
}, 60_000);

function flipBits(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}
