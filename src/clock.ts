/**
 * Time comes into every stage through this interface, so that tests can hold it still.
 * `nowMs` is the wall clock in milliseconds since 1970; `monotonicMs` only ever grows and is for durations.
 */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
