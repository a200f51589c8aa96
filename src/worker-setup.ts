/** What a worker thread is started with, and the journal and the sinks that it makes of it. */
import { join } from 'node:path';
import { ProgressWriter } from './ack/progress.ts';
import { retryDelayMs } from './backoff.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { encodePoison } from './dead-letters.ts';
import type { DedupWindow } from './dedup/findings.ts';
import { passStartGate } from './dedup/start-gate.ts';
import type { IngestSetup } from './ingest.ts';
import { sliceLines } from './journal/bisect.ts';
import { BreakerState } from './journal/breaker.ts';
import { createMemoryDisk } from './journal/memory-disk.ts';
import { systemDisk } from './journal/system-disk.ts';
import { WorkerJournal } from './journal/worker-journal.ts';
import { openKnownIds } from './known-ids.ts';
import {
  BEAT_INTERVAL_MS,
  BLOCKS_MEMORY_SHARE,
  SESSION_SNAPSHOT_BYTES_MAX,
  SESSION_SNAPSHOT_SHARE,
} from './limits.ts';
import type { Logger } from './log.ts';
import { meteredDisk, meteredSink } from './metered-journal.ts';
import type { ThreadCounters } from './metrics/counters.ts';
import type { ThreadValue } from './metrics/names.ts';
import { createSinkReport } from './metrics/sink-report.ts';
import type { StatisticsMemory, ThreadStatistics } from './metrics/statistics.ts';
import type { TrafficLabels } from './metrics/traffic.ts';
import { ThreadVitals } from './metrics/vitals.ts';
import type { RedisThread, RedisThreadOptions } from './redis/thread.ts';
import { SessionLog } from './sessions/session-log.ts';
import type {
  ClickHouseSink,
  ClickHouseSinkParts,
  ClickHouseSinkSetup,
} from './sinks/clickhouse/clickhouse-sink.ts';
import { SERVER_STATES } from './sinks/clickhouse/server.ts';
import { createEmbeddedSink } from './sinks/embedded/embedded-sink.ts';
import type { StoreAddress } from './sinks/embedded/protocol.ts';
import type { KafkaOptions, KafkaSink, KafkaSinkParts } from './sinks/kafka/kafka-sink.ts';
import type { JsonForm } from './sinks/native-block-setup.ts';
import type { WorkerSink } from './sinks/sink.ts';

/** Plain data: it is cloned into every thread. */
export interface WorkerSetup {
  readonly logLevel: Config['log']['level'];
  readonly counterMemory: SharedArrayBuffer;
  readonly statisticsMemory: StatisticsMemory;
  readonly trafficLabels: TrafficLabels;
  readonly progressMemory: SharedArrayBuffer;
  readonly sessions: Config['sessions'];
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
    /** A worker's share of the memory budget. */
    readonly memoryBytes: number;
    /** How long delivered segments are kept for replays, and how many bytes of them a worker. */
    readonly retentionMs: number;
    readonly retentionBytes: number;
    readonly compression: Config['journal']['compression'];
    /** A send to a sink that takes longer has failed. */
    readonly sendTimeoutMs: number;
    /** By slot: earlier slots whose journals it empties. */
    readonly left: readonly (readonly number[])[];
  };
  /** Undefined when repeats are kept. */
  readonly dedup:
    | {
        readonly memory: SharedArrayBuffer;
        readonly windowMs: number;
        /** Of createStartGate. */
        readonly startGate: SharedArrayBuffer;
      }
    | undefined;
  /** Undefined when no Redis is configured. */
  readonly redis: RedisThreadOptions | undefined;
  /** Undefined when the embedded store is off. */
  readonly embedded:
    | {
        readonly address: StoreAddress;
        readonly blockBytesMax: number;
        readonly flushIntervalMs: number;
        readonly jsonForm: JsonForm | undefined;
      }
    | undefined;
  /** Undefined when no broker is set. */
  readonly kafka: KafkaOptions | undefined;
  /** Undefined when no server is configured. */
  readonly clickhouse: ClickHouseSinkSetup | undefined;
}

