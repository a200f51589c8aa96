// Hot path: a few calls a request.
/** A rate, and how much may come at once after a pause. */
export interface Rate {
  readonly perSecond: number;
  /** At least 1. */
  readonly burst: number;
}

/**
 * A bucket of tokens, one an event, that may be owed: how many events a request has is known when it was scanned, so it
 * is let in while there is a whole token and pays afterwards. The rate holds on average; what is under way when the bucket
 * runs empty comes on top, and is waited for.
 */
export class TokenBucket {
  readonly rate: Rate;
  #tokens: number;
  #atMs: number;

  /** Full. Times are those of one clock, in milliseconds. */
  constructor(rate: Rate, nowMs: number) {
    this.rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = nowMs;
  }

  /** Tokens that are there; below 0 those that are owed. */
  tokens(nowMs: number): number {
    const grown = (Math.max(0, nowMs - this.#atMs) * this.rate.perSecond) / 1000;
    this.#tokens = Math.min(this.rate.burst, this.#tokens + grown);
    this.#atMs = nowMs;
    return this.#tokens;
  }

  spend(count: number, nowMs: number): void {
    this.#tokens = this.tokens(nowMs) - count;
  }

  /** Takes over what others know. */
  set(tokens: number, nowMs: number): void {
    this.#tokens = Math.min(this.rate.burst, tokens);
    this.#atMs = nowMs;
  }

  /** Milliseconds until there is a token; 0 when there is one. */
  waitMs(nowMs: number): number {
    const tokens = this.tokens(nowMs);
    return tokens >= 1 ? 0 : ((1 - tokens) * 1000) / this.rate.perSecond;
  }
}
