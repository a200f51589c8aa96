/**
 * `/metrics`: what threads keep in shared memory and what the front knows, as Prometheus text. Values are read
 * from shared memory, so a scrape never waits for a thread; one that stands still is shown by `penstock_thread_up`.
 */
import { Counter, Registry } from 'prom-client';
import { REASONS, type Reason } from '../outcome.ts';
import { STREAMS } from '../sinks/sink.ts';
import type { CounterReader } from './counters.ts';
import {
  SINK_COUNTERS,
  SINK_GAUGES,
  type SinkName,
  type SinkValue,
  sinkWord,
  THREAD_COUNTERS,
  THREAD_GAUGES,
  type ThreadValue,
} from './names.ts';
import { type Pressure, pressureRatio } from './pressure.ts';
import { registerProcessSeries } from './process-series.ts';
import { type MetricType, registerSampled, type Sample } from './sampled.ts';
import type { StatisticsReader } from './statistics.ts';
import { type NamedRow, registerThreadSeries } from './thread-series.ts';
import type { TrafficLabels } from './traffic.ts';

interface Series<Key> {
  readonly key: Key;
  readonly name: string;
  readonly help: string;
  readonly scale?: number;
}

/** What the front is asked at scrape time. */
export interface FrontGauges {
  framesInFlight(): number;
  requestsInFlight(): number;
  connections(): number;
  uploadsWaiting(): number;
  creditBytes(): number;
  sessions(): number;
  sessionEvictions(): number;
  acksWaiting(): number;
  ackFallbacks(): number;
  memoryBytesUsed(): number;
  memoryBytesMax(): number;
  threads(): number;
  threadDeaths(): number;
  storeReady(): boolean;
  storeRestarts(): number;
  scannerNative(): boolean;
  /** Of the front's own connections. */
  redisState(): number;
  rateLimitHits(): { readonly app: number; readonly key: number };
  dedup(): { readonly ids: number; readonly generation: number };
  /** Those that events go to. */
  readonly sinks: readonly SinkName[];
  /** Bytes of the journal at which clients are refused; 0 where it has no bound of its own. */
  journalBytesMax(): number;
  pressure(): Pressure;
  monotonicMs(): number;
  /** Says what runs: version and the like. */
  readonly build: Readonly<Record<string, string>>;
}

/** The threads' rows (statistics.ts), the front's last, and what their traffic is labelled with. */
export interface ThreadRows {
  readonly reader: StatisticsReader;
  readonly labels: TrafficLabels;
}

export class Exposition {
  readonly #registry = new Registry();
  readonly #refused: Counter<'thread' | 'code'>;
  readonly #threads: ThreadRows;
  /** As they were when the scrape began. */
  #rows: readonly NamedRow[] = [];

