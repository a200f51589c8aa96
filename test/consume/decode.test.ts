/** Fetched batches to lines: both decoders against each other and against kafkajs, over sound batches and damaged ones. */
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import {
  createLineOutput,
  type LineOutput,
  type RecordDecoder,
  type RecordSource,
  STRAY_WORDS,
  StrayReason,
} from '../../src/consume/decode-contract.ts';
import { createNativeDecoder } from '../../src/consume/decode-native.ts';
import { createReferenceDecoder } from '../../src/consume/decode-reference.ts';
import { DamagedBatchError, splitBatches } from '../../src/consume/raw-batch.ts';
import { eachRecord } from '../../src/consume/record-reader.ts';
import { BATCH_HEADER_BYTES, BatchField } from '../../src/sinks/kafka/batch-contract.ts';
import { composeBatch, composeRecord } from '../../src/sinks/kafka/compose-batch.ts';
import { NO_PRODUCER, sealBatch } from '../../src/sinks/kafka/record-batch.ts';
import { batchOf, canonicalLine } from './model.ts';

const reference = createReferenceDecoder();
const native = createNativeDecoder();
const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object;
const decodeKafkajs = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: object) => Promise<{
  records: { offset: string; timestamp: string; key: Buffer | null; value: Buffer | null; headers: object }[];
}>;

function sourceOf(batch: Buffer, fromDelta = 0, toDelta = Number.MAX_SAFE_INTEGER): RecordSource {
  const recordCount = batch.readInt32BE(BatchField.recordCount);
  return { records: batch.subarray(BATCH_HEADER_BYTES), recordCount, fromDelta, toDelta };
}

function run(decoder: RecordDecoder, source: RecordSource): object {
  const output: LineOutput = createLineOutput();
  if (!decoder.decode(source, output)) return { isWhole: false };
  const { lines, lineBytes, lineCount, strays, strayCount } = output;
  return {
    isWhole: true,
    lines: lines.subarray(0, lineBytes).toString('latin1'),
    lineCount,
    strays: [...strays.subarray(0, strayCount * STRAY_WORDS)],
  };
}

function both(source: RecordSource): object {
  const expected = run(reference, source);
  if (native !== undefined) expect(run(native, source)).toEqual(expected);
  return expected;
}

const VALUES = [
  canonicalLine('a'),
  canonicalLine('b\\"c\\u0041'),
  'garbage',
  undefined,
  '',
  `${canonicalLine('d')}\n`,
  `${canonicalLine('e')}\n${canonicalLine('f')}`,
  canonicalLine('g').slice(0, -1),
  canonicalLine('h').replace('2026-11-20T00:00:00.000Z","dialect', '2026-02-30T00:00:00.000Z","dialect'),
  canonicalLine('i'),
];

test('the native decoder is there where the addon is built', () => {
  expect(native?.name).toBe('native');
});

test('canonical values are lines in their order, all others are strays', () => {
  const line = (index: number) => `${VALUES[index]}\n`;
  expect(both(sourceOf(batchOf(VALUES)))).toEqual({
    isWhole: true,
    lines: line(0) + line(1) + line(9),
    lineCount: 3,
    strays: [2, 2, 3, 1, 4, 2, 5, 2, 6, 2, 7, 2, 8, 2].map((word, at) =>
      at % 2 === 0 ? word : word === 1 ? StrayReason.tombstone : StrayReason.notCanonical,
    ),
  });
});

test('only offsets that are asked for are looked at', () => {
  const batch = batchOf(VALUES);
  for (let from = 0; from <= VALUES.length; from++) {
    for (let to = from; to <= VALUES.length; to++) {
      const { strays } = both(sourceOf(batch, from, to)) as { strays: number[] };
      for (let at = 0; at < strays.length; at += STRAY_WORDS) {
        expect(strays[at]).toBeGreaterThanOrEqual(from);
        expect(strays[at]).toBeLessThan(to);
      }
    }
  }
});

