/**
 * Rate limits that processes share: a hash of Redis for each bucket of tokens, filled by Redis' clock. One call takes what
 * this process has spent of all its buckets and gives what is left; a bucket that nobody spends from goes by itself when
 * it would be full.
 */
import type { RateSharing, Spending } from '../admission/rate-limits.ts';
import type { RedisLink } from './link.ts';
import { scripted } from './scripts.ts';

/** Tokens are given in thousandths, since Redis' numbers are whole. */
const SCALE = 1000;

/** Sharing over this connection. */
export function createRateSharing(link: Pick<RedisLink, 'call' | 'isOpen'>, keyPrefix: string): RateSharing {
  return {
    async share(spendings: readonly Spending[]) {
      if (!link.isOpen) return undefined;
      const names = spendings.map(({ name }) => `${keyPrefix}rate:${name}`);
      const numbers = spendings.flatMap(({ perSecond, burst, spent }) => [perSecond, burst, spent]);
      try {
        const left = await link.call((redis) =>
          scripted(redis).penstockSpend(names.length, ...names, ...numbers),
        );
        return left.map((thousandths) => thousandths / SCALE);
      } catch {
        // The link tells why.
        return undefined;
      }
    },
  };
}
