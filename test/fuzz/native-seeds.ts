/**
 * What the fuzz targets of native/fuzz/ are built from and begin with; scripts/native-fuzz.sh calls this.
 *
 *   setup FILE     the setups of a scanner (src/scan/native-setup.ts) and of encoders (src/sinks/native-block-setup.ts) as
 *                  a header for C++
 *   corpus FOLDER  files of an input each: in FOLDER/bodies the regression files, the JSON suite, requests of real SDKs
 *                  and frames of the differential fuzzer; in FOLDER/lines what the scanner makes of such frames, and
 *                  made and damaged lines
 *   show FILE      an input that libFuzzer kept, as a file for test/regression/scan, or for test/regression/dialects
 *                  where its route is one of the `segment` table
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../bench/corpus.ts';
import type { FixtureFrame } from '../../bench/scan-fixture.ts';
import { createSlab } from '../../bench/scan-fixture.ts';
import { createScanOutput } from '../../src/scan/contract.ts';
import { encodeSetup } from '../../src/scan/native-setup.ts';
import { createReferenceScanner } from '../../src/scan/reference/scanner.ts';
import { createUuidSource } from '../../src/scan/uuid.ts';
import { encodeBlockSetup, JSON_FORMS } from '../../src/sinks/native-block-setup.ts';
import { APPS, BASE_TIME_MS, PROGRAMS } from '../scan/harness.ts';
import { readSuite, valueBody } from '../scan/json-suite/suite.ts';
import { createLineSource, damageLine } from './batch-lines.ts';
import { compileTables, type DialectRegression, readBodies, SDK_TABLES } from './dialect-differential.ts';
import { decodeInput, encodeInput, LIMITS_ROWS, LINES_VARIANT, VARIANTS } from './native-input.ts';
import { createFrameSource, damage } from './scan-cases.ts';
import { fromRegression, type RegressionFrame, toRegression } from './scan-compare.ts';

// From the root of the repository, where npm starts scripts: this file runs from dist.
const REGRESSIONS = 'test/regression/scan';
/** Frames of the differential fuzzer; libFuzzer keeps those that reach something new. */
const GENERATED_SLABS = 1500;
/** Runs of one to three lines, beside those of the scanner. */
const GENERATED_LINES = 500;
/** libFuzzer does not go beyond 4 KiB unless a seed does; long inputs make every execution slow. */
const INPUT_BYTES_MAX = 4096;

/** Programs by route: those of the tests, which are plain, then the `segment` table's, which is not. */
const SEEDED_PROGRAMS = [...PROGRAMS, ...compileTables(SDK_TABLES)];

function scanSetup() {
  const ids = createUuidSource(createRandom(7));
  return { programs: SEEDED_PROGRAMS, apps: APPS, batchEventsMax: 4, ids };
}

/** The setups as arrays of C++. Blocks have no bound that an input of a fuzzer meets. */
function setupHeader(): string {
  const scan = encodeSetup(scanSetup());
  const blocks = JSON_FORMS.map((jsonForm) =>
    encodeBlockSetup({ jsonForm, bytesMax: 1 << 30, rowsMax: 1 << 30 }),
  );
  const rows = blocks.map(({ words }) => `{${[...words].join('u,')}u}`);
  return [
    '// Written by test/fuzz/native-seeds.ts from src/scan/native-setup.ts and src/sinks/native-block-setup.ts.',
    '#pragma once',
    '#include <cstdint>',
    `static const uint32_t SETUP_WORDS[] = {${[...scan.words].join('u,')}u};`,
    `static const uint8_t SETUP_BYTES[] = {${[...scan.bytes].join()}};`,
    '// A row for each form of JSON columns; not every target has encoders.',
    `[[maybe_unused]] static const uint32_t BLOCK_SETUP_WORDS[][${blocks[0]!.words.length}] = {${rows.join()}};`,
    `[[maybe_unused]] static const uint8_t BLOCK_SETUP_BYTES[] = {${[...blocks[0]!.bytes].join()}};`,
    '',
  ].join('\n');
}

function* seedSlabs(): Generator<readonly FixtureFrame[]> {
  for (const file of readdirSync(REGRESSIONS).filter((name) => name.endsWith('.json'))) {
    const frames = JSON.parse(readFileSync(join(REGRESSIONS, file), 'utf8')) as RegressionFrame[];
    yield fromRegression(frames);
  }
  for (const { bytes, isBody } of readSuite()) {
    for (const route of [0, 1, 2]) yield [{ route, body: isBody ? bytes : valueBody(bytes) }];
  }
  for (const body of readBodies()) {
    for (const [index] of SDK_TABLES.entries()) {
      const route = PROGRAMS.length + index;
      yield [{ route, body }];
      yield [{ route, body: damage(createRandom(body.length), body) }];
    }
  }
  const next = createFrameSource(createRandom(1));
  for (let slab = 0; slab < GENERATED_SLABS; slab++) {
    const first = next();
    yield slab % 4 === 0 ? [first, next(), next()] : [first];
  }
}

/** What the scanner makes of the slabs above, and lines made for encoders, some of them damaged. */
function* seedLines(): Generator<Buffer> {
  const scanner = createReferenceScanner(scanSetup());
  const output = createScanOutput();
  for (const frames of seedSlabs()) {
    scanner.scan(createSlab(frames, BASE_TIME_MS).job(), output);
    if (output.lineBytes > 0) yield Buffer.from(output.lines.subarray(0, output.lineBytes));
  }
  const random = createRandom(2);
  const next = createLineSource(random);
  for (let index = 0; index < GENERATED_LINES; index++) {
    const lines = [next(), next(), next()].map((line) =>
      random() % 4 === 0 ? damageLine(line, random) : Buffer.from(line),
    );
    yield Buffer.concat(lines.slice(0, 1 + (random() % 3)));
  }
}

function writeCorpus(folder: string): number {
  let count = 0;
  for (const slab of seedSlabs()) {
    const variant = (2 * Math.floor(count / LIMITS_ROWS)) % VARIANTS;
    count += writeInput(join(folder, 'bodies'), encodeInput(slab, count % LIMITS_ROWS, variant));
  }
  for (const body of seedLines()) {
    const variant = LINES_VARIANT | ((2 * count) % VARIANTS);
    count += writeInput(join(folder, 'lines'), encodeInput([{ body }], 0, variant));
  }
  return count;
}

/** Writes a seed and returns 1, or 0 for one that is too long. */
function writeInput(folder: string, input: Buffer): number {
  if (input.length > INPUT_BYTES_MAX) return 0;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, createHash('sha1').update(input).digest('hex')), input);
  return 1;
}

/** An input as the file of a regression test; lines of an encoder's target as a text of its bytes. */
function showInput(input: Buffer): readonly RegressionFrame[] | DialectRegression | string {
  const frames = decodeInput(input) ?? [];
  if (((input[1] ?? 0) & (LINES_VARIANT << 2)) !== 0) return Buffer.from(frames[0]!.body).toString('latin1');
  const route = frames[0]?.route ?? 0;
  if (route < PROGRAMS.length) return toRegression(frames);
  const renumbered = frames.map((frame) => ({ ...frame, route: route - PROGRAMS.length }));
  return { tables: SDK_TABLES, frames: toRegression(renumbered) };
}

const [command, path] = process.argv.slice(2);
if (path === undefined) throw new Error('expected: setup FILE, corpus FOLDER or show FILE');
if (command === 'setup') writeFileSync(path, setupHeader());
else if (command === 'corpus') console.log(`${writeCorpus(path)} seeds`);
else console.log(JSON.stringify(showInput(readFileSync(path)), null, 2));
