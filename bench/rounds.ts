/**
 * One round: a server under load for some seconds, what it answered, and what it cost. Servers that store are also
 * timed until their last row is visible, and their rows are counted: a round that lost one throws.
 */
import { applyLoad, type LoadOptions, type LoadResult } from './load.ts';
import { childrenOf, cpuSeconds, type ServerProcess, watchResident } from './process.ts';

export interface Round extends LoadResult {
  readonly eventsPerSecond: number;
  /** CPU seconds of the server's own process per million events. */
  readonly cpuSecondsPerMillion: number;
  /** … and of its child processes (the embedded store), until all rows were visible; 0 without children. */
  readonly childCpuSecondsPerMillion: number;
  readonly residentMiBMax: number;
  /** Seconds from the end of the load until every accepted row was visible; 0 for servers that store nothing. */
  readonly visibleAfterSeconds: number;
  /** Events over the time from the load's start until every accepted row was visible; 0 for servers that store nothing. */
  readonly visiblePerSecond: number;
}

/** Runs a round. `eventsPerRequest` turns requests into events. */
export async function runRound(
  server: ServerProcess,
  load: Omit<LoadOptions, 'url'>,
  eventsPerRequest: number,
): Promise<Round> {
  const before = await readEvents(server);
  const cpuBefore = cpuSeconds(server.pid);
  const children = childrenOf(server.pid);
  const childCpuBefore = sumCpu(children);
  const resident = watchResident(server.pid);
  const result = await applyLoad({ ...load, url: server.url });
  const cpu = cpuSeconds(server.pid) - cpuBefore;
  const residentMiBMax = resident.stop();
  const loadEnd = performance.now();
  const events = result.requests * eventsPerRequest;
  if (before !== undefined) await allDelivered(server, before, events);
  const millions = events / 1_000_000;
  const visibleAfterSeconds = before === undefined ? 0 : (performance.now() - loadEnd) / 1000;
  return {
    ...result,
    eventsPerSecond: result.requestsPerSecond * eventsPerRequest,
    cpuSecondsPerMillion: cpu / millions,
    childCpuSecondsPerMillion: (sumCpu(children) - childCpuBefore) / millions,
    residentMiBMax,
    visibleAfterSeconds,
    visiblePerSecond: before === undefined ? 0 : events / (result.seconds + visibleAfterSeconds),
  };
}

interface EventCounts {
  readonly accepted: number;
  readonly rejected: number;
  readonly delivered: number;
}

/** Penstock's own counters; undefined for a peer without them. */
async function readEvents(server: ServerProcess): Promise<EventCounts | undefined> {
  const answer = await fetch(`${server.url}/metrics`);
  if (!answer.ok) return undefined;
  const text = await answer.text();
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\d+)`, 'gm'))].reduce(
      (total, match) => total + Number(match[1]),
      0,
    );
  return {
    accepted: sum('penstock_events_accepted_total'),
    rejected: sum('penstock_events_rejected_total'),
    delivered: sum('penstock_sink_rows_delivered_total'),
  };
}

/** The generator may stop with requests in flight, so the server may have accepted a few more than were answered. */
async function allDelivered(server: ServerProcess, before: EventCounts, answered: number): Promise<void> {
  for (;;) {
    const now = (await readEvents(server))!;
    const accepted = now.accepted - before.accepted;
    if (now.rejected !== before.rejected) throw new Error('events of the bench were rejected');
    if (accepted < answered) throw new Error(`${answered} events were answered, only ${accepted} accepted`);
    if (now.delivered - before.delivered >= accepted) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function sumCpu(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}
