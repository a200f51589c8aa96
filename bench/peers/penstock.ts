/** Penstock itself, in the forms that scenarios ask for. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type PenstockOptions, startPenstock } from '../penstock.ts';
import { countEvents } from '../places/clickhouse.ts';
import type { Count, Place } from '../places/place.ts';
import { childrenOf, MAIN, type ServerProcess } from '../process.ts';
import { countByMetric, PENSTOCK_PATHS, type Peer } from './peer.ts';

const run = promisify(execFile);
const QUERY_PORT_TIMEOUT_MS = 30_000;

/** As it comes; with answers that survive a power failure; with objects as text. */
export const PENSTOCKS: readonly Peer[] = [
  penstock('penstock', 'Penstock as it comes', {}),
  penstock('penstock-fsync', 'Penstock, answers behind fsync', { durability: 'fsync' }),
  penstock('penstock-string', 'Penstock, objects in String columns', { objectType: 'String' }),
  {
    ...penstock('penstock-segment', "Penstock, the same facts as Segment's SDKs send them", {}),
    paths: { single: '/v1/track', batch: '/v1/batch' },
    dialect: 'segment',
    hasStream: false,
  },
];

function penstock(name: string, about: string, options: PenstockOptions): Peer {
  return {
    name,
    about,
    sinks: ['none', 'journal', 'embedded', 'clickhouse', 'kafka'],
    acks: (sink) => {
      if (sink === 'none') return 'checked';
      return options.durability === 'fsync' ? 'on disk, synced' : 'on disk';
    },
    doesNot: [],
    hasStream: true,
    takesGzip: true,
    paths: PENSTOCK_PATHS,
    prepare: async () => {},
    start: async (place) => {
      const server = await startPenstock({ ...options, place });
      return {
        ...server,
        ownPids: () => [server.pid],
        storePids: () => childrenOf(server.pid),
        stored: place.count ?? ownCount(server, place),
      };
    },
  };
}

function ownCount(server: ServerProcess, { sink, folder }: Place): Count {
  if (sink === 'none') return countByMetric(server.url, 'penstock_events_accepted_total');
  if (sink === 'journal') return { rows: () => journaledRows(join(folder, 'data')) };
  const events = async () => countEvents(`http://127.0.0.1:${await queryPort(server)}`, 'events');
  return {
    rows: async () => (await events()).rows(),
    distinct: async () => (await (await events()).distinct?.()) ?? Number.NaN,
  };
}

/** The store comes up on any free port, and says so in the log, maybe behind the moment that it is ready. */
async function queryPort({ lines }: ServerProcess): Promise<number> {
  const endMs = performance.now() + QUERY_PORT_TIMEOUT_MS;
  while (performance.now() < endMs) {
    const port = lines.findLast((line) => line['queryPort'] !== undefined)?.['queryPort'];
    if (port !== undefined) return Number(port);
    await sleep(20);
  }
  throw new Error('the embedded store did not say where it can be asked');
}

/** Rows that were ever written to the journal: its segments are numbered through. */
async function journaledRows(dataDir: string): Promise<number> {
  const { stdout } = await run(process.execPath, [MAIN, 'journal', 'ls', '--json', '--data-dir', dataDir]);
  const { files } = JSON.parse(stdout) as {
    files: { worker: number; stream: string; firstRow: number; rows?: number }[];
  };
  const ends = new Map<number, number>();
  for (const { worker, stream, firstRow, rows = 0 } of files) {
    if (stream === 'events') ends.set(worker, Math.max(ends.get(worker) ?? 0, firstRow + rows));
  }
  return [...ends.values()].reduce((sum, end) => sum + end, 0);
}
