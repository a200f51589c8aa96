/**
 * Repeats across processes: two servers and a real Redis between them. An event that one has kept is a repeat at the other;
 * whatever Redis does, no event is lost and no answer waits longer than its budget.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Running, until } from '../support/appliance.ts';
import { makeCertificate } from '../support/certificate.ts';
import { testEvent, testEvents } from '../support/events.ts';
import { metricOf } from '../support/metrics.ts';
import { freePort } from '../support/ports.ts';
import { describeRedis, startRedis, untilRedis, useRedis, WITH_STORE } from '../support/redis.ts';
import { StreamClient } from '../support/stream-client.ts';
import { startProxy } from '../support/tcp-proxy.ts';

const rig = useRedis();
const { start } = rig;

async function post(server: Running, events: unknown, headers = {}): Promise<Record<string, unknown>> {
  const answer = await fetch(`${server.url}/v1/events/batch`, {
    method: 'POST',
    body: JSON.stringify(events),
    headers,
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
}

/** Ids of the table of each server, when its journal is delivered. */
async function storedIds(server: Running): Promise<string[]> {
  await server.ready();
  await until(() => server.logs.some(({ msg }) => msg === 'store is up'), 10_000, 'the log says so');
  await until(
    async () => (await metricOf(server, 'penstock_journal_rows')) === 0,
    40_000,
    'the journal is delivered',
  );
  const rows = await server.query<{ id: string }>('SELECT event_id AS id FROM events');
  return rows.map(({ id }) => id);
}

/** What one event was told is in Redis when this resolves. */
async function untilTold(count: number): Promise<void> {
  const told = async () => {
    const names = (await rig.redis.client.keys('penstock:ids:*')).filter(
      (name) => name !== 'penstock:ids-key',
    );
    const sizes = await Promise.all(names.map((name) => rig.redis.client.scard(name)));
    return sizes.reduce((sum, size) => sum + size, 0) >= count;
  };
  await until(told, 10_000, `${count} ids are told`);
}

