/** What the project set itself to reach, beside what a run measured: medians of the rounds. */
import type { ScenarioResult } from '../run-scenario.ts';
import { formatTable } from '../table.ts';
import { spreadOf } from './figures.ts';
import { ratiosOf } from './text.ts';

interface Target {
  readonly about: string;
  readonly scenario: string;
  readonly least: number;
  /** NaN: the run has not measured it. */
  readonly of: (result: ScenarioResult) => number;
}

/** MiB beyond the Go peer's memory. */
const MEMORY_MARGIN_MIB = 150;

const TARGETS: readonly Target[] = [
  ratioTarget('batch-100', 'fastify', 'throughput', 5),
  ratioTarget('batch-100', 'go-fiber', 'throughput', 3),
  ratioTarget('single', 'fastify', 'throughput', 3),
  {
    about: 'WebSocket, one event a message: M events/s',
    scenario: 'ws-1',
    least: 0.9,
    of: (result) => medianOf(result, 'penstock', 'eventsPerSecond') / 1e6,
  },
  ratioTarget('clickhouse-100', 'fastify', 'stored', 6),
  {
    about: `batches of 100, MiB below the Go peer's resident memory and ${MEMORY_MARGIN_MIB}`,
    scenario: 'batch-100',
    least: 0,
    of: (result) =>
      medianOf(result, 'go-fiber', 'residentMiBMax') +
      MEMORY_MARGIN_MIB -
      medianOf(result, 'penstock', 'residentMiBMax'),
  },
];

function ratioTarget(scenario: string, other: string, key: 'throughput' | 'stored', least: number): Target {
  return {
    about: `${scenario}${key === 'stored' ? ', into the sink' : ''}: × ${other}`,
    scenario,
    least,
    of: (result) => ratiosOf(result).find((ratio) => ratio.other === other)?.[key] ?? Number.NaN,
  };
}

function medianOf(
  { peers }: ScenarioResult,
  name: string,
  key: 'eventsPerSecond' | 'residentMiBMax',
): number {
  const rounds = peers.find((peer) => peer.name === name)?.rounds ?? [];
  return spreadOf(rounds, (round) => round[key]).median;
}

/** The table of targets. */
export function formatTargets(results: readonly ScenarioResult[]): string {
  const rows = TARGETS.map(({ about, scenario, least, of }) => {
    const result = results.find((one) => one.scenario.name === scenario);
    const value = result === undefined ? Number.NaN : of(result);
    const verdict = Number.isNaN(value) ? 'not measured' : value >= least ? 'reached' : 'missed';
    return [about, String(least), Number.isNaN(value) ? '–' : value.toFixed(2), verdict];
  });
  return `targets:\n${formatTable(['target', 'at least', 'measured', ''], rows)}`;
}
