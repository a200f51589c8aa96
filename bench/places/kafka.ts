/**
 * Kafka for the bench: the brokers that KAFKA_BROKERS names, else one that is started from the jars of
 * `npm run stack -- install kafka`. Each owner has a topic of its own.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type * as stack from '../../scripts/stack/kafka.mjs';
import { atExit, killNow } from '../at-exit.ts';
import { freePort } from '../free-port.ts';
import { ROOT } from '../process.ts';
import { type Backend, Unavailable } from './place.ts';

/** Enough for several producers' connections, few enough for one broker. */
export const PARTITIONS = 6;
/** The topic of rejected events is called like that of the events, with this behind. */
export const REJECTED = '-rejected';
/** kafkajs makes one record batch of all that a send has for a partition. */
const LARGE_BATCHES = { name: 'max.message.bytes', value: String(16 * 1024 * 1024) };
const LEADERS_WAIT_MS = 20_000;

/** `folder` holds the broker's data where it is started here. */
export async function openKafka(folder: string): Promise<Backend> {
  const given = process.env['KAFKA_BROKERS'];
  const own = given === undefined || given === '' ? await startOwn(folder) : undefined;
  const brokers = own?.address ?? String(given);
  const kafka = new kafkajs.Kafka({
    brokers: brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 500 },
  });
  const admin = kafka.admin();
  await admin.connect();
  const topics: string[] = [];
  return {
    about: own === undefined ? 'Kafka of your own' : 'Kafka 4.1, one broker started here',
    pids: own === undefined ? [] : [own.pid],
    place: async (owner) => {
      const topic = `bench-${owner}-${process.pid}`;
      const made = [
        { topic, numPartitions: PARTITIONS, replicationFactor: 1, configEntries: [LARGE_BATCHES] },
        { topic: `${topic}${REJECTED}`, numPartitions: 1, replicationFactor: 1 },
      ];
      topics.push(...made.map((one) => one.topic));
      await admin.createTopics({ topics: made, waitForLeaders: false });
      for (const one of made) await leadersOf(admin, one.topic, one.numPartitions);
      return {
        sink: 'kafka',
        env: { KAFKA_BROKERS: brokers, KAFKA_TOPIC: topic },
        folder: mkdtempSync(join(folder, `${owner}-`)),
        count: {
          rows: async () =>
            (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0),
        },
      };
    },
    stop: async () => {
      if (topics.length > 0) await admin.deleteTopics({ topics }).catch(() => {});
      await admin.disconnect();
      if (own !== undefined) await own.stop();
    },
  };
}

async function leadersOf(admin: kafkajs.Admin, topic: string, partitions: number): Promise<void> {
  const endMs = performance.now() + LEADERS_WAIT_MS;
  for (;;) {
    const offsets = await admin.fetchTopicOffsets(topic).catch(() => []);
    if (offsets.length === partitions) return;
    if (performance.now() > endMs) throw new Error(`${topic} has no leaders`);
    await sleep(50);
  }
}

async function startOwn(folder: string): Promise<{ address: string; pid: number; stop(): Promise<void> }> {
  const path = new URL('scripts/stack/kafka.mjs', ROOT).href;
  const { kafkaClassPath, newClusterId, startBroker } = (await import(path)) as typeof stack;
  if (kafkaClassPath() === undefined)
    throw new Unavailable('no Kafka: set KAFKA_BROKERS, or npm run stack -- install kafka');
  const [port, controllerPort] = [await freePort(), await freePort()];
  const clusterId = newClusterId();
  const pid = await startBroker({ folder: join(folder, 'broker'), port, controllerPort, clusterId });
  const keep = atExit(() => killNow(pid));
  return {
    address: `127.0.0.1:${port}`,
    pid,
    stop: async () => {
      keep();
      killNow(pid);
      while (isAlive(pid)) await sleep(20);
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
