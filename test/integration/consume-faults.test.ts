/**
 * What breaks between a client and ClickHouse when Kafka stands in between, under load: client → appliance → Kafka → consumers →
 * ClickHouse. Each time: every acknowledged event is in Kafka and in ClickHouse; ClickHouse has as many copies of it as Kafka has
 * records, so that the consumers added none; and records that Kafka has too many are accounted for by a send whose outcome
 * nobody could know.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Running, startServer, until } from '../support/appliance.ts';
import { type ConsumerSetup, startConsumer, type TestConsumer } from '../support/consumer.ts';
import { describeKafka, type KafkaTestOptions, startKafka, type TestKafka } from '../support/kafka.ts';
import { LOAD_BATCH, Load } from '../support/load.ts';
import { freePorts } from '../support/ports.ts';
import { startProxy as startTcpProxy } from '../support/tcp-proxy.ts';
import { startWritableStore, type WritableStore } from '../support/writable-store.ts';
import { type LossyProxy, startProxy as startLossyProxy } from './clickhouse-proxy.ts';

const TOPIC = 'events';
const SETTLE_TIMEOUT_MS = 90_000;
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

describeKafka('client to ClickHouse by Kafka, under load', () => {
  let kafka: TestKafka;
  let store: WritableStore;
  let server: Running;
  const consumers: TestConsumer[] = [];
  const closing: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    store = await startWritableStore();
    await store.migrate();
  });
  afterEach(async () => {
    await Promise.all(consumers.splice(0).map((consumer) => consumer.stop()));
    await server?.stop();
    await Promise.all([kafka?.stop(), store?.stop()]);
    for (const close of closing.splice(0)) await close();
  });

  async function start(options: KafkaTestOptions = {}, replicas = 1): Promise<void> {
    kafka = await startKafka(options);
    await kafka.createTopic(TOPIC, 4, { replicas });
    await kafka.createTopic('events_rejected', 1, { replicas });
    server = await startServer({
      config: { kafka: { brokers: kafka.brokers, topic: TOPIC, request_timeout_ms: 1500 } } as never,
    });
    await server.ready();
  }

  async function consume(options: Partial<ConsumerSetup> = {}): Promise<TestConsumer> {
    const consumer = await startConsumer({
      brokers: kafka.brokers,
      clickhouse: `${store.url}/penstock`,
      ...options,
      config: { kafka: { request_timeout_ms: 1500 }, delivery: { send_timeout_ms: 2000 }, ...options.config },
    });
    consumers.push(consumer);
    await consumer.ready();
    return consumer;
  }

  const rows = async (): Promise<Map<number, number>> => {
    const text = await store.query(
      'SELECT toUInt32(substring(event_id, 3)), count() FROM penstock.events GROUP BY event_id FORMAT TSV',
    );
    return new Map(
      text.split('\n').map((line) => line.split('\t').map(Number) as [event: number, copies: number]),
    );
  };
  const distinct = async () =>
    Number(await store.query('SELECT uniqExact(event_id) FROM penstock.events FORMAT TSV').catch(() => 0));

  async function expectAll(acknowledged: number): Promise<void> {
    expect(acknowledged).toBeGreaterThan(10 * LOAD_BATCH);
    await until(
      async () => (await distinct()) >= acknowledged,
      SETTLE_TIMEOUT_MS,
      `${acknowledged} events are there`,
    );
    await until(
      async () => {
        const lags = await Promise.all(consumers.map((one) => one.metric('penstock_consumer_lag_records')));
        return lags.every((lag) => lag === 0);
      },
      SETTLE_TIMEOUT_MS,
      'nothing waits',
    );
    const stored = new Map<number, number>();
    for (const { headers } of await kafka.read(TOPIC)) {
      const event = Number(headers['event_id']?.slice(2));
      stored.set(event, (stored.get(event) ?? 0) + 1);
    }
    const inserted = await rows();
    for (let event = 0; event < acknowledged; event++) expect(stored.has(event), `event ${event}`).toBe(true);
    const byEvent = (counts: ReadonlyMap<number, number>) =>
      [...counts].sort(([left], [right]) => left - right);
    expect(byEvent(inserted)).toEqual(byEvent(stored));
    const extra = [...stored.values()].reduce((sum, copies) => sum + copies - 1, 0);
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const ambiguous = /^penstock_kafka_maybe_repeated_rows_total\{[^}]*\} (\d+)$/m.exec(text)?.[1];
    expect(extra).toBeLessThanOrEqual(Number(ambiguous));
  }

  test('ClickHouse and brokers are killed in turn and together, leaders move, and all come back', async () => {
    const settings = {
      'leader.imbalance.check.interval.seconds': 1,
      'offsets.topic.replication.factor': 2,
      'min.insync.replicas': 1,
    };
    await start({ brokers: 2, settings }, 2);
    const consumer = await consume();
    const load = new Load(server.url);
    await until(async () => (await distinct()) > 0, 30_000, 'it flows');

    await store.kill();
    const isPaused = async () => (await consumer.metric('penstock_consumer_paused')) === 1;
    await until(isPaused, 30_000, 'nothing is fetched');
    expect(await consumer.states()).toMatchObject({ consumer: 'consuming', breaker: 'away' });
    await store.restart();
    await until(async () => !(await isPaused()), 30_000, 'it goes on');

    await kafka.kill(2);
    await until(
      async () => (await kafka.leaders(TOPIC)).every((leader) => leader === 1),
      30_000,
      'broker 1 leads all',
    );
    const before = await distinct();
    await until(async () => (await distinct()) > before, 60_000, 'it flows by broker 1');
    await kafka.restart(2);
    await until(async () => (await kafka.leaders(TOPIC)).includes(2), 60_000, 'broker 2 leads again');

    await Promise.all([store.kill(), kafka.kill(2), kafka.kill(1)]);
    await sleep(1000);
    await Promise.all([store.restart(), kafka.restart(1), kafka.restart(2)]);
    await until(async () => (await consumer.states())['status'] === 'ready', 60_000, 'the consumer is back');
    await expectAll(await load.end());
  });

  test('networks fall silent, are cut and slow; answers of inserts are lost', async () => {
    const [port = 0, proxyPort = 0] = await freePorts(2);
    const proxy = await startTcpProxy(port, proxyPort);
    closing.push(() => proxy.stop());
    const lossy: LossyProxy = await startLossyProxy(store.port);
    closing.push(() => lossy.close());
    await start({ port, settings: { 'advertised.listeners': `CLIENT://127.0.0.1:${proxyPort}` } });
    const consumer = await consume({ clickhouse: `${lossy.url}/penstock` });
    const load = new Load(server.url);
    await until(async () => (await distinct()) > 0, 30_000, 'it flows');
    for (let cuts = 0; cuts < 8; cuts++) {
      proxy.cut();
      await sleep(150);
    }
    proxy.hold();
    await sleep(2500);
    proxy.release();
    const seen = await distinct();
    await until(async () => (await distinct()) > seen, 60_000, 'it flows again');
    lossy.swallow = 3;
    await until(() => lossy.swallow === 0, 60_000, 'answers are lost');
    lossy.hang = true;
    lossy.swallow = 1;
    await until(() => lossy.swallow === 0, 60_000, 'an answer never comes');
    lossy.hang = false;
    lossy.bytesPerSecond = 300_000;
    await sleep(1500);
    lossy.bytesPerSecond = Number.POSITIVE_INFINITY;
    await expectAll(await load.end());
    expect(await consumer.metric('penstock_consumer_insert_retries_total')).toBeGreaterThan(0);
  });

  test('consumers are killed, between insert and commit too, join and leave', async () => {
    await start();
    const lossy = await startLossyProxy(store.port);
    closing.push(() => lossy.close());
    const first = await consume({ clickhouse: `${lossy.url}/penstock` });
    const load = new Load(server.url);
    await until(async () => (await distinct()) > 0, 30_000, 'it flows');

    // The insert is done and its answer never comes: so the offsets of a block that is there are not committed.
    lossy.hang = true;
    lossy.swallow = 1;
    await until(() => lossy.swallow === 0, 30_000, 'an answer is held back');
    first.signal('SIGKILL');
    await first.exited;
    consumers.length = 0;
    const second = await consume();
    const third = await consume();
    const partitions = async () =>
      Promise.all([second, third].map((one) => one.metric('penstock_consumer_joined')));
    await until(async () => (await partitions()).every((joined) => joined === 1), 60_000, 'both are in');
    const seen = await distinct();
    await until(async () => (await distinct()) > seen, 60_000, 'it flows through two');
    second.signal('SIGKILL');
    await second.exited;
    consumers.splice(consumers.indexOf(second), 1);
    const fourth = await consume();
    await until(
      async () => (await third.metric('penstock_consumer_rebalances_total')) >= 2,
      60_000,
      'dealt anew',
    );
    expect(await third.stop()).toBe(0);
    consumers.splice(consumers.indexOf(third), 1);
    await until(async () => (await fourth.states())['status'] === 'ready', 60_000, 'one has all');
    await expectAll(await load.end());
    expect(await fourth.stop()).toBe(0);
    consumers.length = 0;
  });

  test('a topic full of what others write holds up no event', async () => {
    await start();
    const consumer = await consume();
    const load = new Load(server.url);
    const strays = await kafka.producer();
    closing.push(() => strays.disconnect());
    const junk = ['', 'garbage', '{"foreign":"json"}', '[1,2,3]', '{"event_id":"e-0","event_type":"t"', null];
    for (let round = 0; round < 30; round++) {
      const messages = Array.from({ length: 40 }, (_, index) => ({
        value: (junk[index % junk.length] ?? null) as string,
        partition: index % 4,
      }));
      await strays.send({ topic: TOPIC, messages });
      await sleep(20);
    }
    const acknowledged = await load.end();
    await until(async () => (await distinct()) >= acknowledged, SETTLE_TIMEOUT_MS, 'all events are there');
    await until(
      async () => (await consumer.metric('penstock_consumer_dead_letters_total')) >= 1200,
      SETTLE_TIMEOUT_MS,
      'all else is put aside',
    );
    expect(await store.query('SELECT count() FROM penstock.events FORMAT TSV')).toBe(String(acknowledged));
    expect(await kafka.count(`${TOPIC}.dlq`)).toBe(1200);
  });
});
