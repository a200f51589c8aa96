/**
 * What a million records cost a consumer, from a real broker to blocks ready for ClickHouse: the fetched batch taken whole and
 * decoded in C++, against kafkajs' `eachBatch`, which makes an object of each record. Both give their lines to the same
 * block encoder; both read the same topic, in turns.
 *
 *   npm run stack -- up kafka && npm run bench:consume [-- <records> <rounds>]
 *
 * What counts is CPU time of this process; the broker has its own. Every round checks its rows. The rows "decode" and "encode"
 * are parts of the first, over batches in memory: no socket.
 */
import { availableParallelism, cpus } from 'node:os';
import { Command } from 'commander';
import kafkajs from 'kafkajs';
import { systemClock } from '../src/clock.ts';
import { camelTree } from '../src/config/case.ts';
import { fileSchema } from '../src/config/schema.ts';
import { createLineOutput } from '../src/consume/decode-contract.ts';
import { createDecoder } from '../src/consume/decode-native.ts';
import { createReferenceDecoder } from '../src/consume/decode-reference.ts';
import { type FetchAnswer, readFetchAnswer } from '../src/consume/fetch-response.ts';
import { byTopic } from '../src/consume/group-requests.ts';
import { codecOf, type RawBatch, splitBatches } from '../src/consume/raw-batch.ts';
import {
  CONSUME_FETCH_BYTES_MAX,
  CONSUME_FETCH_PARTITION_BYTES_MAX,
  NATIVE_BLOCK_BYTES_MAX,
  NATIVE_BLOCK_ROWS_MAX,
} from '../src/limits.ts';
import { BATCH_HEADER_BYTES } from '../src/sinks/kafka/batch-contract.ts';
import { KafkaCluster } from '../src/sinks/kafka/cluster.ts';
import { CODEC_NAMES, type Codec, type CodecName, openCodec } from '../src/sinks/kafka/codecs.ts';
import { openKafkaSink } from '../src/sinks/kafka/kafka-sink.ts';
import { linkOptionsOf } from '../src/sinks/kafka/link-options.ts';
import { createNativeBlockEncoder } from '../src/sinks/native-block.ts';
import { positive } from './positive.ts';
import { median } from './statistics.ts';
import { createLineSource } from './store-lines.ts';
import { formatTable } from './table.ts';

const brokers = (process.env['KAFKA_BROKERS'] ?? '127.0.0.1:9092').split(',');
const [records, rounds] = new Command('npm run bench:consume --')
  .description('What a record costs the consumer; needs a broker (npm run stack -- up kafka).')
  .argument('[records]', 'of a round', positive, 300_000)
  .argument('[rounds]', 'of each way', positive, 5)
  .parse().processedArgs as [number, number];
const TOPIC = 'penstock-bench-consume';
const PARTITIONS = 4;
const SLAB_BYTES = 1024 * 1024;
const BLOCK_BYTES = 16 * SLAB_BYTES;

const { Kafka, logLevel, CompressionTypes, CompressionCodecs } = kafkajs;
const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 2 } });
const admin = kafka.admin();
await admin.connect().catch(() => {
  console.error(`no Kafka at ${brokers.join()}: npm run stack -- up kafka, or set KAFKA_BROKERS`);
  process.exit(1);
});
const codecs = new Map<number, Codec>();
for (const name of CODEC_NAMES) codecs.set(CODEC_NAMES.indexOf(name), await openCodec(name));
const lz4 = codecs.get(CODEC_NAMES.indexOf('lz4')) as Codec;
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => lz4.compress(buffer),
  decompress: async (buffer: Buffer) => lz4.decompress(buffer),
});
const options = { ...camelTree(fileSchema.parse({})).kafka, brokers };
/** The events are of a day long ago. */
const KEPT = [{ name: 'retention.ms', value: '-1' }];
const encoder = createNativeBlockEncoder({
  jsonForm: 'paths',
  bytesMax: NATIVE_BLOCK_BYTES_MAX,
  rowsMax: NATIVE_BLOCK_ROWS_MAX,
});
if (encoder === undefined) throw new Error('the addon is not built: npm run build');
const pieces = Array.from({ length: 512 }, () => Buffer.allocUnsafeSlow(SLAB_BYTES));
const decoder = createDecoder();
const reference = createReferenceDecoder();
const output = createLineOutput();

await produce('lz4');
const batches = await fetchAll(() => {});
const contenders: readonly (readonly [name: string, run: () => Promise<number>])[] = [
  ['fetch, decode, encode', () => consumeWhole()],
  ['kafkajs eachBatch, encode', () => consumeKafkajs()],
  ['decode alone', async () => decodeAll(decoder.decode.bind(decoder), false)],
  ['decode alone, TypeScript', async () => decodeAll(reference.decode.bind(reference), false)],
  ['decode, encode', async () => decodeAll(decoder.decode.bind(decoder), true)],
];
console.log(
  `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}; ${records} records, lz4, decoder ${decoder.name}`,
);
const samples = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
for (const [, run] of contenders) await run();
for (let round = 0; round < rounds; round++) {
  for (const [name, run] of contenders) {
    const before = process.cpuUsage();
    const rows = await run();
    const { user, system } = process.cpuUsage(before);
    if (rows !== records) throw new Error(`${name}: ${rows} rows of ${records}`);
    samples.get(name)?.push((user + system) / rows);
  }
}
await admin.deleteTopics({ topics: [TOPIC] });
await admin.disconnect();
const micros = (name: string) => median(samples.get(name) ?? []);
process.stdout.write(
  formatTable(
    ['', 'CPU s a million', 'M records a CPU second', 'of eachBatch'],
    contenders.map(([name]) => [
      name,
      micros(name).toFixed(2),
      (1 / micros(name)).toFixed(2),
      `× ${(micros('kafkajs eachBatch, encode') / micros(name)).toFixed(1)}`,
    ]),
  ),
);
process.exit(0);

