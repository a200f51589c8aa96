/**
 * Record batches, as kafkajs' own decoder reads them. Both encoders run in every test and must agree (batch-harness.ts).
 * Partitions are in record-batch-partitions.test.ts, what cannot be encoded in record-batch-refusals.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../bench/corpus.ts';
import { HEAD_COLUMNS, RefusalReason } from '../../../src/sinks/kafka/batch-contract.ts';
import { encodeHeaders, sealBatch } from '../../../src/sinks/kafka/record-batch.ts';
import { fuzzBatches } from '../../fuzz/batch-differential.ts';
import { createLineSource } from '../../fuzz/batch-lines.ts';
import { expectAll, SEED } from './batch-expected.ts';
import { ENCODERS, encode, linesOf, lineWith } from './batch-harness.ts';
import { decodeBatch, encodeAgain, kafkajsCrc32c } from './kafkajs-batches.ts';

describe('a record', () => {
  it('has the device as key, else the user, else none', async () => {
    const { batches } = await encode(
      linesOf(
        lineWith('a', ',"device_id":"d","user_id":"u"'),
        lineWith('b', ',"user_id":"u","session_id":"s"'),
        lineWith('c', ',"session_id":"s"'),
        lineWith('d', ',"device_id":""'),
      ),
      {},
      { partitionCount: 1, nullKeyPartition: 0 },
    );
    const keys = batches.flatMap(({ records }) => records.map(({ key }) => key?.toString() ?? null));
    // An empty text is a key; null is none.
    expect(keys).toEqual(['d', 'u', null, '']);
  });

  it('takes its key from the columns that are asked for, in their order', async () => {
    const line = lineWith('id', ',"device_id":"d","user_id":"u","session_id":"s"');
    for (const column of HEAD_COLUMNS) {
      const { batches } = await encode(linesOf(line), { keyColumns: [column] });
      const event = JSON.parse(line) as Record<string, string>;
      expect(batches[0]?.records[0]?.key?.toString(), column).toBe(event[column]);
    }
    const { batches } = await encode(linesOf(lineWith('id', ',"user_id":"u"')), {
      keyColumns: ['session_id', 'user_id', 'event_id'],
    });
    expect(batches[0]?.records[0]?.key?.toString()).toBe('u');
    expect((await encode(linesOf(line), { keyColumns: [] })).batches[0]?.records[0]?.key).toBeNull();
  });

  it('carries key and headers unescaped, and the line as it stands', async () => {
    const line = `{"event_id":"\\u0065\\/\\"\\\\1","event_type":"t","app_id":"caf\\u00e9 \\ud83d\\ude00","device_id":"\\ud83d\\n","timestamp":"2025-06-09T12:00:00.000Z","received_at":"2025-06-09T12:30:15.250Z","dialect":"penstock","transport":"http"}`;
    const { batches } = await encode(linesOf(`${line}\n`));
    const record = batches[0]?.records[0];
    expect(record?.value.toString()).toBe(line);
    expect(record?.key?.toString()).toBe('\ufffd\n');
    expect(record?.headers['event_id']?.toString()).toBe('e/"\\1');
    expect(record?.headers['app_id']?.toString()).toBe('caf\u00e9 \u{1f600}');
  });

  it('has no header for an app that its line does not name', async () => {
    const { batches } = await encode(linesOf(lineWith('a').replace(',"event_type":"t","app_id":"shop"', '')));
    expect(Object.keys(batches[0]?.records[0]?.headers ?? {})).toEqual(['event_id']);
  });

  it('carries the headers of the target behind its own, up to more than a byte can count', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const one = await encode(
      linesOf(lineWith('a')),
      {},
      { headers: encodeHeaders([['traceparent', traceparent]]) },
    );
    expect(one.batches[0]?.records[0]?.headers['traceparent']?.toString()).toBe(traceparent);
    const many = Array.from({ length: 200 }, (_, index) => [`h${index}`, `${index}`] as const);
    const { batches } = await encode(linesOf(lineWith('a')), {}, { headers: encodeHeaders(many) });
    const headers = Object.entries(batches[0]?.records[0]?.headers ?? {});
    expect(headers.slice(2).map(([name, value]) => [name, value.toString()])).toEqual(many);
    expect(headers.slice(0, 2).map(([name]) => name)).toEqual(['event_id', 'app_id']);
  });

  it('keeps lengths on both sides of every step of a varint', async () => {
    for (const length of [1, 62, 63, 64, 65, 126, 127, 128, 8_190, 8_192, 16_384, 20_000]) {
      const line = lineWith('x'.repeat(Math.min(length, 128)), `,"user_id":"${'u'.repeat(length)}"`);
      expectAll(await encode(linesOf(line)), [line.slice(0, -1)]);
    }
  });
});

describe('a batch', () => {
  it('begins at the first record’s time and knows the latest, also when the clock went back', async () => {
    const times = ['2025-06-09T12:30:15.250Z', '2025-06-09T12:30:16.000Z', '2025-06-08T00:00:00.000Z'];
    const { batches } = await encode(
      linesOf(...times.map((time, index) => lineWith(`${index}`, undefined, time))),
    );
    expect(batches).toHaveLength(1);
    expect(batches[0]).toMatchObject({
      firstTimestamp: String(Date.parse(times[0]!)),
      maxTimestamp: String(Date.parse(times[1]!)),
      row: { recordCount: 3, firstTimestampMs: Date.parse(times[0]!), maxTimestampMs: Date.parse(times[1]!) },
    });
    expect(batches[0]?.records.map(({ timestamp }) => Number(timestamp))).toEqual(
      times.map((time) => Date.parse(time)),
    );
  });

  it('is byte for byte what kafkajs writes', async () => {
    const nextLine = createLineSource(createRandom(SEED));
    const { batches } = await encode(linesOf(...Array.from({ length: 500 }, nextLine)));
    expect(batches.length).toBeGreaterThan(10);
    for (const batch of batches) expect((await encodeAgain(batch)).equals(batch.bytes)).toBe(true);
  });

  it('takes producer, epoch and sequence in its seal, again and again', async () => {
    const { batches } = await encode(linesOf(lineWith('a'), lineWith('b')));
    const bytes = batches[0]!.bytes;
    for (const producer of [
      { producerId: 4_294_967_297_001n, producerEpoch: 3, baseSequence: 2_147_483_647 },
      { producerId: 2n ** 63n - 1n, producerEpoch: 32_767, baseSequence: 0 },
      { producerId: -1n, producerEpoch: -1, baseSequence: -1 },
    ]) {
      sealBatch(bytes, producer);
      const { producerId, producerEpoch, firstSequence, records } = await decodeBatch(bytes);
      expect({ producerId: BigInt(producerId), producerEpoch, baseSequence: firstSequence }).toEqual(
        producer,
      );
      expect(records).toHaveLength(2);
      expect(bytes.readUInt32BE(17)).toBe(kafkajsCrc32c(bytes.subarray(21)) >>> 0);
    }
  });

  it('is split before it passes its bytes or its records, in order', async () => {
    const lines = Array.from({ length: 1_000 }, (_, index) =>
      lineWith(`e${index}`, `,"device_id":"d${index % 5}"`),
    );
    const texts = lines.map((line) => line.slice(0, -1));
    for (const [options, batchesMin] of [
      [{ batchBytesMax: 2_000 }, 100],
      [{ batchRecordsMax: 7 }, 140],
      [{ batchBytesMax: 300 }, 1_000],
    ] as const) {
      const encoded = await encode(linesOf(...lines), options);
      expectAll(encoded, texts);
      expect(encoded.refusals).toEqual([]);
      expect(encoded.batches.length).toBeGreaterThanOrEqual(batchesMin);
      for (const { bytes, records } of encoded.batches) {
        expect(bytes.length).toBeLessThanOrEqual(options.batchBytesMax ?? Number.POSITIVE_INFINITY);
        expect(records.length).toBeLessThanOrEqual(options.batchRecordsMax ?? Number.POSITIVE_INFINITY);
      }
    }
  });

  it('may be exactly as long as its bound, and not a byte longer', async () => {
    const line = lineWith('e');
    const { batches } = await encode(linesOf(line));
    const batchBytesMax = batches[0]!.bytes.length;
    expect((await encode(linesOf(line), { batchBytesMax })).refusals).toEqual([]);
    expect((await encode(linesOf(line, line), { batchBytesMax })).batches).toHaveLength(2);
    const { refusals } = await encode(linesOf(line), { batchBytesMax: batchBytesMax - 1 });
    expect(refusals).toEqual([{ reason: RefusalReason.recordTooLarge, line }]);
  });
});

describe('one call', () => {
  it('gives no more than its bounds, and the next goes on behind it', async () => {
    const lines = Array.from({ length: 200 }, (_, index) =>
      lineWith(`${index}`, `,"device_id":"d${index % 9}"`),
    );
    const texts = lines.map((line) => line.slice(0, -1));
    const byBytes = await encode(linesOf(...lines), { outputBytesMax: 3_000, batchBytesMax: 3_000 });
    expect(byBytes.calls).toBeGreaterThan(15);
    expectAll(byBytes, texts);
    const byRecords = await encode(linesOf(...lines), { callRecordsMax: 50, batchRecordsMax: 50 });
    expect(byRecords.calls).toBe(4);
    expectAll(byRecords, texts);
  });
});

describe.skipIf(ENCODERS.length < 2)('the native encoder', () => {
  it('gives the bytes of the specification, with rows and without', () => {
    expect(fuzzBatches({ cases: 20_000, seed: SEED })).toBeUndefined();
  }, 60_000);
});
