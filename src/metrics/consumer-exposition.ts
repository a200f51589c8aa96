/** `/metrics` of `penstock consume`: its series, read at scrape time from what its parts count. */
import { Registry } from 'prom-client';
import { CONSUME_PARTITION_SERIES_MAX } from '../limits.ts';
import { registerProcessSeries } from './process-series.ts';
import { type MetricType, registerSampled, type Sample } from './sampled.ts';

/** A partition that the process has now. */
export interface PartitionGauges {
  readonly topic: string;
  readonly partition: number;
  /** Undefined before the first fetch. */
  readonly lag: number | undefined;
  readonly committedOffset: number;
}

/** What the consumer is asked at scrape time. */
export interface ConsumerGauges {
  partitions(): readonly PartitionGauges[];
  gatheredBytes(): number;
  insertedRows(): number;
  insertedBlocks(): number;
  insertFailures(): number;
  insertRetries(): number;
  breakerState(): number;
  isPaused(): boolean;
  isJoined(): boolean;
  rebalances(): number;
  lostOffsets(): number;
  /** By reason, those too of which there was none: the first is a rise then, and not a series that begins. */
  deadLetters(): ReadonlyMap<string, number>;
  lostLetters(): number;
}

/** Series without labels. */
const SERIES: readonly {
  readonly type: MetricType;
  readonly name: string;
  readonly help: string;
  readonly read: (gauges: ConsumerGauges) => number;
}[] = [
  {
    type: 'counter',
    name: 'penstock_consumer_inserted_rows_total',
    help: 'Rows that ClickHouse confirmed',
    read: (g) => g.insertedRows(),
  },
  {
    type: 'counter',
    name: 'penstock_consumer_inserted_blocks_total',
    help: 'Blocks that ClickHouse confirmed',
    read: (g) => g.insertedBlocks(),
  },
  {
    type: 'counter',
    name: 'penstock_consumer_insert_failures_total',
    help: 'Inserts that failed or took too long',
    read: (g) => g.insertFailures(),
  },
  {
    type: 'counter',
    name: 'penstock_consumer_insert_retries_total',
    help: 'Inserts that followed a failed one, under the same token',
    read: (g) => g.insertRetries(),
  },
  {
    type: 'gauge',
    name: 'penstock_consumer_breaker_state',
    help: 'Circuit breaker of ClickHouse: 0 closed, 1 half-open, 2 open',
    read: (g) => g.breakerState(),
  },
  {
    type: 'gauge',
    name: 'penstock_consumer_paused',
    help: '1 while nothing is fetched because ClickHouse takes no blocks',
    read: (g) => Number(g.isPaused()),
  },
  {
    type: 'gauge',
    name: 'penstock_consumer_joined',
    help: '1 while the process is a member of its group',
    read: (g) => Number(g.isJoined()),
  },
  {
    type: 'counter',
    name: 'penstock_consumer_rebalances_total',
    help: 'Times that partitions were dealt to this process',
    read: (g) => g.rebalances(),
  },
  {
    type: 'counter',
    name: 'penstock_consumer_lost_offsets_total',
    help: 'Offsets that Kafka had let go of before they were read',
    read: (g) => g.lostOffsets(),
  },
  {
    type: 'counter',
    name: 'penstock_consumer_lost_letters_total',
    help: 'Records that not even the dead-letter topic took',
    read: (g) => g.lostLetters(),
  },
  {
    type: 'gauge',
    name: 'penstock_consumer_gathered_bytes',
    help: 'Bytes that were fetched and wait for their block, as they stand in the topic',
    read: (g) => g.gatheredBytes(),
  },
];

export class ConsumerExposition {
  readonly #registry = new Registry();

  constructor(gauges: ConsumerGauges) {
    for (const { read, ...metric } of SERIES) {
      registerSampled(this.#registry, { ...metric, read: () => [{ labels: {}, value: read(gauges) }] });
    }
    registerSampled(this.#registry, {
      type: 'counter',
      name: 'penstock_consumer_dead_letters_total',
      help: 'Records that went to the dead-letter topic',
      read: () => [...gauges.deadLetters()].map(([reason, value]) => ({ labels: { reason }, value })),
    });
    registerSampled(this.#registry, {
      type: 'gauge',
      name: 'penstock_consumer_lag_records',
      help: 'Offsets from what ClickHouse has to the end of the topic, over the partitions that this process has',
      read: () => lagByTopic(gauges.partitions()),
    });
    registerSampled(this.#registry, {
      type: 'gauge',
      name: 'penstock_consumer_partition_lag_records',
      help: `The same by partition, of the first ${CONSUME_PARTITION_SERIES_MAX}`,
      read: () => byPartition(gauges, ({ lag }) => lag),
    });
    registerSampled(this.#registry, {
      type: 'gauge',
      name: 'penstock_consumer_partition_committed_offset',
      help: `Offset before which ClickHouse has everything, of the first ${CONSUME_PARTITION_SERIES_MAX} partitions`,
      read: () => byPartition(gauges, ({ committedOffset }) => committedOffset),
    });
    registerProcessSeries(this.#registry);
  }

  /** The text of a scrape. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function lagByTopic(partitions: readonly PartitionGauges[]): Sample[] {
  const sums = new Map<string, number>();
  for (const { topic, lag } of partitions) sums.set(topic, (sums.get(topic) ?? 0) + (lag ?? 0));
  return [...sums].map(([topic, value]) => ({ labels: { topic }, value }));
}

function byPartition(
  gauges: ConsumerGauges,
  read: (partition: PartitionGauges) => number | undefined,
): Sample[] {
  return gauges
    .partitions()
    .slice(0, CONSUME_PARTITION_SERIES_MAX)
    .flatMap((gauge) => {
      const { topic, partition } = gauge;
      const value = read(gauge);
      return value === undefined ? [] : [{ labels: { topic, partition: String(partition) }, value }];
    });
}
