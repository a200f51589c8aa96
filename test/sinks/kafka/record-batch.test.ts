/** Record batches, as kafkajs' own decoder reads them. Both encoders run in every test and must agree (batch-harness.ts). */
import { describe, expect, it } from 'vitest';
import { createCorpus, createRandom } from '../../../bench/corpus.ts';
import { AssertionError } from '../../../src/assert.ts';
import { HEAD_COLUMNS, RefusalReason } from '../../../src/sinks/kafka/batch-contract.ts';
import {
  BATCH_OPTIONS,
  createBatchEncoder,
  encodeHeaders,
  sealBatch,
} from '../../../src/sinks/kafka/record-batch.ts';
import { encodeAll, fuzzBatches, sourceOf } from '../../fuzz/batch-differential.ts';
import { createLineSource } from '../../fuzz/batch-lines.ts';
import { createFrameSource } from '../../fuzz/scan-cases.ts';
import {
  ENCODERS,
  type Encoded,
  encode,
  linesOf,
  lineWith,
  scanBodies,
  scanFrames,
  TARGET,
  textsOf,
} from './batch-harness.ts';
import { decodeBatch, encodeAgain, kafkajsCrc32c, kafkajsMurmur2 } from './kafkajs-batches.ts';

const SEED = Number(process.env['PENSTOCK_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);

interface Expected {
  readonly value: string;
  /** As hexadecimal: buffers are compared element by element. */
  readonly key: string | null;
  readonly partition: number;
  readonly timestamp: string;
  readonly headers: Record<string, string>;
}

/** What the contract says of a line, by JSON.parse and by kafkajs' own hash. */
function expectedOf(line: string, partitionCount = TARGET.partitionCount): Expected {
  const event = JSON.parse(line) as Record<string, string>;
  const text = event['device_id'] ?? event['user_id'];
  const key = text === undefined ? null : Buffer.from(text);
  const hash = key === null ? undefined : kafkajsMurmur2(key) & 0x7fffffff;
  return {
    value: line,
    key: key === null ? null : key.toString('hex'),
    partition: hash === undefined ? TARGET.nullKeyPartition : hash % partitionCount,
    timestamp: String(Date.parse(event['received_at'] ?? '')),
    headers: {
      event_id: Buffer.from(event['event_id'] ?? '').toString(),
      ...(event['app_id'] !== undefined && { app_id: Buffer.from(event['app_id']).toString() }),
    },
  };
}

/** Every record of every batch, in the form of `expectedOf`. */
function recordsOf({ batches }: Encoded): Expected[] {
  return batches.flatMap(({ partition, records }) =>
    records.map(({ value, key, timestamp, headers }) => ({
      value: value.toString(),
      key: key === null ? null : key.toString('hex'),
      partition,
      timestamp,
      headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, text.toString()])),
    })),
  );
}

/** Each line once, and within each partition in the order of the lines. */
function expectAll(encoded: Encoded, lines: readonly string[], partitionCount?: number): void {
  const expected = lines.map((line) => expectedOf(line, partitionCount));
  const given = recordsOf(encoded);
  for (const partition of new Set([...given, ...expected].map((record) => record.partition))) {
    const inPartition = (record: Expected) => record.partition === partition;
    expect(given.filter(inPartition)).toEqual(expected.filter(inPartition));
  }
}

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

describe('partitions', () => {
  it('are those of Kafka’s Java client', async () => {
    // Hashes of UtilsTest.testMurmur2 of Apache Kafka.
    const published: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ];
    for (const partitionCount of [1, 3, 12, 1000]) {
      for (const [key, hash] of published) {
        const source = scanBodies([JSON.stringify({ event_type: 't', app_id: 'a', device_id: key })]);
        const target = { partitionCount, nullKeyPartition: 0 };
        for (const some of [source, linesOf(...textsOf(source).map((line) => `${line}\n`))]) {
          const { batches } = await encode(some, {}, target);
          expect(batches.map(({ partition }) => partition)).toEqual([(hash & 0x7fffffff) % partitionCount]);
        }
      }
    }
  });

  it('get one batch each, and records without a key all go to the one that is named', async () => {
    const lines = Array.from({ length: 300 }, (_, index) =>
      lineWith(`${index}`, index % 3 === 0 ? '' : `,"user_id":"${index}"`),
    );
    const { batches } = await encode(linesOf(...lines));
    const partitions = batches.map(({ partition }) => partition);
    expect(new Set(partitions).size).toBe(partitions.length);
    const nulls = batches.filter(({ records }) => records.some(({ key }) => key === null));
    expect(nulls.map(({ partition }) => partition)).toEqual([TARGET.nullKeyPartition]);
  });

  it('hold every event of the corpus once, in order, with rows and without', async () => {
    for (const size of ['small', 'medium', 'large'] as const) {
      const corpus = createCorpus(SEED, size);
      const source = scanBodies([corpus.array(400), corpus.envelope(300), corpus.ndjson(300)]);
      const lines = textsOf(source);
      expect(lines).toHaveLength(1000);
      expectAll(await encode(source), lines);
      expectAll(await encode(linesOf(...lines.map((line) => `${line}\n`))), lines);
    }
  });

  it('hold every event that the scanner makes of the fuzzer’s frames', async () => {
    const nextFrame = createFrameSource(createRandom(SEED));
    const source = scanFrames(Array.from({ length: 8_000 }, nextFrame));
    expect(source.recordCount).toBeGreaterThan(500);
    const encoded = await encode(source);
    expect(encoded.refusals).toEqual([]);
    expectAll(encoded, textsOf(source));
  });

  it('hold 100,000 records in several calls, each once', async () => {
    const lines = Array.from({ length: 100_000 }, (_, index) =>
      lineWith(`${index}`, `,"device_id":"d${index % 977}"`),
    );
    const source = linesOf(...lines);
    const { batches, refusals, calls } = await encode(source);
    expect(refusals).toEqual([]);
    expect(calls).toBeGreaterThan(2);
    const idsByPartition = new Map<number, number[]>();
    for (const { partition, records } of batches) {
      const ids = idsByPartition.get(partition) ?? [];
      for (const { headers } of records) ids.push(Number(headers['event_id']?.toString()));
      idsByPartition.set(partition, ids);
    }
    for (const ids of idsByPartition.values())
      expect(ids).toEqual(ids.toSorted((left, right) => left - right));
    const all = [...idsByPartition.values()].flat().toSorted((left, right) => left - right);
    expect(all).toEqual(Array.from({ length: 100_000 }, (_, index) => index));
  }, 60_000);
});

