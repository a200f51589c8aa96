/**
 * Whether cost is in proportion: two Penstocks, each with half of a load, beside one with all of it, in turn. If the model
 * holds, a million events cost the same CPU seconds either way.
 */
import { peerByName } from '../peers/index.ts';
import { openBackend } from '../places/open.ts';
import { type Round, runRound } from '../rounds.ts';
import { createLoad, startContender } from '../run-scenario.ts';
import type { Scenario } from '../scenarios.ts';
import { type Spread, spread } from '../statistics.ts';
import type { CostOptions } from './stages.ts';

export interface TwoProcesses {
  readonly one: Spread;
  readonly two: Spread;
  /** Share of two's requests that could not be sent in time. */
  readonly overdueShareMax: number;
}

/** CPU seconds a million events of either. The sink is the scenario's. */
export async function compareProcesses(scenario: Scenario, options: CostOptions): Promise<TwoProcesses> {
  const backend = await openBackend(scenario.sink);
  const penstock = peerByName('penstock');
  const start = () => startContender(penstock, scenario, backend);
  const servers = [await start(), await start(), await start()].map(({ server }) => server);
  const [alone, ...pair] = servers;
  if (alone === undefined) throw new Error('three were started');
  const load = { ...createLoad(scenario)(penstock), seconds: options.seconds };
  const half = {
    ...load,
    rate: (scenario.rate ?? 0) / pair.length,
    connections: scenario.connections / pair.length,
  };
  const ones: Round[] = [];
  const twos: Round[][] = [];
  try {
    for (let repeat = 0; repeat <= options.repeats; repeat++) {
      options.progress(`cost: one process and two, round ${repeat} of ${options.repeats}`);
      const one = await runRound(alone, load, backend.pids);
      const two = await Promise.all(pair.map((server) => runRound(server, half, [])));
      if (repeat === 0) continue;
      ones.push(one);
      twos.push(two);
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await backend.stop();
  }
  return {
    one: spread(ones.map((round) => round.cpuSecondsPerMillion)),
    two: spread(twos.map(mean)),
    overdueShareMax: Math.max(...twos.flat().map((round) => round.overdueShare)),
  };
}

/** Of rounds with equal loads. */
function mean(rounds: readonly Round[]): number {
  return rounds.reduce((sum, round) => sum + round.cpuSecondsPerMillion, 0) / rounds.length;
}