  constructor(reader: CounterReader, front: FrontGauges, threads: ThreadRows) {
    this.#threads = threads;
    registerThreadSeries(this.#registry, {
      rows: () => this.#rows,
      monotonicMs: front.monotonicMs,
      labels: threads.labels,
      hasSink: (sink) => front.sinks.some((name) => name === sink),
    });
    for (const counter of THREAD_COUNTERS) this.#perThread('counter', reader, counter);
    for (const gauge of THREAD_GAUGES)
      this.#perThread('gauge', reader, gauge, gauge.key === 'redisState' ? front.redisState : undefined);
    for (const counter of SINK_COUNTERS) this.#perSink('counter', reader, front.sinks, counter);
    for (const gauge of SINK_GAUGES) this.#perSink('gauge', reader, front.sinks, gauge);
    this.#refused = new Counter({
      name: 'penstock_requests_refused_total',
      help: 'Requests and messages refused whole, by code',
      labelNames: ['thread', 'code'],
      registers: [this.#registry],
    });
    // There from the start, so that the first refusal is a rise and not a series that begins.
    for (const code of REASONS.slice(1)) this.#refused.inc({ thread: 'front', code }, 0);
    this.#front(
      'gauge',
      'penstock_frames_in_flight',
      'Frames handed over whose verdict is not back',
      front.framesInFlight,
    );
    this.#front(
      'gauge',
      'penstock_requests_in_flight',
      'Requests admitted that have no answer',
      front.requestsInFlight,
    );
    this.#front('gauge', 'penstock_websocket_connections', 'Open WebSocket connections', front.connections);
    this.#front(
      'gauge',
      'penstock_uploads_waiting',
      'Uploads that are paused for want of memory',
      front.uploadsWaiting,
    );
    this.#front(
      'gauge',
      'penstock_websocket_credit_bytes',
      'Credit that a WebSocket connection has now',
      front.creditBytes,
    );
    this.#front('gauge', 'penstock_sessions', 'Sessions of the stream that are remembered', front.sessions);
    this.#front(
      'counter',
      'penstock_sessions_evicted_total',
      'Sessions that were forgotten before their time, for others',
      front.sessionEvictions,
    );
    this.#front(
      'gauge',
      'penstock_acks_waiting',
      'Answers that wait for fsync or for the sinks',
      front.acksWaiting,
    );
    this.#front(
      'counter',
      'penstock_ack_fallbacks_total',
      'Answers that promised less than was asked for',
      front.ackFallbacks,
    );
    this.#front(
      'gauge',
      'penstock_memory_used_bytes',
      'Bytes of the memory budget in use',
      front.memoryBytesUsed,
    );
    this.#front('gauge', 'penstock_memory_max_bytes', 'The memory budget', front.memoryBytesMax);
    this.#front('gauge', 'penstock_worker_threads', 'Worker threads that run', front.threads);
    this.#front('counter', 'penstock_worker_deaths_total', 'Worker threads that died', front.threadDeaths);
    this.#front('gauge', 'penstock_store_ready', '1 when the embedded store takes blocks', () =>
      Number(front.storeReady()),
    );
    this.#front(
      'counter',
      'penstock_store_restarts_total',
      'Times the embedded store was started again',
      front.storeRestarts,
    );
    this.#front(
      'gauge',
      'penstock_scanner_native',
      '1 when the native scanner runs, 0 for the one in TypeScript',
      () => Number(front.scannerNative()),
    );
    this.#front('gauge', 'penstock_dedup_ids', 'Ids in the dedup window', () => front.dedup().ids);
    this.#front(
      'counter',
      'penstock_dedup_generations_total',
      'Generations of the dedup window that others followed',
      () => front.dedup().generation,
    );
    registerSampled(this.#registry, {
      type: 'counter',
      name: 'penstock_rate_limit_hits_total',
      help: 'Requests that were refused for a rate limit, by what was over its rate: the app or the key',
      read: () =>
        (['app', 'key'] as const).map((scope) => ({
          labels: { thread: 'front', scope },
          value: front.rateLimitHits()[scope],
        })),
    });
    this.#front(
      'gauge',
      'penstock_journal_max_bytes',
      'Bytes of the journal at which clients are refused; 0 where it has no bound of its own',
      front.journalBytesMax,
    );
    this.#front(
      'gauge',
      'penstock_pressure_ratio',
      'How near the process is to refusing events, the worst of penstock_pressure_part_ratio',
      () => pressureRatio(front.pressure()),
    );
    registerSampled(this.#registry, {
      type: 'gauge',
      name: 'penstock_pressure_part_ratio',
      help: 'Waiting for a thread (1 is PRESSURE_QUEUE_WAIT_MS), fill of the journal, credit taken back from streams',
      read: () => {
        const { queueWait, journal, credit } = front.pressure();
        const parts = { queue_wait: queueWait, journal, credit };
        return Object.entries(parts).map(([part, value]) => ({ labels: { thread: 'front', part }, value }));
      },
    });
    const build = { thread: 'front', ...front.build };
    registerSampled(this.#registry, {
      type: 'gauge',
      name: 'penstock_build_info',
      help: 'What runs; always 1',
      read: () => [{ labels: build, value: 1 }],
    });
    registerProcessSeries(this.#registry);
  }

  /** Counts a request that the front refused. */
  refused(reason: Reason): void {
    this.#refused.inc({ thread: 'front', code: reason });
  }

  /** The text of a scrape, of one thread if it is named; undefined when there is none of that name. */
  async text(thread?: string): Promise<string | undefined> {
    const { reader } = this.#threads;
    const names = threadNames(reader.rows - 1);
    if (thread !== undefined && !names.includes(thread)) return undefined;
    this.#rows = reader
      .copy()
      .map((row, index) => ({ row, thread: names[index] ?? '', isFront: index === reader.rows - 1 }));
    const text = await this.#registry.metrics();
    return thread === undefined ? text : linesOfThread(text, thread);
  }

  #front(type: MetricType, name: string, help: string, read: () => number): void {
    const sample = () => [{ labels: { thread: 'front' }, value: read() }];
    registerSampled(this.#registry, { type, name, help, read: sample });
  }

  /** `readFront` is what the front itself has of it. */
  #perThread(
    type: MetricType,
    reader: CounterReader,
    { key, name, help, scale = 1 }: Series<ThreadValue>,
    readFront?: () => number,
  ): void {
    const read = (): Sample[] => [
      ...(readFront === undefined ? [] : [{ labels: { thread: 'front' }, value: readFront() }]),
      ...threadsOf(reader).map(({ slot, thread }) => ({
        labels: { thread },
        value: reader.read(key, slot) * scale,
      })),
    ];
    registerSampled(this.#registry, { type, name, help, read });
  }

  #perSink(
    type: MetricType,
    reader: CounterReader,
    sinks: readonly SinkName[],
    { key, name, help, scale = 1 }: Series<SinkValue>,
  ): void {
    const read = () =>
      threadsOf(reader).flatMap(({ slot, thread }) =>
        sinks.flatMap((sink) =>
          STREAMS.map((stream) => {
            const value = reader.read(sinkWord(sink, stream, key), slot) * scale;
            return { labels: { thread, sink, stream }, value };
          }),
        ),
      );
    registerSampled(this.#registry, { type, name, help, read });
  }
}

function threadsOf(reader: CounterReader): { readonly slot: number; readonly thread: string }[] {
  return Array.from({ length: reader.threadCount }, (_, slot) => ({ slot, thread: `worker-${slot}` }));
}

/** Names of the threads that have rows, the front's last. */
function threadNames(workers: number): string[] {
  return [...Array.from({ length: workers }, (_, slot) => `worker-${slot}`), 'front'];
}

/** Metrics of which the thread has a series, without those of others. Quotes within a label are escaped: none can look like another. */
function linesOfThread(text: string, thread: string): string {
  const label = new RegExp(`^[^ {]*\\{(?:[^\\n]*,)?thread="${thread}"[,}]`);
  return text
    .split('\n\n')
    .map((metric) => metric.split('\n').filter((line) => line.startsWith('#') || label.test(line)))
    .filter((lines) => lines.some((line) => line !== '' && !line.startsWith('#')))
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}
