/** Latencies of a round that may last for days, in bounded memory: counts in buckets of one per cent. */

/** Microseconds of the first bucket's end, and how much wider each bucket's end is than the one before. */
const FIRST_MICROS = 10;
const GROWTH = 1.01;
/** Up to about 20 minutes. */
const BUCKETS = 1900;
const LOG_GROWTH = Math.log(GROWTH);

/** Milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Adds up latencies; percentiles are right to one per cent, the highest exactly. */
export class Latencies {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  add(ms: number): void {
    const micros = ms * 1000;
    const bucket = micros <= FIRST_MICROS ? 0 : Math.ceil(Math.log(micros / FIRST_MICROS) / LOG_GROWTH);
    const index = Math.min(BUCKETS - 1, bucket);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count += 1;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** NaN of none. */
  summarise(): Latency {
    const at = (share: number) => this.#percentile(share);
    return {
      p50: at(0.5),
      p90: at(0.9),
      p99: at(0.99),
      p999: at(0.999),
      max: this.#count === 0 ? Number.NaN : this.#maxMs,
    };
  }

  /** The end of the bucket that holds it. */
  #percentile(share: number): number {
    const rank = Math.floor((this.#count - 1) * share);
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen > rank && seen > 0) return Math.min(this.#maxMs, (FIRST_MICROS * GROWTH ** bucket) / 1000);
    }
    return Number.NaN;
  }
}
