/** A pause that doubles with every failure in a row, with a jitter so that threads do not come back together. */
import { randomInt } from 'node:crypto';
import { RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN } from './limits.ts';

/** A number from 0 up to 1, 1 excluded. Tests give one that is seeded. */
export type Random = () => number;

const RANDOM_STEPS = 2 ** 32;

/** The machine's randomness. */
export const systemRandom: Random = () => randomInt(RANDOM_STEPS) / RANDOM_STEPS;

export interface Backoff {
  /** Failures in a row. */
  failures(): number;
  /** Milliseconds to wait after one more failure: half to all of the doubled delay. */
  next(): number;
  reset(): void;
}

/** Starts without a failure. */
export function createBackoff(random: Random = systemRandom): Backoff {
  let failures = 0;
  return {
    failures: () => failures,
    next() {
      failures += 1;
      return retryDelayMs(failures, random);
    },
    reset() {
      failures = 0;
    },
  };
}

/** Milliseconds to wait after the `failures`th failure in a row: half to all of the doubled delay. */
export function retryDelayMs(failures: number, random: Random = systemRandom): number {
  const delayMs = Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN * 2 ** Math.min(failures - 1, 16));
  return Math.ceil((delayMs / 2) * (1 + random()));
}

/** Resolves after `delayMs`, without keeping the thread alive. */
export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs).unref());
}
