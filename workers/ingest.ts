/** Entry of a worker thread: Piscina loads it once a thread and calls the default export with each slab. */
import { threadId, workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { systemClock } from '../src/clock.ts';
import { answerControl } from '../src/dispatch/control-channel.ts';
import type { SlabResult, SlabTask, WorkerData } from '../src/dispatch/worker-pool.ts';
import { claimWorkerSlot } from '../src/dispatch/worker-slots.ts';
import { createIngest } from '../src/ingest.ts';
import { createLogger } from '../src/log.ts';
import { ThreadCounters } from '../src/metrics/counters.ts';
import { SlabMeter } from '../src/metrics/slab-meter.ts';
import { ThreadStatistics } from '../src/metrics/statistics.ts';
import { openWorkerKeep, type WorkerSetup } from '../src/worker-setup.ts';

const { slots, controlChannel, setup } = workerData as WorkerData<WorkerSetup>;
const slot = claimWorkerSlot(slots, threadId);
const log = createLogger(setup.logLevel, `worker-${slot}`);
const counters = new ThreadCounters(setup.counterMemory, slot);
const statistics = new ThreadStatistics(setup.statisticsMemory, slot);
const { journal, sessions, window, redis, report } = await openWorkerKeep(
  setup,
  slot,
  counters,
  statistics,
  log,
);
const meter = new SlabMeter(counters, statistics, setup.trafficLabels);
const ingest = createIngest(setup.ingest, journal, sessions, window, meter, systemClock, failureLog(), redis);

answerControl(controlChannel, slot, {
  sessions: () => sessions.snapshot(),
  drain: async (signal) => {
    const [left] = await Promise.all([journal.drain(signal), redis?.flush()]);
    report();
    if (left === 0) return;
    if (setup.journal.durability === 'memory') throw new Error(`${left} events were in memory only`);
    log.info({ events: left }, 'what is not delivered yet stays in the journal');
  },
});

/** Scans one slab. Its verdicts stand in the slab; the answers (SlabResult) are moved to the front. */
export default async function ingestTask(task: SlabTask): Promise<unknown> {
  const result = await ingest(task.buffer, task.sessions);
  report();
  return moved(result);
}

function moved(result: SlabResult): unknown {
  return move({
    [transferableSymbol]: [result.table.buffer, result.bytes.buffer],
    [valueSymbol]: result,
  });
}

/** One line a second at most, however many slabs the disk refuses. */
function failureLog(): (error: unknown) => void {
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - loggedAtMs < 1000) return;
    loggedAtMs = nowMs;
    log.error({ err: error }, 'the disk does not take the journal; clients are told to come back');
  };
}
