/** Which scanner runs: the native one where it was built, else the reference, or what the configuration asks for. */
import type { Scanner, ScanSetup } from './contract.ts';
import { createNativeScanner, nativeKernel } from './native.ts';
import { createReferenceScanner } from './reference/scanner.ts';

/** `auto` takes the fastest of this machine; `native` must be there; `reference` never asks. */
export type ScannerChoice = 'auto' | 'native' | 'reference';

/** Name of the scanner that createScanner gives on this machine. Throws where `native` is asked for and not there. */
export function scannerName(choice: ScannerChoice): Scanner['name'] {
  if (choice === 'reference') return 'reference';
  if (nativeKernel() !== undefined) return 'native';
  if (choice === 'auto') return 'reference';
  throw new Error(
    'scanner: native, but the native scanner is not built; it takes a C++ compiler and npm run build',
  );
}

/** The scanner of that choice, for one thread. Throws as scannerName does, or when the build is not of this source. */
export function createScanner(setup: ScanSetup, choice: ScannerChoice): Scanner {
  if (scannerName(choice) === 'reference') return createReferenceScanner(setup);
  const scanner = createNativeScanner(setup);
  if (scanner === undefined) throw new Error('the native scanner is of another build; run npm run build');
  return scanner;
}
