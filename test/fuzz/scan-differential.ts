/**
 * The native scanner against the reference: slabs of generated frames go through both, and every byte of what they
 * give must be equal. A difference is shrunk and written to test/regression/scan, which the test replays first.
 * A run of COVERAGE_CASES or more also counts what its first cases reached, goes on counting while a feature is missing,
 * and fails when one is at the end.
 *
 *   npm run fuzz:scan -- [--cases N] [--seed N]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createRandom } from '../../bench/corpus.ts';
import type { ClaimPrivacy, Scanner, ScanSetup } from '../../src/scan/contract.ts';
import { createNativeScanner, nativeKernel } from '../../src/scan/native.ts';
import { createReferenceScanner } from '../../src/scan/reference/scanner.ts';
import { createFrameSource, damage } from './scan-cases.ts';
import { CLAIM_PRIVACIES, createPair, differenceOf, type FuzzFrame, toRegression } from './scan-compare.ts';
import {
  addCoverage,
  type Coverage,
  createCoverage,
  formatCoverage,
  missingFeatures,
} from './scan-coverage.ts';
import { createHeavySlab, HEAVY_EVENTS_MAX } from './scan-heavy.ts';
import { shrink } from './scan-shrink.ts';

/** Frames of one slab: fewer make the calls the cost, more make a failure long to shrink. */
const FRAMES_PER_SLAB = 250;
/** Events of one batch, few so that small frames go beyond it. */
const EVENTS_MAX = 4;
/** Each generated frame also comes damaged so often; damage is cheaper than building anew. */
const DAMAGED_COPIES = 2;
/** One slab in so many is a heavy one, which takes half a second. */
const SLABS_PER_HEAVY = 200;
/** The first of these is one of the first slabs, so that short runs have one too. */
const FIRST_HEAVY_SLAB = 5;
/** Cases whose coverage is counted, as long as nothing is missing then: counting costs a third of a run. */
export const COVERAGE_CASES = 100_000;

export interface FuzzOptions {
  readonly cases: number;
  readonly seed: number;
}

export interface FuzzFailure {
  readonly difference: string;
  readonly frames: readonly FuzzFrame[];
}

export interface FuzzResult {
  /** The first difference, shrunk. */
  readonly failure?: FuzzFailure;
  /** Of the first COVERAGE_CASES, and of those behind them up to the first that left nothing missing. */
  readonly coverage: Coverage;
}

/** Makes the scanner that is compared with the reference. Throws when it is not there. */
export function requireNative(setup: ScanSetup): Scanner {
  const scanner = createNativeScanner(setup);
  if (scanner === undefined) throw new Error('the native scanner is not built; run node scripts/native.mjs');
  return scanner;
}

/** Runs `cases` frames through both scanners, up to the first difference. */
export function fuzz({ cases, seed }: FuzzOptions): FuzzResult {
  const random = createRandom(seed);
  const next = createFrameSource(random);
  const pairs = CLAIM_PRIVACIES.map((privacy) =>
    createPair(createReferenceScanner, requireNative, EVENTS_MAX, privacy),
  );
  const heavyPair = createPair(createReferenceScanner, requireNative, HEAVY_EVENTS_MAX);
  const coverage = createCoverage();
  for (let done = 0, slab = 0; done < cases; slab++) {
    const privacy = slab % CLAIM_PRIVACIES.length;
    const isHeavy = slab % SLABS_PER_HEAVY === FIRST_HEAVY_SLAB;
    const frames = isHeavy ? createHeavySlab(random) : createSlabFrames(random, next);
    const isCounted = done < COVERAGE_CASES || missingFeatures(coverage).length > 0;
    const pair = isHeavy ? heavyPair : (pairs[privacy] ?? heavyPair);
    const difference = differenceOf(pair, frames, (words, output) => {
      if (isCounted) addCoverage(coverage, frames, words, output);
    });
    if (difference !== undefined) {
      const eventsMax = isHeavy ? HEAVY_EVENTS_MAX : EVENTS_MAX;
      return { coverage, failure: shrinkFailure(frames, eventsMax, CLAIM_PRIVACIES[isHeavy ? 0 : privacy]) };
    }
    done += frames.length;
  }
  return { coverage };
}

function createSlabFrames(random: () => number, next: () => FuzzFrame): FuzzFrame[] {
  const frames: FuzzFrame[] = [];
  while (frames.length < FRAMES_PER_SLAB) {
    const frame = next();
    frames.push(frame);
    for (let copy = 0; copy < DAMAGED_COPIES && frames.length < FRAMES_PER_SLAB; copy++) {
      frames.push({ ...frame, body: damage(random, frame.body as Buffer) });
    }
  }
  return frames;
}

function shrinkFailure(
  frames: readonly FuzzFrame[],
  eventsMax: number,
  privacy: ClaimPrivacy | undefined,
): FuzzFailure {
  const difference = (some: readonly FuzzFrame[]) =>
    differenceOf(createPair(createReferenceScanner, requireNative, eventsMax, privacy), some);
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

/** Features that a run long enough to tell did not reach. */
export function unreached(options: FuzzOptions, coverage: Coverage): string[] {
  return options.cases < COVERAGE_CASES ? [] : missingFeatures(coverage);
}

function main(): void {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    },
  });
  const options = { cases: Number(values.cases), seed: Number(values.seed) };
  console.log(`scan-differential: ${nativeKernel()} · seed ${options.seed} · ${options.cases} cases`);
  const started = performance.now();
  const { failure, coverage } = fuzz(options);
  if (failure !== undefined) {
    console.log(`differs: ${failure.difference}\n${keepFailure(failure, options.seed)}`);
    console.log(JSON.stringify(toRegression(failure.frames), null, 2));
    process.exitCode = 1;
    return;
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(`reached by the cases that were counted:\n${formatCoverage(coverage)}`);
  console.log(`equal: ${options.cases} cases in ${seconds.toFixed(1)} s`);
  const missing = unreached(options, coverage);
  if (missing.length === 0) return;
  console.log(`never reached: ${missing.join(', ')}`);
  process.exitCode = 1;
}

if (import.meta.filename === process.argv[1]) main();
