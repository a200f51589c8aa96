/**
 * The native scanner against the reference over tables made at random (dialect-cases.ts), and over those of SDKs
 * with their real requests, whole and damaged. A difference is shrunk and written to test/regression/dialects.
 *
 *   npm run fuzz:dialects -- [--cases N] [--seed N]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createRandom } from '../../bench/corpus.ts';
import { createSlab, type FixtureFrame } from '../../bench/scan-fixture.ts';
import { compileDialect } from '../../src/dialects/compile.ts';
import type { Program } from '../../src/dialects/program.ts';
import { DIALECTS } from '../../src/dialects/routes.ts';
import {
  type ClaimPrivacy,
  createScanOutput,
  type Scanner,
  type ScanSetup,
} from '../../src/scan/contract.ts';
import { createNativeScanner, nativeKernel } from '../../src/scan/native.ts';
import { createReferenceScanner } from '../../src/scan/reference/scanner.ts';
import { createUuidSource } from '../../src/scan/uuid.ts';
import { outputDifference } from '../scan/output-difference.ts';
import { createTableFrames } from './dialect-bodies.ts';
import { createTable, type Table } from './dialect-cases.ts';
import { damage } from './scan-cases.ts';
import { CLAIM_PRIVACIES, fromRegression, type RegressionFrame, toRegression } from './scan-compare.ts';
import { shrink } from './scan-shrink.ts';
import type { Random } from './scan-words.ts';

/** 2025-06-09T12:30:15.250Z, around which the times of the cases lie. */
export const BASE_TIME_MS = 1_749_472_215_250;
export const APPS = ['', 'shop', 'caf\u00e9 "x"'];
/** Tables of one pair of scanners, and slabs that they scan before the next tables are made. */
const TABLES = 4;
const SLABS = 8;
const FRAMES_PER_SLAB = 100;
const BATCH_EVENTS_MAX = 4;

/** Files of test/fixtures/sdk. */
const FAMILIES = [
  ...['segment', 'rudderstack', 'jitsu', 'posthog', 'snowplow', 'amplitude', 'mixpanel', 'cloudevents'],
];

export type MakeScanner = (setup: ScanSetup) => Scanner;

export interface DialectFailure {
  readonly difference: string;
  readonly tables: readonly Table[];
  readonly frames: readonly FixtureFrame[];
}

/** A failure as a file keeps it; it is replayed under each of CLAIM_PRIVACIES. */
export interface DialectRegression {
  readonly tables: readonly Table[];
  readonly frames: readonly RegressionFrame[];
}

/** The programs of these tables, by route. */
export function compileTables(tables: readonly Table[]): Program[] {
  return tables.map(({ dialect, shape, defaults, takesClaims }) =>
    compileDialect(dialect, shape, defaults, takesClaims),
  );
}

/** What differs between two scanners over one slab of `frames`, or undefined. */
export function tablesDiffer(
  left: MakeScanner,
  right: MakeScanner,
  tables: readonly Table[],
  frames: readonly FixtureFrame[],
  claimPrivacy?: ClaimPrivacy,
): string | undefined {
  return createComparison(left, right, tables, claimPrivacy)(frames);
}

function createComparison(
  left: MakeScanner,
  right: MakeScanner,
  tables: readonly Table[],
  claimPrivacy: ClaimPrivacy | undefined,
) {
  const programs = compileTables(tables);
  const [first, second] = [left, right].map((make) => {
    const ids = createUuidSource(createRandom(7));
    const setup = { programs, apps: APPS, batchEventsMax: BATCH_EVENTS_MAX, ids, claimPrivacy };
    return { scanner: make(setup), ids, output: createScanOutput() };
  }) as [Side, Side];
  return (frames: readonly FixtureFrame[]): string | undefined => {
    const slab = createSlab(frames, BASE_TIME_MS);
    const words = slab.words.slice();
    first.scanner.scan(slab.job(), first.output);
    const expected = slab.words.slice();
    slab.words.set(words);
    second.scanner.scan(slab.job(), second.output);
    return outputDifference({ ...first, words: expected }, { ...second, words: slab.words });
  };
}

interface Side {
  readonly scanner: Scanner;
  readonly ids: ReturnType<typeof createUuidSource>;
  readonly output: ReturnType<typeof createScanOutput>;
}

/** Makes the scanner that is compared with the reference. Throws when it is not there. */
export function requireNative(setup: ScanSetup): Scanner {
  const scanner = createNativeScanner(setup);
  if (scanner === undefined) throw new Error('the native scanner is not built; run node scripts/native.mjs');
  return scanner;
}

/**
 * The tables of all SDKs by their shapes, and one text of a route each, as the first tables of every round; then all of them
 * with claims.
 */
export const SDK_TABLES: readonly Table[] = [...sdkTables(), ...sdkTables(true)];

