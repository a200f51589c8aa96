/** What a worker thread is started with, and the sinks that it makes of it. */
import type { Config } from './config/config.ts';
import type { IngestSetup } from './ingest.ts';
import type { Logger } from './log.ts';
import type { ThreadCounters } from './metrics/counters.ts';
import { createEmbeddedSink, type EmbeddedSinkOptions } from './sinks/embedded/embedded-sink.ts';
import type { Sink } from './sinks/sink.ts';

/** Plain data: it is cloned into every thread. */
export interface WorkerSetup {
  readonly logLevel: Config['log']['level'];
  readonly counterMemory: SharedArrayBuffer;
  readonly ingest: IngestSetup;
  /** Undefined when the embedded store is off. */
  readonly embedded: Omit<EmbeddedSinkOptions, 'thread' | 'logger'> | undefined;
}

/** How often a thread writes what its sinks hold into shared memory, beside once a slab. */
const REPORT_INTERVAL_MS = 50;

/**
 * The sinks of one thread. `threadId` is unique in the process, unlike its slot: files are named by it, so that
 * the replacement of a dead thread never uses a name again.
 */
export function createSinks(setup: WorkerSetup, threadId: number, log: Logger): Sink[] {
  if (setup.embedded === undefined) return [];
  return [createEmbeddedSink({ ...setup.embedded, thread: threadId, logger: log })];
}

/** Keeps the thread's shared counters up to date with its sinks; call the result after each slab. */
export function reportSinks(sinks: readonly Sink[], counters: ThreadCounters): () => void {
  const reported = { delivered: 0, refusedRows: 0, writeFailures: 0 };
  const total = (read: (sink: Sink) => number) => sinks.reduce((sum, sink) => sum + read(sink), 0);
  const report = () => {
    counters.set(
      'sinkBytes',
      total((sink) => sink.pendingBytes()),
    );
    counters.set(
      'spoolBytes',
      total((sink) => sink.spooledBytes()),
    );
    const now = {
      delivered: total((sink) => sink.deliveredRows()),
      refusedRows: total((sink) => sink.refusedRows()),
      writeFailures: total((sink) => sink.writeFailures()),
    };
    for (const key of ['delivered', 'refusedRows', 'writeFailures'] as const) {
      counters.add(key, now[key] - reported[key]);
      reported[key] = now[key];
    }
  };
  setInterval(report, REPORT_INTERVAL_MS).unref();
  return report;
}
