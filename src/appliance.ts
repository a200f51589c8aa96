/**
 * The appliance as a flow chart: the stages in the order in which an event passes them, each given what it needs.
 *
 *   socket → admission → slab → workers (scan, journal: src/ingest.ts) → ack; and from the journal to the sinks
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { ackLevel } from './ack/level.ts';
import { createProgressMemory, ProgressReader } from './ack/progress.ts';
import { AckWaiters } from './ack/waiters.ts';
import { ClientAddress } from './admission/client-address.ts';
import { RefusalLog } from './admission/refusal-log.ts';
import { openAdmission } from './admission-setup.ts';
import { chooseScanner } from './choose-scanner.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { rekeyWindow, WINDOW_KEY_BYTES } from './dedup/layout.ts';
import { createDedup, redisOf } from './dedup-setup.ts';
import { DIALECT_OF_ROUTE } from './dialects/routes.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import { WorkerPool } from './dispatch/worker-pool.ts';
import { drain } from './drain.ts';
import { startEmbeddedStore } from './embedded-store.ts';
import type { FrontStage } from './front.ts';
import { frontGauges } from './front-gauges.ts';
import { registerIngestRoutes } from './http/ingest-routes.ts';
import { createApp, listen } from './http/server.ts';
import { registerServiceRoutes } from './http/service-routes.ts';
import { registerStubRoutes } from './http/stub-routes.ts';
import { InFlight } from './in-flight.ts';
import { openJournalFolder } from './journal/folder.ts';
import { RESERVE_SHARE, TASKS_PER_WORKER, TASKS_PER_WORKER_DURABLE } from './limits.ts';
import type { Logger } from './log.ts';
import { CounterReader, createCounterMemory, ThreadCounters } from './metrics/counters.ts';
import { Exposition } from './metrics/exposition.ts';
import { FrontMeter } from './metrics/front-meter.ts';
import { PressureGauge } from './metrics/pressure.ts';
import { trafficLabels } from './metrics/traffic.ts';
import { readinessOf } from './readiness.ts';
import { measureRoom } from './room.ts';
import { SessionRegistry } from './sessions/registry.ts';
import { readSinkStates, sinksOf } from './sink-states.ts';
import { openCodec } from './sinks/kafka/codecs.ts';
import { SlabPool } from './slab/pool.ts';
import { threadSetup } from './thread-setup.ts';
import { Stream } from './websocket/stream.ts';

/** A running appliance. */
export interface Appliance {
  readonly port: number;
  /** Apps that have keys now, the registry's among them, or that anyone may send. */
  apps(): number | 'open mode';
  /** Port of the read-only ClickHouse HTTP interface, when the embedded store is up. */
  queryPort(): number | undefined;
  /** Drains and ends everything; resolves with what was left behind, empty when all went well. */
  stop(): Promise<string[]>;
}

/** Parts that benches and fault tests replace; production uses the defaults. */
export interface ApplianceParts {
  /** Module of the worker threads, compiled. */
  readonly workerEntry?: URL;
  readonly clock?: Clock;
  /** Called when no worker thread can be started any more; the process should end. */
  readonly onDead?: () => void;
}

const WORKER_ENTRY = new URL('../workers/ingest.js', import.meta.url);
/** How often the drain rate and the pressure are looked at. */
const SAMPLE_INTERVAL_MS = 1000;

