/** Entry of a worker thread: Piscina loads it once a thread and calls the default export with each slab. */
import { threadId, workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { systemClock } from '../src/clock.ts';
import { answerControl } from '../src/dispatch/control-channel.ts';
import type { SlabTask, WorkerData } from '../src/dispatch/worker-pool.ts';
import { claimWorkerSlot } from '../src/dispatch/worker-slots.ts';
import { createIngest } from '../src/ingest.ts';
import { createLogger } from '../src/log.ts';
import { ThreadCounters } from '../src/metrics/counters.ts';
import { createSinks, reportSinks, type WorkerSetup } from '../src/worker-setup.ts';

const { slots, controlChannel, setup } = workerData as WorkerData<WorkerSetup>;
const slot = claimWorkerSlot(slots, threadId);
const log = createLogger(setup.logLevel, `worker-${slot}`);
const counters = new ThreadCounters(setup.counterMemory, slot);
const sinks = createSinks(setup, threadId, log);
const report = reportSinks(sinks, counters);
const ingest = createIngest(setup.ingest, sinks, counters, systemClock);

answerControl(controlChannel, slot, async (signal) => {
  await Promise.all(sinks.map((sink) => sink.drain(signal)));
  report();
});

/** Scans one slab. Its verdicts stand in the slab; the answers (SlabResult) are moved to the front. */
export default function ingestTask(task: SlabTask): unknown {
  const result = ingest(task.buffer);
  report();
  return move({
    [transferableSymbol]: [result.table.buffer, result.bytes.buffer],
    [valueSymbol]: result,
  });
}
