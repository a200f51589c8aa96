/**
 * Whether a sink is sent to: the circuit breaker of one delivery.
 *
 *   closed ──(BREAKER_FAILURES_MAX failures in a row)──▶ open ──(its pause is over)──▶ half-open: one send, the probe
 *     ▲                                                   ▲                              │
 *     └──────────────────(the target answers)─────────────┼──────────────────────────────┤
 *                                                         └───────────(failure)──────────┘
 *
 * A delivery has one of its own, so that a stream whose blocks fail for a reason of their own does not hold up the
 * other. It keeps no time: who asked waits `pauseMs` before the next send.
 */
import { BREAKER_FAILURES_MAX } from '../limits.ts';

/** The numbers are those of `penstock_sink_breaker_state`. */
export const BreakerState = { closed: 0, halfOpen: 1, open: 2 } as const;
export type BreakerState = (typeof BreakerState)[keyof typeof BreakerState];

export interface BreakerOptions {
  /** Pause after the `failures`th failure in a row, with its jitter. */
  readonly pauseMs: (failures: number) => number;
  /** Called after every change of the state. */
  readonly onChange: (state: BreakerState, before: BreakerState) => void;
}

export class Breaker {
  readonly #options: BreakerOptions;
  #state: BreakerState = BreakerState.closed;
  #failures = 0;
  #failuresTotal = 0;
  #retriesTotal = 0;

  /** Closed, without a failure. */
  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    return this.#state;
  }

  get isOpen(): boolean {
    return this.#state === BreakerState.open;
  }

  /** Failures since the start. */
  get failuresTotal(): number {
    return this.#failuresTotal;
  }

  /** Sends that followed a failed one, since the start. */
  get retriesTotal(): number {
    return this.#retriesTotal;
  }

  /** Milliseconds to wait before the next send; drawn anew by every call. */
  pauseMs(): number {
    return this.#options.pauseMs(this.#failures);
  }

  /** A send begins; when the breaker is open, it is the probe. */
  begin(): void {
    if (this.#failures > 0) this.#retriesTotal += 1;
    if (this.#state === BreakerState.open) this.#enter(BreakerState.halfOpen);
  }

  /** The target answered. */
  succeeded(): void {
    this.#failures = 0;
    this.#enter(BreakerState.closed);
  }

  /** A send failed, or has taken too long. */
  failed(): void {
    this.#failures += 1;
    this.#failuresTotal += 1;
    if (this.#state === BreakerState.halfOpen || this.#failures >= BREAKER_FAILURES_MAX)
      this.#enter(BreakerState.open);
  }

  #enter(state: BreakerState): void {
    const before = this.#state;
    if (state === before) return;
    this.#state = state;
    this.#options.onChange(state, before);
  }
}
