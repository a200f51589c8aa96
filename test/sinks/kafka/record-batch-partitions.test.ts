/** Records in batches of partitions: those of Kafka's Java client, and in each of them every record once, in order. */
import { describe, expect, it } from 'vitest';
import { createCorpus, createRandom } from '../../../bench/corpus.ts';
import { createFrameSource } from '../../fuzz/scan-cases.ts';
import { PUBLISHED_MURMUR2 } from '../../support/murmur2-published.ts';
import { expectAll, SEED } from './batch-expected.ts';
import { encode, linesOf, lineWith, scanBodies, scanFrames, TARGET, textsOf } from './batch-harness.ts';

describe('partitions', () => {
  it('are those of Kafka’s Java client', async () => {
    for (const partitionCount of [1, 3, 12, 1000]) {
      for (const [key, hash] of PUBLISHED_MURMUR2) {
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
