/** A pause that doubles with every failure in a row, with a jitter so that threads do not come back together. */
import { randomInt } from 'node:crypto';
import { RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN } from '../../limits.ts';

export interface Backoff {
  /** Failures in a row. */
  failures(): number;
  /** Milliseconds to wait after one more failure: half to all of the doubled delay. */
  next(): number;
  reset(): void;
}

/** Starts without a failure. */
export function createBackoff(): Backoff {
  let failures = 0;
  return {
    failures: () => failures,
    next() {
      failures += 1;
      return retryDelayMs(failures);
    },
    reset() {
      failures = 0;
    },
  };
}

/** Milliseconds to wait after the `failures`th failure in a row: half to all of the doubled delay. */
export function retryDelayMs(failures: number): number {
  const delayMs = Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN * 2 ** Math.min(failures - 1, 16));
  return randomInt(Math.ceil(delayMs / 2), delayMs + 1);
}

/** Resolves after `delayMs`, without keeping the thread alive. */
export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs).unref());
}
