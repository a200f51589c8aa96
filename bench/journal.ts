/**
 * What a chunk of the journal costs to append and to read back, through the page cache and past it, in CPU seconds and seconds
 * a gigabyte; and through the cache over files that were there before (spares). The ways take turns; medians count. Then what a
 * direct write waits when those before it went through the cache, which is what trials do (src/journal/write-ways.ts).
 *
 *   npm run build && node dist/bench/journal.js [--megabytes N] [--turns N] [--folder DIR]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Disk } from '../src/journal/disk.ts';
import { StreamReader } from '../src/journal/reader.ts';
import { JournalStream } from '../src/journal/stream.ts';
import { createSystemDisk } from '../src/journal/system-disk.ts';
import { WriteWays } from '../src/journal/write-ways.ts';
import { SEGMENT_BYTES_MAX } from '../src/limits.ts';
import { positive } from './positive.ts';
import { median } from './statistics.ts';
import { formatTable } from './table.ts';

const options = new Command('node dist/bench/journal.js')
  .description('What a chunk of the journal costs to append and to read back.')
  .option('--megabytes <n>', 'written in each turn', positive, 512)
  .option('--turns <n>', 'turns of each way', positive, 3)
  .option('--folder <dir>', 'on the disk to measure', tmpdir())
  .parse()
  .opts<{ readonly megabytes: number; readonly turns: number; readonly folder: string }>();
const MB = 1024 * 1024;
const { megabytes: chunks, turns } = options;

class OneWay extends WriteWays {
  readonly #isDirect: boolean;

  constructor(isDirect: boolean) {
    super();
    this.#isDirect = isDirect;
  }

  override choosesDirect(): boolean {
    return this.#isDirect;
  }
}

/** Direct writes in trials of four behind as many that are not, and what they took, in milliseconds. */
class TrialWays extends WriteWays {
  readonly first: number[] = [];
  readonly later: number[] = [];
  #writes = 0;

  override choosesDirect(): boolean {
    return this.#writes % 8 >= 4;
  }

  override note(isDirect: boolean, _bytes: number, ms: number): void {
    if (isDirect) (this.#writes % 8 === 4 ? this.first : this.later).push(ms);
    this.#writes += 1;
  }
}

interface Way {
  readonly name: string;
  readonly disk: Disk;
  /** Whether files are written that an earlier stream left. */
  readonly isOver: boolean;
  readonly append: Cost[];
  readonly read: Cost[];
}

interface Cost {
  readonly cpuSeconds: number;
  readonly seconds: number;
}

const ways: Way[] = [
  ['page cache, new files', false, false] as const,
  ['page cache, written over', false, true] as const,
  ['direct, new files', true, false] as const,
  ['direct, written over', true, true] as const,
].map(([name, isDirect, isOver]) => ({
  name,
  disk: createSystemDisk(new OneWay(isDirect)),
  isOver,
  append: [],
  read: [],
}));
const trials = new TrialWays();
const trialWay: Way = {
  name: 'trials',
  disk: createSystemDisk(trials),
  isOver: false,
  append: [],
  read: [],
};
// As a slab's lines are long, and no two blocks alike.
const chunk = Buffer.from(Array.from({ length: MB }, (_, index) => (index * 7919) >> 5));
const folder = mkdtempSync(join(options.folder, 'penstock-bench-journal-'));
try {
  for (let turn = 0; turn < turns; turn++) for (const way of [...ways, trialWay]) await measure(way);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const rows = ways.map(({ name, append, read }) => [
  name,
  ...[append, read].flatMap((costs) => [
    median(costs.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
    median(costs.map(({ seconds }) => seconds)).toFixed(2),
  ]),
]);
process.stdout.write(`${chunks} chunks of 1 MiB, medians of ${turns} turns, a gigabyte\n`);
process.stdout.write(formatTable(['way', 'append CPU s', 's', 'read back CPU s', 's'], rows));
process.stdout.write(
  `a direct write of one: ${median(trials.first).toFixed(2)} ms behind writes through the cache, ${median(trials.later).toFixed(2)} ms behind direct ones\n`,
);

async function measure({ disk, isOver, append, read }: Way): Promise<void> {
  const dir = join(folder, 'stream');
  const open = () =>
    JournalStream.open({
      disk,
      dir,
      segmentBytesMax: SEGMENT_BYTES_MAX,
      compression: 'none',
      spareBytesMax: isOver ? 4 * chunks * MB : 0,
      onDamage: (damage) => {
        throw new Error(`the bench's own journal is damaged: ${JSON.stringify(damage)}`);
      },
    });
  const stream = await open();
  // The newest spares are kept for a start to read, so that as much again must be there.
  if (isOver) {
    fill(stream, 2 * chunks);
    stream.skipTo(stream.nextRow + 1);
    stream.deleteBefore(stream.nextRow);
  }
  append.push(await timed(() => fill(stream, chunks)));
  read.push(await timed(() => readBack(stream)));
  stream.close();
  rmSync(dir, { recursive: true });
}

function fill(stream: JournalStream, count: number): void {
  for (let index = 0; index < count; index++) stream.append([chunk], 2_000, 0);
}

async function readBack(stream: JournalStream): Promise<void> {
  const reader = new StreamReader(stream, stream.start());
  let count = 0;
  while ((await reader.next()) !== undefined) count += 1;
  reader.close();
  if (count !== chunks) throw new Error(`${count} chunks read back, not ${chunks}`);
}

/** A gigabyte's share of what `work` took. */
async function timed(work: () => void | Promise<void>): Promise<Cost> {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const cpu = process.cpuUsage(before);
  const share = 1e9 / (chunks * MB);
  return {
    cpuSeconds: ((cpu.user + cpu.system) / 1e6) * share,
    seconds: ((performance.now() - startedAt) / 1e3) * share,
  };
}
