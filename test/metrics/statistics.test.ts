import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import {
  createStatisticsMemory,
  histogramPlace,
  StatisticsReader,
  ThreadStatistics,
  TRAFFIC_START,
} from '../../src/metrics/statistics.ts';
import { HISTOGRAMS } from '../../src/metrics/statistics-names.ts';

const SCAN = histogramPlace('scan');

function start(rows = 2) {
  const memory = createStatisticsMemory(rows, 8);
  return { memory, reader: new StatisticsReader(memory), thread: new ThreadStatistics(memory, 1) };
}

test('places of histograms follow each other without a gap, and bounds grow', () => {
  const places = HISTOGRAMS.map(({ key, labels, bounds }) => ({ ...histogramPlace(key), labels, bounds }));
  for (const [index, { start: from, words, labels, bounds }] of places.entries()) {
    expect(words).toBe(bounds.length + 2);
    expect(from + words * labels.length).toBe(places[index + 1]?.start ?? TRAFFIC_START);
    expect([...bounds].sort((a, b) => a - b)).toEqual([...new Set(bounds)]);
  }
});

test('a value falls into the first bucket whose bound is not below it; beyond the last there is one more', () => {
  const { thread, reader } = start();
  const { bounds } = SCAN;
  thread.begin();
  thread.observe(SCAN, 0, bounds[0]!);
  thread.observe(SCAN, 0, bounds[0]! + 1e-9, 3);
  thread.observe(SCAN, 0, 1e9);
  thread.end();
  const words = reader.copy()[1]?.words ?? new Float64Array();
  const buckets = [...words.subarray(SCAN.start, SCAN.start + SCAN.words - 1)];
  expect(buckets).toEqual([1, 3, ...Array(bounds.length - 2).fill(0), 1]);
  expect(reader.copy()[1]?.total('scan')).toEqual({ count: 5, sum: 1e9 + 4 * bounds[0]! + 3e-9 });
  expect(reader.copy()[0]?.total('scan')).toEqual({ count: 0, sum: 0 });
});

test('a thread that takes over a row goes on from its totals, also when the one before died within a group', () => {
  const { memory, thread, reader } = start();
  thread.begin();
  thread.add('eventsInFlight', 7);
  // Of a group that is not ended the reader has what was before it.
  expect(reader.copy()[1]?.read('eventsInFlight')).toBe(0);
  const next = new ThreadStatistics(memory, 1);
  expect(() => next.begin()).toThrow('groups do not overlap');
  const other = start();
  other.thread.begin();
  new ThreadStatistics(other.memory, 1).takeOver();
  other.thread.begin();
  other.thread.add('eventsInFlight', 1);
  other.thread.end();
  expect(other.reader.copy()[1]?.read('eventsInFlight')).toBe(1);
});

describe('beside a thread that writes without pause', () => {
  test('every copy has all of a group or none of it', async () => {
    const { memory, reader } = start();
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(fileURLToPath(new URL('./writer.mjs', import.meta.url)), {
      workerData: { memory, stop: stop.buffer },
    });
    const seen = new Set<number>();
    const torn: string[] = [];
    // On a busy machine the two may not run at the same time for a while.
    for (let copies = 0; seen.size < 200 || copies < 5_000; copies++) {
      const { words } = reader.copy()[1]!;
      const [first, last] = [words[TRAFFIC_START], words[TRAFFIC_START + 7]];
      if (first !== last) torn.push(`${first} and ${last}`);
      seen.add(first!);
      if (copies % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    Atomics.store(stop, 0, 1);
    const [groups] = (await once(worker, 'message')) as [number];
    expect(torn).toEqual([]);
    expect(reader.copy()[1]?.words[TRAFFIC_START]).toBe(groups);
    await worker.terminate();
  }, 30_000);
});
