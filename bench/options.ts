/** Options that several commands of the bench share. */
import { PEERS } from './peers/index.ts';
import { SINKS } from './places/place.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

/** The scenario of that name. Throws for one that there is not. */
export function scenarioByName(name: string): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined)
    throw new Error(`no scenario is called ${name}: ${SCENARIOS.map((one) => one.name).join(', ')}`);
  return scenario;
}

export interface Overrides {
  readonly peer?: string[];
  readonly sink?: string;
  readonly mix?: string;
  readonly connections?: number;
  readonly rate?: number;
  readonly generator?: string;
}

/** A scenario with what the command line says otherwise. Throws for a word that is not known. */
export function override(scenario: Scenario, overrides: Overrides): Scenario {
  const { peer, sink, mix, connections, rate, generator } = overrides;
  const first = scenario.peers[0] ?? 'penstock';
  return {
    ...scenario,
    ...(peer === undefined
      ? {}
      : { peers: [...new Set([first, ...peer.map((name) => oneOf('peer', name, PEER_NAMES))])] }),
    ...(sink === undefined ? {} : { sink: oneOf('sink', sink, SINKS) }),
    ...(mix === undefined ? {} : { size: oneOf('mix', mix, ['small', 'medium', 'large']) }),
    ...(connections === undefined ? {} : { connections }),
    ...(rate === undefined ? {} : { rate }),
    ...(generator === undefined ? {} : { generator: oneOf('generator', generator, ['own', 'autocannon']) }),
  };
}

const PEER_NAMES = PEERS.map(({ name }) => name);

function oneOf<Word extends string>(what: string, word: string, words: readonly Word[]): Word {
  const found = words.find((one) => one === word);
  if (found === undefined) throw new Error(`no ${what} is called ${word}: ${words.join(', ')}`);
  return found;
}
