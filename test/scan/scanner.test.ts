/** Which scanner runs where, and what happens when the one asked for is not there. */
import { expect, it } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { createNativeScanner, nativeKernel } from '../../src/scan/native.ts';
import { createScanner, scannerName } from '../../src/scan/scanner.ts';
import { createUuidSource } from '../../src/scan/uuid.ts';
import { APPS, PROGRAMS } from './harness.ts';

const setup = () => ({
  programs: PROGRAMS,
  apps: APPS,
  batchEventsMax: 10,
  ids: createUuidSource(createRandom(1)),
});
const isBuilt = nativeKernel() !== undefined;

it('takes the reference where it is asked for', () => {
  expect(scannerName('reference')).toBe('reference');
  expect(createScanner(setup(), 'reference').name).toBe('reference');
});

it('takes the native scanner where it is built, by itself or on demand', () => {
  expect(scannerName('auto')).toBe(isBuilt ? 'native' : 'reference');
  expect(createScanner(setup(), 'auto').name).toBe(scannerName('auto'));
  if (isBuilt) expect(createScanner(setup(), 'native').name).toBe('native');
  else expect(() => scannerName('native')).toThrow('not built');
});

it.skipIf(!isBuilt)('refuses a slab that contradicts itself, as a bug of the caller', () => {
  const scanner = createNativeScanner(setup());
  const output = {
    lines: Buffer.alloc(0),
    lineBytes: 0,
    records: new Uint32Array(0),
    recordCount: 0,
    errors: new Uint32Array(0),
    errorCount: 0,
    surrogatesReplaced: 0,
  };
  const words = new Uint32Array(8);
  words[0] = 1;
  const bytes = new Uint8Array(32);
  expect(() => scanner?.scan({ words, baseTimeMs: 0, sources: [bytes, bytes] }, output)).toThrow(
    'within its sources',
  );
});
