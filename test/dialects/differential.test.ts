/**
 * The native scanner gives the bytes of the reference whatever a table says: kept failures first, then what the
 * fuzzer makes of a seed. More of it: `npm run fuzz:dialects -- --cases N --seed N`, or PENSTOCK_FUZZ_CASES here.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nativeKernel } from '../../src/scan/native.ts';
import { createReferenceScanner } from '../../src/scan/reference/scanner.ts';
import {
  compileTables,
  type DialectRegression,
  fuzzDialects,
  keepDialectFailure,
  replayRegression,
  tablesDiffer,
} from '../fuzz/dialect-differential.ts';
import { tableWith } from './harness.ts';

const SEED = Number(process.env['PENSTOCK_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
const CASES = Number(process.env['PENSTOCK_FUZZ_CASES'] ?? 8_000);
const REGRESSIONS = new URL('../regression/dialects/', import.meta.url);
const KEPT = existsSync(REGRESSIONS) ? readdirSync(REGRESSIONS) : [];
/** A tree without a compiler still has a green test; it says that this file proved nothing. */
const isOff = process.env['PENSTOCK_NATIVE'] === 'off';

describe.skipIf(isOff)('the native scanner against the reference', () => {
  for (const file of KEPT.filter((name) => name.endsWith('.json'))) {
    it(`replays ${file}`, () => {
      const kept = JSON.parse(readFileSync(new URL(file, REGRESSIONS), 'utf8')) as DialectRegression;
      expect(replayRegression(kept)).toBeUndefined();
    });
  }

  it(`agrees on ${CASES} cases of tables made at random`, () => {
    console.log(`dialect-differential: ${nativeKernel()} · seed ${SEED} · ${CASES} cases`);
    const failure = fuzzDialects(CASES, SEED);
    if (failure !== undefined)
      throw new Error(`${failure.difference}; kept in ${keepDialectFailure(failure, SEED)}`);
  }, 600_000);
});

it('finds two scanners that follow different tables', () => {
  const dialect = tableWith({ columns: { platform: ['a', 'b'] } });
  const tables = [{ dialect, shape: 'batch' as const, defaults: {} }];
  const frames = [{ body: '{"event_type":"t","a":"1","b":"2"}' }];
  const other = { ...dialect, columns: { ...dialect.columns, platform: ['b', 'a'] } };
  const makeOther: typeof createReferenceScanner = (setup) =>
    createReferenceScanner({
      ...setup,
      programs: compileTables([{ dialect: other, shape: 'batch', defaults: {} }]),
    });
  expect(tablesDiffer(createReferenceScanner, createReferenceScanner, tables, frames)).toBeUndefined();
  expect(tablesDiffer(createReferenceScanner, makeOther, tables, frames)).toMatch(/^line byte/);
});
