/** What `npm run bench` can run: each scenario is rounds of one load, on servers that take turns. */
import { fileURLToPath } from 'node:url';
import { type PenstockOptions, startPenstock } from './penstock.ts';
import { type ServerProcess, startServer } from './process.ts';

const FASTIFY = fileURLToPath(new URL('./peers/fastify.js', import.meta.url));
/** The rate at which the latency of single requests is judged. */
const LATENCY_RATE = 5_000;
/** Events a second of the scenarios that last: design's aims for the embedded store, and some more. */
const SUSTAINED_RATE = 550_000;
const SUSTAINED_RATE_STRING = 1_050_000;
const EVENTS_PER_BATCH = 100;

export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Of the ingest route, or `stream` for `GET /v1/stream`. */
  readonly path: string;
  readonly eventsPerRequest: number;
  readonly connections: number;
  /** Requests a second on schedule. */
  readonly rate?: number;
  readonly generator?: 'own' | 'autocannon';
  /** Seconds of a round where the command does not say. */
  readonly seconds?: number;
  /** Who takes turns; ratios are to the last one. */
  readonly servers: readonly string[];
}

const BATCHES = { path: '/v1/events/batch', eventsPerRequest: EVENTS_PER_BATCH, connections: 16 } as const;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'single',
    about: 'one event a request',
    path: '/v1/events',
    eventsPerRequest: 1,
    connections: 64,
    servers: ['penstock', 'fastify'],
  },
  { name: 'batch-100', about: 'batches of 100', ...BATCHES, servers: ['penstock', 'fastify'] },
  {
    name: 'latency',
    about: `one event a request, ${LATENCY_RATE} requests/s on schedule`,
    path: '/v1/events',
    eventsPerRequest: 1,
    connections: 32,
    rate: LATENCY_RATE,
    generator: 'autocannon',
    servers: ['penstock', 'fastify'],
  },
  {
    name: 'stream',
    about: 'WebSocket, one event a message, acknowledged',
    path: 'stream',
    eventsPerRequest: 1,
    connections: 16,
    servers: ['penstock'],
  },
  {
    name: 'durability',
    about: 'batches of 100, what an answer means: power failure survived, or kill -9',
    ...BATCHES,
    connections: 64,
    servers: ['penstock fsync', 'penstock'],
  },
  {
    name: 'sustained',
    about: `${SUSTAINED_RATE} events/s on schedule into JSON columns`,
    ...BATCHES,
    connections: 64,
    rate: SUSTAINED_RATE / EVENTS_PER_BATCH,
    seconds: 60,
    servers: ['penstock'],
  },
  {
    name: 'sustained-string',
    about: `${SUSTAINED_RATE_STRING} events/s on schedule into String columns`,
    ...BATCHES,
    connections: 64,
    rate: SUSTAINED_RATE_STRING / EVENTS_PER_BATCH,
    seconds: 60,
    servers: ['penstock String'],
  },
];

/** Scenarios that a run without `--scenario` leaves out: they take minutes. */
export const LONG_SCENARIOS: readonly string[] = ['sustained', 'sustained-string'];

const VARIANTS: Readonly<Record<string, PenstockOptions>> = {
  penstock: {},
  'penstock fsync': { durability: 'fsync' },
  'penstock String': { objectType: 'String' },
};

/** Starts a scenario's server by its name. */
export function startByName(name: string): Promise<ServerProcess> {
  const variant = VARIANTS[name];
  return variant === undefined ? startServer(FASTIFY, [], {}) : startPenstock(variant);
}
