/**
 * Instructions an event, as callgrind counts them: the same on a busy machine as on a quiet one, so that a change of
 * one in a hundred shows. The native scanner and the encoder of Native blocks by path are counted in their own functions
 * alone, the encoder by what more rounds add to those in which it learns; the reference, which has no fixed code,
 * likewise. callgrind stands for a machine with AVX2 and without AVX-512, with a branch predictor of its own: compare its
 * figures with each other only.
 *
 *   npm run bench:scan -- --instructions [--dialect penstock|segment] [--seed N]     takes three minutes
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CorpusSize } from './corpus.ts';

type Counted = 'native' | 'blocks' | 'reference';

/** The functions of the addon that one slab is scanned in (native/addon.cpp) and encoded in (native/encode/door.h). */
const COUNTED_FUNCTIONS: Record<Exclude<Counted, 'reference'>, string> = {
  native: '*::scan(napi_env__*, napi_callback_info__*)',
  blocks: '*::appendBlock(napi_env__*, napi_callback_info__*)',
};
const NATIVE_ROUNDS = 10;
/** The memory of columns has grown behind the first of these; no block is full behind the second. */
const BLOCKS_ROUNDS = [30, 50] as const;
/** Behind the first of these the code of the reference is as optimised as it gets. */
const REFERENCE_ROUNDS = [150, 200] as const;

interface Counts {
  readonly events: number;
  readonly bytes: number;
  readonly kernel?: string;
  readonly instructions: number;
  readonly branches: number;
  readonly mispredictions: number;
}

/** Prints the figures, or how to get what is missing. Returns whether they could be had. */
export function printInstructions(seed: number, dialect: string): boolean {
  if (spawnSync('valgrind', ['--version']).status !== 0) {
    console.log('instructions: valgrind is not here; on Debian and Ubuntu: apt-get install valgrind');
    return false;
  }
  for (const size of ['small', 'medium', 'large'] as const) {
    const counts = run('native', size, NATIVE_ROUNDS, seed, dialect);
    print(`native ${counts.kernel}`, size, counts, counts.events * NATIVE_ROUNDS, counts);
  }
  for (const size of ['small', 'medium', 'large'] as const)
    printMore('blocks', size, BLOCKS_ROUNDS, seed, dialect);
  printMore('reference', 'medium', REFERENCE_ROUNDS, seed, dialect);
  return true;
}

/** Prints what the rounds behind the first `few` count. */
function printMore(
  counted: Counted,
  size: CorpusSize,
  [few, many]: readonly [number, number],
  seed: number,
  dialect: string,
): void {
  const first = run(counted, size, few, seed, dialect);
  const all = run(counted, size, many, seed, dialect);
  const more = {
    instructions: all.instructions - first.instructions,
    branches: all.branches - first.branches,
    mispredictions: all.mispredictions - first.mispredictions,
  };
  print(counted, size, all, all.events * (many - few), more);
}

function print(
  name: string,
  size: CorpusSize,
  { events, bytes }: Counts,
  counted: number,
  { instructions, branches, mispredictions }: Pick<Counts, 'instructions' | 'branches' | 'mispredictions'>,
): void {
  const each = instructions / counted;
  console.log(
    `${size.padEnd(7)} ${name.padEnd(15)} ${each.toFixed(0).padStart(7)} instructions an event · ` +
      `${(each / (bytes / events)).toFixed(1)} a byte · ${(branches / counted).toFixed(0)} branches, ` +
      `about ${(mispredictions / counted).toFixed(1)} of them mispredicted`,
  );
}

function run(counted: Counted, size: CorpusSize, rounds: number, seed: number, dialect: string): Counts {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-callgrind-'));
  try {
    const file = join(folder, 'counts');
    const child = fileURLToPath(new URL('./instructions-child.js', import.meta.url));
    const parameters = [
      '--tool=callgrind',
      `--callgrind-out-file=${file}`,
      '--branch-sim=yes',
      ...(counted === 'reference' ? [] : [`--toggle-collect=${COUNTED_FUNCTIONS[counted]}`]),
      process.execPath,
      // Compiling and collecting garbage on other threads would come and go with the machine's load.
      '--single-threaded',
      child,
      counted,
      size,
      String(rounds),
      String(seed),
      dialect,
    ];
    const done = spawnSync('valgrind', parameters, { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`valgrind: ${done.error?.message ?? done.stderr.slice(-2000)}`);
    const shape = JSON.parse(done.stdout) as Pick<Counts, 'events' | 'bytes' | 'kernel'>;
    return { ...shape, ...readTotals(readFileSync(file, 'utf8')) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The sums of a file of callgrind's, whose `events:` names the columns of its `totals:`. */
function readTotals(text: string): Pick<Counts, 'instructions' | 'branches' | 'mispredictions'> {
  const words = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1]?.split(' ') ?? [];
  const totals = new Map(words('events').map((name, index) => [name, Number(words('totals')[index])]));
  const sum = (...names: string[]) => names.reduce((total, name) => total + (totals.get(name) ?? 0), 0);
  const instructions = sum('Ir');
  if (instructions === 0) throw new Error('callgrind counted nothing: is the addon stripped of its symbols?');
  return { instructions, branches: sum('Bc', 'Bi'), mispredictions: sum('Bcm', 'Bim') };
}
