/**
 * A scenario: its servers are all started, warmed up, and then take turns, round by round, so that whatever else the
 * machine does disturbs all of them. Only one is under load at a time.
 */
import type { LoadOptions } from './load.ts';
import { createBodies } from './payloads.ts';
import { peerByName } from './peers/index.ts';
import type { Peer, PeerServer } from './peers/peer.ts';
import { openBackend } from './places/open.ts';
import { type Backend, Unavailable } from './places/place.ts';
import { type Round, runRound } from './rounds.ts';
import type { Scenario } from './scenarios.ts';

/** The corpus's seed. */
export const SEED = 20_261_120;
/** Distinct bodies sent in turn, and distinct messages of a WebSocket connection. */
const BODY_COUNT = 64;
const MESSAGE_COUNT = 1024;
const WARM_UP_SECONDS = 2;
const SECONDS = 5;

export interface RunOptions {
  readonly seconds?: number | undefined;
  readonly repeats: number;
  progress(text: string): void;
}

/** A scenario's rounds, peer by peer, as the report has them. */
export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly seconds: number;
  /** Mean bytes of an event as it is sent. */
  readonly bytesPerEvent: number;
  readonly backend: string;
  readonly peers: readonly PeerResult[];
  /** Peers that could not run here, and why. */
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
}

export interface PeerResult {
  readonly name: string;
  readonly about: string;
  readonly acks: string;
  readonly doesNot: readonly string[];
  readonly rounds: readonly Round[];
}

interface Contender {
  readonly peer: Peer;
  readonly server: PeerServer;
  readonly rounds: Round[];
}

/** Runs a scenario. Rejects with Unavailable where its sink cannot be had. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<ScenarioResult> {
  const seconds = options.seconds ?? scenario.seconds ?? SECONDS;
  const backend = await openBackend(scenario.sink);
  const skipped: { name: string; why: string }[] = [];
  const contenders: Contender[] = [];
  const load = createLoad(scenario);
  try {
    for (const name of scenario.peers) {
      options.progress(`${scenario.name}: starting ${name}`);
      try {
        contenders.push(await startContender(peerByName(name), scenario, backend));
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        skipped.push({ name, why: error.message });
      }
    }
    for (const { peer, server } of contenders) {
      options.progress(`${scenario.name}: warming up ${peer.name}`);
      const warmUp = { ...load(peer), seconds: Math.min(WARM_UP_SECONDS, seconds) };
      await named(peer, runRound(server, warmUp, backend.pids));
    }
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      for (const { peer, server, rounds } of contenders) {
        options.progress(`${scenario.name}: round ${repeat + 1} of ${options.repeats}, ${peer.name}`);
        rounds.push(await named(peer, runRound(server, { ...load(peer), seconds }, backend.pids)));
      }
    }
    for (const { peer, server } of contenders) await named(peer, checkDistinct(server));
  } finally {
    await Promise.all(contenders.map(({ server }) => server.stop()));
    await backend.stop();
  }
  const bodies = load(undefined).bodies;
  return {
    scenario,
    seconds,
    bytesPerEvent:
      bodies.reduce((sum, body) => sum + body.length, 0) / bodies.length / scenario.eventsPerRequest,
    backend: backend.about,
    peers: contenders.map(({ peer, rounds }) => ({
      name: peer.name,
      about: peer.about,
      acks: peer.acks(scenario.sink),
      doesNot: peer.doesNot,
      rounds,
    })),
    skipped,
  };
}

/** The load of a scenario for a peer, whose routes are its own. */
export function createLoad(
  scenario: Scenario,
): (peer: Peer | undefined) => Omit<LoadOptions, 'url' | 'seconds'> {
  const { transport, size, eventsPerRequest, isGzip = false, connections, rate, generator } = scenario;
  const bodiesOf = (dialect: Peer['dialect']) =>
    createBodies({
      seed: SEED,
      size,
      eventsPerBody: eventsPerRequest,
      count: transport === 'stream' ? MESSAGE_COUNT : BODY_COUNT,
      isGzip,
      dialect,
    });
  const made = new Map<Peer['dialect'], Buffer[]>();
  const bodiesFor = (dialect: Peer['dialect']) => {
    const bodies = made.get(dialect) ?? bodiesOf(dialect);
    made.set(dialect, bodies);
    return bodies;
  };
  return (peer) => ({
    path:
      transport === 'stream' ? 'stream' : (peer?.paths[eventsPerRequest === 1 ? 'single' : 'batch'] ?? ''),
    bodies: bodiesFor(peer?.dialect),
    eventsPerBody: eventsPerRequest,
    isGzip,
    connections,
    ...(rate === undefined ? {} : { rate }),
    ...(generator === undefined ? {} : { generator }),
  });
}

/** Starts a peer in a place of its own. Rejects with Unavailable where it cannot run the scenario, or not here. */
export async function startContender(peer: Peer, scenario: Scenario, backend: Backend): Promise<Contender> {
  const { sink, transport, isGzip = false } = scenario;
  if (!peer.sinks.includes(sink)) throw new Unavailable(`it does not keep events in ${sink}`);
  if (transport === 'stream' && !peer.hasStream) throw new Unavailable('it has no stream');
  if (isGzip && !peer.takesGzip) throw new Unavailable('it takes no gzip');
  await peer.prepare();
  const server = await peer.start(await backend.place(peer.name));
  return { peer, server, rounds: [] };
}

async function named<Result>(peer: Peer, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw new Error(`${peer.name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Behind the last round: ids may not stand there twice. */
async function checkDistinct({ stored }: PeerServer): Promise<void> {
  const distinct = await stored.distinct?.();
  const rows = await stored.rows();
  if (distinct !== undefined && distinct !== rows)
    throw new Error(`${rows} rows are stored, but only ${distinct} ids: some events are there twice`);
}
