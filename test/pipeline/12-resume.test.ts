/**
 * Chapter 12, streams that go on. A connection with `?session=` may break at any time, and so may the server; the
 * next welcome says which message was journaled last. A client that sends again what comes behind it loses nothing,
 * and nothing is stored twice.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { JournalStream } from '../../src/journal/stream.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';
import { encodeEntries, sessionKey } from '../../src/sessions/entry.ts';
import { type Running, type StartOptions, startServer, until } from '../support/appliance.ts';
import { testEvent } from '../support/events.ts';
import { metricOf } from '../support/metrics.ts';
import { SessionClient } from '../support/session-client.ts';
import { StreamClient } from '../support/stream-client.ts';

let server: Running;
let dataDir = '';
afterEach(async () => {
  await (server as Running | undefined)?.stop();
  if (dataDir !== '') rmSync(dataDir, { recursive: true, force: true });
  dataDir = '';
});

async function start(options: StartOptions = {}): Promise<void> {
  if (dataDir === '') dataDir = mkdtempSync(join(tmpdir(), 'penstock-resume-test-'));
  server = await startServer({ ...options, dataDir });
  await server.ready();
}

async function kill(): Promise<void> {
  server.signal('SIGKILL');
  await server.exited;
}

function connect(session: string, query = ''): Promise<StreamClient> {
  return StreamClient.connect(`${server.streamUrl}?session=${session}${query}`);
}

/** Rows of events whose ids begin with `prefix-`, and how many different ones. */
async function stored(prefix: string): Promise<[rows: number, ids: number]> {
  const sql = `SELECT count() AS n, uniqExact(event_id) AS ids FROM events WHERE startsWith(event_id, '${prefix}-')`;
  let row: { n: string; ids: string } | undefined;
  // The query door may open a little after the server is ready.
  const asked = async () => {
    [row] = await server.query<{ n: string; ids: string }>(sql);
    return true;
  };
  await until(asked, 20_000, 'the store answers');
  return [Number(row?.n), Number(row?.ids)];
}

async function delivered(): Promise<void> {
  await until(
    async () => (await metricOf(server, 'penstock_journal_rows')) === 0,
    30_000,
    'the journal is delivered',
  );
}

describe('a session', () => {
  test('goes on where its last message was journaled, in its numbers and its acks', async () => {
    await start({ config: { workers: 2 as never } });
    const first = await connect('phone-1');
    expect(first.welcome).toMatchObject({ last_seq: 0 });
    for (let n = 1; n <= 20; n++) first.send(testEvent(n, 'go'));
    await first.acked(20);
    first.close();
    const second = await connect('phone-1');
    expect(second.welcome).toMatchObject({ last_seq: 20 });
    second.send(testEvent(21, 'go'));
    // Messages that were refused for good are done with, too.
    second.send('nonsense');
    second.send('');
    await second.acked(23);
    expect(second.acks[0]?.seq).toBeGreaterThan(20);
    expect([second.accepted, second.rejected]).toEqual([1, 2]);
    expect(second.acks.flatMap(({ errors }) => errors.map(({ seq }) => seq))).toEqual([22, 23]);
    second.socket.terminate();
    expect((await connect('phone-1')).welcome).toMatchObject({ last_seq: 23 });
  });

  test('belongs to its app: another app’s of the same name is another', async () => {
    await start({
      config: {
        apps: [
          { name: 'shop', keys: ['k1'] },
          { name: 'blog', keys: ['k2'] },
        ],
      } as never,
    });
    const shop = await connect('same', '&key=k1');
    shop.send({ event_type: 't', user_id: 'u' });
    await shop.acked(1);
    expect((await connect('same', '&key=k2')).welcome).toMatchObject({ last_seq: 0 });
    expect(shop.isOpen).toBe(true);
    expect((await connect('same', '&key=k1')).welcome).toMatchObject({ last_seq: 1 });
  });

  test('of a name that is none is closed with 1008, and told why', async () => {
    await start();
    for (const id of ['', 'a%20b', 'x'.repeat(129), 'gr%C3%B6%C3%9Fe']) {
      const { code, reason } = await (await connect(id)).closed;
      expect([code, reason], id).toEqual([1008, expect.stringContaining('session must be')]);
    }
  });

  test('has one connection: the older one is closed, and what it sent is counted before the newer is welcomed', async () => {
    await start({ config: { workers: 2 as never } });
    let sent = 0;
    let older = await connect('one');
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 300; n++) older.send(testEvent(++sent, 'one'));
      // Not before the server has read some of them.
      await older.acked((older.welcome?.last_seq ?? 0) + 1);
      const newer = await connect('one');
      expect(await older.closed).toMatchObject({ code: 4001 });
      const lastSeq = newer.welcome?.last_seq ?? -1;
      expect(lastSeq).toBeGreaterThanOrEqual(older.ackedSeq);
      sent = lastSeq;
      older = newer;
    }
    older.close();
    await delivered();
    expect(await stored('one')).toEqual([sent, sent]);
  });

  test('and a connection without one do not disturb each other', async () => {
    await start();
    const plain = await StreamClient.connect(server.streamUrl);
    const session = await connect('beside');
    expect('last_seq' in (plain.welcome ?? {})).toBe(false);
    for (let n = 1; n <= 50; n++) {
      plain.send(testEvent(n, 'plain'));
      session.send(testEvent(n, 'session'));
    }
    await Promise.all([plain.acked(50), session.acked(50)]);
    expect([plain.accepted, session.accepted]).toEqual([50, 50]);
  });
});

