/** What one worker thread has of Redis: its connection, the window that processes share, and the live counters. */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { RedisAddress } from './address.ts';
import { type LinkState, RedisLink } from './link.ts';
import { LiveCounts } from './live-counts.ts';
import { RedisWindow, type RedisWindowOptions } from './shared-window.ts';

/** Plain data: it is cloned into every thread. */
export interface RedisThreadOptions {
  readonly address: RedisAddress;
  /** Undefined where repeats are not looked for across processes. */
  readonly window: Omit<RedisWindowOptions, 'keyPrefix'> | undefined;
  /** How long counters are kept; 0 counts nothing. */
  readonly countersTtlMs: number;
}

export interface RedisThread {
  readonly window: RedisWindow | undefined;
  readonly counts: LiveCounts | undefined;
  state(): LinkState;
  /** Totals since the start, by the names of their counters. */
  totals(): RedisTotals;
  /** Resolves when everything that was sent is answered, or given up. */
  flush(): Promise<void>;
}

export type RedisTotals = RedisWindow['totals'] & {
  readonly redisTimeouts: number;
  readonly redisFailures: number;
  readonly redisCountsLost: number;
};

const FLUSH_POLL_MS = 5;
const NO_LOOKS: RedisWindow['totals'] = {
  redisLooks: 0,
  redisLookMicros: 0,
  redisIdsAsked: 0,
  redisIdsFound: 0,
  redisIdsUnanswered: 0,
  redisIdsUntold: 0,
};

/** Begins to connect; nothing waits for it. */
export function openRedisThread(
  { address, window: windowOptions, countersTtlMs }: RedisThreadOptions,
  name: string,
  clock: Clock,
  log: Logger,
): RedisThread {
  const { keyPrefix } = address;
  const link: RedisLink = new RedisLink(address, {
    clock,
    log,
    name: `penstock-${name}`,
    hello: async (redis) => {
      // Whatever is used first: without a password, or while it loads, Redis says so here.
      await (window?.hello(redis) ?? redis.ping());
    },
  });
  const window = windowOptions && new RedisWindow(link, { ...windowOptions, keyPrefix }, clock);
  const counts = countersTtlMs > 0 ? new LiveCounts(link, keyPrefix, countersTtlMs) : undefined;
  return {
    window,
    counts,
    state: () => link.state,
    totals: () => ({
      ...(window?.totals ?? NO_LOOKS),
      redisTimeouts: link.timeouts,
      redisFailures: link.failures,
      redisCountsLost: counts?.lost ?? 0,
    }),
    async flush() {
      counts?.send();
      while (link.pending > 0) await new Promise((resolve) => setTimeout(resolve, FLUSH_POLL_MS));
    },
  };
}
