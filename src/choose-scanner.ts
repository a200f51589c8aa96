import type { Config } from './config/config.ts';
import type { Logger } from './log.ts';
import { scannerName } from './scan/scanner.ts';

/** The scanner that the workers will make; said loudly when it is several times slower than this release's. */
export function chooseScanner(config: Config, log: Logger): string {
  const scanner = scannerName(config.scanner);
  if (config.scanner === 'auto' && scanner !== 'native') {
    log.warn('the native scanner is not built; the one in TypeScript serves, several times slower');
  }
  return scanner;
}
