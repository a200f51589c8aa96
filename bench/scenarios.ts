/** What `npm run bench` can run: each scenario is rounds of one load, on servers that take turns. */
import type { CorpusSize } from './corpus.ts';
import type { SinkName } from './places/place.ts';

export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly transport: 'http' | 'stream';
  readonly size: CorpusSize;
  readonly eventsPerRequest: number;
  readonly isGzip?: boolean;
  readonly connections: number;
  /** Requests or messages a second on schedule: open loop. Else each connection sends when it has its answer. */
  readonly rate?: number;
  readonly generator?: 'own' | 'autocannon';
  readonly sink: SinkName;
  /** Seconds of a round where the command does not say. */
  readonly seconds?: number;
  /** Who takes turns; ratios are of the first to each other one. */
  readonly peers: readonly string[];
  /** Left out of `--scenario all`: it takes minutes. */
  readonly isLong?: boolean;
}

const PAIR = ['penstock', 'fastify', 'go-fiber'] as const;
const HTTP = {
  transport: 'http',
  size: 'medium',
  connections: 16,
  sink: 'journal',
  peers: PAIR,
} as const;
const BATCH_100 = { ...HTTP, eventsPerRequest: 100 } as const;
const STREAM = { ...HTTP, transport: 'stream', peers: ['penstock'] } as const;
/** The rate at which the latency of single requests is judged. */
const LATENCY_RATE = 5_000;
/** Events a second of the scenarios that last: design's aims for the embedded store, and some more. */
const SUSTAINED_RATE = 550_000;
const SUSTAINED_RATE_STRING = 1_050_000;

export const SCENARIOS: readonly Scenario[] = [
  { name: 'single', about: 'one event a request', ...HTTP, eventsPerRequest: 1, connections: 64 },
  { name: 'batch-10', about: 'batches of 10', ...HTTP, eventsPerRequest: 10, connections: 32 },
  { name: 'batch-100', about: 'batches of 100', ...BATCH_100 },
  { name: 'batch-1000', about: 'batches of 1000', ...HTTP, eventsPerRequest: 1000, connections: 8 },
  { name: 'gzip-100', about: 'batches of 100, gzip, ids by the server', ...BATCH_100, isGzip: true },
  { name: 'small-100', about: 'batches of 100, about 150 bytes an event', ...BATCH_100, size: 'small' },
  { name: 'large-100', about: 'batches of 100, about 3 KB an event', ...BATCH_100, size: 'large' },
  {
    name: 'latency',
    about: `one event a request, ${LATENCY_RATE} requests/s on schedule`,
    ...HTTP,
    eventsPerRequest: 1,
    connections: 32,
    rate: LATENCY_RATE,
    generator: 'autocannon',
  },
  {
    name: 'latency-100',
    about: 'batches of 100, 100,000 events/s on schedule',
    ...BATCH_100,
    rate: 1_000,
  },
  { name: 'ws-1', about: 'WebSocket, one event a message', ...STREAM, eventsPerRequest: 1 },
  { name: 'ws-10', about: 'WebSocket, 10 events a message', ...STREAM, eventsPerRequest: 10 },
  {
    name: 'ws-1-lone',
    about: 'WebSocket, one event a message, one connection',
    ...STREAM,
    eventsPerRequest: 1,
    connections: 1,
  },
  {
    name: 'ws-1-many',
    about: 'WebSocket, one event a message, 10,000 connections, 20,000 messages/s on schedule',
    ...STREAM,
    eventsPerRequest: 1,
    connections: 10_000,
    rate: 20_000,
  },
  {
    name: 'segment',
    about: "batches of 100 in Segment's shape, beside the same facts in Penstock's own",
    ...BATCH_100,
    peers: ['penstock-segment', 'penstock'],
  },
  { name: 'none-100', about: 'batches of 100, checked and answered', ...BATCH_100, sink: 'none' },
  {
    name: 'embedded-100',
    about: 'batches of 100 into the embedded store',
    ...BATCH_100,
    sink: 'embedded',
    peers: ['penstock', 'fastify-parse-only'],
  },
  { name: 'clickhouse-100', about: 'batches of 100 into ClickHouse', ...BATCH_100, sink: 'clickhouse' },
  { name: 'kafka-100', about: 'batches of 100 into Kafka', ...BATCH_100, sink: 'kafka' },
  {
    name: 'durability',
    about: 'batches of 100, what an answer means: kill -9 survived, or a power failure',
    ...BATCH_100,
    connections: 64,
    peers: ['penstock', 'penstock-fsync'],
  },
  {
    name: 'sustained',
    about: `${SUSTAINED_RATE} events/s on schedule into JSON columns`,
    ...BATCH_100,
    sink: 'embedded',
    connections: 64,
    rate: SUSTAINED_RATE / 100,
    seconds: 60,
    peers: ['penstock'],
    isLong: true,
  },
  {
    name: 'sustained-string',
    about: `${SUSTAINED_RATE_STRING} events/s on schedule into String columns`,
    ...BATCH_100,
    sink: 'embedded',
    connections: 64,
    rate: SUSTAINED_RATE_STRING / 100,
    seconds: 60,
    peers: ['penstock-string'],
    isLong: true,
  },
];

/** What a run without `--scenario` runs. */
export const BY_DEFAULT: readonly string[] = [
  'idle',
  'single',
  'batch-100',
  'latency',
  'ws-1',
  'clickhouse-100',
  'kafka-100',
];

/** What README shows: the targets are among them. */
export const README_SCENARIOS: readonly string[] = [
  'idle',
  'single',
  'batch-100',
  'latency',
  'ws-1',
  'clickhouse-100',
];