/** What one thread keeps events in, and what it tells of it. */
export interface WorkerKeep {
  readonly journal: WorkerJournal;
  /** Knows the ids of what the journal holds; undefined when repeats are kept. */
  readonly window: DedupWindow | undefined;
  /** What it journaled of sessions. */
  readonly sessions: SessionLog;
  readonly redis: RedisThread | undefined;
  /** Writes the journal's and the sinks' state into the thread's counters; called after each slab too. */
  readonly report: () => void;
}

/** Opens the journal of `slot` and begins to deliver what stands in it. Rejects when its folder cannot be used. */
export async function openWorkerKeep(
  setup: WorkerSetup,
  slot: number,
  counters: ThreadCounters,
  statistics: ThreadStatistics,
  log: Logger,
): Promise<WorkerKeep> {
  const { embedded, journal: options } = setup;
  const putAside = (line: Buffer) => journal.append('rejected', encodePoison(line), 1, systemClock.nowMs());
  /** Throws when the disk does not take it, so that the sink tries again. */
  const keepRefused = (line: Buffer) => {
    let letter: Uint8Array;
    try {
      letter = encodePoison(line);
    } catch (error) {
      log.error({ err: error, bytes: line.length }, 'an event that a sink refuses cannot be put aside');
      return;
    }
    journal.append('rejected', letter, 1, systemClock.nowMs());
  };
  const putUnreadableAside = (line: Buffer) => {
    try {
      putAside(line);
    } catch (error) {
      // No scanner writes such a line; one that does must not stop the block that it is in.
      log.error({ err: error, bytes: line.length }, 'an event that cannot be encoded cannot be put aside');
    }
  };
  // Before anything of it is delivered and written over.
  const window = await openWindow(setup, slot, log);
  const parts = { clock: systemClock, logger: log };
  const kafka = setup.kafka && (await openKafka(setup.kafka, { ...parts, putAside: keepRefused }));
  const clickhouse =
    setup.clickhouse &&
    (await openClickHouse(setup.clickhouse, { ...parts, onUnreadable: putUnreadableAside }));
  const redis = setup.redis && (await openRedis(setup.redis, slot, log));
  const sinks: WorkerSink[] = [
    embedded && createEmbeddedSink({ ...embedded, onUnreadable: putUnreadableAside, logger: log }),
    kafka,
    clickhouse,
  ].filter((sink) => sink !== undefined);
  const sessions = new SessionLog({
    sessionsMax: setup.sessions.max,
    ttlMs: setup.sessions.ttlMs,
    snapshotBytesMax: Math.min(
      SESSION_SNAPSHOT_BYTES_MAX,
      Math.floor(options.segmentBytes * SESSION_SNAPSHOT_SHARE),
    ),
    clock: systemClock,
  });
  const journal: WorkerJournal = await WorkerJournal.open({
    disk:
      options.durability === 'memory' ? createMemoryDisk() : meteredDisk(systemDisk, statistics, systemClock),
    leftDisk: systemDisk,
    dir: options.dir,
    node: options.node,
    worker: slot,
    left: options.left[slot] ?? [],
    sinks: sinks.map((sink) => meteredSink(sink, statistics, systemClock)),
    segmentBytesMax: options.segmentBytes,
    compression: options.compression,
    spareBytesMax: options.spareBytes,
    blocksBytesMax: Math.floor(options.memoryBytes * BLOCKS_MEMORY_SHARE),
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
    meta: sessions,
    openedAtMs: systemClock.nowMs(),
    progress: new ProgressWriter(setup.progressMemory, slot),
    poison: { slice: sliceLines, onPoison: putAside },
    onDamage: (stream, damage) =>
      log.error(
        { stream, ...damage },
        'the journal was damaged; what could not be read is kept in quarantine/',
      ),
  });
  const report = createReport(journal, sessions, sinks, kafka, redis, counters);
  const reportSinks = createSinkReport(counters);
  const vitals = new ThreadVitals(statistics);
  const look = () => {
    vitals.beat(systemClock.monotonicMs());
    if (clickhouse !== undefined) reportServer(clickhouse, counters);
    if (journal.isFailing) journal.probe();
    journal.sweep();
    report();
    reportSinks(journal.sinkReports(), systemClock.nowMs());
  };
  look();
  counters.set('isOpen', 1);
  setInterval(look, BEAT_INTERVAL_MS).unref();
  return { journal, sessions, window, redis, report };
}

