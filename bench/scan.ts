/**
 * Events a CPU-second of the native scanner and of the reference, beside JSON.parse + check + JSON.stringify over
 * the same bodies; and of the native scanner with its lines encoded into Native blocks, in both forms of JSON columns.
 * They take turns, so that a slow second of the machine hits all; the median of several turns counts. What is compared is the same work: from the bytes of bodies to canonical lines and records.
 * Then, from such lines, Kafka record batches (record-batch.ts) beside kafkajs' own encoder.
 *
 *   npm run bench:scan -- [--dialect penstock|segment] [--json FILE] [--events N] [--turns N] [--seed N]
 *   npm run bench:scan -- --instructions (instructions.ts)
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Command } from 'commander';
import { compileDialect } from '../src/dialects/compile.ts';
import { penstock } from '../src/dialects/penstock.ts';
import { segment } from '../src/dialects/segment.ts';
import { BLOCK_BYTES_MAX, BLOCK_CHUNK_BYTES, NATIVE_BLOCK_ROWS_MAX } from '../src/limits.ts';
import { createScanOutput, type Scanner, type ScanSetup } from '../src/scan/contract.ts';
import { createNativeScanner, nativeKernel } from '../src/scan/native.ts';
import { createReferenceScanner } from '../src/scan/reference/scanner.ts';
import { createUuidSource } from '../src/scan/uuid.ts';
import { createNativeBlockEncoder } from '../src/sinks/native-block.ts';
import type { JsonForm } from '../src/sinks/native-block-setup.ts';
import { FRAMES_PER_SLAB_MAX } from '../src/slab/layout.ts';
import { type CorpusSize, createCorpus, createRandom } from './corpus.ts';
import { printInstructions } from './instructions.ts';
import { createEvents } from './payloads.ts';
import { positive } from './positive.ts';
import { createBatchContenders } from './record-batch.ts';
import { createSlab, resetVerdicts } from './scan-fixture.ts';
import { toSegmentBatch } from './segment-events.ts';

const options = new Command('npm run bench:scan --')
  .description('Events a CPU second of the scanners and encoders, in turn, beside JSON.parse.')
  .option('--dialect <name>', 'penstock or segment', 'penstock')
  .option('--json <file>', 'write the figures there as well')
  .option('--events <n>', 'events of a body', positive, 100)
  .option('--turns <n>', 'turns of each way', positive, 9)
  .option('--seed <n>', 'of the events', positive, 1)
  .option('--instructions', 'count instructions instead, under valgrind: three minutes', false)
  .parse()
  .opts<{
    readonly dialect: string;
    readonly json?: string;
    readonly events: number;
    readonly turns: number;
    readonly seed: number;
    readonly instructions: boolean;
  }>();
if (options.instructions) process.exit(printInstructions(options.seed, options.dialect) ? 0 : 1);
const { events: eventsPerBody, turns, seed } = options;
const isSegment = options.dialect === 'segment';
const TURN_CPU_US = 250_000;
const SLAB_BODY_BYTES = 900_000;

/** A corpus, or the events of a tracking plan that the suite sends (payloads.ts). */
type Load = CorpusSize | 'plan';

interface Figure {
  readonly size: Load;
  readonly bytesPerEvent: number;
  /** Undefined where the native scanner is not built. */
  readonly native: number | undefined;
  /** Scan, then blocks with JSON by path and as text. */
  readonly nativeWithPaths: number | undefined;
  readonly nativeWithText: number | undefined;
  readonly reference: number;
  readonly jsonParse: number;
}

const figures = (['small', 'medium', 'large', 'plan'] as const).map(measure);
const recordBatches = await measureRecordBatches();
const report = {
  node: process.version,
  cpu: cpus()[0]?.model,
  kernel: nativeKernel(),
  seed,
  eventsPerBody,
  turns,
  eventsPerSecond: figures,
  batchRecordsPerSecond: recordBatches,
};
for (const figure of figures) {
  const { size, bytesPerEvent, native, reference, jsonParse } = figure;
  const ratios =
    native === undefined
      ? ''
      : `×${(native / reference).toFixed(1)} and ×${(native / jsonParse).toFixed(1)} · ${gigabytes(native * bytesPerEvent)}`;
  console.log(
    `${size.padEnd(7)} ${bytesPerEvent.toFixed(0).padStart(5)} B  native ${millions(native)}  ` +
      `reference ${millions(reference)}  JSON.parse+check+stringify ${millions(jsonParse)}  ${ratios}`,
  );
  if (native !== undefined) {
    console.log(
      `${' '.repeat(15)}scan + Native block: JSON by path ${millions(figure.nativeWithPaths)}, as text ${millions(figure.nativeWithText)}`,
    );
  }
}
const rateOfKafkajs = recordBatches.find(({ name }) => name === 'kafkajs')?.rate ?? Number.NaN;
for (const { name, rate, bytesPerRecord } of recordBatches) {
  const bytes = bytesPerRecord === undefined ? '' : `${bytesPerRecord.toFixed(0)} B a record, `;
  const times = `×${(rate / rateOfKafkajs).toFixed(1)} kafkajs`;
  console.log(`record batches, ${name.padEnd(20)} ${(rate / 1e6).toFixed(3)} M records/s  ${bytes}${times}`);
}
console.log(
  `${options.dialect} · node ${report.node} · ${report.cpu} · ${report.kernel ?? 'no native scanner'} · seed ${seed} · ` +
    `${eventsPerBody} events a body · ${turns} turns`,
);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);

