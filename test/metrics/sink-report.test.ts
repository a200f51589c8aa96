import { expect, test } from 'vitest';
import { CounterReader, createCounterMemory, ThreadCounters } from '../../src/metrics/counters.ts';
import { Exposition, type FrontGauges } from '../../src/metrics/exposition.ts';
import { createSinkReport, type DeliveryReport } from '../../src/metrics/sink-report.ts';
import { createStatisticsMemory, StatisticsReader } from '../../src/metrics/statistics.ts';
import { trafficLabels, trafficWords } from '../../src/metrics/traffic.ts';

const CALM: DeliveryReport = {
  sink: 'kafka',
  stream: 'events',
  breaker: 0,
  failures: 0,
  retries: 0,
  delivered: 0,
  lagRows: 0,
  oldestTimeMs: undefined,
};

const FRONT: FrontGauges = {
  framesInFlight: () => 0,
  requestsInFlight: () => 0,
  connections: () => 0,
  memoryBytesUsed: () => 0,
  memoryBytesMax: () => 0,
  threads: () => 0,
  threadDeaths: () => 0,
  storeReady: () => true,
  storeRestarts: () => 0,
  scannerNative: () => true,
  uploadsWaiting: () => 0,
  creditBytes: () => 0,
  sessions: () => 0,
  sessionEvictions: () => 0,
  acksWaiting: () => 0,
  ackFallbacks: () => 0,
  redisState: () => 0,
  rateLimitHits: () => ({ app: 0, key: 0 }),
  dedup: () => ({ ids: 0, generation: 0 }),
  sinks: ['clickhouse', 'kafka'],
  journalBytesMax: () => 0,
  pressure: () => ({ queueWait: 0, journal: 0, credit: 0 }),
  monotonicMs: () => 0,
  build: { version: '1' },
};

const LABELS = trafficLabels([''], ['penstock']);
const ROWS = {
  labels: LABELS,
  reader: new StatisticsReader(createStatisticsMemory(3, trafficWords(LABELS))),
};

function start() {
  const memory = createCounterMemory(2);
  const reader = new CounterReader(memory);
  return { report: createSinkReport(new ThreadCounters(memory, 1)), reader, memory };
}

test('journals of one thread are one series: sums, the worst breaker, the oldest row', () => {
  const { report, reader } = start();
  report(
    [
      { ...CALM, breaker: 2, lagRows: 5, delivered: 10, failures: 3, oldestTimeMs: 9_000 },
      { ...CALM, breaker: 1, lagRows: 7, delivered: 20, oldestTimeMs: 8_000 },
      { ...CALM, stream: 'rejected', lagRows: 100 },
    ],
    10_000,
  );
  const read = (key: 'breaker' | 'lagRows' | 'lagMs' | 'delivered' | 'failures') =>
    reader.read(`kafka.events.${key}`, 1);
  expect(read('breaker')).toBe(2);
  expect(read('lagRows')).toBe(12);
  expect(read('lagMs')).toBe(2_000);
  expect(read('delivered')).toBe(30);
  expect(read('failures')).toBe(3);
  expect(reader.read('kafka.rejected.lagRows', 1)).toBe(100);
});

test('a thread that takes over the slot of a dead one counts on', () => {
  const { report, reader, memory } = start();
  report([{ ...CALM, delivered: 10, breaker: 2 }], 0);
  report([{ ...CALM, delivered: 15, breaker: 2 }], 0);
  const next = createSinkReport(new ThreadCounters(memory, 1));
  expect(reader.read('kafka.events.breaker', 1)).toBe(2);
  next([{ ...CALM, delivered: 4 }], 0);
  expect(reader.read('kafka.events.breaker', 1)).toBe(0);
  expect(reader.read('kafka.events.delivered', 1)).toBe(19);
});

test('a clock that was set back makes no age below zero', () => {
  const { report, reader } = start();
  report([{ ...CALM, lagRows: 1, oldestTimeMs: 50_000 }], 10_000);
  expect(reader.read('kafka.events.lagMs', 1)).toBe(0);
});

test('only sinks that events go to are shown, each with thread, sink and stream', async () => {
  const { report, reader } = start();
  report([{ ...CALM, lagRows: 3, oldestTimeMs: 8_500 }], 10_000);
  const text = await new Exposition(reader, FRONT, ROWS).text();
  expect(text).toContain('penstock_sink_lag_seconds{thread="worker-1",sink="kafka",stream="events"} 1.5');
  expect(text).toContain(
    'penstock_sink_breaker_state{thread="worker-0",sink="clickhouse",stream="rejected"} 0',
  );
  expect(text).not.toContain('sink="embedded"');
});
