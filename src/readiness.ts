import type { WorkerPool } from './dispatch/worker-pool.ts';
import type { Readiness } from './http/service-routes.ts';
import { MEMORY_READY_SHARE } from './limits.ts';
import type { SessionRegistry } from './sessions/registry.ts';
import { SinkState } from './sinks/sink.ts';
import type { SlabPool } from './slab/pool.ts';

/** What readiness is computed from. */
export interface ReadinessParts {
  readonly draining: boolean;
  readonly workers: WorkerPool;
  readonly memoryBytesMax: number;
  readonly slabs: SlabPool;
  readonly sessions: SessionRegistry;
  /** But for what is kept for clients that do not come back. */
  readonly isJournalFull: boolean;
  /** The disk does not take it. */
  readonly isJournalFailing: boolean;
  /** By sink, the worst state of its breakers (metrics/names.ts). */
  readonly breakers: readonly (readonly [sink: string, state: number])[];
  /** Of every worker; undefined when the sink is off. */
  readonly kafka: readonly number[] | undefined;
  /** Undefined when the embedded store is off. */
  readonly store: { ready(): boolean; queryPort(): number | undefined } | undefined;
}

/** By state of a breaker. */
const BREAKER_WORDS = ['ok', 'probing', 'away'];

/** Ready means: send traffic here. Not ready is never fatal; `/health` says whether the process lives. */
export function readinessOf(parts: ReadinessParts): Readiness {
  const states = {
    front: parts.draining ? 'draining' : 'ok',
    workers: parts.workers.threadCount === parts.workers.workerCount ? 'ok' : 'replacing',
    memory: parts.slabs.heldBytes() < parts.memoryBytesMax * MEMORY_READY_SHARE ? 'ok' : 'full',
    journal: parts.isJournalFull ? 'full' : parts.isJournalFailing ? 'failing' : 'ok',
    sessions: parts.sessions.isRead ? 'ok' : 'reading',
    store: parts.store === undefined ? 'off' : parts.store.ready() ? 'ok' : 'starting',
    kafka: kafkaState(parts.kafka),
    // Says where to look when the port is taken; events are kept all the same.
    query: parts.store?.queryPort() === undefined ? 'off' : 'ok',
    // A sink that is away is no reason to send traffic elsewhere: its events wait in the journal.
    ...Object.fromEntries(parts.breakers.map(([sink, state]) => [`sink_${sink}`, BREAKER_WORDS[state]])),
  };
  const ready =
    !parts.draining &&
    parts.workers.threadCount > 0 &&
    states.memory === 'ok' &&
    states.journal === 'ok' &&
    states.sessions === 'ok' &&
    states.kafka !== 'starting' &&
    (parts.store?.ready() ?? true);
  return { ready, parts: states };
}

/** The worst of the workers'. An outage is not ready's business: the journal takes the events, and says when it is full. */
function kafkaState(states: readonly number[] | undefined): string {
  if (states === undefined) return 'off';
  if (states.includes(SinkState.starting)) return 'starting';
  return states.includes(SinkState.failing) ? 'failing' : 'ok';
}