describeRedis('two processes and one Redis', () => {
  test('keep each event once between them, whatever thread has it', async () => {
    const stored = { workers: 2, ...WITH_STORE };
    const [one, other] = await Promise.all([start(stored), start(stored)]);
    await untilRedis('ok', one, other);
    expect(await post(one, testEvents(500))).toMatchObject({ accepted: 500 });
    await untilTold(500);
    expect(await post(other, testEvents(600))).toMatchObject({ accepted: 100, duplicates: 500 });
    await untilTold(600);
    expect(await post(one, testEvents(700))).toMatchObject({ accepted: 100, duplicates: 600 });
    // Those that were found are known without asking again.
    const asked = await metricOf(other, 'penstock_redis_ids_asked_total');
    expect(await post(other, testEvents(500))).toMatchObject({ accepted: 0, duplicates: 500 });
    expect(await metricOf(other, 'penstock_redis_ids_asked_total')).toBe(asked);
    expect(await metricOf(other, 'penstock_redis_ids_found_total')).toBe(500);
    const all = [...(await storedIds(one)), ...(await storedIds(other))];
    expect(all.length).toBe(700);
    expect(new Set(all).size).toBe(700);
    for (const server of [one, other]) {
      const [received, accepted, rejected, duplicate] = await Promise.all(
        ['received', 'accepted', 'rejected', 'duplicate'].map((name) =>
          metricOf(server, `penstock_events_${name}_total`),
        ),
      );
      expect(received).toBe((accepted ?? 0) + (rejected ?? 0) + (duplicate ?? 0));
    }
  }, 90_000);

  test('asks once a slab, and not at all for what is known or has no id', async () => {
    const server = await start();
    await untilRedis('ok', server);
    await post(server, testEvents(1_000));
    expect(await metricOf(server, 'penstock_redis_lookups_total')).toBe(1);
    expect(await metricOf(server, 'penstock_redis_ids_asked_total')).toBe(1_000);
    await post(server, testEvents(1_000));
    const { event_id: _, ...nameless } = testEvent(1);
    await post(server, [nameless, nameless]);
    expect(await metricOf(server, 'penstock_redis_lookups_total')).toBe(1);
  });

  test('acknowledges streams in order, with sessions and their repeats', async () => {
    const [one, other] = await Promise.all([start({ workers: 2 }), start()]);
    await untilRedis('ok', one, other);
    await post(other, testEvents(20, 'ws'));
    await untilTold(20);
    const client = await StreamClient.connect(`${one.streamUrl}?session=s-1`);
    for (let n = 0; n < 200; n++) client.send(testEvent(n, 'ws'));
    await client.acked(200);
    expect(client.accepted).toBe(180);
    client.close();
  });

  test('an event that a process had and did not journal is kept by the other: it was never told', async () => {
    const one = await start({}, { main: new URL('../faults/unkept-main.mjs', import.meta.url).pathname });
    const other = await start();
    await untilRedis('ok', one, other);
    const events = [
      ...testEvents(10),
      { ...testEvent(1, 'last'), event_data: { note: 'kill-process-before-journal' } },
    ];
    await expect(post(one, events)).rejects.toThrow();
    expect(await one.exited).toBe('SIGKILL');
    expect(await post(other, events)).toMatchObject({ accepted: 11 });
  });

  test('an event that a process journaled and told before it died is a repeat at the other', async () => {
    const one = await start({}, { main: new URL('../faults/killed-main.mjs', import.meta.url).pathname });
    const other = await start();
    await untilRedis('ok', one, other);
    const events = [
      ...testEvents(10),
      { ...testEvent(1, 'last'), event_data: { note: 'kill-process-before-answer' } },
    ];
    await expect(post(one, events)).rejects.toThrow();
    expect(await one.exited).toBe('SIGKILL');
    await untilTold(11);
    expect(await post(other, events)).toMatchObject({ accepted: 0, duplicates: 11 });
  });

  test('with durability fsync ids are told when the disk has them', async () => {
    const journal = { durability: 'fsync' };
    const [one, other] = await Promise.all([start({ journal }), start({ journal })]);
    await untilRedis('ok', one, other);
    await Promise.all(Array.from({ length: 20 }, (_, n) => post(one, testEvents(50, 'f', n * 50))));
    await untilTold(1_000);
    expect(await post(other, testEvents(1_000, 'f'))).toMatchObject({ accepted: 0, duplicates: 1_000 });
  });

  test('ids are forgotten when their windows are over; those of journals in memory are never shared', async () => {
    const config = { redis: { window_ms: 1_000 }, dedup: { window_ms: 100 } };
    const [one, other] = await Promise.all([start(config), start(config)]);
    await untilRedis('ok', one, other);
    await post(one, testEvents(10));
    await untilTold(10);
    await until(
      async () => (await post(other, testEvents(10)))['accepted'] === 10,
      20_000,
      'the ids are forgotten',
    );
    // Sets that are over go by themselves.
    await until(
      async () => (await rig.redis.client.keys('penstock:ids:*')).length === 0,
      20_000,
      'no set is left',
    );
    const memory = await start({ journal: { durability: 'memory' } });
    await untilRedis('ok', memory);
    await post(memory, testEvents(10, 'memory'));
    expect(await metricOf(memory, 'penstock_redis_lookups_total')).toBe(0);
  }, 60_000);

  test('counts what each app sent, minute by minute, and forgets it', async () => {
    const server = await start({
      redis: { counters_ttl_ms: 60_000 },
      apps: [
        { name: 'shop', keys: ['k-shop'] },
        { name: 'web', keys: ['k-web'] },
      ],
    });
    await untilRedis('ok', server);
    const shop = { 'X-Api-Key': 'k-shop' };
    await post(server, testEvents(7), shop);
    await post(server, [...testEvents(9), { event_type: 'nobody' }], shop);
    await post(server, testEvents(3), { 'X-Api-Key': 'k-web' });
    const names = async () => (await rig.redis.client.keys('penstock:count:*')).sort();
    const sums = async (app: string) => {
      const sum = { accepted: 0, rejected: 0, duplicates: 0 };
      for (const name of await names()) {
        if (!name.startsWith(`penstock:count:${app}:`)) continue;
        expect(Number(name.split(':').at(-1)) % 60).toBe(0);
        const counts = await rig.redis.client.hgetall(name);
        for (const key of ['accepted', 'rejected', 'duplicates'] as const)
          sum[key] += Number(counts[key] ?? 0);
      }
      return sum;
    };
    await until(async () => (await sums('web')).accepted === 3, 10_000, 'the counters are there');
    expect(await sums('shop')).toEqual({ accepted: 9, rejected: 1, duplicates: 7 });
    for (const name of await names()) {
      const leftMs = await rig.redis.client.pttl(name);
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThanOrEqual(60_000);
    }
  });
});