/** Starts everything; rejects when the port cannot be had. The store may come up after it: `/ready` tells. */
export async function startAppliance(
  config: Config,
  log: Logger,
  parts: ApplianceParts = {},
): Promise<Appliance> {
  const clock = parts.clock ?? systemClock;
  const scanner = chooseScanner(config, log);
  // A library that is missing is a fault of the start, not of a thread.
  if (config.kafka.brokers.length > 0) await openCodec(config.kafka.compression);
  const counterMemory = createCounterMemory(config.workers);
  const counters = new CounterReader(counterMemory);
  const progressMemory = createProgressMemory(config.workers);
  const redis = redisOf(config);
  const admission = await openAdmission(config, redis, clock, log);
  const meter = new FrontMeter(config.workers, trafficLabels(admission.apps.names, DIALECT_OF_ROUTE), clock);

  // Socket.
  const app = createApp();

  // Admission.
  const room = measureRoom(
    config,
    counters,
    {
      connections: () => stream.connectionCount,
      slabBytes: () => slabs.heldBytes(),
      deliveredBytes: () => meter.deliveredBytes(counters),
    },
    clock,
  );
  const { credit, retryAfter } = room;

  const journal = await openJournalFolder(config.dataDir, config.workers, room.isKept);

  // The store behind the sinks starts first, since it takes longest.
  const sinks = sinksOf(config);
  const store = sinks.includes('embedded') ? startEmbeddedStore(config, log) : undefined;

  // Slabs and workers.
  const dedup = createDedup(config);
  const setup = threadSetup(config, {
    counterMemory,
    progressMemory,
    meter,
    admission,
    scanner,
    journal,
    dedup,
    redis,
    store,
  });
  const { durability } = config.journal;
  const tasksPerWorker = durability === 'fsync' ? TASKS_PER_WORKER_DURABLE : TASKS_PER_WORKER;
  const workers = new WorkerPool(
    parts.workerEntry ?? WORKER_ENTRY,
    { workerCount: config.workers, tasksPerWorker },
    setup,
    log,
    () => parts.onDead?.(),
    (slot) => {
      if (slot >= 0) {
        new ThreadCounters(counterMemory, slot).set('isOpen', 0);
        meter.threadDied(slot);
      }
      // Events in memory die with their thread, and must not be known when they are sent again.
      if (!room.isKept && dedup !== undefined) rekeyWindow(dedup.memory, randomBytes(WINDOW_KEY_BYTES));
    },
  );
  const slabs: SlabPool = new SlabPool(room.memory, room.isJournalFull, () => credit.reservedMemoryBytes());
  const sessions = new SessionRegistry(
    { sessionsMax: config.sessions.max, ttlMs: config.sessions.ttlMs },
    (take) => workers.collectSessions(take),
    clock,
  );
  const dispatcher = new Dispatcher(
    slabs,
    workers,
    clock,
    log,
    () => sessions.askAgain(),
    (slab) => meter.answered(slab),
  );
  const pressure = new PressureGauge({
    queueWait: () => meter.queueWait(),
    oldestFrameMs: () => dispatcher.oldestFrameMs(),
    journalFill: room.journalFill,
    creditShortage: () => credit.shortage(),
  });
  const sampleTimer = setInterval(() => {
    retryAfter.sample();
    pressure.sample();
  }, SAMPLE_INTERVAL_MS);

  // Doors: HTTP and WebSocket, with the answers and acks on their way back.
  let draining = false;
  let closed = false;
  const refusals = new RefusalLog(log, clock);
  const front: FrontStage = {
    dispatcher,
    get apps() {
      return admission.apps;
    },
    rateLimits: admission.rateLimits,
    keysAreRead: admission.keysAreRead,
    clientAddress: new ClientAddress(config.http.trustedProxies, config.privacy.ip),
    ackLevel: ackLevel(durability),
    ackWaiters: new AckWaiters(
      new ProgressReader(progressMemory),
      config.ack.deliveredTimeoutMs,
      clock,
      (level, ms, count) => meter.waited(level, ms, count),
    ),
    keepUserAgent: config.privacy.userAgent === 'keep',
    sessions,
    uploads: room.uploads,
    wireBytesMax: config.limits.wireBytesMax,
    messageBytesMax: config.limits.messageBytesMax,
    credit,
    uploadQueue: room.uploadQueue,
    exchanges: new InFlight(),
    draining: () => draining,
    closed: () => closed,
    isFull: (mayUseReserve) => slabs.isFull() || (!mayUseReserve && room.isReserveReached()),
    retryAfterSeconds: () => retryAfter.seconds(),
    nowMs: () => clock.nowMs(),
    newRequestId: randomUUID,
    refused: (reason, requestId, traceparent) => {
      exposition.refused(reason);
      refusals.add(reason, requestId, traceparent);
    },
    failed: (error) => log.error({ err: error }, 'a request handler failed'),
  };
  registerIngestRoutes(app, front);
  registerStubRoutes(app, front);
  const stream: Stream = new Stream(app, front);

  // What operators see.
  const exposition = new Exposition(
    counters,
    frontGauges({
      config,
      clock,
      front,
      budget: room.memory,
      workers,
      connections: () => stream.connectionCount,
      store,
      scanner,
      dedup,
      sinks,
      pressure,
      admission,
    }),
    meter,
  );
  registerServiceRoutes(app, front, {
    readiness: () =>
      readinessOf({
        draining,
        threadCount: workers.threadCount,
        threadsOpen: counters.total('isOpen'),
        threadsWanted: workers.workerCount,
        slabs,
        sessions,
        memoryBytesMax: room.memory.bytesMax - credit.reservedMemoryBytes(),
        store,
        sinks: readSinkStates(counters, sinks),
        redis: { front: admission.redisState(), threads: counters.each('redisState') },
        isJournalFull: room.isJournalFull(false, RESERVE_SHARE),
        isJournalFailing: counters.total('journalFailing') > 0,
      }),
    metrics: (thread) => exposition.text(thread),
  });

  const listening = await listen(app, config.http.host, config.http.port);
  return {
    port: listening.port,
    apps: () => (admission.apps.openMode ? 'open mode' : admission.apps.names.length - 1),
    queryPort: () => store?.queryPort(),
    stop: () =>
      drain(
        {
          stopAccepting: () => {
            draining = true;
            listening.stopAccepting();
          },
          closeConnections: () => stream.drain(),
          endAckWaiters: () => front.ackWaiters.end(),
          exchanges: front.exchanges,
          dispatcher,
          refuseAll: () => {
            closed = true;
          },
          workers,
          stopStore: async (timeoutMs) => store?.stop(timeoutMs),
          stopFront: () => {
            clearInterval(sampleTimer);
            meter.end();
            admission.stop();
            app.close();
            journal.release();
          },
        },
        config.drainTimeoutMs,
        clock,
        log,
      ),
  };
}
