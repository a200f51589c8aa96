import type { WorkerPool } from './dispatch/worker-pool.ts';
import type { Readiness } from './http/service-routes.ts';
import type { MemoryBudget } from './slab/budget.ts';

/** Share of the memory budget above which a load balancer should look elsewhere. */
const MEMORY_READY_SHARE = 0.95;

/** What readiness is computed from. */
export interface ReadinessParts {
  readonly draining: boolean;
  readonly workers: WorkerPool;
  readonly budget: MemoryBudget;
  /** Undefined when the embedded store is off. */
  readonly store: { ready(): boolean } | undefined;
}

/** Ready means: send traffic here. Not ready is never fatal; `/health` says whether the process lives. */
export function readinessOf(parts: ReadinessParts): Readiness {
  const states = {
    front: parts.draining ? 'draining' : 'ok',
    workers: parts.workers.threadCount === parts.workers.workerCount ? 'ok' : 'replacing',
    memory: parts.budget.used() < parts.budget.bytesMax * MEMORY_READY_SHARE ? 'ok' : 'full',
    store: parts.store === undefined ? 'off' : parts.store.ready() ? 'ok' : 'starting',
  };
  const ready =
    !parts.draining &&
    parts.workers.threadCount > 0 &&
    states.memory === 'ok' &&
    (parts.store?.ready() ?? true);
  return { ready, parts: states };
}
