/**
 * The reference and the native scanner as one: every slab goes through both, and all that they give must be equal,
 * so that every rule that is tested through the harness holds for both. Where the addon is not built, the reference
 * alone; differential.test.ts then says so.
 */
import { createScanOutput, type Scanner, type ScanOutput, type ScanSetup } from '../../src/scan/contract.ts';
import { createNativeScanner } from '../../src/scan/native.ts';
import { createReferenceScanner } from '../../src/scan/reference/scanner.ts';
import { outputDifference } from './output-difference.ts';

/** A scanner that throws where the two differ. */
export function createBothScanners(setup: ScanSetup): Scanner {
  const ids = { ...setup.ids };
  const reference = createReferenceScanner({ ...setup, ids });
  const native = createNativeScanner(setup);
  if (native === undefined) return createReferenceScanner(setup);
  const expected: ScanOutput = createScanOutput();
  return {
    name: 'native',
    scan(job, output) {
      const words = job.words.slice();
      ids.counter = setup.ids.counter;
      reference.scan({ ...job, words }, expected);
      native.scan(job, output);
      const difference = outputDifference(
        { words, output: expected, ids },
        { words: job.words, output, ids: setup.ids },
      );
      if (difference !== undefined) throw new Error(`reference and native differ: ${difference}`);
    },
  };
}
