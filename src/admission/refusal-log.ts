import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { outcome, type Reason } from '../outcome.ts';

/** Refusals of one reason are logged at most this often, with the number of those between. */
const INTERVAL_MS = 1000;
/** W3C trace context: version, trace id, parent id, flags. Anything else in the header is not logged. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

interface Recent {
  loggedAtMs: number;
  unlogged: number;
}

/**
 * Log lines for refused requests: one a reason and second, so that a flood of bad requests is no flood of lines.
 * The server's own troubles (503) are warnings, the client's are not.
 */
export class RefusalLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #recent = new Map<Reason, Recent>();

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Notes a refusal. `requestId` is already known to be plain; `traceparent` is as the client sent it. */
  add(reason: Reason, requestId: string, traceparent: string): void {
    const nowMs = this.#clock.monotonicMs();
    const recent = this.#recent.get(reason) ?? { loggedAtMs: Number.NEGATIVE_INFINITY, unlogged: 0 };
    this.#recent.set(reason, recent);
    if (nowMs - recent.loggedAtMs < INTERVAL_MS) {
      recent.unlogged += 1;
      return;
    }
    const trace = TRACEPARENT.test(traceparent) ? { traceparent } : {};
    const fields = { code: reason, requestId, ...trace, unlogged: recent.unlogged };
    recent.loggedAtMs = nowMs;
    recent.unlogged = 0;
    if (outcome(reason).retry) this.#log.warn(fields, 'request refused');
    else this.#log.info(fields, 'request refused');
  }
}
