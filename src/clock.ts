/**
 * Time comes into every stage through this interface, so that tests can hold it still.
 * `nowMs` is the wall clock in milliseconds since 1970; `monotonicMs` only ever grows and is for durations, also between
 * threads of the process.
 */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
}

/** `performance.now` counts from the start of its thread, the clock below it for all threads alike. */
const THREAD_START_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => THREAD_START_MS + performance.now(),
};
