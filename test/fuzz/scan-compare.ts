/** Two scanners over the same slab: the first place in which their outputs differ; and slabs as regression files. */
import { createRandom } from '../../bench/corpus.ts';
import { createSlab, type FixtureFrame } from '../../bench/scan-fixture.ts';
import { claimPrivacyOf } from '../../src/scan/claim-privacy.ts';
import {
  type ClaimPrivacy,
  createScanOutput,
  type ScanJob,
  type Scanner,
  type ScanOutput,
  type ScanSetup,
} from '../../src/scan/contract.ts';
import { createUuidSource, type UuidSource } from '../../src/scan/uuid.ts';
import { FrameWord, frameRow } from '../../src/slab/layout.ts';
import { APPS, BASE_TIME_MS, PROGRAMS } from '../scan/harness.ts';
import { outputDifference } from '../scan/output-difference.ts';

export type MakeScanner = (setup: ScanSetup) => Scanner;

/** A frame as it comes to a scan: one may stand in the arena, or come with the reason for which it was refused. */
export interface FuzzFrame extends FixtureFrame {
  readonly isInArena?: boolean;
  /** Number of a reason (outcome.ts). */
  readonly reason?: number;
  /** What the generator meant it to be; for coverage only. */
  readonly shape?: 'single' | 'array' | 'envelope' | 'ndjson';
}

export interface Pair {
  readonly left: Side;
  readonly right: Side;
}

interface Side {
  readonly scanner: Scanner;
  readonly ids: UuidSource;
  readonly output: ScanOutput;
}

/** What of claims is kept, case by case: a slab is scanned, and a regression replayed, under each. */
export const CLAIM_PRIVACIES: readonly ClaimPrivacy[] = (['keep', 'truncate', 'drop'] as const).flatMap(
  (ip) =>
    (['keep', 'drop'] as const).flatMap(
      (userAgent) => claimPrivacyOf({ fromEvents: true, ip, userAgent }) ?? [],
    ),
);

/** Two scanners that start alike. */
export function createPair(
  left: MakeScanner,
  right: MakeScanner,
  batchEventsMax = 1000,
  claimPrivacy?: ClaimPrivacy,
): Pair {
  return {
    left: createSide(left, batchEventsMax, claimPrivacy),
    right: createSide(right, batchEventsMax, claimPrivacy),
  };
}

function createSide(make: MakeScanner, batchEventsMax: number, claimPrivacy: ClaimPrivacy | undefined): Side {
  const ids = createUuidSource(createRandom(7));
  const scanner = make({ programs: PROGRAMS, apps: APPS, batchEventsMax, ids, claimPrivacy });
  return { scanner, ids, output: createScanOutput() };
}

/** What differs between the two over one slab of `frames`, or undefined. `look` sees what the left one gave. */
export function differenceOf(
  pair: Pair,
  frames: readonly FuzzFrame[],
  look?: (words: Uint32Array, output: ScanOutput) => void,
): string | undefined {
  const { left, right } = pair;
  const job = createJob(frames);
  const words = job.words.slice();
  left.scanner.scan({ ...job, words }, left.output);
  right.scanner.scan(job, right.output);
  const difference = outputDifference({ ...left, words }, { ...right, words: job.words });
  if (difference === undefined) look?.(words, left.output);
  return difference;
}

function createJob(frames: readonly FuzzFrame[]): ScanJob {
  const slab = createSlab(frames, BASE_TIME_MS);
  if (!frames.some(({ isInArena }) => isInArena === true)) return presetReasons(slab.job(), frames);
  // The arena has each body where the slab has it, and the slab then has it no longer.
  const arena = Buffer.from(slab.bytes);
  for (const [index, frame] of frames.entries()) {
    if (frame.isInArena !== true) continue;
    const row = frameRow(index);
    const start = slab.words[row + FrameWord.bodyOffset]!;
    slab.words[row + FrameWord.source] = 1;
    slab.bytes.fill(0, start, start + slab.words[row + FrameWord.bodyLength]!);
  }
  return presetReasons(slab.job(arena), frames);
}

function presetReasons(job: ScanJob, frames: readonly FuzzFrame[]): ScanJob {
  for (const [index, { reason }] of frames.entries()) {
    if (reason !== undefined) job.words[frameRow(index) + FrameWord.reason] = reason;
  }
  return job;
}

/** A slab as a regression file keeps it: bodies and user agents in latin1, so that every byte can be read. */
export interface RegressionFrame extends Omit<FuzzFrame, 'body' | 'userAgent' | 'shape'> {
  readonly body: string;
  readonly userAgent?: string;
}

/** Frames as text. */
export function toRegression(frames: readonly FuzzFrame[]): RegressionFrame[] {
  return frames.map(({ userAgent, shape: _, ...frame }) => ({
    ...frame,
    body: Buffer.from(frame.body).toString('latin1'),
    ...(userAgent !== undefined && { userAgent: Buffer.from(userAgent).toString('latin1') }),
  }));
}

/** Frames from their text. */
export function fromRegression(frames: readonly RegressionFrame[]): FuzzFrame[] {
  return frames.map(({ userAgent, ...frame }) => ({
    ...frame,
    body: Buffer.from(frame.body, 'latin1'),
    ...(userAgent !== undefined && { userAgent: Buffer.from(userAgent, 'latin1') }),
  }));
}
