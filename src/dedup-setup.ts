/** What the configuration makes of the dedup window: in this process, and shared with others. */
import { randomBytes } from 'node:crypto';
import { readCaFile } from './config/ca-file.ts';
import type { Config } from './config/config.ts';
import { createWindowMemory, WINDOW_KEY_BYTES } from './dedup/layout.ts';
import { createStartGate } from './dedup/start-gate.ts';
import { type RedisAddress, redisAddress } from './redis/address.ts';
import type { RedisThreadOptions } from './redis/thread.ts';
import type { WorkerSetup } from './worker-setup.ts';

/** What the workers remember ids in; undefined when repeats are kept. */
export function createDedup({ dedup: { idsMax, windowMs }, workers }: Config): WorkerSetup['dedup'] {
  if (idsMax === 0) return undefined;
  // A key of this start: whoever could choose ids that look alike would have others' events dropped.
  const memory = createWindowMemory(idsMax, windowMs, randomBytes(WINDOW_KEY_BYTES));
  return { memory, windowMs, startGate: createStartGate(workers) };
}

/**
 * Whether repeats are looked for across processes. Events that stand in memory alone die with their thread: others
 * must not hear that they are kept.
 */
function sharesRepeats({ redis, dedup, journal }: Config): boolean {
  return redis.dedup && dedup.idsMax > 0 && journal.durability !== 'memory';
}

/** The Redis that is configured; undefined when there is none. */
export function redisOf({ redis }: Config): RedisAddress | undefined {
  return redisAddress(redis, readCaFile(redis.caFile));
}

/** What each worker thread has of Redis. */
export function redisThreadOptions(config: Config, address: RedisAddress): RedisThreadOptions {
  const { timeoutMs, windowMs, countersTtlMs } = config.redis;
  return { address, window: sharesRepeats(config) ? { timeoutMs, windowMs } : undefined, countersTtlMs };
}
