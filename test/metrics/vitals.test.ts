import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { lawFault } from '../../bench/prove/law.ts';
import { createSlab } from '../../bench/scan-fixture.ts';
import { BEAT_INTERVAL_MS, PRESSURE_QUEUE_WAIT_MS } from '../../src/limits.ts';
import { countAcks } from '../../src/metrics/ack-latency.ts';
import { PressureGauge, pressureRatio } from '../../src/metrics/pressure.ts';
import {
  createStatisticsMemory,
  histogramPlace,
  StatisticsReader,
  ThreadStatistics,
} from '../../src/metrics/statistics.ts';
import { parseThreadStat, readThreadCpu } from '../../src/metrics/thread-cpu.ts';
import { ThreadVitals } from '../../src/metrics/vitals.ts';

function start() {
  const memory = createStatisticsMemory(1, 0);
  const reader = new StatisticsReader(memory);
  return { statistics: new ThreadStatistics(memory, 0), row: () => reader.copy()[0]! };
}

function bucketsOf(words: Float64Array, key: 'ack' | 'loopDelay', labelIndex = 0): Record<string, number> {
  const { start: from, words: each, bounds } = histogramPlace(key);
  const counts = [...bounds, 'more'].map((bound, bucket) => [
    bound,
    words[from + labelIndex * each + bucket],
  ]);
  return Object.fromEntries(counts.filter(([, count]) => count !== 0));
}

describe('a thread', () => {
  test('tells that it lives, how late its timer was, and what it used', () => {
    const { statistics, row } = start();
    const vitals = new ThreadVitals(statistics);
    vitals.beat(1_000);
    vitals.beat(1_000 + BEAT_INTERVAL_MS);
    vitals.beat(1_000 + 2 * BEAT_INTERVAL_MS + 400);
    vitals.end();
    expect(row().beatAtMs).toBe(1_500);
    expect(bucketsOf(row().words, 'loopDelay')).toEqual({ 0.001: 1, 0.5: 1 });
    expect(row().read('heapUsedBytes')).toBeGreaterThan(1_000_000);
    expect(row().read('cpuUserMs')).toBeGreaterThan(0);
  });

  test.skipIf(process.platform !== 'linux')('knows the processor time of itself alone', () => {
    const before = readThreadCpu();
    const until = performance.now() + 100;
    while (performance.now() < until);
    const after = readThreadCpu();
    const used =
      (after?.userMs ?? 0) + (after?.systemMs ?? 0) - (before?.userMs ?? 0) - (before?.systemMs ?? 0);
    expect(used).toBeGreaterThan(0);
    const ticks = parseThreadStat(readFileSync('/proc/thread-self/stat', 'latin1'));
    expect(ticks?.userMs).toBeGreaterThan(0);
  });

  test('whose name has brackets and spaces is read', () => {
    const fields = Array.from({ length: 50 }, (_, n) => n);
    expect(parseThreadStat(`7 (a) b (c)) ${fields.join(' ')}`)).toEqual({ userMs: 110, systemMs: 120 });
    expect(parseThreadStat('')).toBeUndefined();
  });
});

test('acks are counted by transport, and frames of one millisecond together', () => {
  const { statistics, row } = start();
  const deltas = [0, 0, 2, 2, 30];
  const frames = deltas.map((receivedDeltaMs, n) => ({
    body: 'x',
    receivedDeltaMs,
    transport: n === 3 ? 1 : 0,
  }));
  const { words } = createSlab(frames, 0);
  countAcks(statistics, words, 100, 104);
  // 4 ms for the first two, 2 for the next two; the clock of the last was ahead.
  expect(bucketsOf(row().words, 'ack', 0)).toEqual({ 0.005: 2, 0.0025: 1, 0.001: 1 });
  expect(bucketsOf(row().words, 'ack', 1)).toEqual({ 0.0025: 1 });
  expect(row().total('ack').count).toBe(5);
});

describe('pressure', () => {
  function startPressure() {
    const now = { sum: 0, count: 0, oldestFrameMs: 0, journal: 0, credit: 0 };
    const gauge = new PressureGauge({
      queueWait: () => ({ sum: now.sum, count: now.count }),
      oldestFrameMs: () => now.oldestFrameMs,
      journalFill: () => now.journal,
      creditShortage: () => now.credit,
    });
    return { now, gauge, ratio: () => pressureRatio(gauge.parts()) };
  }

  test('is the worst of its parts, from 0 to 1', () => {
    const { now, ratio } = startPressure();
    expect(ratio()).toBe(0);
    Object.assign(now, { journal: 0.4, credit: 0.3 });
    expect(ratio()).toBe(0.4);
    Object.assign(now, { journal: 1.2, credit: 0.3 });
    expect(ratio()).toBe(1);
  });

  test('follows the waiting slowly, and one slab that waits moves it little', () => {
    const { now, gauge, ratio } = startPressure();
    const wait = (ms: number, slabs: number) => {
      now.sum += (ms / 1000) * slabs;
      now.count += slabs;
      gauge.sample();
    };
    wait(PRESSURE_QUEUE_WAIT_MS, 1);
    expect(ratio()).toBeCloseTo(0.1);
    for (let second = 0; second < 30; second++) wait(PRESSURE_QUEUE_WAIT_MS, 1_000);
    expect(ratio()).toBeGreaterThan(0.9);
    for (let second = 0; second < 60; second++) wait(2, 1_000);
    expect(ratio()).toBeLessThan(0.05);
  });

  test('rises when threads begin with nothing any more', () => {
    const { now, gauge, ratio } = startPressure();
    for (let second = 1; second <= 10; second++) {
      now.oldestFrameMs = second * 1_000;
      gauge.sample();
    }
    expect(ratio()).toBe(1);
  });
});

describe('the look at the law in a proof', () => {
  const text = (received: number, inFlight: number) =>
    [
      `penstock_events_received_total{thread="worker-1",app="a",dialect="d",transport="http"} ${received}`,
      'penstock_events_accepted_total{thread="worker-1",app="a",dialect="d",transport="http"} 5',
      'penstock_events_rejected_total{thread="worker-1",app="a",dialect="d",transport="http"} 2',
      'penstock_events_duplicate_total{thread="worker-1",app="a",dialect="d",transport="http"} 1',
      `penstock_events_in_flight{thread="worker-1"} ${inFlight}`,
    ].join('\n');

  test('finds what is not accounted for', () => {
    expect(lawFault(text(8, 0), true)).toBeUndefined();
    expect(lawFault(text(11, 3), false)).toBeUndefined();
    expect(lawFault(text(11, 3), true)).toContain('3 events are in flight at rest');
    expect(lawFault(text(9, 0), false)).toContain('worker-1: 9 received, 8 settled');
    expect(lawFault(text(7, 0), false)).toContain('7 received');
  });
});
