/**
 * Instructions an event, as callgrind counts them: the same on a busy machine as on a quiet one, so that a change of
 * one in a hundred shows. The native scanner is counted in its own function alone; the reference, which has no fixed
 * code, by what more rounds add. callgrind stands for a machine with AVX2 and without AVX-512, with a branch predictor
 * of its own: compare its figures with each other only.
 *
 *   npm run bench:scan -- --instructions [--seed N]     takes two minutes and a half
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CorpusSize } from './corpus.ts';

/** The function of the addon that one slab is scanned in (native/addon.cpp). */
const COUNTED_FUNCTION = '*::scan(napi_env__*, napi_callback_info__*)';
const NATIVE_ROUNDS = 10;
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
export function printInstructions(seed: number): boolean {
  if (spawnSync('valgrind', ['--version']).status !== 0) {
    console.log('instructions: valgrind is not here; on Debian and Ubuntu: apt-get install valgrind');
    return false;
  }
  for (const size of ['small', 'medium', 'large'] as const) {
    const counts = run('native', size, NATIVE_ROUNDS, seed);
    print(`native ${counts.kernel}`, size, counts, counts.events * NATIVE_ROUNDS, counts);
  }
  const [few, many] = REFERENCE_ROUNDS.map((rounds) => run('reference', 'medium', rounds, seed));
  if (few === undefined || many === undefined) return false;
  const more = {
    instructions: many.instructions - few.instructions,
    branches: many.branches - few.branches,
    mispredictions: many.mispredictions - few.mispredictions,
  };
  print('reference', 'medium', many, many.events * (REFERENCE_ROUNDS[1] - REFERENCE_ROUNDS[0]), more);
  return true;
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

function run(scanner: 'native' | 'reference', size: CorpusSize, rounds: number, seed: number): Counts {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-callgrind-'));
  try {
    const file = join(folder, 'counts');
    const child = fileURLToPath(new URL('./instructions-child.js', import.meta.url));
    const parameters = [
      '--tool=callgrind',
      `--callgrind-out-file=${file}`,
      '--branch-sim=yes',
      ...(scanner === 'native' ? [`--toggle-collect=${COUNTED_FUNCTION}`] : []),
      process.execPath,
      // Compiling and collecting garbage on other threads would come and go with the machine's load.
      '--single-threaded',
      child,
      scanner,
      size,
      String(rounds),
      String(seed),
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
