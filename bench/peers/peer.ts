/**
 * What a peer is: any program that takes events over HTTP and can be started here. To add one, write a page that exports a
 * Peer and list it in index.ts; a collector that a file configures needs a row in collectors.ts and that file.
 */
import type { Count, Place, SinkName } from '../places/place.ts';
import { type ServerProcess, startServer } from '../process.ts';

export interface Peer {
  readonly name: string;
  readonly about: string;
  /** Sinks that it can keep events in. */
  readonly sinks: readonly SinkName[];
  /** What its answer means, by sink, in a word or two: what is lost when it is killed behind it. */
  acks(sink: SinkName): string;
  /** What Penstock does with an event and this does not; printed below each table that it is in. */
  readonly doesNot: readonly string[];
  readonly hasStream: boolean;
  readonly takesGzip: boolean;
  /** Its route for batches, and for single events: a peer without one of its own takes arrays of one. */
  readonly paths: Paths;
  /** Whose shape its batches have; absent is Penstock's own. */
  readonly dialect?: 'segment';
  /** Builds or looks for it. Rejects with Unavailable, which says what is missing. */
  prepare(): Promise<void>;
  start(place: Place): Promise<PeerServer>;
}

export interface Paths {
  readonly single: string;
  readonly batch: string;
}

export const PENSTOCK_PATHS: Paths = { single: '/v1/events', batch: '/v1/events/batch' };

/** A peer that runs. */
export interface PeerServer extends ServerProcess {
  /** Processes whose CPU time and memory are the server's own … */
  ownPids(): number[];
  /** … and those of a store that it brings with it. */
  storePids(): number[];
  /** Counts what it kept. */
  readonly stored: Count;
}

/** Starts a server that is one process, keeps nothing and counts what it answered. */
export async function startKeepless(script: string): Promise<PeerServer> {
  const server = await startServer(script, [], {});
  return {
    ...server,
    ownPids: () => [server.pid],
    storePids: () => [],
    stored: countByMetric(server.url, 'bench_events_accepted_total'),
  };
}

/** Counts by a counter of Prometheus text, summed over its series. */
export function countByMetric(url: string, name: string): Count {
  return {
    rows: async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const series = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
      if (series.length === 0) throw new Error(`${url}/metrics has no ${name}`);
      return series.reduce((sum, [, value]) => sum + Number(value), 0);
    },
  };
}