test('records, keys and headers are read as kafkajs reads them', async () => {
  const random = createRandom(3);
  for (let round = 0; round < 50; round++) {
    const records = Array.from({ length: 1 + (random() % 20) }, (_, index) =>
      composeRecord(
        1_700_000_000_000 + (random() % 100_000) - 50_000,
        random() % 5 === 0 ? undefined : Buffer.from(canonicalLine(`${index}`).slice(0, random() % 400)),
        Array.from(
          { length: random() % 3 },
          (_, header) => [`h${header}`, Buffer.alloc(random() % 200, 'x')] as const,
        ),
        random() % 2 === 0 ? undefined : Buffer.from(`key-${random()}`),
      ),
    );
    const batch = composeBatch(records);
    sealBatch(batch, NO_PRODUCER);
    const expected = await decodeKafkajs(new Decoder(batch));
    const found: object[] = [];
    eachRecord(batch.subarray(BATCH_HEADER_BYTES), records.length, (record) => {
      found.push({
        offset: String(record.offsetDelta),
        timestamp: String(Number(batch.readBigInt64BE(BatchField.baseTimestamp)) + record.timestampDelta),
        key: record.key ?? null,
        value: record.value ?? null,
        headers: Object.fromEntries(record.headers),
      });
    });
    expect(found).toEqual(
      expected.records.map(({ offset, timestamp, key, value, headers }) => ({
        offset,
        timestamp,
        key,
        value,
        headers,
      })),
    );
    both(sourceOf(batch));
  }
});

test('bytes that are changed, cut or added give the same by both, and nothing beyond them is read', () => {
  const random = createRandom(11);
  const batch = batchOf(VALUES).subarray(BATCH_HEADER_BYTES);
  let broken = 0;
  for (let round = 0; round < 20_000; round++) {
    const records = Buffer.from(batch);
    for (let edits = 1 + (random() % 3); edits > 0; edits--)
      records[random() % records.length] = random() & 0xff;
    const length = random() % 4 === 0 ? random() % records.length : records.length;
    const recordCount = random() % 8 === 0 ? random() % 40 : VALUES.length;
    const source = {
      records: records.subarray(0, length),
      recordCount,
      fromDelta: random() % 3,
      toDelta: 4 + (random() % 8),
    };
    const result = both(source) as { isWhole: boolean };
    if (!result.isWhole) broken += 1;
  }
  expect(broken).toBeGreaterThan(5000);
});

describe('a partition’s bytes', () => {
  test('the last batch may be cut; the others are whole', () => {
    const bytes = Buffer.concat([batchOf(['a', 'b'], 10), batchOf(['c'], 12), batchOf(['d'], 13)]);
    for (let cut = 1; cut < 60; cut++) {
      const batches = splitBatches(bytes.subarray(0, bytes.length - cut), [], false);
      expect(batches.map(({ baseOffset, nextOffset, kind }) => [baseOffset, nextOffset, kind])).toEqual([
        [10, 12, 'records'],
        [12, 13, 'records'],
      ]);
    }
  });

  test('a wrong checksum is told, and later taken as unreadable, up to the batch behind it', () => {
    const damaged = batchOf(['a', 'b'], 10);
    damaged[damaged.length - 3] = (damaged[damaged.length - 3] ?? 0) ^ 1;
    const bytes = Buffer.concat([damaged, batchOf(['c'], 12)]);
    expect(() => splitBatches(bytes, [], false)).toThrow(DamagedBatchError);
    expect(splitBatches(bytes, [], true).map(({ nextOffset, kind }) => [nextOffset, kind])).toEqual([
      [12, 'unreadable'],
      [13, 'records'],
    ]);
    expect(() => splitBatches(Buffer.alloc(100), [], false)).toThrow();
  });

  test('an aborted transaction is left out, up to its marker; others’ records are not', () => {
    const of = (producerId: bigint, attributes: number, baseOffset: number, bytes: Buffer) => {
      bytes.writeInt16BE(attributes, BatchField.attributes);
      bytes.writeBigInt64BE(BigInt(baseOffset), 0);
      sealBatch(bytes, { producerId, producerEpoch: 0, baseSequence: 0 });
      return bytes;
    };
    const marker = (type: number) =>
      composeBatch([composeRecord(0, Buffer.alloc(6), [], Buffer.from([0, 0, 0, type]))]);
    const [transactional, control] = [0x10, 0x30];
    const bytes = Buffer.concat([
      of(7n, transactional, 0, batchOf(['aborted'])),
      of(8n, transactional, 1, batchOf(['kept'])),
      of(-1n, 0, 2, batchOf(['plain'])),
      of(7n, control, 3, marker(0)),
      of(7n, transactional, 4, batchOf(['kept'])),
      of(8n, control, 5, marker(1)),
      of(7n, control, 6, marker(1)),
    ]);
    const batches = splitBatches(bytes, [{ producerId: 7n, firstOffset: 0n }], false);
    expect(batches.map(({ kind }) => kind)).toEqual([
      'left_out',
      'records',
      'records',
      'left_out',
      'records',
      'left_out',
      'left_out',
    ]);
    expect(batches.at(-1)?.nextOffset).toBe(7);
  });
});
