import type { Admission } from './admission-setup.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import { measureWindow } from './dedup/layout.ts';
import type { WorkerPool } from './dispatch/worker-pool.ts';
import type { FrontStage } from './front.ts';
import type { FrontGauges } from './metrics/exposition.ts';
import type { SinkName } from './metrics/names.ts';
import type { PressureGauge } from './metrics/pressure.ts';
import type { Store } from './sinks/embedded/store-process.ts';
import type { MemoryBudget } from './slab/budget.ts';
import { VERSION } from './version.ts';

/** The stages that are asked at a scrape. */
export interface GaugeParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly front: FrontStage;
  readonly budget: MemoryBudget;
  readonly workers: WorkerPool;
  readonly connections: () => number;
  /** Undefined when the embedded store is off. */
  readonly store: Store | undefined;
  readonly scanner: string;
  /** Undefined when repeats are kept. */
  readonly dedup: { readonly memory: SharedArrayBuffer } | undefined;
  readonly sinks: readonly SinkName[];
  readonly pressure: PressureGauge;
  readonly admission: Pick<Admission, 'redisState' | 'rateLimits'>;
}

/** What the front says of itself at a scrape, out of the stages. */
export function frontGauges(parts: GaugeParts): FrontGauges {
  const { config, clock, front, budget, workers, connections, store, scanner, dedup, sinks, pressure } =
    parts;
  const { admission } = parts;
  return {
    framesInFlight: () => front.dispatcher.framesInFlight,
    requestsInFlight: () => front.exchanges.count,
    connections,
    uploadsWaiting: () => front.uploadQueue.count,
    creditBytes: () => front.credit.credit(),
    sessions: () => front.sessions.count,
    sessionEvictions: () => front.sessions.evictions,
    acksWaiting: () => front.ackWaiters.count,
    ackFallbacks: () => front.ackWaiters.fallbacks,
    memoryBytesUsed: () => budget.used(),
    memoryBytesMax: () => budget.bytesMax,
    threads: () => workers.threadCount,
    threadDeaths: () => workers.deaths,
    storeReady: () => store?.ready() ?? false,
    storeRestarts: () => store?.restarts() ?? 0,
    scannerNative: () => scanner === 'native',
    dedup: () => (dedup === undefined ? { ids: 0, generation: 0 } : measureWindow(dedup.memory)),
    redisState: () => admission.redisState(),
    rateLimitHits: () => admission.rateLimits.hits,
    sinks,
    journalBytesMax: () => (config.journal.durability === 'memory' ? 0 : config.journal.maxBytes),
    pressure: () => pressure.parts(),
    monotonicMs: () => clock.monotonicMs(),
    build: { version: VERSION, node: process.versions.node, scanner },
  };
}
