import { steadyNow } from './messages.ts';

/** Different problems that are kept; more of the same kind say nothing new. */
const PROBLEMS_MAX = 20;

/** What all clients of a load process have seen together. */
export class Tally {
  acknowledged = 0;
  lastAckAt = 0;
  resentEvents = 0;
  stopping = false;
  readonly refusals: Record<string, number> = {};
  readonly problems: string[] = [];
  readonly ackAt: number[] = [];
  readonly ackMs: number[] = [];

  acked(events: number, tookMs: number): void {
    this.acknowledged += events;
    this.lastAckAt = steadyNow();
    this.ackAt.push(this.lastAckAt);
    this.ackMs.push(tookMs);
  }

  refused(status: string): void {
    this.refusals[status] = (this.refusals[status] ?? 0) + 1;
  }

  problem(text: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(text);
  }
}

/**
 * When a client may send: `rate` events a second from its start, but never more than a second's worth at once, as after an
 * outage.
 */
export class Pace {
  readonly #perMs: number;
  #from = performance.now();
  #taken = 0;

  constructor(eventsPerSecond: number) {
    this.#perMs = eventsPerSecond / 1000;
  }

  /** Whether `events` may go out now; when so, they count as sent. */
  take(events: number): boolean {
    const now = performance.now();
    const allowed = (now - this.#from) * this.#perMs;
    if (allowed - this.#taken > 1000 * this.#perMs + events) {
      this.#from = now - 1000;
      this.#taken = 0;
      return this.take(events);
    }
    if (allowed < this.#taken) return false;
    this.#taken += events;
    return true;
  }
}

/** Pause before something is sent again: sooner than Retry-After asks, so that what is measured is the server. */
export function retryPauseMs(failures: number): number {
  return Math.min(200, 10 * 2 ** Math.min(failures, 8)) * (0.75 + 0.5 * Math.random());
}