describeRedis('a Redis in trouble', () => {
  test('killed under load: answers go on, nothing is lost, and the process says so; then it is used again', async () => {
    const server = await start({ workers: 2, ...WITH_STORE });
    await untilRedis('ok', server);
    let sent = 0;
    const send = async () => {
      const from = sent;
      sent += 100;
      const answer = await post(server, testEvents(100, 'k', from));
      expect(answer).toMatchObject({ accepted: 100 });
    };
    for (let n = 0; n < 10; n++) await Promise.all([send(), send(), send()]);
    const dead = rig.redis.kill();
    for (let n = 0; n < 20; n++) await Promise.all([send(), send(), send()]);
    await dead;
    await untilRedis('away', server);
    for (let n = 0; n < 5; n++) await send();
    expect(await metricOf(server, 'penstock_redis_ids_untold_total')).toBeGreaterThan(0);
    expect(await metricOf(server, 'penstock_redis_state')).toBeGreaterThan(1);
    // Repeats of this process are known as ever.
    expect(await post(server, testEvents(100, 'k'))).toMatchObject({ duplicates: 100 });
    await rig.redis.restart();
    await untilRedis('ok', server);
    await send();
    const ids = await storedIds(server);
    expect(ids.length).toBe(sent);
    expect(new Set(ids).size).toBe(sent);
  }, 90_000);

  test('one that is silent holds an answer no longer than its budget, and then none at all', async () => {
    const timeoutMs = 1_000;
    const server = await start({ redis: { timeout_ms: timeoutMs } });
    await untilRedis('ok', server);
    const timed = async (n: number) => {
      const startedAt = performance.now();
      await post(server, testEvents(5, 'slow', n * 5));
      return performance.now() - startedAt;
    };
    const usual: number[] = [];
    for (let n = 0; n < 30; n++) usual.push(await timed(n));
    const looksBefore = await metricOf(server, 'penstock_redis_lookups_total');
    rig.redis.freeze();
    const frozen: number[] = [];
    for (let n = 30; n < 130; n++) frozen.push(await timed(n));
    // What the machine itself holds up is much at times, and no matter of Redis.
    expect(Math.max(...frozen)).toBeLessThan(timeoutMs + 2 * Math.max(...usual) + 2_000);
    // Three look-ups open the breaker; those behind it are not made.
    const looks = (await metricOf(server, 'penstock_redis_lookups_total')) - looksBefore;
    expect(looks).toBeGreaterThanOrEqual(3);
    expect(looks).toBeLessThanOrEqual(5);
    expect(await metricOf(server, 'penstock_redis_ids_unanswered_total')).toBe(5 * looks);
    expect(await metricOf(server, 'penstock_redis_timeouts_total')).toBeGreaterThanOrEqual(3);
    await untilRedis('away', server);
    rig.redis.thaw();
    await untilRedis('ok', server);
    expect(await metricOf(server, 'penstock_events_accepted_total')).toBe(130 * 5);
  }, 60_000);

  test('a network that is cut or silent is no other', async () => {
    const proxy = await startProxy(rig.redis.port);
    const server = await start({}, { url: `redis://127.0.0.1:${proxy.port}` });
    await untilRedis('ok', server);
    expect(await post(server, testEvents(10))).toMatchObject({ accepted: 10 });
    proxy.cut();
    expect(await post(server, testEvents(20))).toMatchObject({ accepted: 10, duplicates: 10 });
    await untilRedis('ok', server);
    proxy.hold();
    for (let n = 2; n < 12; n++)
      expect(await post(server, testEvents(10, 'e', n * 10))).toMatchObject({ accepted: 10 });
    await untilRedis('away', server);
    proxy.release();
    await untilRedis('ok', server);
    expect(await post(server, testEvents(200))).toMatchObject({ accepted: 80, duplicates: 120 });
    await server.stop();
    await proxy.stop();
  }, 60_000);

  test('one that is not there at the start is waited for by nobody, and one that answers with errors is left alone', async () => {
    await rig.redis.kill();
    const server = await start();
    expect(await post(server, testEvents(10))).toMatchObject({ accepted: 10 });
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await rig.redis.restart();
    await untilRedis('ok', server);
    // Scripts that Redis has lost are sent again; ids that it has no memory for are counted.
    await rig.redis.client.script('FLUSH');
    expect(await post(server, testEvents(20))).toMatchObject({ accepted: 10 });
    await untilTold(10);
    await rig.redis.client.config('SET', 'maxmemory', '1');
    expect(await post(server, testEvents(30))).toMatchObject({ accepted: 10 });
    await until(
      async () => (await metricOf(server, 'penstock_redis_ids_untold_total')) >= 20,
      10_000,
      'it says so',
    );
  }, 60_000);

  test('over TLS, of an authority that is named; of another it is away, and no event waits for it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'penstock-redis-tls-'));
    const { key, cert } = makeCertificate(folder);
    const port = await freePort();
    const tls = [
      '--tls-port',
      String(port),
      '--tls-cert-file',
      cert,
      '--tls-key-file',
      key,
      '--tls-auth-clients',
      'no',
    ];
    const encrypted = await startRedis({ settings: tls });
    try {
      const url = `rediss://127.0.0.1:${port}`;
      const [one, other] = [
        await start({ redis: { ca_file: cert } }, { url }),
        await start({ redis: { ca_file: cert } }, { url }),
      ];
      await untilRedis('ok', one, other);
      await post(one, testEvents(10));
      await until(
        async () => (await encrypted.client.keys('penstock:ids:*')).length > 0,
        10_000,
        'ids are told',
      );
      expect(await post(other, testEvents(10))).toMatchObject({ duplicates: 10 });
      const stranger = await start({}, { url });
      await untilRedis('away', stranger);
      expect(await post(stranger, testEvents(10))).toMatchObject({ accepted: 10 });
      expect(stranger.logs.map(({ reason }) => reason).join()).toMatch(/self-signed/);
    } finally {
      await encrypted.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);

  test('a password and a database, in the address or beside it; a wrong one is told and never logged', async () => {
    const closed = await startRedis({ password: 'hunter2' });
    try {
      const one = await start({}, { url: `${closed.url}/3` });
      const env = {
        REDIS_URL: '',
        REDIS_HOST: '127.0.0.1',
        REDIS_PORT: String(closed.port),
        REDIS_PASSWORD: 'hunter2',
        REDIS_DB: '3',
      };
      const other = await start({}, { env });
      await untilRedis('ok', one, other);
      await post(one, testEvents(10));
      await closed.client.select(3);
      await until(
        async () => (await closed.client.keys('penstock:ids:*')).length > 0,
        10_000,
        'ids are told',
      );
      expect(await post(other, testEvents(10))).toMatchObject({ duplicates: 10 });
      for (const url of [`redis://:hunter3@127.0.0.1:${closed.port}`, `${closed.url}/99`]) {
        const wrong = await start({}, { url });
        await untilRedis('away', wrong);
        expect(await post(wrong, testEvents(10))).toMatchObject({ accepted: 10 });
        const said = wrong.logs.filter(({ level }) => level === 'warn');
        expect(said.map(({ reason }) => reason).join()).toMatch(/WRONGPASS|invalid DB|out of range/);
        expect(JSON.stringify(wrong.logs)).not.toMatch(/hunter/);
      }
    } finally {
      await closed.stop();
    }
  }, 60_000);
});
