/** Bounds of what is measured; part of src/limits.ts. */
import { assert } from '../assert.ts';

/** Configured apps that have a label of their own, the rest are `other`. With all of them, all dialects and both transports in use a scrape of two workers is some 8,000 series, and takes 40 ms of the front (bench/metrics.ts). */
export const METRIC_APPS_MAX = 32;
/** How often a thread gives a sign of life and writes what its journal holds into shared memory. */
export const BEAT_INTERVAL_MS = 50;
/** A thread without one for so long is shown as down: 20 signs are missing then, while a slab takes milliseconds. */
export const THREAD_SILENCE_MS_MAX = 1_000;
/** Frames that wait so long for a thread are full pressure: in health they wait some milliseconds. */
export const PRESSURE_QUEUE_WAIT_MS = 250;
/** Weight of one second's waiting in the smoothed one: nine tenths of a change are seen after 20 seconds. */
export const PRESSURE_SMOOTHING = 0.1;

assert(10 * BEAT_INTERVAL_MS <= THREAD_SILENCE_MS_MAX, 'one late timer is no silence');
