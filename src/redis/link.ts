/**
 * One connection to Redis of one thread, with the circuit breaker before it: a call is sent at once and answered within
 * its time, or it has failed. Nothing is queued for a Redis that is away and nothing is sent twice.
 *
 *   half-open ──(connected, `hello` done)──▶ closed ──(REDIS_FAILURES_MAX calls in a row failed or too slow,
 *       ▲                                       │      or the connection was lost)
 *       └──────────(its pause is over)──────── open
 *
 * Every attempt is a client of its own, which ioredis neither reconnects nor lets wait: what a connection has not answered
 * when it is given up is gone with it. Pauses grow until a call succeeds (backoff.ts). A Redis that answers with errors
 * (READONLY after a failover, LOADING) counts as one that fails: another connection may find another one.
 */
import { Redis } from 'ioredis';
import { pause, retryDelayMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import {
  REDIS_CONNECT_TIMEOUT_MS,
  REDIS_FAILURES_MAX,
  REDIS_LOG_INTERVAL_MS,
  REDIS_WRITE_TIMEOUT_MS,
} from '../limits.ts';
import { clientOptions, type RedisAddress } from './address.ts';
import { SCRIPTS } from './scripts.ts';

/** The numbers are those of `penstock_redis_state`; 0 is no Redis at all. */
export const LinkState = { off: 0, closed: 1, halfOpen: 2, open: 3 } as const;
export type LinkState = (typeof LinkState)[keyof typeof LinkState];

/** What is said of Redis: once an outage, and when it is over. */
export interface LinkLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

export interface LinkParts {
  readonly clock: Clock;
  readonly log: LinkLog;
  /** What the connection is for, in the log and in `CLIENT LIST`. */
  readonly name: string;
  /** What a connection must do before it is used; a rejection is a failed attempt. */
  hello(redis: Redis): Promise<void>;
  /** Called when a connection is in use, and when it is not any more. */
  onChange?(isOpen: boolean): void;
}

/** A call could not be sent, or was not answered in time. */
export class RedisAwayError extends Error {}

/** A connection that is made again and again; see the head of this file. */
export class RedisLink {
  readonly #address: RedisAddress;
  readonly #parts: LinkParts;
  #redis: Redis | undefined;
  #isStopped = false;
  #state: LinkState = LinkState.halfOpen;
  /** Calls in a row, then attempts in a row. */
  #failedCalls = 0;
  #failedAttempts = 0;
  #told: { readonly text: string; readonly atMs: number } | undefined;
  #pending = 0;
  /** Totals since the start. */
  timeouts = 0;
  failures = 0;

  /** Begins to connect at once. */
  constructor(address: RedisAddress, parts: LinkParts) {
    this.#address = address;
    this.#parts = parts;
    void this.#run();
  }

  /** Whether calls can be sent now. */
  get isOpen(): boolean {
    return this.#redis !== undefined;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Why Redis is away, in its own words or the system's; undefined while it is not. */
  get reason(): string | undefined {
    return this.#told?.text;
  }

  /** Calls that are not answered. */
  get pending(): number {
    return this.#pending;
  }

  /** Sends what `send` says and gives its answer; rejects at once when Redis is away, and after `timeoutMs`. */
  async call<Answer>(
    send: (redis: Redis) => Promise<Answer>,
    timeoutMs: number = REDIS_WRITE_TIMEOUT_MS,
  ): Promise<Answer> {
    const redis = this.#redis;
    if (redis === undefined) throw new RedisAwayError('Redis is away');
    this.#pending += 1;
    try {
      const answer = await within(send(redis), timeoutMs);
      this.#failedCalls = 0;
      this.#failedAttempts = 0;
      return answer;
    } catch (error) {
      this.#failed(redis, error);
      throw error;
    } finally {
      this.#pending -= 1;
    }
  }

  /** Lets go of the connection, for good. */
  stop(): void {
    this.#isStopped = true;
    this.#redis?.disconnect();
  }

  #failed(redis: Redis, error: unknown): void {
    this.failures += 1;
    if (error instanceof RedisAwayError) this.timeouts += 1;
    // A call of a connection before this one says nothing about it.
    if (redis !== this.#redis) return;
    this.#failedCalls += 1;
    if (!(error instanceof RedisAwayError)) this.#tell(error);
    if (this.#failedCalls < REDIS_FAILURES_MAX) return;
    // At once: a server that is silent does not even close its end.
    this.#close();
    redis.disconnect();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#enter(LinkState.halfOpen);
      const redis = new Redis({ ...clientOptions(this.#address), connectionName: this.#parts.name });
      for (const [name, script] of Object.entries(SCRIPTS)) redis.defineCommand(name, script);
      let refusal: Error | undefined;
      redis.on('error', (error) => {
        refusal = error;
      });
      let reason: unknown = new RedisAwayError('the connection was lost');
      const ended = new Promise<void>((resolve) => redis.once('end', resolve));
      try {
        await within(redis.connect(), REDIS_CONNECT_TIMEOUT_MS);
        // A database that it does not have is told beside the connection, which stands in database 0.
        if (refusal !== undefined) throw refusal;
        await within(this.#parts.hello(redis), REDIS_CONNECT_TIMEOUT_MS);
        if (redis.status === 'ready' && !this.#isStopped) {
          this.#open(redis);
          await ended;
          if (this.#redis === redis) this.#close();
        }
      } catch (error) {
        reason = refusal ?? error;
      }
      redis.disconnect();
      if (this.#isStopped) return;
      this.#failedAttempts += 1;
      this.#enter(LinkState.open);
      this.#tell(reason);
      await pause(retryDelayMs(this.#failedAttempts));
    }
  }

  #open(redis: Redis): void {
    this.#redis = redis;
    this.#failedCalls = 0;
    this.#enter(LinkState.closed);
    if (this.#told !== undefined) this.#parts.log.info({ connection: this.#parts.name }, 'Redis is back');
    this.#told = undefined;
    this.#parts.onChange?.(true);
  }

  #close(): void {
    this.#redis = undefined;
    this.#enter(LinkState.open);
    this.#parts.onChange?.(false);
  }

  #enter(state: LinkState): void {
    this.#state = state;
  }

  /** One line for each new reason, and one a minute while it lasts. */
  #tell(reason: unknown): void {
    const text = reason instanceof Error ? reason.message : String(reason);
    const atMs = this.#parts.clock.monotonicMs();
    if (this.#told?.text === text && atMs - this.#told.atMs < REDIS_LOG_INTERVAL_MS) return;
    this.#told = { text, atMs };
    this.#parts.log.warn(
      { connection: this.#parts.name, reason: text },
      'Redis does not answer; this process goes on by itself',
    );
  }
}

/** The answer, or RedisAwayError after `timeoutMs`. What comes later is dropped. */
async function within<Answer>(answer: Promise<Answer>, timeoutMs: number): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RedisAwayError(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  // Whichever is second may reject too.
  answer.catch(() => {});
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
