/** What a worker thread is started with, and the journal and the sinks that it makes of it. */

import { retryDelayMs } from './backoff.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { encodePoison } from './dead-letters.ts';
import type { IngestSetup } from './ingest.ts';
import { sliceLines } from './journal/bisect.ts';
import { BreakerState } from './journal/breaker.ts';
import { systemDisk } from './journal/disk.ts';
import type { SinkTargets } from './journal/line.ts';
import { createMemoryDisk } from './journal/memory-disk.ts';
import { WorkerJournal } from './journal/worker-journal.ts';
import type { Logger } from './log.ts';
import type { ThreadCounters } from './metrics/counters.ts';
import { createSinkReport } from './metrics/sink-report.ts';
import type { ClickHouseSink, ClickHouseSinkSetup } from './sinks/clickhouse/clickhouse-target.ts';
import { SERVER_STATES } from './sinks/clickhouse/server.ts';
import { createEmbeddedTarget } from './sinks/embedded/embedded-target.ts';
import type { StoreAddress } from './sinks/embedded/protocol.ts';
import type { JsonForm } from './sinks/native-block-setup.ts';
import type { BlockTarget, StreamName } from './sinks/sink.ts';

/** Plain data: it is cloned into every thread. */
export interface WorkerSetup {
  readonly logLevel: Config['log']['level'];
  readonly counterMemory: SharedArrayBuffer;
  readonly ingest: IngestSetup;
  readonly journal: {
    /** `<dataDir>/journal`. */
    readonly dir: string;
    /** Id of the data directory. */
    readonly node: string;
    readonly durability: Config['journal']['durability'];
    readonly segmentBytes: number;
    /** Bytes of segments that a stream keeps to write them over. */
    readonly spareBytes: number;
    /** How long delivered segments are kept for replays, and how many bytes of them a worker. */
    readonly retentionMs: number;
    readonly retentionBytes: number;
    readonly compression: Config['journal']['compression'];
    /** A send to a sink that takes longer has failed. */
    readonly sendTimeoutMs: number;
    /** By slot: earlier slots whose journals it empties. */
    readonly left: readonly (readonly number[])[];
  };
  /** Undefined when the embedded store is off. */
  readonly embedded:
    | {
        readonly address: StoreAddress;
        readonly blockBytesMax: number;
        readonly flushIntervalMs: number;
        readonly jsonForm: JsonForm | undefined;
      }
    | undefined;
  /** Undefined when no server is configured. */
  readonly clickhouse: ClickHouseSinkSetup | undefined;
}

/** How often a thread writes what its journal holds into shared memory, beside once a slab. */
const REPORT_INTERVAL_MS = 50;

/** What one thread keeps events in, and what it tells of it. */
export interface WorkerKeep {
  readonly journal: WorkerJournal;
  /** Writes the journal's and the sinks' state into the thread's counters; called after each slab too. */
  readonly report: () => void;
}