function measure(size: Load): Figure {
  const corpus = createCorpus(seed, size === 'plan' ? 'medium' : size);
  const nextOfPlan = createEvents(seed, 'medium');
  const planBody = () => Array.from({ length: eventsPerBody }, nextOfPlan);
  const bodies: Buffer[] = [];
  let bytes = 0;
  while (bytes < SLAB_BODY_BYTES && bodies.length < FRAMES_PER_SLAB_MAX) {
    const events = size === 'plan' ? planBody() : corpus.events(eventsPerBody);
    const body = isSegment
      ? toSegmentBatch(events)
      : Buffer.from(JSON.stringify(eventsPerBody === 1 ? events[0] : events));
    bodies.push(body);
    bytes += body.length;
  }
  const eventCount = bodies.length * eventsPerBody;
  const agent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15';
  const frames = bodies.map((body) => ({ body, address: [203, 0, 113, 7], userAgent: agent, app: 1 }));
  const slab = createSlab(frames, Date.UTC(2025, 5, 9));
  const setup = (): ScanSetup => ({
    programs: [compileDialect(isSegment ? segment : penstock, 'batch')],
    apps: ['', 'shop'],
    batchEventsMax: 1000,
    ids: createUuidSource(createRandom(seed)),
  });
  const scanOnce = (scanner: Scanner) => {
    const output = createScanOutput();
    const job = slab.job();
    return () => {
      resetVerdicts(slab.words);
      scanner.scan(job, output);
      return output.recordCount;
    };
  };
  const encodeOnce = (scanner: Scanner, jsonForm: JsonForm) => {
    const output = createScanOutput();
    const job = slab.job();
    const piece = Buffer.allocUnsafeSlow(BLOCK_CHUNK_BYTES);
    const bounds = { bytesMax: BLOCK_BYTES_MAX, rowsMax: NATIVE_BLOCK_ROWS_MAX };
    const encoder = createNativeBlockEncoder({ jsonForm, ...bounds });
    if (encoder === undefined) throw new Error('the addon has a scanner and no encoder');
    return () => {
      resetVerdicts(slab.words);
      scanner.scan(job, output);
      for (let from = 0; from < output.lineBytes; ) {
        const taken = encoder.append(output.lines.subarray(from, output.lineBytes));
        from += taken;
        // Written out over one piece of memory: what a disk makes of it is not measured here.
        if (encoder.isFull()) encoder.take(() => piece);
        else if (from < output.lineBytes) throw new Error('a line of the scanner is damaged');
      }
      return output.recordCount;
    };
  };
  const native = createNativeScanner(setup());
  const contenders = [
    scanOnce(createReferenceScanner(setup())),
    () => bodies.reduce((sum, body) => sum + parseAndStringify(body), 0),
    ...(native === undefined
      ? []
      : [scanOnce(native), encodeOnce(native, 'paths'), encodeOnce(native, 'text')]),
  ];
  if (contenders.some((once) => once() !== eventCount))
    throw new Error('an event of the corpus was not accepted');

  const rates = contenders.map((): number[] => []);
  for (let turn = 0; turn <= turns; turn++) {
    for (const [index, once] of contenders.entries()) {
      const rate = rateOf(once);
      // The first turn warms up.
      if (turn > 0) rates[index]?.push(rate);
    }
  }
  const [reference = 0, jsonParse = 0, nativeRate, nativeWithPaths, nativeWithText] = rates.map(median);
  const bytesPerEvent = bytes / eventCount;
  return { size, bytesPerEvent, native: nativeRate, nativeWithPaths, nativeWithText, reference, jsonParse };
}

/** Records of the medium corpus a CPU-second into sealed record batches. */
async function measureRecordBatches() {
  const contenders = await createBatchContenders(seed);
  const rates = contenders.map((): number[] => []);
  for (let turn = 0; turn <= turns; turn++) {
    for (const [index, { once }] of contenders.entries()) {
      const rate = rateOf(once);
      if (turn > 0) rates[index]?.push(rate);
    }
  }
  return contenders.map(({ name, once, bytes }, index) => {
    const count = once();
    const total = bytes();
    const bytesPerRecord = total === undefined ? undefined : total / count;
    return { name, rate: median(rates[index] ?? []), bytesPerRecord };
  });
}

function rateOf(once: () => number): number {
  // Time on the CPU, not on the wall: the figure is per core even when something else runs on the machine.
  const started = process.cpuUsage();
  let events = 0;
  let elapsedUs = 0;
  while (elapsedUs < TURN_CPU_US) {
    events += once();
    const used = process.cpuUsage(started);
    elapsedUs = used.user + used.system;
  }
  return (events / elapsedUs) * 1e6;
}

/** What a service without a scanner does with a body: parse, look at the fields that must be there, write a line each. */
function parseAndStringify(body: Buffer): number {
  const parsed = JSON.parse(body.toString('utf8')) as Record<string, unknown> | Record<string, unknown>[];
  const [type, id] = isSegment ? (['event', 'anonymousId'] as const) : (['event_type', 'device_id'] as const);
  const batch = Array.isArray(parsed) ? parsed : (parsed['batch'] ?? [parsed]);
  const events = batch as Record<string, unknown>[];
  let accepted = 0;
  for (const event of events) {
    if (typeof event[type] !== 'string' || typeof event[id] !== 'string') continue;
    event['app_id'] = 'shop';
    event['received_at'] = '2025-06-09T00:00:00.000Z';
    if (Buffer.byteLength(JSON.stringify(event)) > 0) accepted++;
  }
  return accepted;
}

function median(rates: number[]): number {
  return rates.sort((left, right) => left - right)[rates.length >> 1] ?? 0;
}

function millions(rate: number | undefined): string {
  return rate === undefined ? 'not built' : `${(rate / 1e6).toFixed(3)} M ev/s`;
}

function gigabytes(rate: number): string {
  return `${(rate / 1e9).toFixed(2)} GB/s`;
}
