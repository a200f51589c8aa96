/** The figures of a round that reports show, each with its unit: one row here is one column of the table. */
import type { Round } from '../rounds.ts';
import { type Spread, spread } from '../statistics.ts';

export interface Figure {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
  readonly of: (round: Round) => number;
  /** Where the figure means something; else the cell is a dash. */
  readonly isOf?: (round: Round) => boolean;
}

export const FIGURES = [
  { key: 'eventsPerSecond', title: 'events/s', digits: 0, of: (round) => round.eventsPerSecond },
  { key: 'p50', title: 'p50 ms', digits: 2, of: (round) => round.latency.p50 },
  { key: 'p99', title: 'p99 ms', digits: 2, of: (round) => round.latency.p99 },
  { key: 'p999', title: 'p99.9 ms', digits: 1, of: (round) => round.latency.p999 },
  { key: 'cpu', title: 'CPU s/M', digits: 2, of: (round) => round.cpuSecondsPerMillion },
  {
    key: 'storeCpu',
    title: 'store CPU s/M',
    digits: 2,
    of: (round) => round.storeCpuSecondsPerMillion,
    isOf: (round) => round.storeCpuSecondsPerMillion > 0,
  },
  { key: 'resident', title: 'RSS MiB', digits: 0, of: (round) => round.residentMiBMax },
  {
    key: 'storedPerSecond',
    title: 'stored/s',
    digits: 0,
    of: (round) => round.storedPerSecond,
    isOf: (round) => round.storedAfterSeconds > 0,
  },
  {
    key: 'storedAfter',
    title: 'stored after s',
    digits: 1,
    of: (round) => round.storedAfterSeconds,
    isOf: (round) => round.storedAfterSeconds > 0,
  },
  { key: 'refused', title: '503 %', digits: 1, of: (round) => round.refusedShare * 100 },
  {
    key: 'overdue',
    title: 'overdue %',
    digits: 1,
    of: (round) => round.overdueShare * 100,
    isOf: (round) => round.overdueShare > 0,
  },
  { key: 'generator', title: 'generator %', digits: 0, of: (round) => round.generatorBusy * 100 },
] as const satisfies readonly Figure[];

/** A core that is this busy has no more to give: the generator is then what was measured. */
export const GENERATOR_BUSY_MAX = 0.9;

/** Lowest, middle and highest over the rounds. */
export function spreadOf(rounds: readonly Round[], of: (round: Round) => number): Spread {
  return spread(rounds.map(of));
}

/** `median [min–max]`. */
export function formatSpread({ min, median, max }: Spread, digits: number): string {
  return `${group(median, digits)} [${group(min, digits)}–${group(max, digits)}]`;
}

/** A number with commas between thousands. */
export function group(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
