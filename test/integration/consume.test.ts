/** `penstock consume` against a real broker and a ClickHouse server (the writable store): what it brings, and how it begins and ends. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { canonicalLine } from '../consume/model.ts';
import { type Running, startServer, until } from '../support/appliance.ts';
import {
  type ConsumerSetup,
  startConsumer,
  type TestConsumer,
  writeConsumerConfig,
} from '../support/consumer.ts';
import { testEvents } from '../support/events.ts';
import { describeKafka, startKafka, type TestKafka } from '../support/kafka.ts';
import { startWritableStore, type WritableStore } from '../support/writable-store.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
vi.setConfig({ testTimeout: 120_000, hookTimeout: 90_000 });

describeKafka('from Kafka into ClickHouse', () => {
  let kafka: TestKafka;
  let store: WritableStore;
  let server: Running;
  const consumers: TestConsumer[] = [];

  beforeAll(async () => {
    [kafka, store] = await Promise.all([startKafka(), startWritableStore()]);
    await kafka.createTopic('events', 4);
    await kafka.createTopic('events_rejected', 1);
    await store.migrate();
    server = await startServer({ config: { kafka: { brokers: kafka.brokers } } as never });
    await server.ready();
  });
  afterEach(async () => {
    await Promise.all(consumers.splice(0).map((consumer) => consumer.stop()));
  });
  afterAll(async () => {
    await server?.stop();
    await Promise.all([kafka?.stop(), store?.stop()]);
  });

  async function consume(options: Partial<ConsumerSetup> = {}): Promise<TestConsumer> {
    const consumer = await startConsumer({
      brokers: kafka.brokers,
      clickhouse: `${store.url}/penstock`,
      ...options,
    });
    consumers.push(consumer);
    return consumer;
  }
  const post = async (body: unknown) =>
    (await fetch(`${server.url}/v1/events/batch`, { method: 'POST', body: JSON.stringify(body) })).status;
  const counts = (prefix: string) =>
    store.query(
      `SELECT count(), uniqExact(event_id) FROM penstock.events WHERE startsWith(event_id, '${prefix}-') FORMAT CSV`,
    );
  const arrives = (prefix: string, count: number) =>
    until(async () => Number((await counts(prefix)).split(',')[1]) >= count, 60_000, `${count} of ${prefix}`);

  const command = (file: string, ...args: string[]) =>
    promisify(execFile)(process.execPath, [MAIN, 'dlq', ...args, '--config', file]);

  test('every event arrives once, as it was sent', async () => {
    expect(await post(testEvents(1000, 'a'))).toBe(200);
    const consumer = await consume();
    await consumer.ready();
    await arrives('a', 1000);
    expect(await counts('a')).toBe('1000,1000');
    await until(async () => (await consumer.metric('penstock_consumer_lag_records')) === 0, 10_000, 'no lag');
    expect(await consumer.metric('penstock_consumer_inserted_rows_total')).toBe(1000);
    const row = await store.query(
      "SELECT event_data.n, event_data.big, event_data.text, device_id, toUnixTimestamp64Milli(timestamp) FROM penstock.events WHERE event_id = 'a-7' FORMAT JSONCompactEachRow",
    );
    const sent = testEvents(1, 'a', 7)[0]!;
    const { n, big, text } = sent.event_data;
    expect(JSON.parse(row).map(String)).toEqual(
      [n, big, text, sent.device_id, Date.parse(sent.timestamp)].map(String),
    );
    expect(await consumer.stop()).toBe(0);
  });

  test('another of the group takes over where the first one stopped, and gives half back', async () => {
    const first = await consume({ consume: { group_id: 'two' } });
    await first.ready();
    expect(await post(testEvents(500, 'b'))).toBe(200);
    await arrives('b', 500);
    const second = await consume({ consume: { group_id: 'two' } });
    await until(async () => (await second.states())['status'] === 'ready', 30_000, 'the second is in');
    await until(
      async () => (await first.metric('penstock_consumer_rebalances_total')) === 2,
      30_000,
      'partitions are dealt anew',
    );
    const partitionsOf = async (consumer: TestConsumer) =>
      (
        (await (await fetch(`${consumer.url}/metrics`)).text()).match(
          /^penstock_consumer_partition_committed_offset\{/gm,
        ) ?? []
      ).length;
    await until(
      async () => (await partitionsOf(first)) === 2 && (await partitionsOf(second)) === 2,
      30_000,
      'each has two',
    );
    expect(await post(testEvents(500, 'c'))).toBe(200);
    await arrives('c', 500);
    expect(await second.stop()).toBe(0);
    expect(await post(testEvents(500, 'd'))).toBe(200);
    await arrives('d', 500);
    expect(await Promise.all(['b', 'c', 'd'].map(counts))).toEqual(['500,500', '500,500', '500,500']);
    // A group of its own brings everything once more, under another lineage.
    expect(await counts('a')).toBe('2000,1000');
  });

  test('a topic that is made anew under its name begins again, and counts', async () => {
    await kafka.createTopic('anew', 1);
    const producer = await kafka.producer();
    const lines = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, index) => ({ value: canonicalLine(`${prefix}-${index}`) }));
    await producer.send({ topic: 'anew', messages: lines('old', 10) });
    const consumer = await consume({ consume: { group_id: 'anew', topics: ['anew'] } });
    await arrives('old', 10);
    await until(async () => (await consumer.metric('penstock_consumer_lag_records')) === 0, 10_000, 'no lag');
    await kafka.deleteTopic('anew');
    await until(
      async () => consumer.logs.some(({ where }) => where === 'fetch' || where === 'offsets'),
      30_000,
      'it is seen to be gone',
    );
    await kafka.createTopic('anew', 1);
    await producer.send({ topic: 'anew', messages: lines('new', 10) });
    await arrives('new', 10);
    expect(await counts('new')).toBe('10,10');
    await producer.disconnect();
  });

  test('what is no event is put aside with its reason, looked at, and brought back', async () => {
    await kafka.createTopic('mixed', 1);
    const producer = await kafka.producer();
    const broken = canonicalLine('m-9').replace('"event_data":{"n":1}', '"event_data":{"n":1');
    await producer.send({
      topic: 'mixed',
      messages: [
        { value: canonicalLine('m-0') },
        { value: 'garbage', key: 'k', headers: { trace: 'abc' } },
        { value: null, key: 'gone' },
        { value: canonicalLine('m-1') },
        { value: `${canonicalLine('m-2')}\n${canonicalLine('m-3')}` },
        { value: broken },
        { value: canonicalLine('m-4') },
      ],
    });
    const setup = {
      brokers: kafka.brokers,
      clickhouse: `${store.url}/penstock`,
      consume: { group_id: 'mixed', topics: ['mixed'] },
    };
    const consumer = await consume(setup);
    await until(async () => (await kafka.count('mixed.dlq').catch(() => 0)) === 4, 60_000, 'four are aside');
    expect(await counts('m')).toBe('3,3');
    await until(async () => (await consumer.metric('penstock_consumer_lag_records')) === 0, 30_000, 'no lag');
    const letters = await kafka.read('mixed.dlq');
    expect(letters.map(({ headers }) => [headers['dlq.reason'], headers['dlq.offset']]).sort()).toEqual([
      ['not_canonical', '1'],
      ['not_canonical', '4'],
      ['not_canonical', '5'],
      ['tombstone', '2'],
    ]);
    const garbage = letters.find(({ value }) => value === 'garbage');
    expect(garbage).toMatchObject({
      key: 'k',
      headers: { 'dlq.topic': 'mixed', 'dlq.partition': '0', 'dlq.group': 'mixed', trace: 'abc' },
    });
    const file = writeConsumerConfig(setup);
    const { stdout: list } = await command(file, 'ls');
    expect(list).toMatch(/^mixed\.dlq:\n {2}not_canonical: 3, 3 of them not replayed, /);
    expect(list).toContain('mixed/0 offset 1, 7 bytes');
    expect(list).not.toContain('garbage');
    expect((await command(file, 'ls', '--show-values')).stdout).toContain('garbage');
    const json = JSON.parse((await command(file, 'ls', '--json')).stdout);
    expect(json).toMatchObject({ topic: 'mixed.dlq', foreign: 0, reasons: [{ count: 3 }, { count: 1 }] });
    // What is brought back would come again while it is counted.
    expect(await consumer.stop()).toBe(0);
    expect((await command(file, 'replay', '--dry-run')).stdout).toBe(
      'Would replay 4 records of mixed.dlq; 0 are of other reasons, 0 cannot be brought back.\n',
    );
    expect((await command(file, 'replay', '--limit', '1')).stdout).toMatch(/^Replayed 1 records/);
    expect((await command(file, 'replay')).stdout).toMatch(/^Replayed 3 records/);
    expect((await command(file, 'replay')).stdout).toMatch(/^Replayed 0 records/);
    // They are no better than before.
    await consume(setup);
    await until(async () => (await kafka.count('mixed.dlq')) === 8, 60_000, 'all are back');
    const again = (await kafka.read('mixed.dlq')).filter(({ headers }) => headers['dlq.replays'] === '1');
    expect(again.find(({ value }) => value === 'garbage')).toMatchObject({
      key: 'k',
      headers: { trace: 'abc' },
    });
    expect((await command(file, 'ls')).stdout).toContain('not_canonical: 6, 3 of them not replayed');
    await producer.disconnect();
  });

  test('without a broker, a server or a topic it says what is missing', async () => {
    const run = (env: Record<string, string>) =>
      promisify(execFile)(process.execPath, [MAIN, 'consume'], {
        env: { PATH: process.env['PATH'] ?? '', ...env },
      });
    await expect(run({})).rejects.toThrow(/say where Kafka is: KAFKA_BROKERS/);
    await expect(run({ KAFKA_BROKERS: 'localhost:1' })).rejects.toThrow(/say where ClickHouse is/);
    const both = { KAFKA_BROKERS: 'localhost:1', CLICKHOUSE_URL: 'http://localhost:1' };
    await expect(run({ ...both, KAFKA_TOPIC: 'events-{app_id}' })).rejects.toThrow(/consume\.topics/);
  });
});