describe('kill -9', () => {
  test.each(['os', 'fsync'])(
    'under load, durability %s, again and again: each client sends again what is missing, and every event is there once',
    async (durability) => {
      const clients = Array.from(
        { length: 6 },
        (_, n) => new SessionClient(() => `${server.streamUrl}?session=client-${n}`),
      );
      const life = { config: { workers: 2 as never, journal: { segment_bytes: 262_144, durability } } };
      for (let round = 0; round < 4; round++) {
        await start(life);
        let isOver = false;
        const running = clients.map(async (client, n) => {
          while (!isOver) {
            for (let more = 0; more < 200; more++) client.add(testEvent(client.count + 1, `load${n}`));
            if (!(await client.run())) return;
            client.client?.close();
          }
        });
        await new Promise((resolve) => setTimeout(resolve, 250 + 150 * round));
        await kill();
        isOver = true;
        await Promise.all(running);
      }
      await start(life);
      for (const client of clients) expect(await client.run()).toBe(true);
      await delivered();
      expect(clients.reduce((sum, { resent }) => sum + resent, 0)).toBeGreaterThan(0);
      for (const [n, client] of clients.entries()) {
        expect(client.count).toBeGreaterThan(200);
        expect(await stored(`load${n}`)).toEqual([client.count, client.count]);
      }
    },
    90_000,
  );

  test('leaves a hole where one worker was quicker: it is filled, and what stands behind it is not stored twice', async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'penstock-resume-test-'));
    // Worker 0 had messages 1–3 and 7–9, worker 1 those between, which it did not get to; the front said 1 was done.
    const events = await JournalStream.open({
      disk: systemDisk,
      dir: join(dataDir, 'journal/0/events'),
      segmentBytesMax: 1_048_576,
      compression: 'none',
      spareBytesMax: 0,
      onDamage: () => {},
    });
    const entry = { key: sessionKey('', 'hole'), instance: 1, usedAtMs: Date.now() };
    events.append([], 0, 0, encodeEntries([{ ...entry, low: 1, ranges: [2, 3] }]));
    events.append([], 0, 0, encodeEntries([{ ...entry, low: 1, ranges: [7, 9] }]));
    events.close();
    await start({ config: { workers: 2 as never } });
    const client = await connect('hole');
    expect(client.welcome).toMatchObject({ last_seq: 3 });
    for (let n = 4; n <= 11; n++) client.send(testEvent(n, 'hole'));
    await client.acked(11);
    expect(client.accepted).toBe(5);
    client.close();
    await kill();
    await start({ config: { workers: 2 as never } });
    await server.waitForCount('events', 5);
    await delivered();
    const ids = await server.query<{ event_id: string }>('SELECT event_id FROM events ORDER BY timestamp');
    expect(ids.map(({ event_id }) => event_id)).toEqual([4, 5, 6, 10, 11].map((n) => `hole-${n}`));
    expect((await connect('hole')).welcome).toMatchObject({ last_seq: 11 });
  }, 60_000);

  test('again and again without traffic, with other workers, with segments deleted: nothing is forgotten', async () => {
    const config = { workers: 2, journal: { segment_bytes: 65_536, max_bytes: 8_388_608 } } as never;
    await start({ config });
    const rejected = await connect('rejected-only');
    for (let n = 0; n < 5; n++) rejected.send('nonsense');
    await rejected.acked(5);
    const quiet = await connect('quiet');
    quiet.send(testEvent(1, 'quiet'));
    await quiet.acked(1);
    const busy = await connect('busy');
    for (let n = 1; n <= 3000; n++) await busy.sendWithinCredit(testEvent(n, 'busy'));
    await busy.acked(3000);
    await delivered();
    for (const workers of [2, 2, 1, 1, 3]) {
      await kill();
      await start({ config: { ...(config as object), workers } });
      await delivered();
    }
    for (const [id, seq] of [
      ['rejected-only', 5],
      ['quiet', 1],
      ['busy', 3000],
    ] as const) {
      expect((await connect(id)).welcome, id).toMatchObject({ last_seq: seq });
    }
    const segments = [0, 1, 2].flatMap((slot) =>
      readdirSync(join(dataDir, `journal/${slot}/events`)).filter((name) => name.endsWith('.seg')),
    );
    // 3,000 events are 20 segments; those that every sink has are gone.
    expect(segments.length).toBeLessThan(8);
    expect(await stored('busy')).toEqual([3000, 3000]);
  }, 90_000);
});