/** Opens the journal of `slot` and begins to deliver what stands in it. Rejects when its folder cannot be used. */
export async function openWorkerKeep(
  setup: WorkerSetup,
  slot: number,
  counters: ThreadCounters,
  log: Logger,
): Promise<WorkerKeep> {
  const { embedded, clickhouse, journal: options } = setup;
  const targets: CountedTarget[] = [];
  const putAside = (line: Buffer) => journal.append('rejected', encodePoison(line), 1, systemClock.nowMs());
  const putUnreadableAside = (line: Buffer) => {
    try {
      putAside(line);
    } catch (error) {
      // No scanner writes such a line; one that does must not stop the block that it is in.
      log.error({ err: error, bytes: line.length }, 'an event that cannot be encoded cannot be put aside');
    }
  };
  const made = <Target extends CountedTarget>(target: Target): Target => {
    targets.push(target);
    return target;
  };
  const sinks: SinkTargets[] = [];
  if (embedded !== undefined) {
    const target = (stream: StreamName) =>
      made(createEmbeddedTarget({ ...embedded, stream, onUnreadable: putUnreadableAside, logger: log }));
    sinks.push({ events: () => target('events'), rejected: () => target('rejected') });
  }
  const server = clickhouse && (await openClickHouse(clickhouse, log));
  if (server !== undefined) {
    const target = (stream: StreamName) => made(server.target(stream, putUnreadableAside));
    sinks.push({ events: () => target('events'), rejected: () => target('rejected') });
  }
  const journal: WorkerJournal = await WorkerJournal.open({
    disk: options.durability === 'memory' ? createMemoryDisk() : systemDisk,
    leftDisk: systemDisk,
    dir: options.dir,
    node: options.node,
    worker: slot,
    left: options.left[slot] ?? [],
    sinks,
    segmentBytesMax: options.segmentBytes,
    compression: options.compression,
    spareBytesMax: options.spareBytes,
    blockBytesMax: embedded?.blockBytesMax ?? 0,
    flushIntervalMs: embedded?.flushIntervalMs ?? 0,
    isDurable: options.durability === 'fsync',
    sendTimeoutMs: options.sendTimeoutMs,
    retryPauseMs: (failures) => retryDelayMs(failures),
    onBreaker: (sink, stream, worker, state, before) => {
      // Once an outage, not once a probe.
      if (state === BreakerState.open && before === BreakerState.closed)
        log.warn({ sink, stream, worker }, 'a sink does not take blocks; it is tried with growing pauses');
      else if (state === BreakerState.closed)
        log.info({ sink, stream, worker }, 'the sink takes blocks again');
    },
    retention: {
      retentionMs: options.retentionMs,
      bytesMax: options.retentionBytes,
      nowMs: () => systemClock.nowMs(),
    },
    poison: { slice: sliceLines, onPoison: putAside },
    onDamage: (stream, damage) =>
      log.error(
        { stream, ...damage },
        'the journal was damaged; what could not be read is kept in quarantine/',
      ),
  });
  const report = createReport(journal, targets, counters);
  const reportSinks = createSinkReport(counters);
  const look = () => {
    if (server !== undefined) reportServer(server, counters);
    if (journal.isFailing) journal.probe();
    journal.sweep();
    report();
    reportSinks(journal.sinkReports(), systemClock.nowMs());
  };
  setInterval(look, REPORT_INTERVAL_MS).unref();
  return { journal, report };
}

/** What every target counts for the metrics. */
interface CountedTarget extends BlockTarget {
  refusedRows(): number;
  /** Block files that could not be written, where there are any. */
  writeFailures?(): number;
}

/** The client comes in only where there is a server. */
async function openClickHouse(setup: ClickHouseSinkSetup, log: Logger): Promise<ClickHouseSink> {
  const { createClickHouseSink } = await import('./sinks/clickhouse/clickhouse-target.ts');
  return createClickHouseSink(setup, log, systemClock);
}

function reportServer({ server }: ClickHouseSink, counters: ThreadCounters): void {
  counters.set('clickhouseState', SERVER_STATES.indexOf(server.state()));
  counters.set('clickhouseSeen', server.wasOk() ? 1 : 0);
}

function createReport(
  journal: WorkerJournal,
  targets: readonly CountedTarget[],
  counters: ThreadCounters,
): () => void {
  const reported = { delivered: 0, refusedRows: 0, writeFailures: 0 };
  return () => {
    counters.set('sinkBytes', journal.memoryBytes);
    counters.set('journalBytes', journal.bytes);
    counters.set('journalRetainedBytes', journal.retainedBytes);
    counters.set('journalRows', journal.waitingRows);
    counters.set('journalFailing', journal.isFailing ? 1 : 0);
    const now = {
      delivered: journal.deliveredRows,
      refusedRows: targets.reduce((sum, target) => sum + target.refusedRows(), 0),
      writeFailures: targets.reduce((sum, target) => sum + (target.writeFailures?.() ?? 0), 0),
    };
    for (const key of ['delivered', 'refusedRows', 'writeFailures'] as const) {
      counters.add(key, now[key] - reported[key]);
      reported[key] = now[key];
    }
  };
}
