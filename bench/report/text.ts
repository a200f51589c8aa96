/** A scenario's rounds as text: a table, ratios, and what each server does not do. */
import type { PeerResult, ScenarioResult } from '../run-scenario.ts';
import { median } from '../statistics.ts';
import { formatTable } from '../table.ts';
import { FIGURES, type Figure, formatSpread, GENERATOR_BUSY_MAX, spreadOf } from './figures.ts';

/** The first server's rounds to those of another: each pair of neighbours in time, then the middle of them. */
export interface Ratio {
  readonly first: string;
  readonly other: string;
  readonly throughput: number;
  /** By what was stored in the end, where there is a sink behind the answers. */
  readonly stored: number;
  /** CPU seconds of the other per CPU second of the first. */
  readonly cpu: number;
}

/** Ratios of the first server to each other one; empty for one alone. */
export function ratiosOf({ peers }: Pick<ScenarioResult, 'peers'>): Ratio[] {
  const [first, ...others] = peers;
  if (first === undefined) return [];
  return others.map((other) => ({
    first: first.name,
    other: other.name,
    throughput: pairwise(first, other, (round) => round.eventsPerSecond),
    stored: pairwise(first, other, (round) => round.storedPerSecond),
    cpu: 1 / pairwise(first, other, (round) => round.cpuSecondsPerMillion),
  }));
}

type Read = Figure['of'];

function pairwise(first: PeerResult, other: PeerResult, of: Read): number {
  const ratios = first.rounds.flatMap((round, index) => {
    const beside = other.rounds[index];
    return beside === undefined ? [] : [of(round) / of(beside)];
  });
  return median(ratios);
}

/** The table of a scenario and what belongs below it. */
export function formatScenario(result: ScenarioResult): string {
  const { scenario, bytesPerEvent, seconds, peers, skipped, backend } = result;
  const loop = scenario.rate === undefined ? 'closed loop' : 'open loop';
  const repeats = peers[0]?.rounds.length ?? 0;
  const lines = [
    `${scenario.name}: ${scenario.about}; ${scenario.connections} connections, ${loop}, ${bytesPerEvent.toFixed(0)} bytes an event, ` +
      `sink ${scenario.sink} (${backend}); ${repeats} rounds of ${seconds} s, median [min–max]`,
  ];
  const figures = FIGURES.filter((figure: Figure) =>
    peers.some(({ rounds }) => rounds.some((round) => figure.isOf?.(round) ?? true)),
  );
  const rows = peers.map((peer) => [peer.name, peer.acks, ...figures.map((figure) => cell(peer, figure))]);
  if (rows.length > 0)
    lines.push(formatTable(['server', 'answer means', ...figures.map(({ title }) => title)], rows).trimEnd());
  for (const ratio of ratiosOf(result)) {
    const stored =
      ratio.stored === ratio.throughput || !peers.some(hasStore)
        ? ''
        : `, ${ratio.stored.toFixed(2)} × into the sink`;
    lines.push(
      `  ${ratio.first} is ${ratio.throughput.toFixed(2)} × ${ratio.other}${stored}, at ${ratio.cpu.toFixed(2)} × the events a CPU second`,
    );
  }
  for (const { name, doesNot } of peers) {
    if (doesNot.length > 0) lines.push(`  ${name} does not: ${doesNot.join('; ')}`);
  }
  for (const { name, why } of skipped) lines.push(`  skipped ${name}: ${why}`);
  for (const name of generatorBound(result))
    lines.push(`  ${name}: the generator was at its end, so that this is its figure and not the server's`);
  return `${lines.join('\n')}\n`;
}

function hasStore({ rounds }: PeerResult): boolean {
  return rounds.some((round) => round.storedAfterSeconds > 0);
}

function cell({ rounds }: PeerResult, { of, isOf, digits }: Figure): string {
  if (!rounds.some((round) => isOf?.(round) ?? true)) return '–';
  return formatSpread(spreadOf(rounds, of), digits);
}

/** Servers whose generator had no more to give. */
function generatorBound({ peers }: ScenarioResult): string[] {
  return peers
    .filter(({ rounds }) => spreadOf(rounds, (round) => round.generatorBusy).median > GENERATOR_BUSY_MAX)
    .map(({ name }) => name);
}
