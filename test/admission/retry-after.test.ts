import { expect, test } from 'vitest';
import { RetryAfter } from '../../src/admission/retry-after.ts';
import { RETRY_AFTER_SECONDS_MAX, RETRY_AFTER_SECONDS_MIN } from '../../src/limits.ts';

test('Retry-After is what is pending over the measured drain rate, within its bounds', () => {
  let nowMs = 0;
  let delivered = 0;
  let pending = 1000;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  const retryAfter = new RetryAfter(
    clock,
    () => pending,
    () => delivered,
  );
  expect(retryAfter.seconds()).toBe(RETRY_AFTER_SECONDS_MAX);
  nowMs = 1000;
  delivered = 100;
  retryAfter.sample();
  expect(retryAfter.seconds()).toBe(10);
  pending = 0;
  expect(retryAfter.seconds()).toBe(RETRY_AFTER_SECONDS_MIN);
  pending = 1;
  expect(retryAfter.seconds()).toBe(RETRY_AFTER_SECONDS_MIN);
  nowMs = 2000;
  retryAfter.sample();
  expect(retryAfter.seconds()).toBe(RETRY_AFTER_SECONDS_MAX);
});
