/**
 * What breaks between here and Kafka, under load: brokers that are killed, networks that fall silent or are cut, leaders that
 * move, and the appliance itself killed. Each time: every acknowledged event is in Kafka, and every second copy of one is
 * accounted for by a send whose outcome nobody could know.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { Cursor } from '../../src/journal/cursor.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';
import { type Running, startServer, until } from '../support/appliance.ts';
import { describeKafka, type KafkaTestOptions, startKafka, type TestKafka } from '../support/kafka.ts';
import { LOAD_BATCH, Load } from '../support/load.ts';
import { metricOf } from '../support/metrics.ts';
import { freePorts } from '../support/ports.ts';
import { startProxy } from '../support/tcp-proxy.ts';

const TOPIC = 'events';
const SETTLE_TIMEOUT_MS = 60_000;
/** Brokers take seconds to start and to elect, more on a busy machine. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

describeKafka('under load', () => {
  let kafka: TestKafka | undefined;
  let server: Running | undefined;
  afterEach(async () => {
    await server?.stop();
    await kafka?.stop();
    server = undefined;
    kafka = undefined;
  });

  async function start(
    options: KafkaTestOptions = {},
    config: Record<string, unknown> = {},
    replicas = 1,
  ): Promise<[TestKafka, Running]> {
    const brokers = await startKafka(options);
    kafka = brokers;
    await brokers.createTopic(TOPIC, 6, { replicas });
    await brokers.createTopic('events_rejected', 1, { replicas });
    const sections = {
      kafka: { brokers: brokers.brokers, topic: TOPIC, request_timeout_ms: 1500, ...config },
    };
    const running = await startServer({ config: sections as never });
    server = running;
    await running.ready();
    return [brokers, running];
  }

  /** Waits until nothing is left to deliver, and gives the numbers of stored events with how often each is stored. */
  async function settle(brokers: TestKafka, running: Running): Promise<Map<number, number>> {
    await until(
      async () => (await metricOf(running, 'penstock_journal_rows')) === 0,
      SETTLE_TIMEOUT_MS,
      'all is delivered',
    );
    const counts = new Map<number, number>();
    const order = new Map<string, number>();
    for (const { headers, key, partition } of await brokers.read(TOPIC)) {
      const number = Number(headers['event_id']?.slice(2));
      const copies = (counts.get(number) ?? 0) + 1;
      counts.set(number, copies);
      // Of one key, first copies stand in the order in which they were sent.
      const lane = `${partition} ${key}`;
      if (copies === 1) {
        expect(number, `order of ${lane}`).toBeGreaterThan(order.get(lane) ?? -1);
        order.set(lane, number);
      }
    }
    return counts;
  }

  /** Zero acknowledged events missing; gives how many copies there are too many. */
  function expectAll(counts: ReadonlyMap<number, number>, acknowledged: number): number {
    const missing = Array.from({ length: acknowledged }, (_, number) => number).filter(
      (number) => !counts.has(number),
    );
    expect(missing).toEqual([]);
    expect(acknowledged).toBeGreaterThan(10 * LOAD_BATCH);
    return [...counts.values()].reduce((sum, copies) => sum + copies - 1, 0);
  }

  test('a broker is killed, twice, and comes back', async () => {
    const [brokers, running] = await start();
    const load = new Load(running.url);
    for (let round = 0; round < 2; round++) {
      await sleep(1000);
      await brokers.kill(1);
      await sleep(1500);
      const ready = await (await fetch(`${running.url}/ready`)).json();
      // The journal takes what Kafka does not, so traffic is not sent elsewhere.
      expect(ready).toMatchObject({ kafka: 'failing', journal: 'ok' });
      await brokers.restart(1);
    }
    await sleep(1000);
    const acknowledged = await load.end();
    const extra = expectAll(await settle(brokers, running), acknowledged);
    expect(extra).toBeLessThanOrEqual(await metricOf(running, 'penstock_kafka_maybe_repeated_rows_total'));
    expect((await fetch(`${running.url}/ready`)).status).toBe(200);
  });

  test('the network falls silent, and is cut again and again', async () => {
    const [port = 0, proxyPort = 0] = await freePorts(2);
    const proxy = await startProxy(port, proxyPort);
    const settings = { 'advertised.listeners': `CLIENT://127.0.0.1:${proxyPort}` };
    const [brokers, running] = await start({ settings, port });
    const load = new Load(running.url);
    await sleep(800);
    proxy.hold();
    await sleep(2500);
    proxy.release();
    await sleep(800);
    for (let cuts = 0; cuts < 15; cuts++) {
      proxy.cut();
      await sleep(130);
    }
    const acknowledged = await load.end();
    const extra = expectAll(await settle(brokers, running), acknowledged);
    // Sequences held over every cut.
    expect(extra).toBe(0);
    await proxy.stop();
  });

  test('leaders move when one of two brokers is killed, and back', async () => {
    const settings = { 'leader.imbalance.check.interval.seconds': 1 };
    const [brokers, running] = await start({ brokers: 2, settings }, {}, 2);
    expect(new Set(await brokers.leaders(TOPIC))).toEqual(new Set([1, 2]));
    const load = new Load(running.url);
    await sleep(800);
    await brokers.kill(2);
    await until(
      async () => (await brokers.leaders(TOPIC)).every((leader) => leader === 1),
      20_000,
      'broker 1 leads all',
    );
    await sleep(800);
    await brokers.restart(2);
    await until(async () => (await brokers.leaders(TOPIC)).includes(2), 30_000, 'broker 2 leads again');
    await sleep(800);
    const acknowledged = await load.end();
    const extra = expectAll(await settle(brokers, running), acknowledged);
    expect(extra).toBeLessThanOrEqual(await metricOf(running, 'penstock_kafka_maybe_repeated_rows_total'));
  });

  test('the appliance is killed: what is stored twice was in its hand', async () => {
    const [brokers, running] = await start();
    const load = new Load(running.url);
    await sleep(1500);
    running.signal('SIGKILL');
    await running.exited;
    const acknowledged = await load.end();
    const path = join(running.dataDir, 'journal/0/events/kafka.cursor');
    const cursor = await Cursor.open(systemDisk, path);
    const [first, end] = [cursor.state?.delivered.row ?? 0, cursor.state?.blockEndRow ?? 0];
    cursor.close();
    const again = await startServer({
      dataDir: running.dataDir,
      config: { kafka: { brokers: brokers.brokers, topic: TOPIC } } as never,
    });
    server = again;
    await again.ready();
    const counts = await settle(brokers, again);
    expectAll(counts, acknowledged);
    // A row's number is its event's: one client, one worker, nothing rejected.
    const twice = [...counts].filter(([, copies]) => copies > 1);
    for (const [number, copies] of twice) {
      expect(copies).toBe(2);
      expect(number).toBeGreaterThanOrEqual(first);
      expect(number).toBeLessThan(end);
    }
  });
});