test('a worker that dies: the journal says what it kept, and the client sends the rest again', async () => {
  const main = fileURLToPath(new URL('../faults/crashing-main.mjs', import.meta.url));
  await start({ main, config: { workers: 2 as never } });
  const client = new SessionClient(() => `${server.streamUrl}?session=crash`);
  for (let round = 0; round < 5; round++) {
    for (let n = 0; n < 100; n++) client.add(testEvent(client.count + 1, 'crash'));
    const running = client.run();
    const killing = fetch(`${server.url}/v1/events`, {
      method: 'POST',
      body: JSON.stringify({ ...testEvent(round, 'killer'), event_data: { note: 'kill-this-worker' } }),
    });
    expect((await killing).status).toBe(503);
    await running;
    await until(() => client.run(), 10_000, 'all is acknowledged');
  }
  // The gauge of a thread that is being replaced says what the dead one had last told.
  await server.waitForCount('events', 500);
  await delivered();
  expect(await stored('crash')).toEqual([500, 500]);
}, 60_000);

test('what a full disk did not take is not counted as journaled, and is stored once when it is sent again', async (context) => {
  dataDir = mkdtempSync(join(tmpdir(), 'penstock-resume-test-'));
  const journal = join(dataDir, 'journal');
  mkdirSync(journal);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', journal], { stdio: 'ignore' });
  } catch {
    return context.skip('needs the right to mount a tmpfs');
  }
  try {
    await start({ config: { journal: { segment_bytes: 1_048_576 } } });
    const client = new SessionClient(() => `${server.streamUrl}?session=disk`);
    for (let n = 1; n <= 50; n++) client.add(testEvent(n, 'disk'));
    expect(await client.run()).toBe(true);
    const filler = join(journal, 'filler');
    try {
      writeFileSync(filler, Buffer.alloc(8 * 1024 * 1024));
    } catch {
      // As much as there is room for.
    }
    for (let n = 51; n <= 2050; n++) client.add(testEvent(n, 'disk'));
    expect(await client.run()).toBe(false);
    expect(await client.client?.closed).toMatchObject({ code: 1013 });
    rmSync(filler);
    await until(async () => (await fetch(`${server.url}/ready`)).ok, 5_000, 'it is ready again');
    await until(() => client.run(), 10_000, 'all is acknowledged');
    await delivered();
    expect(await stored('disk')).toEqual([2050, 2050]);
    await server.stop(true);
  } finally {
    execFileSync('umount', ['-l', journal], { stdio: 'ignore' });
  }
}, 60_000);

test('beyond sessions.max the one used longest ago is forgotten, and a metric says so', async () => {
  await start({ config: { sessions: { max: 2 } } });
  for (const id of ['a', 'b', 'c']) {
    const client = await connect(id);
    client.send(testEvent(1, id));
    await client.acked(1);
    client.close();
    await client.closed;
  }
  expect((await connect('c')).welcome).toMatchObject({ last_seq: 1 });
  expect((await connect('a')).welcome).toMatchObject({ last_seq: 0 });
  expect(await metricOf(server, 'penstock_sessions_evicted_total')).toBe(2);
  expect(await metricOf(server, 'penstock_sessions')).toBe(2);
});
