/** The Fastify peers (fastify/server.ts), and the one that keeps nothing (fastify/parse-only.ts). */
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Count, Place, SinkName } from '../places/place.ts';
import { startServer } from '../process.ts';
import { countByMetric, PENSTOCK_PATHS, type Peer, startKeepless } from './peer.ts';

const SERVER = fileURLToPath(new URL('./fastify/server.js', import.meta.url));
const PARSE_ONLY = fileURLToPath(new URL('./fastify/parse-only.js', import.meta.url));
const LINE_FEED = 0x0a;

const DOES_NOT = [
  'look for repeats of an event_id',
  'refuse duplicate keys, deep nesting, invalid UTF-8 and numbers that no store keeps whole; integers above 2^53 are changed',
  'keep fields that no column has, and events that were refused',
];
/** Where they differ: a file's answers are always behind the write, and a cluster has no one counter. */
const SINKS_OF: Readonly<Record<string, readonly SinkName[]>> = {
  'fastify-delivered': ['clickhouse', 'kafka'],
  'fastify-cluster': ['journal', 'clickhouse', 'kafka'],
};
const COMMON = {
  hasStream: false,
  takesGzip: true,
  paths: PENSTOCK_PATHS,
  prepare: async () => {},
} as const;

export const FASTIFYS: readonly Peer[] = [
  fastify('fastify', 'Fastify, JSON.parse, kafkajs or @clickhouse/client', 'memory', 1),
  fastify('fastify-delivered', 'the same, answers behind the sink', 'delivered', 1),
  fastify('fastify-cluster', 'the same in two processes', 'memory', 2),
  {
    ...COMMON,
    name: 'fastify-parse-only',
    about: 'Fastify, JSON.parse, a look at three fields: keeps nothing',
    sinks: ['none', 'journal', 'embedded', 'clickhouse', 'kafka'],
    acks: () => 'parsed, kept nowhere',
    doesNot: ['keep anything', 'check more than three fields', ...DOES_NOT.slice(0, 2)],
    takesGzip: false,
    start: () => startKeepless(PARSE_ONLY),
  },
];

function fastify(name: string, about: string, ack: 'memory' | 'delivered', processes: number): Peer {
  return {
    ...COMMON,
    name,
    about,
    sinks: SINKS_OF[name] ?? ['none', 'journal', 'clickhouse', 'kafka'],
    acks: (sink) => ackWords(sink, ack),
    doesNot: DOES_NOT,
    start: async (place) => {
      const server = await startServer(SERVER, [], {
        ...place.env,
        BENCH_SINK: place.sink,
        BENCH_ACK: ack,
        BENCH_FOLDER: place.folder,
        BENCH_PROCESSES: String(processes),
      });
      return {
        ...server,
        ownPids: server.family,
        storePids: () => [],
        stored: place.count ?? countOwn(place, server.url),
      };
    },
  };
}

/** What an answer of a peer with a buffer in memory means. */
export function ackWords(sink: SinkName, ack: 'memory' | 'delivered'): string {
  if (sink === 'none') return 'checked';
  if (sink === 'journal') return 'on disk';
  return ack === 'memory' ? 'in memory' : 'in the sink';
}

function countOwn({ sink, folder }: Place, url: string): Count {
  return sink === 'journal' ? countLines(folder) : countByMetric(url, 'bench_events_accepted_total');
}

/** Counts the lines of a folder's files, of each only what was not counted before. */
export function countLines(folder: string): Count {
  const seen = new Map<string, { bytes: number; lines: number }>();
  return {
    rows: async () => {
      for (const name of readdirSync(folder).filter((file) => file.endsWith('.ndjson'))) {
        const known = seen.get(name) ?? { bytes: 0, lines: 0 };
        await countFrom(join(folder, name), known);
        seen.set(name, known);
      }
      return [...seen.values()].reduce((sum, { lines }) => sum + lines, 0);
    },
  };
}

async function countFrom(path: string, known: { bytes: number; lines: number }): Promise<void> {
  for await (const chunk of createReadStream(path, { start: known.bytes, highWaterMark: 4 * 1024 * 1024 })) {
    const bytes = chunk as Buffer;
    known.bytes += bytes.length;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) known.lines += 1;
  }
}
