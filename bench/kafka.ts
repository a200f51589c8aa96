/**
 * What a million records to a real broker cost a worker, one record an event: the sink's own path against kafkajs'
 * `producer.send`, interleaved in one run. Events of the medium corpus (434 bytes as sent, about 650 as lines).
 *
 *   npm run stack -- up kafka && npm run bench:kafka [-- <records a round> <rounds>]
 *
 * What counts is CPU time of this process, which is the worker's work and nothing else; the broker has its own. The clock
 * is printed too, and on few cores it is the broker's. `producer.send` gets messages that are ready: what it would
 * take to make them of events is not counted against it. Each round's records are counted in the topic.
 */
import { availableParallelism, cpus } from 'node:os';
import { Command } from 'commander';
import kafkajs from 'kafkajs';
import { systemClock } from '../src/clock.ts';
import { camelTree } from '../src/config/case.ts';
import { fileSchema } from '../src/config/schema.ts';
import type { CodecName } from '../src/sinks/kafka/codecs.ts';
import { openKafkaSink } from '../src/sinks/kafka/kafka-sink.ts';
import { eventPart } from '../src/sinks/kafka/plain-target.ts';
import { positive } from './positive.ts';
import { median } from './statistics.ts';
import { createLineSource, type Lines } from './store-lines.ts';
import { formatTable } from './table.ts';

const brokers = (process.env['KAFKA_BROKERS'] ?? '127.0.0.1:9092').split(',');
const [records, rounds] = new Command('npm run bench:kafka --')
  .description(
    'What a record costs the Kafka sink, beside producer.send; needs a broker (npm run stack -- up kafka).',
  )
  .argument('[records]', 'of a round', positive, 200_000)
  .argument('[rounds]', 'of each way', positive, 5)
  .parse().processedArgs as [number, number];
const TOPIC = 'penstock-bench';
const PARTITIONS = 12;
const SLAB_BYTES = 1024 * 1024;
const SLABS = 16;
const KEY = ['device_id', 'user_id'] as const;

interface Contender {
  readonly name: string;
  /** Records of one round. */
  readonly records: number;
  run(count: number): Promise<void>;
  close(): Promise<void>;
}

interface Sample {
  readonly cpuSeconds: number;
  readonly seconds: number;
}

const { Kafka, logLevel, Partitioners } = kafkajs;
const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 2 } });
const admin = kafka.admin();
await admin.connect().catch(() => {
  console.error(`no Kafka at ${brokers.join()}: npm run stack -- up kafka, or set KAFKA_BROKERS`);
  process.exit(1);
});
const slabs = createSlabs();
await openTopic();
const contenders = [
  await createSinkContender('none'),
  await createSinkContender('lz4'),
  await createSinkContender('zstd'),
  await createSinkContender('snappy'),
  await createKafkajsContender(),
];
console.log(
  `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, acks all`,
);
const samples = new Map<Contender, Sample[]>(contenders.map((contender) => [contender, []]));
for (const contender of contenders) await contender.run(contender.records / 10);
for (let round = 0; round < rounds; round++) {
  for (const contender of contenders) samples.get(contender)?.push(await measure(contender));
}
await admin.deleteTopics({ topics: [TOPIC] });
for (const { close } of contenders) await close();
await admin.disconnect();
report();
process.exit(0);

/** Lines of some slabs, made before anything is measured. */
function createSlabs(): Lines[] {
  const nextLines = createLineSource();
  return Array.from({ length: SLABS }, () => {
    const { bytes, rows } = nextLines(SLAB_BYTES);
    return { bytes: Buffer.from(bytes), rows };
  });
}

async function openTopic(): Promise<void> {
  await admin.deleteTopics({ topics: [TOPIC] }).catch(() => {});
  const configEntries = [
    { name: 'retention.bytes', value: String(64 * SLAB_BYTES) },
    { name: 'segment.bytes', value: String(32 * SLAB_BYTES) },
  ];
  const topic = { topic: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1, configEntries };
  // A topic that is being deleted may still be there for a moment.
  for (let tries = 0; tries < 50; tries++) {
    if (await admin.createTopics({ topics: [topic] }).catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`topic ${TOPIC} cannot be created`);
}

async function measure({ run, records: count }: Contender): Promise<Sample> {
  const before = await endOffset();
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  await run(count);
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const stored = (await endOffset()) - before;
  if (stored < count) throw new Error(`${count} records were confirmed, ${stored} are stored`);
  return { cpuSeconds: ((user + system) / 1e6) * (count / stored), seconds: seconds * (count / stored) };
}

async function endOffset(): Promise<number> {
  const offsets = await admin.fetchTopicOffsets(TOPIC);
  return offsets.reduce((sum, { high }) => sum + Number(high), 0);
}

/** Slabs of lines offered to a target as the journal's delivery does it. */
async function createSinkContender(compression: CodecName): Promise<Contender> {
  const options = {
    ...camelTree(fileSchema.parse({})).kafka,
    brokers,
    compression,
    topic: TOPIC,
    deadLetterTopic: TOPIC,
  };
  const logger = { info() {}, warn: console.warn, error: console.error };
  const sink = await openKafkaSink(options, { clock: systemClock, logger, putAside: () => {} });
  const target = sink.events();
  const { signal } = new AbortController();
  return {
    name: `sink, ${compression}`,
    records: compression === 'none' ? records : Math.ceil(records / 2),
    async run(count) {
      let slab = 0;
      for (let sent = 0; sent < count; ) {
        const block = target.begin();
        while (block.bytes < options.blockBytesMax && sent + block.rows < count) {
          const { bytes, rows } = slabs[slab++ % slabs.length] as Lines;
          block.add(bytes, rows);
        }
        while ((await target.send('bench', block, signal)) !== 'delivered')
          await new Promise((resolve) => setTimeout(resolve, 100));
        sent += block.rows;
        block.release();
      }
    },
    close: async () => sink.close(),
  };
}

/** kafkajs' producer, given a slab's events at once. */
async function createKafkajsContender(): Promise<Contender> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const part = eventPart((slabs[0] as Lines).bytes, 0, TOPIC, KEY, SLAB_BYTES, () => {});
  const messages = part.topicMessages[0]?.messages ?? [];
  return {
    name: 'producer.send, none',
    records: Math.ceil(records / 5),
    async run(count) {
      for (let sent = 0; sent < count; sent += messages.length)
        await producer.send({ topic: TOPIC, messages, acks: -1 });
    },
    close: () => producer.disconnect(),
  };
}

function report(): void {
  const perCpuSecond = (contender: Contender) =>
    median((samples.get(contender) ?? []).map(({ cpuSeconds }) => contender.records / cpuSeconds));
  const plain = contenders.at(-1) as Contender;
  const rows = contenders.map((contender) => {
    const perSecond = median(
      (samples.get(contender) ?? []).map(({ seconds }) => contender.records / seconds),
    );
    const perCpu = perCpuSecond(contender);
    return [
      contender.name,
      (perCpu / 1e6).toFixed(2),
      (1e6 / perCpu).toFixed(2),
      (perSecond / 1e6).toFixed(2),
      `× ${(perCpu / perCpuSecond(plain)).toFixed(1)}`,
    ];
  });
  const head = ['', 'M records a CPU second', 'µs a record', 'M records a second', 'of producer.send'];
  process.stdout.write(formatTable(head, rows));
}