describe('what cannot be encoded', () => {
  it('nothing comes of nothing', async () => {
    for (const name of ENCODERS) {
      expect(
        encodeAll(createBatchEncoder(BATCH_OPTIONS, name), sourceOf(Buffer.alloc(0)), TARGET),
      ).toHaveLength(0);
    }
  });

  it('a damaged line is refused where it stands, and its neighbours go', async () => {
    const good = [lineWith('before'), lineWith('after')];
    const whole = lineWith('x');
    const damaged = [
      '\n',
      '{}\n',
      whole.replace('"app_id":"shop"', '"app_id":7'),
      whole.replace('"app_id":"shop"', '"app_id":"\\x"'),
      whole.replace('"app_id":"shop"', '"app_id":"\\u00g0"'),
      whole.replace('"app_id":"shop"', '"app_id":"\\ud83'),
      whole.replace('"timestamp"', '"times"'),
      whole.replace('12:30:15.250Z', '12:30:15.25Z'),
      whole.replace('2025-06-09T12:30', '2025-02-29T12:30'),
      whole.replace('2025-06-09T12:30', '2025-06-09T24:30'),
      whole.replace('"http"}', '"http"'),
      whole.slice(1),
    ];
    for (const line of damaged) {
      const { refusals, batches } = await encode(linesOf(good[0]!, line, good[1]!));
      expect(refusals, line).toEqual([{ reason: RefusalReason.damagedLine, line }]);
      expect(batches.flatMap(({ records }) => records.map(({ value }) => `${value}\n`))).toEqual(good);
    }
  });

  it('a line cut at any byte is refused, and never read beyond its end', async () => {
    const line = lineWith('\\u0041', ',"user_id":"\\ud83d\\ude00"');
    for (let length = 1; length < line.length; length++) {
      const cut = line.slice(0, length);
      expect((await encode(linesOf(cut))).refusals).toEqual([
        { reason: RefusalReason.damagedLine, line: cut },
      ]);
    }
  });

  it('a record that no batch can hold is told, and the rest goes', async () => {
    const large = lineWith('large', `,"user_id":"${'u'.repeat(3_000)}"`);
    const { refusals, batches } = await encode(linesOf(lineWith('a'), large, lineWith('b')), {
      batchBytesMax: 2_000,
    });
    expect(refusals).toEqual([{ reason: RefusalReason.recordTooLarge, line: large }]);
    expect(batches.flatMap(({ records }) => records)).toHaveLength(2);
  });

  it('a row that points out of the lines is a bug, as is a partition that is none', () => {
    const source = scanBodies([JSON.stringify({ event_type: 't', app_id: 'a', device_id: 'd' })]);
    for (const name of ENCODERS) {
      const encoder = createBatchEncoder(BATCH_OPTIONS, name);
      const cut = { ...source, lineBytes: source.lineBytes - 1 };
      expect(() => encodeAll(encoder, cut, TARGET)).toThrow(AssertionError);
      expect(() => encodeAll(encoder, source, { ...TARGET, partitionCount: 5 })).toThrow(AssertionError);
      expect(() => encodeAll(encoder, source, { ...TARGET, partitionCount: 0 })).toThrow(AssertionError);
    }
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
    console.log(`batch differential: seed ${SEED}`);
    expect(fuzzBatches({ cases: 20_000, seed: SEED })).toBeUndefined();
  }, 60_000);
});
