/** Two scanners over the same slab: the first place in which their outputs differ, and the smallest slab that shows it. */
import { createRandom } from '../../bench/corpus.ts';
import { createSlab, type FixtureFrame } from '../../bench/scan-fixture.ts';
import { createScanOutput, type Scanner, type ScanOutput, type ScanSetup } from '../../src/scan/contract.ts';
import { createUuidSource, type UuidSource } from '../../src/scan/uuid.ts';
import { APPS, BASE_TIME_MS, PROGRAMS } from '../scan/harness.ts';
import { outputDifference } from '../scan/output-difference.ts';

export type MakeScanner = (setup: ScanSetup) => Scanner;

export interface Pair {
  readonly left: Side;
  readonly right: Side;
}

interface Side {
  readonly scanner: Scanner;
  readonly ids: UuidSource;
  readonly output: ScanOutput;
}

/** Two scanners that start alike. */
export function createPair(left: MakeScanner, right: MakeScanner, batchEventsMax = 1000): Pair {
  return { left: createSide(left, batchEventsMax), right: createSide(right, batchEventsMax) };
}

function createSide(make: MakeScanner, batchEventsMax: number): Side {
  const ids = createUuidSource(createRandom(7));
  const scanner = make({ programs: PROGRAMS, apps: APPS, batchEventsMax, ids });
  return { scanner, ids, output: createScanOutput() };
}

/** What differs between the two over one slab of `frames`, or undefined. */
export function differenceOf(pair: Pair, frames: readonly FixtureFrame[]): string | undefined {
  const slab = createSlab(frames, BASE_TIME_MS);
  const words = slab.words.slice();
  const { left, right } = pair;
  left.scanner.scan(slab.job(), left.output);
  const expected = slab.words.slice();
  slab.words.set(words);
  right.scanner.scan(slab.job(), right.output);
  return outputDifference({ ...left, words: expected }, { ...right, words: slab.words });
}

/** The fewest frames and bytes that still differ, each tried with scanners that start anew. */
export function shrink(
  frames: readonly FixtureFrame[],
  differs: (frames: readonly FixtureFrame[]) => boolean,
) {
  let smallest = dropParts(frames, differs);
  for (let index = 0; index < smallest.length; index++) {
    const { body, ...plain } = smallest[index]!;
    const replace = (bytes: readonly number[], rest: Omit<FixtureFrame, 'body'> = plain) =>
      smallest.map((frame, at) => (at === index ? { ...rest, body: Buffer.from(bytes) } : frame));
    const bytes = dropParts([...Buffer.from(body)], (parts) => differs(replace(parts)));
    smallest = replace(bytes);
    const bare = replace(bytes, { route: plain.route ?? 0 });
    if (differs(bare)) smallest = bare;
  }
  return smallest;
}

/** Drops halves, then quarters, down to single parts, as long as what is left still differs. */
function dropParts<Part>(
  parts: readonly Part[],
  differs: (parts: readonly Part[]) => boolean,
): readonly Part[] {
  for (let size = parts.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= parts.length; ) {
      const without = [...parts.slice(0, at), ...parts.slice(at + size)];
      if (without.length > 0 && differs(without)) parts = without;
      else at += size;
    }
  }
  return parts;
}

/** A slab as a regression file keeps it: bodies and user agents in latin1, so that every byte can be read. */
export interface RegressionFrame extends Omit<FixtureFrame, 'body' | 'userAgent'> {
  readonly body: string;
  readonly userAgent?: string;
}

/** Frames as text. */
export function toRegression(frames: readonly FixtureFrame[]): RegressionFrame[] {
  return frames.map(({ userAgent, ...frame }) => ({
    ...frame,
    body: Buffer.from(frame.body).toString('latin1'),
    ...(userAgent !== undefined && { userAgent: Buffer.from(userAgent).toString('latin1') }),
  }));
}

/** Frames from their text. */
export function fromRegression(frames: readonly RegressionFrame[]): FixtureFrame[] {
  return frames.map(({ userAgent, ...frame }) => ({
    ...frame,
    body: Buffer.from(frame.body, 'latin1'),
    ...(userAgent !== undefined && { userAgent: Buffer.from(userAgent, 'latin1') }),
  }));
}
