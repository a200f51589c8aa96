/** The four charts of a run. */
import { RESIDENT_INTERVAL_MS, type Round } from '../rounds.ts';
import type { PeerResult, ScenarioResult } from '../run-scenario.ts';
import { median } from '../statistics.ts';
import { barChart, type LinePanel, lineChart } from './charts.ts';
import { spreadOf } from './figures.ts';

const PERCENTILES = ['p50', 'p90', 'p99', 'p999', 'max'] as const;
const PERCENTILE_NAMES = ['p50', 'p90', 'p99', 'p99.9', 'max'];

/** SVG text by the name of its file. */
export function drawCharts(results: readonly ScenarioResult[]): Record<string, string> {
  const shown = results.filter(({ peers }) => peers.length > 0);
  if (shown.length === 0) return {};
  const bars = (of: (round: Round) => number) =>
    shown.map((result) => ({
      title: titleOf(result),
      bars: result.peers.map(({ name, rounds }) => ({ name, value: spreadOf(rounds, of) })),
    }));
  return {
    'throughput.svg': barChart(
      'Events accepted a second: median, lowest and highest round',
      'events/s',
      bars((round) => round.eventsPerSecond),
    ),
    'latency.svg': lineChart(
      'Latency by percentile: median round',
      { x: '', y: 'ms', isLogarithmic: true },
      shown.map((result) => latencyPanel(result)),
    ),
    'cpu.svg': barChart(
      'CPU seconds per million events, the store not among them',
      's',
      bars((round) => round.cpuSecondsPerMillion),
    ),
    'memory.svg': lineChart(
      'Resident memory over time: the last round',
      { x: 's', y: 'MiB' },
      shown.map((result) => memoryPanel(result)),
    ),
  };
}

function titleOf({ scenario }: ScenarioResult): string {
  return `${scenario.name}: ${scenario.about}; sink ${scenario.sink}`;
}

function latencyPanel(result: ScenarioResult): LinePanel {
  return {
    title: titleOf(result),
    places: PERCENTILE_NAMES,
    lines: result.peers.map(({ name, rounds }) => ({
      name,
      points: PERCENTILES.map(
        (percentile, index) => [index, median(rounds.map(({ latency }) => latency[percentile]))] as const,
      ),
    })),
  };
}

function memoryPanel(result: ScenarioResult): LinePanel {
  return { title: titleOf(result), lines: result.peers.map(memoryLine) };
}

function memoryLine({ name, rounds }: PeerResult): LinePanel['lines'][number] {
  const samples = rounds.at(-1)?.residentMiB ?? [];
  return { name, points: samples.map((mib, index) => [(index * RESIDENT_INTERVAL_MS) / 1000, mib] as const) };
}
