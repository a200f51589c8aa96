/** The whole appliance into a real broker: what a consumer finds of what clients sent. */
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, startServer, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { describeKafka, startKafka, type TestKafka } from '../support/kafka.ts';

const murmur2 = createRequire(import.meta.url)('kafkajs/src/producer/partitioners/default/murmur2') as (
  key: string,
) => number;

describeKafka('events in Kafka', () => {
  let kafka: TestKafka;
  let server: Running | undefined;
  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(async () => {
    await kafka.stop();
  });

  async function withServer(
    config: Record<string, unknown>,
    use: (running: Running) => Promise<void>,
    workers = 1,
  ): Promise<void> {
    const sections = { kafka: { brokers: kafka.brokers, ...config }, workers };
    const running = await startServer({ config: sections as never });
    server = running;
    try {
      await use(running);
    } finally {
      await server.stop();
    }
  }

  const post = (running: Running, body: unknown) =>
    fetch(`${running.url}/v1/events/batch`, { method: 'POST', body: JSON.stringify(body) });

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'each event is one record with key, headers and time, compression %s',
    async (compression) => {
      const topic = `each-${compression}`;
      await kafka.createTopic(topic, 12);
      await kafka.createTopic(`${topic}-dead`, 1);
      await withServer({ topic, dead_letter_topic: `${topic}-dead`, compression }, async (running) => {
        await running.ready();
        const events = testEvents(1000);
        expect((await post(running, events)).status).toBe(200);
        await until(async () => (await kafka.count(topic)) >= 1000, 20_000, 'all are stored');
        const records = await kafka.read(topic);
        expect(records).toHaveLength(1000);
        const byId = new Map(records.map((record) => [record.headers['event_id'], record]));
        for (const event of events) {
          const record = byId.get(event.event_id);
          expect(record).toMatchObject({
            key: event.device_id,
            headers: { event_id: event.event_id, app_id: 'shop' },
          });
          expect(record?.partition).toBe((murmur2(event.device_id) & 0x7fffffff) % 12);
          const value = JSON.parse(record?.value ?? '') as Record<string, unknown>;
          expect(value).toMatchObject({ event_id: event.event_id, event_data: event.event_data });
          expect(record?.timestampMs).toBe(Date.parse(String(value['received_at'])));
        }
      });
    },
  );
});
