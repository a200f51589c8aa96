import { RETRY_DELAY_MS_MIN, RETRY_DELAY_MS_START } from './limits.ts';

/**
 * Pause before attempt number `failures` + 1: by chance (`share`, from 0 to 1) anything from the least up to a bound that
 * doubles with each failure. Full jitter, so that the clients of a server that comes back do not come all at once.
 */
export function retryDelayMs(failures: number, delayMsMax: number, share: number): number {
  const bound = Math.min(delayMsMax, RETRY_DELAY_MS_START * 2 ** Math.min(failures - 1, 30));
  return RETRY_DELAY_MS_MIN + Math.floor(share * Math.max(0, bound - RETRY_DELAY_MS_MIN));
}
