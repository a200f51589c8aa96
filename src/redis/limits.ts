/** Bounds of what is kept in Redis, as src/limits.ts has those of all else; it gives these on. */
import { assert } from '../assert.ts';

/** A slab waits at most so long for Redis: a hundred round trips within a data centre, and less than a person notices. */
export const REDIS_TIMEOUT_MS = 50;
/** What nobody waits for (ids that are told, counters, limits) has failed after so long: a fork of a large Redis takes less. */
export const REDIS_WRITE_TIMEOUT_MS = 2_000;
/** A connection that does not stand, with its password and its key, after so long is given up. */
export const REDIS_CONNECT_TIMEOUT_MS = 2_000;
/** Calls in a row that fail or are too slow, then the connection is given up and tried again with growing pauses. */
export const REDIS_FAILURES_MAX = 3;
/** A Redis that stays away says so in the log this often. */
export const REDIS_LOG_INTERVAL_MS = 60_000;
/** Ids of one call of a script: 5 ms of Redis' one thread, in which it serves nobody else. */
export const REDIS_IDS_PER_CALL = 4_096;
/** Ids are known for so long at least, as in the window of the process. */
export const REDIS_WINDOW_MS = 600_000;
/** Counters of a minute are kept for two days. */
export const REDIS_COUNTERS_TTL_MS = 2 * 24 * 3_600_000;
/** Apps and minutes whose counters wait in a thread while Redis is away; in open mode clients make up apps. */
export const REDIS_COUNTS_WAITING_MAX = 4_096;
/** Slabs of a thread that wait for Redis at the same time, each with the lines of its own scan. */
export const REDIS_SLABS_WAITING_MAX = 2;
/** How often what was spent of rate limits is told and asked for: processes together overshoot by so much of their traffic. */
export const REDIS_RATE_INTERVAL_MS = 100;
/** How often the version of the key registry is looked at, beside what is published: a lost message is made up for within it. */
export const REDIS_KEYS_POLL_MS = 5_000;

assert(REDIS_TIMEOUT_MS < REDIS_WRITE_TIMEOUT_MS, 'what is waited for is given up first');
