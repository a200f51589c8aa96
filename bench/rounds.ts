/**
 * One round: a server under load for some seconds, what it answered, and what it cost until all that it accepted was
 * stored. What was accepted is counted by the generator, what was stored where it was stored: a round in which the two
 * differ by one event throws.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { applyLoad, type LoadOptions, type LoadResult } from './load.ts';
import type { PeerServer } from './peers/peer.ts';
import { cpuSeconds, mainThreadCpuSeconds, watchResident } from './process.ts';

/** Milliseconds between two samples of memory. */
export const RESIDENT_INTERVAL_MS = 100;
const STALLED_MS = 60_000;
const COUNT_INTERVAL_MS = 100;

export interface Round extends LoadResult {
  /** CPU seconds of the server's own processes per million events. */
  readonly cpuSecondsPerMillion: number;
  /** … of that, what its first thread took: the front of Penstock, of Node programs the JavaScript. */
  readonly frontCpuSecondsPerMillion: number;
  /** … and of the store: a child of the server, or the ClickHouse or Kafka that was started for the bench. */
  readonly storeCpuSecondsPerMillion: number;
  readonly residentMiBMax: number;
  /** The server's own memory through the load, one sample each RESIDENT_INTERVAL_MS. */
  readonly residentMiB: readonly number[];
  /** Seconds from the end of the load until every accepted row was stored. */
  readonly storedAfterSeconds: number;
  /** Events over the time from the load's start until every accepted row was stored. */
  readonly storedPerSecond: number;
}

export interface RoundOptions {
  /** How long a server may store nothing more of what it accepted, before the rest counts as lost. */
  readonly stalledMs?: number;
}

/** Runs a round. `sinkPids` are the processes of a sink that was started for the bench. */
export async function runRound(
  server: PeerServer,
  load: Omit<LoadOptions, 'url'>,
  sinkPids: readonly number[],
  { stalledMs = STALLED_MS }: RoundOptions = {},
): Promise<Round> {
  const storedBefore = await server.stored.rows();
  const own = server.ownPids();
  const stores = [...server.storePids(), ...sinkPids];
  const before = readCpu(server.pid, own, stores);
  const resident = watchResident(own, RESIDENT_INTERVAL_MS);
  const result = await applyLoad({ ...load, url: server.url });
  const loadEndMs = performance.now();
  const residentMiB = resident.stop();
  const stored = await allStored(server, storedBefore, result, stalledMs);
  const after = readCpu(server.pid, own, stores);
  const millions = stored / 1_000_000;
  // An answer is behind the store itself where there is no sink: what the look took is not the server's.
  const storedAfterSeconds = stores.length === 0 ? 0 : (performance.now() - loadEndMs) / 1000;
  return {
    ...result,
    cpuSecondsPerMillion: (after.own - before.own) / millions,
    frontCpuSecondsPerMillion: (after.front - before.front) / millions,
    storeCpuSecondsPerMillion: (after.stores - before.stores) / millions,
    residentMiBMax: Math.max(...residentMiB),
    residentMiB,
    storedAfterSeconds,
    storedPerSecond: stored / (result.seconds + storedAfterSeconds),
  };
}

interface Cpu {
  readonly own: number;
  readonly front: number;
  readonly stores: number;
}

function readCpu(pid: number, own: readonly number[], stores: readonly number[]): Cpu {
  return { own: sumCpu(own), front: mainThreadCpuSeconds(pid), stores: sumCpu(stores) };
}

function sumCpu(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** Waits until all is stored that was accepted. Gives how many that were. */
async function allStored(
  server: PeerServer,
  before: number,
  load: LoadResult,
  stalledMs: number,
): Promise<number> {
  const least = load.eventsInAll ?? load.events;
  let seen = -1;
  let seenAtMs = performance.now();
  for (;;) {
    const stored = (await server.stored.rows()) - before;
    if (stored >= least) return checkStored(stored, load);
    if (stored > seen) {
      seen = stored;
      seenAtMs = performance.now();
    } else if (performance.now() - seenAtMs > stalledMs) {
      throw new Error(
        `${least} events were accepted, ${stored} are stored and no more come: events are lost`,
      );
    }
    await sleep(COUNT_INTERVAL_MS);
  }
}

/** A generator that knows all that was accepted must find exactly that. */
function checkStored(stored: number, { eventsInAll }: LoadResult): number {
  if (eventsInAll !== undefined && stored > eventsInAll)
    throw new Error(`${eventsInAll} events were accepted, ${stored} are stored: some twice`);
  return stored;
}
