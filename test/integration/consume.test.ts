/** `penstock consume` against a real broker and a ClickHouse server (the writable store): what it brings, and how it begins and ends. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Running, startServer, until } from '../support/appliance.ts';
import { type ConsumerSetup, startConsumer, type TestConsumer } from '../support/consumer.ts';
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
    await promisify(execFile)(process.execPath, [MAIN, 'migrate'], {
      env: { ...process.env, CLICKHOUSE_URL: `${store.url}/penstock` },
    });
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

  test('every event arrives once, as it was sent', async () => {
    expect(await post(testEvents(1000, 'a'))).toBe(200);
    const consumer = await consume();
    await consumer.ready();
    await arrives('a', 1000);
    expect(await counts('a')).toBe('1000,1000');
    await until(async () => (await consumer.metric('penstock_consumer_lag_records')) === 0, 10_000, 'no lag');
    expect(await consumer.metric('penstock_consumer_inserted_rows_total')).toBe(1000);
    expect(await consumer.stop()).toBe(0);
  });
});
