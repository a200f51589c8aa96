import { RETRY_DELAY_MS_START } from './limits.ts';

/**
 * What is added to the least pause after `failures` in a row: by chance (`share`, from 0 to 1) anything from nothing up to a
 * bound that doubles with each. Full jitter, so that the clients of a server that comes back do not come all at once.
 */
export function jitterMs(failures: number, delayMsMax: number, share: number): number {
  return Math.floor(share * Math.min(delayMsMax, RETRY_DELAY_MS_START * 2 ** Math.min(failures, 30)));
}
