/**
 * HTTP collectors that a file configures, run when their program is on PATH. A configuration is
 * `bench/peers/<name>/<sink>.yaml`, with these in its environment: BENCH_ADDRESS (host:port to listen on), BENCH_FOLDER,
 * BENCH_KEY, and those of the place (CLICKHOUSE_URL, CLICKHOUSE_DATABASE, KAFKA_BROKERS, KAFKA_TOPIC). For the sink `journal`
 * it writes one event a line into files `*.ndjson` in BENCH_FOLDER.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.ts';
import { BENCH_KEY } from '../load.ts';
import { type Place, type SinkName, Unavailable } from '../places/place.ts';
import { asServer, endWithUs, ROOT } from '../process.ts';
import { countLines } from './fastify.ts';
import type { Peer, PeerServer } from './peer.ts';

const START_TIMEOUT_MS = 30_000;

interface Collector {
  readonly name: string;
  readonly about: string;
  readonly program: string;
  /** Its command line for a configuration. */
  parameters(config: string): string[];
  readonly path: string;
  readonly acks: string;
  readonly doesNot: readonly string[];
}

const NO_CHECKS = [
  'check events, or say which of a batch it refuses',
  'look for repeats of an event_id',
  'make the columns of the events table: events stand there as they came',
];

const COLLECTORS: readonly Collector[] = [
  {
    name: 'vector',
    about: 'Vector, its http_server source',
    program: 'vector',
    parameters: (config) => ['--quiet', '--config', config],
    path: '/v1/events/batch',
    acks: 'in the sink',
    doesNot: [...NO_CHECKS, 'keep anything in the order of a key'],
  },
  {
    name: 'redpanda-connect',
    about: 'Redpanda Connect, its http_server input',
    program: 'redpanda-connect',
    parameters: (config) => ['run', config],
    path: '/v1/events/batch',
    acks: 'in the sink',
    doesNot: [...NO_CHECKS, 'check a key'],
  },
  {
    name: 'otelcol',
    about: 'OpenTelemetry Collector (contrib), its webhook receiver',
    program: 'otelcol-contrib',
    parameters: (config) => ['--config', config],
    path: '/v1/events/batch',
    acks: 'in memory',
    doesNot: [...NO_CHECKS, 'parse: a body is a log record, split by lines'],
  },
];

export const COLLECTOR_PEERS: readonly Peer[] = COLLECTORS.map((collector) => ({
  name: collector.name,
  about: collector.about,
  sinks: (['journal', 'clickhouse', 'kafka'] as const).filter((sink) =>
    existsSync(configOf(collector, sink)),
  ),
  acks: () => collector.acks,
  doesNot: collector.doesNot,
  hasStream: false,
  takesGzip: true,
  paths: { single: collector.path, batch: collector.path },
  prepare: async () => {
    if (spawnSync(collector.program, ['--version']).error !== undefined)
      throw new Unavailable(`no ${collector.program} on PATH`);
  },
  start: (place) => start(collector, place),
}));

function configOf({ name }: Collector, sink: SinkName): string {
  return fileURLToPath(new URL(`bench/peers/${name}/${sink}.yaml`, ROOT));
}

async function start(collector: Collector, place: Place): Promise<PeerServer> {
  const port = await freePort();
  const child = spawn(collector.program, collector.parameters(configOf(collector, place.sink)), {
    cwd: place.folder,
    env: {
      ...process.env,
      ...place.env,
      BENCH_ADDRESS: `127.0.0.1:${port}`,
      BENCH_FOLDER: place.folder,
      BENCH_KEY,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  endWithUs(child);
  const server = asServer(child, `http://127.0.0.1:${port}`, []);
  const endMs = performance.now() + START_TIMEOUT_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Unavailable(`it ended with ${child.exitCode}: see above`);
    if (performance.now() > endMs) {
      await server.stop();
      throw new Unavailable('it does not listen');
    }
    await sleep(50);
  }
  return {
    ...server,
    ownPids: server.family,
    storePids: () => [],
    stored: place.count ?? countLines(place.folder),
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
