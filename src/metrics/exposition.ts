/**
 * `/metrics`: what threads keep in shared memory and what the front knows, as Prometheus text. Values are read
 * from shared memory, so a scrape never waits for a thread.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { Reason } from '../outcome.ts';
import type { CounterReader } from './counters.ts';
import { THREAD_COUNTERS, THREAD_GAUGES } from './names.ts';

/** What the front is asked at scrape time. */
export interface FrontGauges {
  framesInFlight(): number;
  connections(): number;
  memoryBytesUsed(): number;
  memoryBytesMax(): number;
  threads(): number;
  threadDeaths(): number;
  storeReady(): boolean;
  storeRestarts(): number;
  scannerNative(): boolean;
}

export class Exposition {
  readonly #registry = new Registry();
  readonly #refused: Counter<'thread' | 'code'>;

  constructor(reader: CounterReader, front: FrontGauges) {
    for (const { key, name, help } of THREAD_COUNTERS) {
      this.#perThread(Counter, reader, key, name, help);
    }
    for (const { key, name, help } of THREAD_GAUGES) {
      this.#perThread(Gauge, reader, key, name, help);
    }
    this.#refused = new Counter({
      name: 'penstock_requests_refused_total',
      help: 'Requests and messages refused whole, by code',
      labelNames: ['thread', 'code'],
      registers: [this.#registry],
    });
    this.#gauge(
      'penstock_frames_in_flight',
      'Frames handed over whose verdict is not back',
      front.framesInFlight,
    );
    this.#gauge('penstock_websocket_connections', 'Open WebSocket connections', front.connections);
    this.#gauge('penstock_memory_used_bytes', 'Bytes of the memory budget in use', front.memoryBytesUsed);
    this.#gauge('penstock_memory_max_bytes', 'The memory budget', front.memoryBytesMax);
    this.#gauge('penstock_worker_threads', 'Worker threads that run', front.threads);
    this.#gauge('penstock_worker_deaths', 'Worker threads that died since the start', front.threadDeaths);
    this.#gauge('penstock_store_ready', '1 when the embedded store takes blocks', () =>
      Number(front.storeReady()),
    );
    this.#gauge('penstock_store_restarts', 'Times the embedded store was started again', front.storeRestarts);
    this.#gauge(
      'penstock_scanner_native',
      '1 when the native scanner runs, 0 for the one in TypeScript',
      () => Number(front.scannerNative()),
    );
    this.#gauge('penstock_resident_bytes', 'Resident memory of front and workers', () =>
      process.memoryUsage.rss(),
    );
  }

  /** Counts a request that the front refused. */
  refused(reason: Reason): void {
    this.#refused.inc({ thread: 'front', code: reason });
  }

  /** The text of a scrape. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      labelNames: ['thread'],
      registers: [this.#registry],
      collect() {
        this.set({ thread: 'front' }, read());
      },
    });
  }

  #perThread(
    Kind: typeof Counter | typeof Gauge,
    reader: CounterReader,
    key: Parameters<CounterReader['read']>[0],
    name: string,
    help: string,
  ): void {
    new Kind({
      name,
      help,
      labelNames: ['thread'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (let slot = 0; slot < reader.threadCount; slot++) {
          this.inc({ thread: `worker-${slot}` }, reader.read(key, slot));
        }
      },
    });
  }
}
