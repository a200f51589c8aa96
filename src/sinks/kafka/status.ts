/**
 * How a thread's Kafka sink is, for `/ready`, and one line in the log when that changes or stays bad. Each delivery has a part
 * of its own: one topic that fails is not hidden by another that does not.
 */
import type { Clock } from '../../clock.ts';
import { SINK_FAILURE_LOG_INTERVAL_MS } from '../../limits.ts';
import { type SinkLogger, SinkState } from '../sink.ts';

/** What one delivery tells. */
export interface StatusPart {
  /** All went well. */
  delivered(): void;
  /** Something failed and is tried again. */
  failed(error: unknown): void;
}

/** One a thread. */
export class SinkStatus {
  readonly #clock: Clock;
  readonly #logger: SinkLogger;
  readonly #failing = new Set<StatusPart>();
  #isReached = false;

  constructor(clock: Clock, logger: SinkLogger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** `starting` until a part was first told that all went well. */
  get state(): SinkState {
    if (!this.#isReached) return SinkState.starting;
    return this.#failing.size > 0 ? SinkState.failing : SinkState.ok;
  }

  /** A part for what sends to `topic`, or looks for it. */
  part(topic: string): StatusPart {
    let loggedAtMs = Number.NEGATIVE_INFINITY;
    let loggedText = '';
    const part: StatusPart = {
      delivered: () => {
        const isBack = this.#failing.delete(part);
        if (isBack || !this.#isReached) this.#logger.info({ topic }, 'kafka takes events');
        this.#isReached = true;
        loggedText = '';
      },
      failed: (error) => {
        this.#failing.add(part);
        const reason = error instanceof Error ? error.message : String(error);
        const nowMs = this.#clock.monotonicMs();
        if (reason === loggedText && nowMs - loggedAtMs < SINK_FAILURE_LOG_INTERVAL_MS) return;
        loggedText = reason;
        loggedAtMs = nowMs;
        this.#logger.warn(
          { topic, reason },
          'kafka does not take events; they stay in the journal and are tried again',
        );
      },
    };
    return part;
  }
}
