/**
 * What the dedup window costs an event, in nanoseconds of CPU time: looking up and remembering the ids of slabs, in a
 * window that is full and far larger than a core's cache; looking up repeats; and reading ids back from a journal's lines.
 * The implementations take turns; the median of several turns counts.
 *
 *   npm run build && node dist/bench/dedup.js [--ids-max N] [--turns N]
 */
import { createHash, randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { createFindings, type DedupWindow } from '../src/dedup/findings.ts';
import { createWindowMemory, windowBytes } from '../src/dedup/layout.ts';
import { createNativeWindow } from '../src/dedup/native.ts';
import { createReferenceWindow } from '../src/dedup/reference.ts';
import { DEDUP_IDS_MAX, DEDUP_WINDOW_MS } from '../src/limits.ts';
import { createScanOutput, RECORD_WORDS, RecordWord, type ScanOutput } from '../src/scan/contract.ts';
import { positive } from './positive.ts';

const options = new Command('node dist/bench/dedup.js')
  .description('What the dedup window costs an event.')
  .option('--ids-max <n>', 'ids that the window holds', positive, DEDUP_IDS_MAX)
  .option('--turns <n>', 'turns of each way', positive, 9)
  .parse()
  .opts<{ readonly idsMax: number; readonly turns: number }>();
const { idsMax, turns } = options;
/** Of 434 bytes, as the other benches' events are. */
const EVENTS_PER_SLAB = 2_300;
const REST = `","event_type":"page_view","app_id":"shop","event_data":{"text":"${'x'.repeat(320)}"}}\n`;
const NOW_MS = 1_000_000;
const TURN_SLABS = 40;

const findings = createFindings();
const suffix = Buffer.from('-no-such');
let seed = 0;

const contenders = [createNativeWindow, createReferenceWindow].flatMap((open) => {
  const window = open(createWindowMemory(idsMax, DEDUP_WINDOW_MS, randomBytes(16)));
  return window === undefined
    ? []
    : [{ window, fresh: [] as number[], repeats: [] as number[], lines: [] as number[] }];
});
const slab = createSlabOutput();
for (const { window } of contenders) fill(window);
for (let turn = 0; turn < turns; turn++) for (const contender of contenders) measure(contender);

console.log(`${(windowBytes(idsMax) / 1048576).toFixed(1)} MiB for ${idsMax} ids`);
for (const { window, fresh, repeats, lines } of contenders) {
  console.log(
    `${window.name.padEnd(10)} new ids ${median(fresh).toFixed(1)} ns an event (looked up, then remembered), ` +
      `repeats ${median(repeats).toFixed(1)} ns, read back ${median(lines).toFixed(1)} ns ` +
      `(${(434 / median(lines)).toFixed(2)} GB/s of lines)`,
  );
}

/** So much that generations turn as they always will. */
function fill(window: DedupWindow): void {
  const memory = new BigUint64Array(2 * 65_536);
  for (let added = 0; added < idsMax * 2; added += 65_536) {
    memory.set(new BigUint64Array(randomBytes(memory.byteLength).buffer));
    window.remember(memory, 65_536, NOW_MS);
  }
}

function measure({ window, fresh, repeats, lines }: (typeof contenders)[number]): void {
  fresh.push(
    timed(() => {
      window.find(slab, suffix, NOW_MS, findings);
      window.remember(findings.fresh, findings.freshCount, NOW_MS);
    }),
  );
  repeats.push(timed(() => window.find(slab, suffix, NOW_MS, findings), false));
  lines.push(timed(() => window.rememberLines(slab.lines.subarray(0, slab.lineBytes), NOW_MS)));
}

/** CPU nanoseconds an event of `work` on TURN_SLABS slabs, new ids in each unless told otherwise. */
function timed(work: () => void, isNew = true): number {
  let micros = 0;
  for (let round = 0; round < TURN_SLABS; round++) {
    if (isNew) writeIds(slab);
    const before = process.cpuUsage();
    work();
    const used = process.cpuUsage(before);
    micros += used.user + used.system;
  }
  return (micros * 1000) / (TURN_SLABS * EVENTS_PER_SLAB);
}

function createSlabOutput(): ScanOutput {
  const output = createScanOutput();
  const line = Buffer.from(`{"event_id":"${'0'.repeat(36)}${REST}`);
  output.lines = Buffer.alloc(line.length * EVENTS_PER_SLAB);
  for (let row = 0; row < EVENTS_PER_SLAB; row++) {
    output.records[row * RECORD_WORDS + RecordWord.lineOffset] = output.lineBytes;
    output.records[row * RECORD_WORDS + RecordWord.lineLength] = line.length;
    output.lineBytes += line.copy(output.lines, output.lineBytes);
  }
  output.recordCount = EVENTS_PER_SLAB;
  return output;
}

/** Ids that were never there, of a UUID's length. */
function writeIds(output: ScanOutput): void {
  for (let row = 0; row < EVENTS_PER_SLAB; row++) {
    const id = createHash('md5').update(String(seed++)).digest('hex');
    output.lines.write(id, output.records[row * RECORD_WORDS + RecordWord.lineOffset]! + 13, 'latin1');
  }
}

function median(list: readonly number[]): number {
  return [...list].sort((left, right) => left - right)[list.length >> 1] ?? Number.NaN;
}
