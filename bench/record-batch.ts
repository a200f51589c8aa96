/**
 * Record batches of lines that are already scanned, into 12 partitions: the native encoder with the scanner's rows and
 * without, with each compression, the specification in TypeScript, and kafkajs' own encoder, which gets its keys,
 * values and headers ready made. Everything is sealed, so CRC-32C is in all figures.
 */
import { createRequire } from 'node:module';
import { ROUTES } from '../src/dialects/routes.ts';
import { createScanOutput, type ScanOutput } from '../src/scan/contract.ts';
import { createReferenceScanner } from '../src/scan/reference/scanner.ts';
import { createUuidSource } from '../src/scan/uuid.ts';
import {
  type BatchEncoder,
  type BatchSource,
  createBatchOutput,
  isDrained,
} from '../src/sinks/kafka/batch-contract.ts';
import { CODEC_NAMES, type Codec, openCodec } from '../src/sinks/kafka/codecs.ts';
import { compressBatch } from '../src/sinks/kafka/compress-batch.ts';
import {
  BATCH_OPTIONS,
  batchAt,
  createBatchEncoder,
  NO_HEADERS,
  sealBatch,
} from '../src/sinks/kafka/record-batch.ts';
import { createCorpus, createRandom } from './corpus.ts';
import { createSlab } from './scan-fixture.ts';

/** One way to encode the same records; `once` returns how many it encoded. */
export interface BatchContender {
  readonly name: string;
  once(): number;
  /** Bytes of all batches of the last time; undefined where a promise has them. */
  bytes(): number | undefined;
}

const PARTITIONS = 12;
const TARGET = { partitionCount: PARTITIONS, nullKeyPartition: 0, headers: NO_HEADERS };
const PRODUCER = { producerId: 1n, producerEpoch: 0, baseSequence: 0 };
const BODIES = 20;
const EVENTS_PER_BODY = 100;

/** The contenders over one slab of the medium corpus; each was run once and gave as many records as the slab has events. */
export async function createBatchContenders(seed: number): Promise<BatchContender[]> {
  const scanned = scanSlab(seed);
  const withRows: BatchSource = { ...scanned, next: 0 };
  const alone: BatchSource = { ...withRows, records: undefined, recordCount: 0 };
  const codecs = await Promise.all(CODEC_NAMES.map((name) => openCodec(name)));
  const [none, ...others] = codecs as [Codec, ...Codec[]];
  const native = createBatchEncoder(BATCH_OPTIONS, 'auto');
  const contenders: BatchContender[] = [
    createContender(native.name, native, withRows, none),
    createContender(`${native.name}, lines alone`, native, alone, none),
    ...others.map((codec) => createContender(`${native.name}, ${codec.name}`, native, withRows, codec)),
    createContender('reference', createBatchEncoder(BATCH_OPTIONS, 'reference'), withRows, none),
    createKafkajsContender(scanned),
  ];
  for (const { name, once } of contenders) {
    if (once() !== scanned.recordCount) throw new Error(`${name} lost a record`);
  }
  return contenders;
}

function createContender(
  name: string,
  encoder: BatchEncoder,
  source: BatchSource,
  codec: Codec,
): BatchContender {
  const output = createBatchOutput();
  let bytes = 0;
  const once = (): number => {
    let records = 0;
    bytes = 0;
    for (source.next = 0; !isDrained(source); ) {
      encoder.encode(source, TARGET, output);
      for (let index = 0; index < output.batchCount; index++) {
        const batch = compressBatch(batchAt(output, index), codec);
        sealBatch(batch, PRODUCER);
        bytes += batch.length;
      }
      records += output.recordCount;
    }
    return records;
  };
  return { name, once, bytes: () => bytes };
}

function scanSlab(seed: number): ScanOutput {
  const corpus = createCorpus(seed, 'medium');
  const agent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15';
  const frames = Array.from({ length: BODIES }, () => ({
    body: corpus.array(EVENTS_PER_BODY),
    address: [203, 0, 113, 7],
    userAgent: agent,
    app: 1,
  }));
  const scanner = createReferenceScanner({
    programs: ROUTES.map((route) => route.program),
    apps: ['', 'shop'],
    batchEventsMax: EVENTS_PER_BODY,
    ids: createUuidSource(createRandom(seed)),
  });
  const output = createScanOutput();
  scanner.scan(createSlab(frames, Date.UTC(2025, 5, 9)).job(), output);
  if (output.recordCount !== BODIES * EVENTS_PER_BODY)
    throw new Error('an event of the corpus was not accepted');
  return output;
}

/** kafkajs 2.2.4: partitions by its murmur2, then its Record and RecordBatch, which does not wait where nothing is compressed. */
function createKafkajsContender(scanned: ScanOutput): BatchContender {
  const require = createRequire(import.meta.url);
  const murmur2 = require('kafkajs/src/producer/partitioners/default/murmur2') as (key: Buffer) => number;
  const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => object;
  const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
    RecordBatch(batch: object): Promise<{ buffer: Buffer }>;
  };
  const lines = scanned.lines.toString('utf8', 0, scanned.lineBytes).split('\n').slice(0, -1);
  const messages = lines.map((line) => {
    const event = JSON.parse(line) as Record<string, string>;
    return {
      key: Buffer.from(event['device_id'] ?? event['user_id'] ?? ''),
      value: Buffer.from(line),
      headers: { event_id: Buffer.from(event['event_id'] ?? ''), app_id: Buffer.from(event['app_id'] ?? '') },
      timestampMs: Date.parse(event['received_at'] ?? ''),
    };
  });
  const once = (): number => {
    const partitions = Array.from({ length: PARTITIONS }, (): object[] => []);
    const firstTimestamp = messages[0]?.timestampMs ?? 0;
    for (const { key, value, headers, timestampMs } of messages) {
      const records = partitions[(murmur2(key) & 0x7fffffff) % PARTITIONS] ?? [];
      const timestampDelta = timestampMs - firstTimestamp;
      records.push(encodeRecord({ offsetDelta: records.length, timestampDelta, key, value, headers }));
    }
    for (const records of partitions) {
      const lastOffsetDelta = records.length - 1;
      const times = { firstTimestamp, maxTimestamp: firstTimestamp };
      void RecordBatch({ records, lastOffsetDelta, ...times });
    }
    return messages.length;
  };
  return { name: 'kafkajs', once, bytes: () => undefined };
}