/** Fills the topic by the sink's own path, so that batches are as they are in the field. */
async function produce(compression: CodecName): Promise<void> {
  await admin.deleteTopics({ topics: [TOPIC] }).catch(() => {});
  for (let tries = 0; tries < 50; tries++) {
    if (
      await admin
        .createTopics({ topics: [{ topic: TOPIC, numPartitions: PARTITIONS, configEntries: KEPT }] })
        .catch(() => false)
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const logger = { info() {}, warn: console.warn, error: console.error };
  const sink = await openKafkaSink(
    { ...options, compression, topic: TOPIC, deadLetterTopic: TOPIC },
    { clock: systemClock, logger, putAside: () => {} },
  );
  const target = sink.events();
  const nextLines = createLineSource();
  const { signal } = new AbortController();
  for (let sent = 0; sent < records; ) {
    const block = target.begin();
    while (block.bytes < options.blockBytesMax && sent + block.rows < records) {
      const lines = nextLines(SLAB_BYTES);
      const rows = Math.min(lines.rows, records - sent - block.rows);
      let end = 0;
      for (let row = 0; row < rows; row++) end = lines.bytes.indexOf(0x0a, end) + 1;
      block.add(lines.bytes.subarray(0, end), rows);
    }
    while ((await target.send('bench', block, signal)) !== 'delivered')
      await new Promise((resolve) => setTimeout(resolve, 100));
    sent += block.rows;
    block.release();
  }
  sink.close();
}

/** Everything in the topic, as the fetcher asks for it. */
async function fetchAll(take: (batches: readonly RawBatch[]) => void): Promise<RawBatch[]> {
  const cluster = new KafkaCluster({
    brokers,
    createTopics: false,
    linkOptions: () => linkOptionsOf(options),
  });
  await cluster.require([TOPIC]);
  const positions = new Map(Array.from({ length: PARTITIONS }, (_, partition) => [partition, 0]));
  const all: RawBatch[] = [];
  for (let rows = 0; rows < records; ) {
    const link = await cluster.node(cluster.topic(TOPIC)?.leaders[0] ?? 0);
    const places = [...positions].map(([partition, offset]) => ({ topic: TOPIC, partition, offset }));
    const request = {
      maxWaitTime: 250,
      minBytes: 1,
      maxBytes: CONSUME_FETCH_BYTES_MAX,
      topics: byTopic(places, ({ partition, offset }) => ({
        partition,
        fetchOffset: String(offset),
        maxBytes: CONSUME_FETCH_PARTITION_BYTES_MAX,
      })),
    };
    const answer: FetchAnswer = await link.call('Fetch', request, readFetchAnswer);
    for (const { partition, aborted, records: bytes } of answer.partitions) {
      const found = splitBatches(Buffer.from(bytes), aborted, false);
      positions.set(partition, found.at(-1)?.nextOffset ?? positions.get(partition) ?? 0);
      rows += found.reduce((sum, { recordCount }) => sum + recordCount, 0);
      take(found);
      all.push(...found);
    }
  }
  cluster.close();
  return all;
}

function encode(lines: Buffer): void {
  for (let from = 0; from < lines.length; ) {
    const taken = encoder?.append(lines.subarray(from)) ?? 0;
    from += taken;
    if (encoder?.isFull() || (encoder?.bytes() ?? 0) >= BLOCK_BYTES) takeBlock();
    else if (taken === 0) throw new Error('a line cannot be encoded');
  }
}

function takeBlock(): void {
  let piece = 0;
  encoder?.take(() => pieces[piece++] as Buffer);
}

function decodeBatch({ bytes, recordCount }: RawBatch, decode: typeof decoder.decode): Buffer {
  const plain = codecs.get(codecOf(bytes))?.decompress(bytes.subarray(BATCH_HEADER_BYTES)) ?? bytes;
  const source = { records: plain, recordCount, fromDelta: 0, toDelta: recordCount };
  if (!decode(source, output) || output.strayCount > 0) throw new Error('a batch cannot be decoded');
  return output.lines.subarray(0, output.lineBytes);
}

function decodeAll(decode: typeof decoder.decode, encodes: boolean): number {
  let rows = 0;
  for (const batch of batches) {
    const lines = decodeBatch(batch, decode);
    rows += output.lineCount;
    if (encodes) encode(lines);
  }
  if (encodes) takeBlock();
  return rows;
}

async function consumeWhole(): Promise<number> {
  let rows = 0;
  await fetchAll((found) => {
    for (const batch of found) {
      encode(decodeBatch(batch, decoder.decode.bind(decoder)));
      rows += output.lineCount;
    }
  });
  takeBlock();
  return rows;
}

async function consumeKafkajs(): Promise<number> {
  const consumer = kafka.consumer({
    groupId: `bench-${performance.now()}`,
    maxBytes: CONSUME_FETCH_BYTES_MAX,
    maxBytesPerPartition: CONSUME_FETCH_PARTITION_BYTES_MAX,
  });
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  let rows = 0;
  const newline = Buffer.from('\n');
  await new Promise<void>((resolve, reject) => {
    const eachBatch = async ({ batch }: kafkajs.EachBatchPayload) => {
      encode(Buffer.concat(batch.messages.flatMap(({ value }) => (value === null ? [] : [value, newline]))));
      rows += batch.messages.length;
      if (rows >= records) resolve();
    };
    consumer.run({ autoCommit: false, eachBatch }).catch(reject);
  });
  takeBlock();
  await consumer.disconnect();
  return rows;
}
