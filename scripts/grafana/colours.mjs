// Colours that mean the same on every dashboard.
/** Steps of a number that is 0 in health. */
export const RED_ABOVE_0 = [[1e-9, 'red']];

/** States of a circuit breaker: `penstock_sink_breaker_state`, `penstock_consumer_breaker_state`. */
export const BREAKER_WORDS = { 0: ['ok', 'green'], 1: ['probing', 'yellow'], 2: ['away', 'red'] };
