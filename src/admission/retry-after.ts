import type { Clock } from '../clock.ts';
import { RETRY_AFTER_SECONDS_MAX, RETRY_AFTER_SECONDS_MIN } from '../limits.ts';

/**
 * Retry-After from what is known: how long the sinks, at the rate last sampled, need for what is pending. Sinks
 * that stand still give the longest time.
 */
export class RetryAfter {
  readonly #clock: Clock;
  readonly #pendingBytes: () => number;
  readonly #deliveredBytes: () => number;
  #sampleAtMs: number;
  #sampleBytes: number;
  #bytesPerSecond = 0;

  constructor(clock: Clock, pendingBytes: () => number, deliveredBytes: () => number) {
    this.#clock = clock;
    this.#pendingBytes = pendingBytes;
    this.#deliveredBytes = deliveredBytes;
    this.#sampleAtMs = clock.monotonicMs();
    this.#sampleBytes = deliveredBytes();
  }

  /** Measures the drain rate since the last sample; called about once a second. */
  sample(): void {
    const nowMs = this.#clock.monotonicMs();
    const delivered = this.#deliveredBytes();
    this.#bytesPerSecond = ((delivered - this.#sampleBytes) * 1000) / Math.max(1, nowMs - this.#sampleAtMs);
    this.#sampleAtMs = nowMs;
    this.#sampleBytes = delivered;
  }

  /** Whole seconds for a Retry-After header. */
  seconds(): number {
    const pendingBytes = this.#pendingBytes();
    if (pendingBytes === 0) return RETRY_AFTER_SECONDS_MIN;
    if (this.#bytesPerSecond <= 0) return RETRY_AFTER_SECONDS_MAX;
    const seconds = Math.ceil(pendingBytes / this.#bytesPerSecond);
    return Math.min(RETRY_AFTER_SECONDS_MAX, Math.max(RETRY_AFTER_SECONDS_MIN, seconds));
  }
}
