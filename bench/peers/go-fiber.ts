/** The original Go design (go-fiber/): built on demand into .cache, by the go that is on PATH. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Place, Unavailable } from '../places/place.ts';
import { ROOT, startProgram } from '../process.ts';
import { ackWords, countLines } from './fastify.ts';
import { countByMetric, PENSTOCK_PATHS, type Peer } from './peer.ts';

const SOURCE = fileURLToPath(new URL('bench/peers/go-fiber/', ROOT));
const FOLDER = fileURLToPath(new URL('.cache/go-fiber/', ROOT));
const BINARY = `${FOLDER}go-fiber`;

const DOES_NOT = [
  'refuse duplicate keys, deep nesting and numbers that no store keeps whole',
  'keep fields that no column has, and events that were refused',
];
const NO_REPEATS = 'look for repeats of an event_id';

export const GO_FIBERS: readonly Peer[] = [
  goFiber('go-fiber', 'Fiber v3, kafka-go, clickhouse-go', 'memory'),
  goFiber('go-fiber-delivered', 'the same, answers behind the sink', 'delivered'),
  goFiber('go-fiber-redis', 'the same, repeats looked for in the Redis that REDIS_ADDR names', 'memory'),
];

function goFiber(name: string, about: string, ack: 'memory' | 'delivered'): Peer {
  const hasRedis = name === 'go-fiber-redis';
  return {
    name,
    about,
    sinks: ack === 'delivered' ? ['clickhouse', 'kafka'] : ['none', 'journal', 'clickhouse', 'kafka'],
    acks: (sink) => ackWords(sink, ack),
    doesNot: hasRedis ? DOES_NOT : [NO_REPEATS, ...DOES_NOT],
    hasStream: false,
    takesGzip: true,
    paths: PENSTOCK_PATHS,
    prepare: async () => {
      if (hasRedis && !process.env['REDIS_ADDR'])
        throw new Unavailable('REDIS_ADDR names no Redis; npm run stack -- up redis starts one');
      build();
    },
    start: (place) => start(place, ack, hasRedis),
  };
}

async function start(place: Place, ack: string, hasRedis: boolean) {
  const server = await startProgram(BINARY, [], {
    ...place.env,
    BENCH_SINK: place.sink,
    BENCH_ACK: ack,
    BENCH_FOLDER: place.folder,
    ...(hasRedis ? {} : { REDIS_ADDR: '' }),
  });
  const counted =
    place.sink === 'journal'
      ? countLines(place.folder)
      : countByMetric(server.url, 'bench_events_accepted_total');
  return {
    ...server,
    ownPids: () => [server.pid],
    storePids: () => [],
    stored: place.count ?? counted,
  };
}

/** Go itself knows when nothing changed. */
function build(): void {
  if (spawnSync('go', ['version']).status !== 0) throw new Unavailable('no go on PATH');
  mkdirSync(FOLDER, { recursive: true });
  const parameters = ['build', '-buildvcs=false', '-o', BINARY, '.'];
  const { status, stderr } = spawnSync('go', parameters, { cwd: SOURCE, encoding: 'utf8' });
  if (status !== 0) throw new Unavailable(`it cannot be built: ${stderr.trim().slice(-400)}`);
}
