/**
 * The native scanner against the reference: slabs of generated frames go through both, and every byte of what they
 * give must be equal. A difference is shrunk and written to test/regression/scan, which the test replays first.
 *
 *   npm run fuzz:scan -- [--cases N] [--seed N]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createRandom } from '../../bench/corpus.ts';
import type { FixtureFrame } from '../../bench/scan-fixture.ts';
import type { Scanner, ScanSetup } from '../../src/scan/contract.ts';
import { createNativeScanner, nativeKernel } from '../../src/scan/native.ts';
import { createReferenceScanner } from '../../src/scan/reference/scanner.ts';
import { createFrameSource, damage } from './scan-cases.ts';
import { createPair, differenceOf, shrink, toRegression } from './scan-compare.ts';

/** Frames of one slab: fewer make the calls the cost, more make a failure long to shrink. */
const FRAMES_PER_SLAB = 250;
/** Each generated frame also comes damaged so often; damage is cheaper than building anew. */
const DAMAGED_COPIES = 3;

export interface FuzzOptions {
  readonly cases: number;
  readonly seed: number;
}

export interface FuzzFailure {
  readonly difference: string;
  readonly frames: readonly FixtureFrame[];
}

/** Makes the scanner that is compared with the reference. Throws when it is not there. */
export function requireNative(setup: ScanSetup): Scanner {
  const scanner = createNativeScanner(setup);
  if (scanner === undefined) throw new Error('the native scanner is not built; run node scripts/native.mjs');
  return scanner;
}

/** Runs `cases` frames through both scanners; the first difference, shrunk, or undefined. */
export function fuzz({ cases, seed }: FuzzOptions): FuzzFailure | undefined {
  const random = createRandom(seed);
  const next = createFrameSource(random);
  const pair = createPair(createReferenceScanner, requireNative, 4);
  for (let done = 0; done < cases; done += FRAMES_PER_SLAB) {
    const frames: FixtureFrame[] = [];
    while (frames.length < FRAMES_PER_SLAB) {
      const frame = next();
      frames.push(frame);
      for (let copy = 0; copy < DAMAGED_COPIES && frames.length < FRAMES_PER_SLAB; copy++) {
        frames.push({ ...frame, body: damage(random, frame.body as Buffer) });
      }
    }
    if (differenceOf(pair, frames) !== undefined) return shrinkFailure(frames);
  }
  return undefined;
}

function shrinkFailure(frames: readonly FixtureFrame[]): FuzzFailure {
  const difference = (some: readonly FixtureFrame[]) =>
    differenceOf(createPair(createReferenceScanner, requireNative, 4), some);
  const smallest = shrink(frames, (some) => difference(some) !== undefined);
  return { frames: smallest, difference: difference(smallest) ?? 'only behind the slabs before it' };
}

/** Writes a failure as a regression file; returns its path. */
export function keepFailure(failure: FuzzFailure, seed: number): string {
  // From the root of the repository, where npm starts tests and scripts: this file also runs from dist.
  const path = `test/regression/scan/seed-${seed}.json`;
  writeFileSync(path, `${JSON.stringify(toRegression(failure.frames), null, 2)}\n`);
  return path;
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    },
  });
  const options = { cases: Number(values.cases), seed: Number(values.seed) };
  console.log(`scan-differential: ${nativeKernel()} · seed ${options.seed} · ${options.cases} cases`);
  const started = performance.now();
  const failure = fuzz(options);
  if (failure !== undefined) {
    console.log(`differs: ${failure.difference}\n${keepFailure(failure, options.seed)}`);
    console.log(JSON.stringify(toRegression(failure.frames), null, 2));
    process.exitCode = 1;
  } else {
    const seconds = (performance.now() - started) / 1000;
    console.log(`equal: ${options.cases} cases in ${seconds.toFixed(1)} s`);
  }
}
