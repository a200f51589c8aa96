/** The chart in README: events a second of Penstock and its peers, a panel a scenario. */
import type { ScenarioResult } from '../run-scenario.ts';
import { barChart } from './charts.ts';
import { spreadOf } from './figures.ts';
import type { Machine } from './machine.ts';

/** SVG text. What a sink is behind, is shown by what it stored in the end. */
export function drawReadmeChart(
  results: readonly ScenarioResult[],
  { cores, cpu, versions }: Machine,
): string {
  return barChart(
    `Events a second, generator and server on ${cores} × ${cpu}, Node ${versions['node']}`,
    'events/s',
    results
      .filter(({ scenario }) => scenario.rate === undefined)
      .map(({ scenario, peers }) => ({
        title: `${scenario.about}, ${scenario.sink === 'journal' ? 'answered when on disk' : `stored in ${scenario.sink}`}`,
        bars: peers.map(({ name, rounds }) => ({
          name,
          value: spreadOf(rounds, (round) =>
            scenario.sink === 'journal' ? round.eventsPerSecond : round.storedPerSecond,
          ),
        })),
      })),
  );
}
