import type { Readiness } from './http/service-routes.ts';
import { MEMORY_READY_SHARE } from './limits.ts';
import type { SessionRegistry } from './sessions/registry.ts';
import type { SinkStates } from './sink-states.ts';
import type { SlabPool } from './slab/pool.ts';

/** What readiness is computed from. */
export interface ReadinessParts {
  readonly draining: boolean;
  /** Worker threads that run, those of them that have their journal, and as many as there should be. */
  readonly threadCount: number;
  readonly threadsOpen: number;
  readonly threadsWanted: number;
  readonly memoryBytesMax: number;
  readonly slabs: SlabPool;
  readonly sessions: SessionRegistry;
  readonly sinks: SinkStates;
  /** Of the front's connections to Redis and of each thread's, by the numbers of penstock_redis_state. */
  readonly redis: { readonly front: number; readonly threads: readonly number[] };
  /** But for what is kept for clients that do not come back. */
  readonly isJournalFull: boolean;
  /** The disk does not take it. */
  readonly isJournalFailing: boolean;
  /** Undefined when the embedded store is off. */
  readonly store: { ready(): boolean; queryPort(): number | undefined } | undefined;
}

/** By state of a connection to Redis (redis/link.ts). */
const REDIS_WORDS = ['off', 'ok', 'connecting', 'away'];

/** By state of a breaker. */
const BREAKER_WORDS = ['ok', 'probing', 'away'];

/** Ready means: send traffic here. Not ready is never fatal; `/health` says whether the process lives. */
export function readinessOf(parts: ReadinessParts): Readiness {
  const states = {
    front: parts.draining ? 'draining' : 'ok',
    workers: parts.threadsOpen === parts.threadsWanted ? 'ok' : 'starting',
    memory: parts.slabs.heldBytes() < parts.memoryBytesMax * MEMORY_READY_SHARE ? 'ok' : 'full',
    journal: parts.isJournalFull ? 'full' : parts.isJournalFailing ? 'failing' : 'ok',
    sessions: parts.sessions.isRead ? 'ok' : 'reading',
    store: parts.store === undefined ? 'off' : parts.store.ready() ? 'ok' : 'starting',
    kafka: parts.sinks.kafka,
    // Says where to look when the port is taken; events are kept all the same.
    query: parts.store?.queryPort() === undefined ? 'off' : 'ok',
    clickhouse: parts.sinks.clickhouse?.state ?? 'off',
    // Neither is a Redis that is away: the process goes on by itself.
    redis: redisWord(parts.redis),
    // A sink that is away is no reason to send traffic elsewhere: its events wait in the journal.
    ...Object.fromEntries(
      parts.sinks.breakers.map(([sink, state]) => [`sink_${sink}`, BREAKER_WORDS[state]]),
    ),
  };
  const ready =
    !parts.draining &&
    parts.threadCount > 0 &&
    states.memory === 'ok' &&
    states.journal === 'ok' &&
    states.sessions === 'ok' &&
    states.kafka !== 'starting' &&
    (parts.store?.ready() ?? true) &&
    !isMisconfigured(parts.sinks.clickhouse);
  return { ready, parts: states };
}

/** The worst of all; a thread that has not begun to connect is at it where the front has a Redis. */
function redisWord({ front, threads }: ReadinessParts['redis']): string {
  if (front === 0) return 'off';
  return REDIS_WORDS[Math.max(front, ...threads.map((state) => (state === 0 ? 2 : state)))] ?? 'off';
}

/** A wrong password must stop a rollout; one that changes later must not take away all that the journal can still do. */
function isMisconfigured(clickhouse: SinkStates['clickhouse']): boolean {
  if (clickhouse === undefined || clickhouse.wasOk) return false;
  return clickhouse.state === 'denied' || clickhouse.state === 'unprepared';
}
