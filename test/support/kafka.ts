/**
 * Real Kafka for tests: brokers of their own on free ports, from the jars of `npm run stack -- install kafka`, ended by process
 * id; and kafkajs as the witness of what is in a topic. Where Kafka is not installed its tests are skipped and say so.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { describe } from 'vitest';
import { type BrokerOptions, kafkaClassPath, newClusterId, startBroker } from '../../scripts/stack/kafka.mjs';
import { CODEC_NAMES, openCodec } from '../../src/sinks/kafka/codecs.ts';
import { registerCodec } from '../sinks/kafka/kafkajs-batches.ts';
import { until } from './appliance.ts';
import { freePorts } from './ports.ts';

export interface TestKafka {
  /** `host:port` of each broker. */
  readonly brokers: readonly string[];
  /** kill -9. Nodes count from 1. */
  kill(node: number): Promise<void>;
  /** Starts a broker that was killed, on its port and its data. */
  restart(node: number): Promise<void>;
  createTopic(topic: string, partitions: number, options?: TopicOptions): Promise<void>;
  deleteTopic(topic: string): Promise<void>;
  /** Node id of the leader by partition. */
  leaders(topic: string): Promise<number[]>;
  /** Everything that stands in a topic now, partition by partition, in order. */
  read(topic: string): Promise<TestRecord[]>;
  /** A producer of kafkajs' own, connected. */
  producer(): Promise<kafkajs.Producer>;
  /** Records of a topic. */
  count(topic: string): Promise<number>;
  stop(): Promise<void>;
}

export interface TopicOptions {
  readonly replicas?: number;
  readonly config?: Readonly<Record<string, string>>;
}

export interface TestRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | undefined;
  readonly value: string;
  readonly timestampMs: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface KafkaTestOptions {
  readonly brokers?: number;
  /** Of the first broker; else a free one. */
  readonly port?: number;
  /** Lines of server.properties. */
  readonly settings?: NonNullable<BrokerOptions['settings']>;
  readonly listeners?: NonNullable<BrokerOptions['listeners']>;
  readonly scram?: NonNullable<BrokerOptions['scram']>;
}

const { Kafka, logLevel } = kafkajs;

/** `describe` for tests of a real broker. */
export const describeKafka =
  kafkaClassPath() === undefined
    ? (name: string, tests: () => void) => describe.skip(`${name} (skipped: no kafka)`, tests)
    : describe;

/** Starts brokers; the first is the controller. */
export async function startKafka(options: KafkaTestOptions = {}): Promise<TestKafka> {
  const { brokers: count = 1, port: firstPort, ...others } = options;
  const folder = mkdtempSync(join(tmpdir(), 'penstock-kafka-'));
  const [controllerPort = 0, ...ports] = await freePorts(count + 1);
  if (firstPort !== undefined) ports[0] = firstPort;
  const clusterId = newClusterId();
  const pids = new Map<number, number>();
  const start = async (node: number) => {
    const place = { folder: join(folder, `${node}`), node, port: ports[node - 1] ?? 0 };
    pids.set(node, await startBroker({ ...place, controllerPort, clusterId, ...others }));
  };
  for (let node = 1; node <= count; node++) await start(node);
  const brokers = ports.map((port) => `127.0.0.1:${port}`);
  for (const name of CODEC_NAMES) if (name !== 'none') registerCodec(await openCodec(name));
  const kafka = new Kafka({
    brokers,
    logLevel: logLevel.NOTHING,
    retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 500 },
  });
  const admin = kafka.admin();
  await until(
    async () => {
      await admin.connect();
      return (await admin.describeCluster()).brokers.length === count;
    },
    30_000,
    'all brokers are in',
  );

  const kill = async (node: number) => {
    const pid = pids.get(node);
    if (pid === undefined) return;
    pids.delete(node);
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid), 10_000, `broker ${node} is gone`);
  };
  return {
    brokers,
    kill,
    restart: start,
    createTopic: async (topic, partitions, { replicas = 1, config = {} } = {}) => {
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      await admin.createTopics({
        topics: [{ topic, numPartitions: partitions, replicationFactor: replicas, configEntries }],
        waitForLeaders: false,
      });
      // Made is not led yet, and kafkajs' own wait gives up at the first no.
      const isLed = async () => (await admin.fetchTopicOffsets(topic)).length === partitions;
      await until(isLed, 20_000, `${topic} has its leaders`);
    },
    deleteTopic: (topic) => admin.deleteTopics({ topics: [topic] }),
    leaders: async (topic) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics[0]?.partitions ?? [];
      return partitions.toSorted((a, b) => a.partitionId - b.partitionId).map(({ leader }) => leader);
    },
    producer: async () => {
      const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      return producer;
    },
    read: (topic) => readTopic(kafka, admin, topic),
    count: async (topic) =>
      (await admin.fetchTopicOffsets(topic)).reduce(
        (sum, { high, low }) => sum + Number(high) - Number(low),
        0,
      ),
    stop: async () => {
      await admin.disconnect().catch(() => {});
      // The controller last: the others ask it.
      for (let node = count; node >= 1; node--) await kill(node);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function readTopic(kafka: kafkajs.Kafka, admin: kafkajs.Admin, topic: string): Promise<TestRecord[]> {
  const ends = new Map(
    (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]),
  );
  const records: TestRecord[] = [];
  const open = new Set([...ends].filter(([, end]) => end > 0).map(([partition]) => partition));
  if (open.size === 0) return records;
  const consumer = kafka.consumer({
    groupId: `test-${topic}-${Math.random()}`,
    maxBytesPerPartition: 8 * 1024 * 1024,
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          for (const message of batch.messages) records.push(recordOf(batch.partition, message));
          if (Number(batch.lastOffset()) + 1 >= (ends.get(batch.partition) ?? 0))
            open.delete(batch.partition);
          if (open.size === 0) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return records
    .filter(({ partition, offset }) => offset < (ends.get(partition) ?? 0))
    .sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

function recordOf(partition: number, message: kafkajs.KafkaMessage): TestRecord {
  const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
  return {
    partition,
    offset: Number(message.offset),
    key: message.key === null ? undefined : message.key.toString(),
    value: message.value?.toString() ?? '',
    timestampMs: Number(message.timestamp),
    headers: Object.fromEntries(headers) as Record<string, string>,
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
