/** The whole appliance into a real broker: what a consumer finds of what clients sent. */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, startServer, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { describeKafka, startKafka, type TestKafka } from '../support/kafka.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

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

  test('rejected events go to the dead-letter topic, with the reason in headers', async () => {
    await kafka.createTopic('with-dead', 3);
    await kafka.createTopic('dead', 2);
    await withServer({ topic: 'with-dead', dead_letter_topic: 'dead' }, async (running) => {
      await running.ready();
      const bad = { event_type: 'tap', app_id: 'shop', device_id: 7 };
      const answer = await fetch(`${running.url}/v1/events/batch`, {
        method: 'POST',
        headers: { 'user-agent': 'test/1.0' },
        body: JSON.stringify([...testEvents(3), bad]),
      });
      expect(await answer.json()).toMatchObject({ accepted: 3, rejected: 1 });
      await until(async () => (await kafka.count('dead')) >= 1, 20_000, 'the dead letter is stored');
      const [letter] = await kafka.read('dead');
      expect(letter?.value).toBe(JSON.stringify(bad));
      expect(letter?.headers).toMatchObject({
        reason: 'invalid_type',
        field: 'device_id',
        index: '3',
        dialect: 'penstock',
        transport: 'http',
        raw_bytes: String(JSON.stringify(bad).length),
        user_agent: 'test/1.0',
      });
      expect(Date.parse(letter?.headers['received_at'] ?? '')).toBe(letter?.timestampMs);
    });
  });

  test('a topic that is missing makes the sink not ready, and nothing is lost while it is', async () => {
    await kafka.createTopic('late-dead', 1);
    await withServer({ topic: 'late', dead_letter_topic: 'late-dead' }, async (running) => {
      expect((await post(running, testEvents(20))).status).toBe(200);
      const missing = () =>
        running.logs.find((line) => String(line['reason']).includes('topic late does not exist'));
      await until(() => missing() !== undefined, 10_000, 'the log says which topic is missing');
      expect(String(missing()?.['reason'])).toContain('or set kafka.create_topics to true');
      const ready = await fetch(`${running.url}/ready`);
      expect(ready.status).toBe(503);
      expect(await ready.json()).toMatchObject({ kafka: 'starting', store: 'off' });
      expect((await fetch(`${running.url}/health`)).status).toBe(200);
      await kafka.createTopic('late', 4);
      await running.ready();
      await until(async () => (await kafka.count('late')) === 20, 20_000, 'all are stored');
    });
  });

  test('create_topics makes them, one for each app and type of a template', async () => {
    const topic = 'made.{app_id}.{event_type}';
    await withServer({ topic, dead_letter_topic: 'made.dead', create_topics: true }, async (running) => {
      await running.ready();
      const events = testEvents(30).map((event, n) => ({
        ...event,
        app_id: n % 2 === 0 ? 'shop' : 'the café',
      }));
      expect((await post(running, events)).status).toBe(200);
      const names = [
        'made.shop.purchase',
        'made.shop.page_view',
        'made.the_caf_.purchase',
        'made.the_caf_.page_view',
      ];
      const found: string[] = [];
      await until(
        async () => {
          found.length = 0;
          for (const name of names)
            found.push(...(await kafka.read(name)).map(({ headers }) => `${name} ${headers['event_id']}`));
          return found.length === 30;
        },
        20_000,
        () => `all are stored (${found.length})`,
      );
      const expected = events.map(
        ({ event_id, event_type, app_id }) =>
          `made.${app_id === 'shop' ? 'shop' : 'the_caf_'}.${event_type} ${event_id}`,
      );
      expect(found.toSorted()).toEqual(expected.toSorted());
    });
  });

  test('an event whose topic does not exist is a dead letter, and holds up no other', async () => {
    await kafka.createTopic('app.shop', 2);
    await kafka.createTopic('app-dead', 1);
    await withServer({ topic: 'app.{app_id}', dead_letter_topic: 'app-dead' }, async (running) => {
      await running.ready();
      const events = testEvents(10).map((event, n) => ({ ...event, app_id: n < 8 ? 'shop' : 'nowhere' }));
      await post(running, events);
      await until(async () => (await kafka.count('app.shop')) === 8, 20_000, 'the others are stored');
      await until(async () => (await kafka.count('app-dead')) === 2, 20_000, 'dead letters are stored');
      const letters = await kafka.read('app-dead');
      expect(letters.map(({ headers }) => headers['reason'])).toEqual(['refused_by_sink', 'refused_by_sink']);
      expect(letters.map(({ value }) => (JSON.parse(value) as { event_id: string }).event_id)).toEqual([
        'e-8',
        'e-9',
      ]);
    });
  });

  test('an event that the broker refuses is put aside alone, and no other is stored twice', async () => {
    await kafka.createTopic('narrow', 2, { config: { 'max.message.bytes': '20000' } });
    await kafka.createTopic('narrow-dead', 1);
    await withServer(
      { topic: 'narrow', dead_letter_topic: 'narrow-dead', compression: 'none' },
      async (running) => {
        await running.ready();
        const events = testEvents(200).map((event, n) =>
          n === 77 ? { ...event, context: { long: 'x'.repeat(30_000) } } : event,
        );
        expect((await post(running, events)).status).toBe(200);
        await until(async () => (await kafka.count('narrow')) >= 199, 20_000, 'the others are stored');
        await until(async () => (await kafka.count('narrow-dead')) >= 1, 20_000, 'the one is a dead letter');
        const ids = (await kafka.read('narrow')).map(({ headers }) => headers['event_id']);
        expect(ids.toSorted()).toEqual(
          events
            .map(({ event_id }) => event_id)
            .filter((id) => id !== 'e-77')
            .toSorted(),
        );
        const [letter] = await kafka.read('narrow-dead');
        expect(letter?.headers['reason']).toBe('refused_by_sink');
        expect(JSON.parse(letter?.value ?? '')).toMatchObject({ event_id: 'e-77' });
      },
    );
  });

  test.each([
    ['acks 1', { acks: 1 }],
    ['the plain client', { client: 'plain' }],
    ['the plain client, compressed', { client: 'plain', compression: 'zstd' }],
  ])('with %s each event is stored too, with the same partition, key and headers', async (name, config) => {
    const topic = name.replaceAll(/[ ,]/g, '-');
    await kafka.createTopic(topic, 5);
    await kafka.createTopic(`${topic}-dead`, 1);
    await withServer({ topic, dead_letter_topic: `${topic}-dead`, ...config }, async (running) => {
      await running.ready();
      const events = testEvents(500);
      await post(running, [...events, { event_type: 'x'.repeat(200), app_id: 'a', device_id: 'd' }]);
      await until(async () => (await kafka.count(topic)) >= 500, 20_000, 'all are stored');
      await until(async () => (await kafka.count(`${topic}-dead`)) >= 1, 20_000, 'the dead letter is stored');
      const records = await kafka.read(topic);
      expect(records).toHaveLength(500);
      for (const { key, partition, headers, value, timestampMs } of records) {
        expect(partition).toBe((murmur2(key ?? '') & 0x7fffffff) % 5);
        const event = JSON.parse(value) as Record<string, string>;
        expect(headers).toEqual({ event_id: event['event_id'], app_id: 'shop' });
        expect(timestampMs).toBe(Date.parse(event['received_at'] ?? ''));
      }
      expect((await kafka.read(`${topic}-dead`))[0]?.headers).toMatchObject({
        reason: 'invalid_length',
        field: 'event_type',
      });
    });
  });

  test('beside the embedded store: both have every event', async () => {
    await kafka.createTopic('both', 3);
    await kafka.createTopic('both-dead', 1);
    const sections = {
      kafka: { brokers: kafka.brokers, topic: 'both', dead_letter_topic: 'both-dead' },
      embedded: { enabled: true },
    };
    const running = await startServer({ config: sections as never });
    try {
      await running.ready();
      await post(running, testEvents(300));
      await until(async () => (await kafka.count('both')) === 300, 20_000, 'Kafka has all');
      expect(await running.waitForCount('events', 300)).toBe(300);
      expect(await (await fetch(`${running.url}/ready`)).json()).toMatchObject({
        kafka: 'ok',
        sink_kafka: 'ok',
        sink_embedded: 'ok',
      });
    } finally {
      await running.stop();
    }
  });

  test.each(['native', 'plain'])('what is kept is replayed, and the command ends, %s', async (client) => {
    const topic = `again-${client}`;
    await kafka.createTopic(topic, 3);
    await kafka.createTopic(`${topic}-dead`, 1);
    const running = await startServer({
      config: {
        journal: { retention_ms: 3_600_000 },
        kafka: { brokers: kafka.brokers, topic, dead_letter_topic: `${topic}-dead`, client },
      },
    });
    try {
      await running.ready();
      await post(running, [...testEvents(300), { bad: true }]);
      await until(async () => (await kafka.count(topic)) === 300, 20_000, 'all are stored');
    } finally {
      await running.stop(true);
    }
    const file = join(running.dataDir, 'penstock.yaml');
    const range = ['--from', '2020-01-01', '--to', '2100-01-01', '--sink', 'kafka'];
    const args = [MAIN, 'journal', 'replay', ...range, '--config', file, '--data-dir', running.dataDir];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    expect(stdout).toContain('Replayed 300 rows of events');
    const ids = (await kafka.read(topic)).map(({ headers }) => headers['event_id']);
    expect([ids.length, new Set(ids).size]).toEqual([600, 300]);
    await promisify(execFile)(process.execPath, [...args, '--stream', 'rejected'], { timeout: 20_000 });
    expect(await kafka.count(`${topic}-dead`)).toBe(2);
    rmSync(running.dataDir, { recursive: true });
  });
});
