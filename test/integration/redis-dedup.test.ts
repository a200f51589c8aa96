/**
 * Repeats across processes: two servers and a real Redis between them. An event that one has kept is a repeat at the other.
 * What becomes of events when Redis fails is in redis-faults.test.ts.
 */
import { expect, test } from 'vitest';
import { until } from '../support/appliance.ts';
import { testEvent, testEvents } from '../support/events.ts';
import { metricOf } from '../support/metrics.ts';
import { describeRedis, untilRedis, useRedis, WITH_STORE } from '../support/redis.ts';
import { StreamClient } from '../support/stream-client.ts';
import { post, storedIds, untilTold } from './redis-ids.ts';

const rig = useRedis();
const { start } = rig;

describeRedis('two processes and one Redis', () => {
  test('keep each event once between them, whatever thread has it', async () => {
    const stored = { workers: 2, ...WITH_STORE };
    const [one, other] = await Promise.all([start(stored), start(stored)]);
    await untilRedis('ok', one, other);
    expect(await post(one, testEvents(500))).toMatchObject({ accepted: 500 });
    await untilTold(rig.redis, 500);
    expect(await post(other, testEvents(600))).toMatchObject({ accepted: 100, duplicates: 500 });
    await untilTold(rig.redis, 600);
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
    await untilTold(rig.redis, 20);
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
    await untilTold(rig.redis, 11);
    expect(await post(other, events)).toMatchObject({ accepted: 0, duplicates: 11 });
  });

  test('with durability fsync ids are told when the disk has them', async () => {
    const journal = { durability: 'fsync' };
    const [one, other] = await Promise.all([start({ journal }), start({ journal })]);
    await untilRedis('ok', one, other);
    await Promise.all(Array.from({ length: 20 }, (_, n) => post(one, testEvents(50, 'f', n * 50))));
    await untilTold(rig.redis, 1_000);
    expect(await post(other, testEvents(1_000, 'f'))).toMatchObject({ accepted: 0, duplicates: 1_000 });
  });

  test('ids are forgotten when their windows are over; those of journals in memory are never shared', async () => {
    const config = { redis: { window_ms: 1_000 }, dedup: { window_ms: 100 } };
    const [one, other] = await Promise.all([start(config), start(config)]);
    await untilRedis('ok', one, other);
    await post(one, testEvents(10));
    await untilTold(rig.redis, 10);
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
