/**
 * What the fuzz targets of native/fuzz/ are built from and begin with; scripts/native-fuzz.sh calls this.
 *
 *   setup FILE     the setup of a scanner (src/scan/native-setup.ts) as a header for C++
 *   corpus FOLDER  a file an input: the regression files, the JSON suite, and frames of the differential fuzzer
 *   show FILE      an input that libFuzzer kept, as a file for test/regression/scan
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../bench/corpus.ts';
import type { FixtureFrame } from '../../bench/scan-fixture.ts';
import { encodeSetup } from '../../src/scan/native-setup.ts';
import { createUuidSource } from '../../src/scan/uuid.ts';
import { APPS, PROGRAMS } from '../scan/harness.ts';
import { readSuite, valueBody } from '../scan/json-suite/suite.ts';
import { decodeInput, encodeInput, LIMITS_ROWS } from './native-input.ts';
import { createFrameSource } from './scan-cases.ts';
import { fromRegression, type RegressionFrame, toRegression } from './scan-compare.ts';

// From the root of the repository, where npm starts scripts: this file runs from dist.
const REGRESSIONS = 'test/regression/scan';
/** Frames of the differential fuzzer; libFuzzer keeps those that reach something new. */
const GENERATED_SLABS = 1500;
/** libFuzzer does not go beyond 4 KiB unless a seed does; long inputs make every execution slow. */
const INPUT_BYTES_MAX = 4096;

/** The setup of a scanner with the programs of the tests, as two arrays of C++. */
function setupHeader(): string {
  const ids = createUuidSource(createRandom(7));
  const { words, bytes } = encodeSetup({ programs: PROGRAMS, apps: APPS, batchEventsMax: 4, ids });
  return [
    '// Written by test/fuzz/native-seeds.ts from src/scan/native-setup.ts.',
    '#pragma once',
    '#include <cstdint>',
    `static const uint32_t SETUP_WORDS[] = {${[...words].join('u,')}u};`,
    `static const uint8_t SETUP_BYTES[] = {${[...bytes].join()}};`,
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
  const next = createFrameSource(createRandom(1));
  for (let slab = 0; slab < GENERATED_SLABS; slab++) {
    const first = next();
    yield slab % 4 === 0 ? [first, next(), next()] : [first];
  }
}

function writeCorpus(folder: string): number {
  mkdirSync(folder, { recursive: true });
  let count = 0;
  for (const slab of seedSlabs()) {
    const input = encodeInput(slab, count % LIMITS_ROWS);
    if (input.length > INPUT_BYTES_MAX) continue;
    writeFileSync(join(folder, createHash('sha1').update(input).digest('hex')), input);
    count++;
  }
  return count;
}

const [command, path] = process.argv.slice(2);
if (path === undefined) throw new Error('expected: setup FILE, corpus FOLDER or show FILE');
if (command === 'setup') writeFileSync(path, setupHeader());
else if (command === 'corpus') console.log(`${writeCorpus(path)} seeds`);
else console.log(JSON.stringify(toRegression(decodeInput(readFileSync(path)) ?? []), null, 2));
