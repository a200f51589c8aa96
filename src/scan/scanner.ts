import type { Scanner, ScanSetup } from './contract.ts';
import { createReferenceScanner } from './reference/scanner.ts';

/** Name of the scanner that createScanner gives on this machine. */
export const SCANNER_NAME: Scanner['name'] = 'reference';

/** The fastest scanner of this machine, for one thread. */
export function createScanner(setup: ScanSetup): Scanner {
  return createReferenceScanner(setup);
}