function sdkTables(takesClaims = false): Table[] {
  return DIALECTS.slice(1).flatMap((dialect) => {
    const tables = dialect.routes.map(({ shape, defaults = {} }) => ({
      dialect,
      shape,
      defaults,
      takesClaims,
    }));
    return tables.filter(
      ({ shape, defaults }, index) =>
        tables.findIndex(
          (other) => other.shape === shape && hasTexts(other.defaults) === hasTexts(defaults),
        ) === index,
    );
  });
}

function hasTexts(defaults: Table['defaults']): boolean {
  return Object.keys(defaults).length > 0;
}

/** Runs `cases` frames through both scanners; the first difference, shrunk, or undefined. */
export function fuzzDialects(cases: number, seed: number): DialectFailure | undefined {
  const random = createRandom(seed);
  const requests = readBodies();
  for (let done = 0; done < cases; ) {
    const privacy = CLAIM_PRIVACIES[random() % CLAIM_PRIVACIES.length];
    const made = Array.from({ length: TABLES }, () => createTable(random));
    const tables = [...SDK_TABLES, ...made];
    const differs = createComparison(createReferenceScanner, requireNative, tables, privacy);
    const next = createTableFrames(random, made);
    for (let slab = 0; slab < SLABS; slab++) {
      const frames = Array.from({ length: FRAMES_PER_SLAB }, (): FixtureFrame => {
        const frame = next();
        const shifted = { ...frame, route: (frame.route ?? 0) + SDK_TABLES.length };
        const chosen = random() % 8 === 0 ? sdkFrame(random, requests, frame) : shifted;
        return random() % 4 === 0 ? { ...chosen, body: damage(random, chosen.body as Buffer) } : chosen;
      });
      done += frames.length;
      if (differs(frames) !== undefined) return shrinkFailure(tables, frames, privacy);
    }
  }
  return undefined;
}

/** Bodies that SDKs of all families sent, as JSON. From the root of the repository, where npm starts. */
export function readBodies(): Buffer[] {
  return FAMILIES.flatMap((family) =>
    (JSON.parse(readFileSync(`test/fixtures/sdk/${family}.json`, 'utf8')) as { body: unknown }[]).map(
      ({ body }) => Buffer.from(JSON.stringify(body)),
    ),
  );
}

function sdkFrame(random: Random, bodies: readonly Buffer[], frame: FixtureFrame): FixtureFrame {
  return { ...frame, body: bodies[random() % bodies.length] ?? '', route: random() % SDK_TABLES.length };
}

function shrinkFailure(
  tables: readonly Table[],
  frames: readonly FixtureFrame[],
  privacy: ClaimPrivacy | undefined,
): DialectFailure {
  const difference = (some: readonly FixtureFrame[]) =>
    tablesDiffer(createReferenceScanner, requireNative, tables, some, privacy);
  const smallest = shrink(frames, (some) => difference(some) !== undefined);
  const used = [...new Set(smallest.map(({ route = 0 }) => route))];
  const renumbered = smallest.map((frame) => ({ ...frame, route: used.indexOf(frame.route ?? 0) }));
  return {
    tables: used.map((route) => tables[route] as Table),
    frames: renumbered,
    difference: difference(smallest) ?? 'only behind the slabs before it',
  };
}

/** Writes a failure as a regression file; returns its path. */
export function keepDialectFailure(failure: DialectFailure, seed: number): string {
  const path = `test/regression/dialects/seed-${seed}.json`;
  mkdirSync('test/regression/dialects', { recursive: true });
  const kept: DialectRegression = { tables: failure.tables, frames: toRegression(failure.frames) };
  writeFileSync(path, `${JSON.stringify(kept, null, 2)}\n`);
  return path;
}

/** What differs in a regression file, or undefined. */
export function replayRegression({ tables, frames }: DialectRegression): string | undefined {
  for (const privacy of CLAIM_PRIVACIES) {
    const difference = tablesDiffer(
      createReferenceScanner,
      requireNative,
      tables,
      fromRegression(frames),
      privacy,
    );
    if (difference !== undefined) return difference;
  }
  return undefined;
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    },
  });
  const [cases, seed] = [Number(values.cases), Number(values.seed)];
  console.log(`dialect-differential: ${nativeKernel()} · seed ${seed} · ${cases} cases`);
  const started = performance.now();
  const failure = fuzzDialects(cases, seed);
  if (failure !== undefined) {
    console.log(`differs: ${failure.difference}\n${keepDialectFailure(failure, seed)}`);
    console.log(JSON.stringify({ ...failure, frames: toRegression(failure.frames) }, null, 2));
    process.exitCode = 1;
  } else {
    const seconds = (performance.now() - started) / 1000;
    console.log(`equal: ${cases} cases in ${seconds.toFixed(1)} s`);
  }
}
