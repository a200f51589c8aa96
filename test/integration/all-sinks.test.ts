/** The appliance with all of its sinks at once: real Kafka, the embedded store, and a ClickHouse server (the writable store). */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Running, startServer, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { describeKafka, startKafka, type TestKafka } from '../support/kafka.ts';
import { startWritableStore, type WritableStore } from '../support/writable-store.ts';

describeKafka('all sinks at once', () => {
  let kafka: TestKafka;
  let store: WritableStore;
  let server: Running | undefined;

  beforeEach(async () => {
    [kafka, store] = await Promise.all([startKafka(), startWritableStore()]);
    await kafka.createTopic('events', 3);
    await kafka.createTopic('events_rejected', 1);
    await store.migrate();
  }, 60_000);
  afterEach(async () => {
    await server?.stop();
    await Promise.all([kafka.stop(), store.stop()]);
  });

  const post = async (running: Running, body: unknown) =>
    (await fetch(`${running.url}/v1/events/batch`, { method: 'POST', body: JSON.stringify(body) })).status;
  const states = async (running: Running) =>
    (await fetch(`${running.url}/ready`)).json() as Promise<Record<string, string>>;
  const serverCount = async (table: string) =>
    Number(await store.query(`SELECT count() FROM penstock.${table} FORMAT CSV`));

  test('one that is away holds up no other, and is brought all when it is back', async () => {
    server = await startServer({
      config: {
        kafka: { brokers: kafka.brokers },
        clickhouse: { url: `${store.url}/penstock`, flush_interval_ms: 50 },
        embedded: { enabled: true },
      } as never,
    });
    const running = server;
    await running.ready();
    expect(await post(running, testEvents(100, 'before'))).toBe(200);
    await until(async () => (await serverCount('events')) === 100, 20_000, 'the server has the first');
    // A broker that has just started may ask for a moment.
    await until(async () => (await states(running))['kafka'] === 'ok', 20_000, 'Kafka has them too');
    expect(await states(running)).toMatchObject({
      status: 'ready',
      clickhouse: 'ok',
      sink_embedded: 'ok',
      sink_kafka: 'ok',
      sink_clickhouse: 'ok',
    });

    await store.kill();
    expect(await post(running, [...testEvents(100, 'while'), { no: 'event' }])).toBe(200);
    expect(await running.waitForCount('events', 200)).toBe(200);
    expect(await running.waitForCount('events_rejected', 1)).toBe(1);
    await until(async () => (await kafka.count('events')) === 200, 20_000, 'Kafka has all');
    await until(async () => (await kafka.count('events_rejected')) === 1, 20_000, 'and the rejected one');
    await until(
      async () => (await states(running))['clickhouse'] === 'unreachable',
      20_000,
      'it is seen to be away',
    );
    expect(await states(running)).toMatchObject({ status: 'ready', sink_kafka: 'ok', sink_embedded: 'ok' });

    await store.restart();
    await until(async () => (await serverCount('events')) === 200, 30_000, 'the server has all');
    await until(async () => (await serverCount('events_rejected')) === 1, 30_000, 'and the rejected one');
    await until(
      async () => (await states(running))['sink_clickhouse'] === 'ok',
      20_000,
      'it is seen to be back',
    );
    expect(await kafka.count('events')).toBe(200);
  }, 120_000);
});
