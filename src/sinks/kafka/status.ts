/** How a thread's Kafka sink is, for `/ready`, and one line in the log when that changes or stays bad. */
import type { Clock } from '../../clock.ts';
import { SINK_FAILURE_LOG_INTERVAL_MS } from '../../limits.ts';
import { type SinkLogger, SinkState } from '../sink.ts';

/** One a thread. */
export class SinkStatus {
  readonly #clock: Clock;
  readonly #logger: SinkLogger;
  #state: SinkState = SinkState.starting;
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  #loggedText = '';

  constructor(clock: Clock, logger: SinkLogger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  get state(): SinkState {
    return this.#state;
  }

  /** A block was delivered, or the topics were found. */
  delivered(): void {
    if (this.#state !== SinkState.ok) this.#logger.info({}, 'kafka takes events');
    this.#state = SinkState.ok;
    this.#loggedText = '';
  }

  /** Something failed and is tried again. */
  failed(error: unknown): void {
    if (this.#state === SinkState.ok) this.#state = SinkState.failing;
    const text = error instanceof Error ? error.message : String(error);
    const nowMs = this.#clock.monotonicMs();
    if (text === this.#loggedText && nowMs - this.#loggedAtMs < SINK_FAILURE_LOG_INTERVAL_MS) return;
    this.#loggedText = text;
    this.#loggedAtMs = nowMs;
    this.#logger.warn(
      { reason: text },
      'kafka does not take events; they stay in the journal and are tried again',
    );
  }
}
