/**
 * Whatever a table says, what comes out is sound: every line is valid UTF-8 and JSON, with no key twice in one object
 * and its keys in canonical order. Tables and bodies are those of the fuzzer.
 */
import { expect, it } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { createSlab } from '../../bench/scan-fixture.ts';
import { compileDialect } from '../../src/dialects/compile.ts';
import { penstock } from '../../src/dialects/penstock.ts';
import { REASONS } from '../../src/outcome.ts';
import {
  createScanOutput,
  ERROR_WORDS,
  ErrorWord,
  type Scanner,
  type ScanOutput,
} from '../../src/scan/contract.ts';
import { createReferenceScanner } from '../../src/scan/reference/scanner.ts';
import { createUuidSource } from '../../src/scan/uuid.ts';
import { createTable, createTableFrames } from '../fuzz/dialect-cases.ts';
import { APPS, BASE_TIME_MS, compileTables } from '../fuzz/dialect-differential.ts';

const SEED = Number(process.env['PENSTOCK_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
const ROUNDS = 60;
const FRAMES = 60;
const ORDER = [
  ...['event_id', 'event_type', 'app_id', 'device_id', 'user_id', 'session_id', 'timestamp', 'platform'],
  ...['os_version', 'app_version', 'attribution', 'event_data', 'context', 'ip', 'user_agent', 'received_at'],
  ...['dialect', 'transport'],
];

function createScanner(programs: ReturnType<typeof compileTables>): Scanner {
  const ids = createUuidSource(createRandom(3));
  return createReferenceScanner({ programs, apps: APPS, batchEventsMax: 1_000_000, ids });
}

/** Lines as events of Penstock's own dialect, whose scanner refuses what is not sound. */
const again = createScanner([compileDialect(penstock, 'batch')]);

function faultsOf(lines: Buffer): string[] {
  const output: ScanOutput = createScanOutput();
  again.scan(createSlab([{ body: lines }], BASE_TIME_MS).job(), output);
  return Array.from(
    { length: output.errorCount },
    (_none, index) => REASONS[output.errors[index * ERROR_WORDS + ErrorWord.reason] ?? 0] ?? '',
  ).filter((reason) => reason !== 'missing_field');
}

it(`${ROUNDS} tables of seed ${SEED} give sound lines`, () => {
  const random = createRandom(SEED);
  let lineCount = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const tables = Array.from({ length: 3 }, () => createTable(random));
    const next = createTableFrames(random, tables);
    const frames = Array.from({ length: FRAMES }, next);
    const output = createScanOutput();
    createScanner(compileTables(tables)).scan(createSlab(frames, BASE_TIME_MS).job(), output);
    const lines = Buffer.from(output.lines.subarray(0, output.lineBytes));
    lineCount += output.recordCount;
    if (lines.length === 0) continue;
    expect(faultsOf(lines)).toEqual([]);
    for (const line of lines.toString().trimEnd().split('\n')) {
      const places = Object.keys(JSON.parse(line) as object).map((key) => ORDER.indexOf(key));
      expect(places).toEqual([...places].sort((left, right) => left - right));
      expect(places[0]).toBe(0);
    }
  }
  expect(lineCount).toBeGreaterThan(ROUNDS * FRAMES * 0.2);
});
