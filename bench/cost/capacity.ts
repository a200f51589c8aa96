/**
 * From what an event costs to what many need. The model: a core group is one thread in front and the rest workers; none is
 * planned beyond BUSY_MAX, so that there is room for bursts, for a neighbour that failed, and for the backlog after an
 * outage; and cost is in proportion to events, which two-processes.ts checks on this machine.
 */
import { BLOCK_BYTES_MAX, CLICKHOUSE_FLUSH_INTERVAL_MS, NATIVE_BLOCK_ROWS_MAX } from '../../src/limits.ts';
import type { SinkName } from '../places/place.ts';
import { group } from '../report/figures.ts';
import { median } from '../statistics.ts';
import { formatMarkdown } from './markdown.ts';
import type { Form, Stage } from './stages.ts';

/** Share of a core that is planned for. */
export const BUSY_MAX = 0.6;
/** Cores of a group: its front and three workers. */
export const GROUP_CORES = 4;
/** What one partition is given, compressed: a tenth of what a broker's disk and a consumer's fetch commonly carry. */
const PARTITION_BYTES_PER_SECOND = 10e6;
/** Millions of events a second. */
const RATES = [0.1, 1, 10];

/** Events a second, in millions, that one group carries into `sink`; by whichever of its threads ends first. */
export function groupCapacity({ rounds }: Form, cores = GROUP_CORES): number {
  const front = median(rounds.map((round) => round.frontCpuSecondsPerMillion));
  const workers = median(rounds.map((round) => round.cpuSecondsPerMillion)) - front;
  return Math.min(BUSY_MAX / front, ((cores - 1) * BUSY_MAX) / workers);
}

/** Bytes an event that the form writes beyond another. */
export function bytesBeyond(forms: readonly Form[], sink: SinkName, without: SinkName): number {
  const of = (name: SinkName) =>
    median(
      (forms.find((form) => form.sink === name)?.rounds ?? []).map((round) => round.writtenBytesPerEvent),
    );
  return of(sink) - of(without);
}

/** Inserts a second into ClickHouse by `workers` workers at `events` a second: by time, rows or bytes, whichever is first. */
function insertsPerSecond(events: number, workers: number, blockBytesPerEvent: number): number {
  const each = events / workers;
  const byTime = 1000 / CLICKHOUSE_FLUSH_INTERVAL_MS;
  const byRows = each / NATIVE_BLOCK_ROWS_MAX;
  const byBytes = (each * blockBytesPerEvent) / BLOCK_BYTES_MAX;
  return workers * Math.max(byTime, byRows, byBytes);
}

/** The table of stages. */
export function stageTable(stages: readonly Stage[]): string {
  return formatMarkdown(
    ['stage', 'where', 'CPU s a million events', 'min–max'],
    stages.map(({ name, process, cpuSecondsPerMillion: { min, median: middle, max } }) => [
      name,
      process,
      middle.toFixed(2),
      `${min.toFixed(2)}–${max.toFixed(2)}`,
    ]),
  );
}

/** The table of capacity: a row a rate and sink. */
export function capacityTable(forms: readonly Form[], bytesPerEvent: number): string {
  const kafkaBytes = bytesBeyond(forms, 'kafka', 'journal');
  const blockBytes = bytesBeyond(forms, 'clickhouse', 'journal');
  const sinks = forms.filter(({ sink }) => sink === 'kafka' || sink === 'clickhouse' || sink === 'embedded');
  const rows = sinks.flatMap((form) =>
    RATES.map((millions) => {
      const events = millions * 1e6;
      const groups = Math.max(1, Math.ceil(millions / groupCapacity(form)));
      const store = median(form.rounds.map((round) => round.storeCpuSecondsPerMillion));
      const isKafka = form.sink === 'kafka';
      const isServer = form.sink === 'clickhouse';
      const partitions = Math.ceil((events * kafkaBytes) / PARTITION_BYTES_PER_SECOND);
      return [
        form.sink,
        `${millions} M`,
        String(groups),
        `${((events * bytesPerEvent) / 1e6).toFixed(0)} MB/s`,
        isKafka || isServer
          ? `${((events * (isKafka ? kafkaBytes : blockBytes)) / 1e6).toFixed(0)} MB/s`
          : '–',
        isKafka ? String(Math.max(1, partitions)) : '–',
        isServer ? group(insertsPerSecond(events, groups * (GROUP_CORES - 1), blockBytes), 0) : '–',
        ((millions * store) / BUSY_MAX).toFixed(1),
      ];
    }),
  );
  return formatMarkdown(
    [
      'into',
      'events/s',
      `groups of ${GROUP_CORES} cores`,
      'in',
      'out',
      'Kafka partitions',
      'ClickHouse inserts/s',
      'cores of the store',
    ],
    rows,
  );
}
