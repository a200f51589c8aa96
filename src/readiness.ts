import type { WorkerPool } from './dispatch/worker-pool.ts';
import type { Readiness } from './http/service-routes.ts';
import { MEMORY_READY_SHARE } from './limits.ts';
import type { ServerState } from './sinks/clickhouse/server.ts';
import type { SlabPool } from './slab/pool.ts';

/** What readiness is computed from. */
export interface ReadinessParts {
  readonly draining: boolean;
  readonly workers: WorkerPool;
  readonly memoryBytesMax: number;
  readonly slabs: SlabPool;
  /** `failing`: the disk does not take it. */
  readonly journal: 'ok' | 'full' | 'failing';
  /** By sink, the worst state of its breakers (metrics/names.ts). */
  readonly breakers: readonly (readonly [sink: string, state: number])[];
  /** The worst of the threads' states; undefined when no server is configured. */
  readonly clickhouse: { readonly state: ServerState; readonly wasOk: boolean } | undefined;
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
    journal: parts.journal,
    store: parts.store === undefined ? 'off' : parts.store.ready() ? 'ok' : 'starting',
    // Says where to look when the port is taken; events are kept all the same.
    query: parts.store?.queryPort() === undefined ? 'off' : 'ok',
    clickhouse: parts.clickhouse?.state ?? 'off',
    // A sink that is away is no reason to send traffic elsewhere: its events wait in the journal.
    ...Object.fromEntries(parts.breakers.map(([sink, state]) => [`sink_${sink}`, BREAKER_WORDS[state]])),
  };
  const ready =
    !parts.draining &&
    parts.workers.threadCount > 0 &&
    states.memory === 'ok' &&
    states.journal === 'ok' &&
    (parts.store?.ready() ?? true) &&
    !isMisconfigured(parts.clickhouse);
  return { ready, parts: states };
}

/** A wrong password must stop a rollout; one that changes later must not take away all that the journal can still do. */
function isMisconfigured(clickhouse: ReadinessParts['clickhouse']): boolean {
  if (clickhouse === undefined || clickhouse.wasOk) return false;
  return clickhouse.state === 'denied' || clickhouse.state === 'unprepared';
}