async function openWindow(setup: WorkerSetup, slot: number, log: Logger): Promise<DedupWindow | undefined> {
  const { dedup, ingest, journal } = setup;
  if (dedup === undefined) return undefined;
  const own = journal.durability === 'memory' ? [] : [slot];
  const journals = [...own, ...(journal.left[slot] ?? [])].map((one) => join(journal.dir, String(one)));
  const window = await openKnownIds({ ...dedup, scanner: ingest.scanner, journals }, log);
  await passStartGate(dedup.startGate);
  return window;
}

/** Loaded here because a start without Redis has no use for ioredis. */
async function openRedis(options: RedisThreadOptions, slot: number, log: Logger): Promise<RedisThread> {
  const { openRedisThread } = await import('./redis/thread.ts');
  return openRedisThread(options, `worker-${slot}`, systemClock, log);
}

/** Loaded here because a start without Kafka has no use for kafkajs. */
async function openKafka(options: KafkaOptions, parts: KafkaSinkParts): Promise<KafkaSink> {
  const { openKafkaSink } = await import('./sinks/kafka/kafka-sink.ts');
  return openKafkaSink(options, parts);
}

/** Loaded here for the same reason. */
async function openClickHouse(
  setup: ClickHouseSinkSetup,
  parts: ClickHouseSinkParts,
): Promise<ClickHouseSink> {
  const { createClickHouseSink } = await import('./sinks/clickhouse/clickhouse-sink.ts');
  return createClickHouseSink(setup, parts);
}

function reportServer({ server }: ClickHouseSink, counters: ThreadCounters): void {
  counters.set('clickhouseState', SERVER_STATES.indexOf(server.state()));
  counters.set('clickhouseSeen', server.wasOk() ? 1 : 0);
}

function createReport(
  journal: WorkerJournal,
  sessions: SessionLog,
  sinks: readonly WorkerSink[],
  kafka: KafkaSink | undefined,
  redis: RedisThread | undefined,
  counters: ThreadCounters,
): () => void {
  const reported: Partial<Record<ThreadValue, number>> = {};
  return () => {
    journal.tellDelivered();
    counters.set('sinkBytes', journal.memoryBytes);
    counters.set('journalBytes', journal.bytes);
    counters.set('journalRetainedBytes', journal.retainedBytes);
    counters.set('journalRows', journal.waitingRows);
    counters.set('journalFailing', journal.isFailing ? 1 : 0);
    counters.set('kafkaState', kafka?.state() ?? 0);
    counters.set('redisState', redis?.state() ?? 0);
    const now = {
      delivered: journal.deliveredRows,
      refusedRows: sinks.reduce((sum, sink) => sum + sink.refusedRows(), 0),
      writeFailures: sinks.reduce((sum, sink) => sum + sink.writeFailures(), 0),
      sessionsCut: sessions.cut,
      kafkaMaybeRepeated: kafka?.maybeRepeatedRows() ?? 0,
      ...redis?.totals(),
    };
    for (const key of Object.keys(now) as (keyof typeof now)[]) {
      const total = now[key] ?? 0;
      counters.add(key, total - (reported[key] ?? 0));
      reported[key] = total;
    }
  };
}
