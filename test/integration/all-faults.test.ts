/**
 * Kafka, a ClickHouse server and Redis are killed in turn and together, under load, beside one appliance that uses all three.
 * Every acknowledged event is in Kafka and in ClickHouse; ClickHouse has each once, and what Kafka has twice is accounted for
 * by a send whose outcome nobody could know.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Running, startServer, until } from '../support/appliance.ts';
import { describeKafka, startKafka, type TestKafka } from '../support/kafka.ts';
import { LOAD_BATCH, Load } from '../support/load.ts';
import { metricOf } from '../support/metrics.ts';
import { describeRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { startWritableStore, type WritableStore } from '../support/writable-store.ts';

const SETTLE_TIMEOUT_MS = 90_000;

describeRedis('with Redis', () => {
  describeKafka('all three servers', () => {
    let kafka: TestKafka;
    let store: WritableStore;
    let redis: TestRedis;
    let server: Running | undefined;

    beforeEach(async () => {
      [kafka, store, redis] = await Promise.all([startKafka(), startWritableStore(), startRedis()]);
      await kafka.createTopic('events', 4);
      await kafka.createTopic('events_rejected', 1);
      await store.migrate();
    }, 60_000);
    afterEach(async () => {
      await server?.stop();
      await Promise.all([kafka.stop(), store.stop(), redis.stop()]);
    });

    test('are killed in turn and together, under load: nothing acknowledged is missing, ClickHouse has each once', async () => {
      const running = await startServer({
        config: {
          kafka: { brokers: kafka.brokers, request_timeout_ms: 1500 },
          clickhouse: { url: `${store.url}/penstock`, flush_interval_ms: 50 },
          delivery: { send_timeout_ms: 2000 },
          redis: { url: redis.url, timeout_ms: 100 },
        } as never,
      });
      server = running;
      await running.ready();
      const load = new Load(running.url);
      const servers = [
        { kill: () => kafka.kill(1), restart: () => kafka.restart(1) },
        { kill: () => store.kill(), restart: () => store.restart() },
        { kill: () => redis.kill(), restart: () => redis.restart() },
      ];
      for (const away of [...servers.map((one) => [one]), servers]) {
        await sleep(700);
        const before = load.acknowledged;
        await Promise.all(away.map((one) => one.kill()));
        await until(() => load.acknowledged >= before + 4 * LOAD_BATCH, 20_000, 'answers go on');
        await Promise.all(away.map((one) => one.restart()));
      }
      await sleep(700);
      const acknowledged = await load.end();
      await until(
        async () => (await metricOf(running, 'penstock_journal_rows')) === 0,
        SETTLE_TIMEOUT_MS,
        'all is delivered',
      );

      const stored = new Map<number, number>();
      for (const { headers } of await kafka.read('events')) {
        const event = Number(headers['event_id']?.slice(2));
        stored.set(event, (stored.get(event) ?? 0) + 1);
      }
      const all = Array.from({ length: acknowledged }, (_, event) => event);
      expect(all.filter((event) => !stored.has(event))).toEqual([]);
      const extra = [...stored.values()].reduce((sum, copies) => sum + copies - 1, 0);
      expect(extra).toBeLessThanOrEqual(await metricOf(running, 'penstock_kafka_maybe_repeated_rows_total'));

      const rows = await store.query(
        'SELECT event_id, count() FROM penstock.events GROUP BY event_id FORMAT TSV',
      );
      const copies = new Map(rows.split('\n').map((row) => row.split('\t') as [id: string, copies: string]));
      expect(all.filter((event) => copies.get(`e-${event}`) !== '1')).toEqual([]);
      expect((await fetch(`${running.url}/ready`)).status).toBe(200);
    }, 240_000);
  });
});
