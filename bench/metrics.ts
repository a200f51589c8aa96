/**
 * What counting costs: CPU time of a slab in a worker over a journal that keeps nothing, and of the meter's part of it
 * alone; and of a scrape, in ordinary use and with every series that there can be.
 *
 *   node dist/bench/metrics.js [--turns N]
 */
import { Command } from 'commander';
import { systemClock } from '../src/clock.ts';
import { ROUTES } from '../src/dialects/routes.ts';
import { createIngest, type IngestJournal } from '../src/ingest.ts';
import { METRIC_APPS_MAX } from '../src/limits.ts';
import { CounterReader, createCounterMemory, ThreadCounters } from '../src/metrics/counters.ts';
import { Exposition, type FrontGauges } from '../src/metrics/exposition.ts';
import { SlabMeter } from '../src/metrics/slab-meter.ts';
import { createStatisticsMemory, StatisticsReader, ThreadStatistics } from '../src/metrics/statistics.ts';
import { eachCell, trafficLabels, trafficWord, trafficWords } from '../src/metrics/traffic.ts';
import { createScanOutput } from '../src/scan/contract.ts';
import { createCorpus } from './corpus.ts';
import { positive } from './positive.ts';
import { createSlab } from './scan-fixture.ts';
import { median } from './statistics.ts';

const options = new Command('node dist/bench/metrics.js')
  .description('What counting and a scrape cost.')
  .option('--turns <n>', 'turns of each case', positive, 40)
  .parse()
  .opts<{ readonly turns: number }>();
const { turns } = options;
/** Work of one measurement, at least: process.cpuUsage counts microseconds. */
const EVENTS_A_TURN = 20_000;

const SINGLE = ROUTES.findIndex(({ path }) => path === '/v1/events');
const BATCH = ROUTES.findIndex(({ path }) => path === '/v1/events/batch');
const dialects = ROUTES.map(({ program }) => program.dialect);
const labels = trafficLabels([''], dialects);
const corpus = createCorpus(1, 'medium');

const JOURNAL: IngestJournal = {
  append: () => {},
  appendAsync: () => undefined,
  synced: () => undefined,
  sync: () => Promise.resolve(),
  place: () => ({ slot: 0, term: 0, rows: { events: 0, rejected: 0 } }),
};

const statistics = new ThreadStatistics(createStatisticsMemory(1, trafficWords(labels)), 0);
const meter = new SlabMeter(new ThreadCounters(createCounterMemory(1), 0), statistics, labels);
const setup = {
  apps: [''],
  digestedApps: [],
  batchEventsMax: 1000,
  bodyBytesMax: 1_000_000,
  scanner: 'auto',
} as const;
// Without a window of ids: the same slab is scanned again and again.
const ingest = createIngest(setup, JOURNAL, { add: () => {} }, undefined, meter, systemClock, () => {});
const output = createScanOutput();

/** CPU nanoseconds of one call of `work`, the median over turns of `calls` calls. */
async function cpuNanos(work: () => unknown, calls: number): Promise<number> {
  const nanos: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const before = process.cpuUsage();
    for (let n = 0; n < calls; n++) await work();
    const { user, system } = process.cpuUsage(before);
    // The first turns compile.
    if (turn >= turns / 4) nanos.push(((user + system) * 1000) / calls);
  }
  return median(nanos);
}

for (const { name, frames, route, body } of [
  { name: '1 frame of 1 event', frames: 1, route: SINGLE, body: corpus.single() },
  { name: '32 frames of 1 event', frames: 32, route: SINGLE, body: corpus.single() },
  { name: '2000 frames of 1 event', frames: 2000, route: SINGLE, body: corpus.single() },
  { name: '20 frames of 100 events', frames: 20, route: BATCH, body: corpus.array(100) },
]) {
  const events = frames * (route === BATCH ? 100 : 1);
  const slabs = Math.ceil(EVENTS_A_TURN / events);
  const slab = createSlab(
    Array.from({ length: frames }, () => ({ body, route })),
    0,
  );
  const whole = await cpuNanos(() => ingest(slab.words.buffer as SharedArrayBuffer), slabs);
  const times = { startedAtMs: 1, scannedAtMs: 2, writtenAtMs: 3 };
  const counting = await cpuNanos(() => {
    const receipt = meter.received(slab.words, output);
    meter.measured(slab.words, times);
    meter.kept(1000, 0);
    meter.ended(slab.words, receipt, true);
  }, slabs);
  console.log(
    `slab of ${name.padEnd(24)} ${(whole / 1000).toFixed(1).padStart(7)} µs with its answers, without journal and sinks; ` +
      `counting ${counting.toFixed(0).padStart(6)} ns (${((100 * counting) / whole).toFixed(1)} %), ${(counting / events).toFixed(1)} ns an event`,
  );
}

for (const [name, apps] of [
  ['ordinary: 2 workers, 1 app', 1],
  ['every series: 2 workers, all apps, dialects and transports', METRIC_APPS_MAX + 5],
] as const) {
  const own = trafficLabels(['', ...Array.from({ length: apps }, (_, n) => `app-${n}`)], dialects);
  const memory = createStatisticsMemory(3, trafficWords(own));
  for (const row of [0, 1]) {
    const { words } = new ThreadStatistics(memory, row);
    eachCell(own, (cell, app, dialect, transport) => {
      const isUsed = apps > 1 || (app === 1 && dialect === 0 && transport === 0);
      if (isUsed)
        for (const key of ['frames', 'received', 'accepted'] as const) words[cell + trafficWord(key)] = 7;
    });
  }
  const zero = () => 0;
  const front = Object.fromEntries(
    'framesInFlight requestsInFlight connections uploadsWaiting creditBytes sessions sessionEvictions acksWaiting ackFallbacks memoryBytesUsed memoryBytesMax threads threadDeaths storeRestarts journalBytesMax monotonicMs'
      .split(' ')
      .map((key) => [key, zero]),
  );
  const exposition = new Exposition(
    new CounterReader(createCounterMemory(2)),
    {
      ...front,
      storeReady: () => true,
      scannerNative: () => true,
      dedup: () => ({ ids: 0, generation: 0 }),
      sinks: ['embedded'],
      pressure: () => ({ queueWait: 0, journal: 0, credit: 0 }),
      build: {},
    } as unknown as FrontGauges,
    { reader: new StatisticsReader(memory), labels: own },
  );
  const millis: number[] = [];
  let text = '';
  for (let turn = 0; turn < turns; turn++) {
    const before = process.cpuUsage();
    text = (await exposition.text()) ?? '';
    const { user, system } = process.cpuUsage(before);
    if (turn >= turns / 4) millis.push((user + system) / 1000);
  }
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  console.log(
    `scrape, ${name}: ${series} series, ${(text.length / 1024).toFixed(0)} KiB, ${median(millis).toFixed(1)} ms CPU`,
  );
}
