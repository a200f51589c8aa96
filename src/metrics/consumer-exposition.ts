/** `/metrics` of `penstock consume`: its series, read at scrape time from what its parts count. */
import { Counter, Gauge, Registry } from 'prom-client';
import { CONSUME_PARTITION_SERIES_MAX } from '../limits.ts';

type Kind = typeof Counter | typeof Gauge;
type Sample = [labels: Record<string, string>, value: number];

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
  /** By reason. */
  deadLetters(): ReadonlyMap<string, number>;
  lostLetters(): number;
}

/** Series without labels. */
const SERIES: readonly [kind: Kind, name: string, help: string, read: (gauges: ConsumerGauges) => number][] =
  [
    [
      Counter,
      'penstock_consumer_inserted_rows_total',
      'Rows that ClickHouse confirmed',
      (g) => g.insertedRows(),
    ],
    [
      Counter,
      'penstock_consumer_inserted_blocks_total',
      'Blocks that ClickHouse confirmed',
      (g) => g.insertedBlocks(),
    ],
    [
      Counter,
      'penstock_consumer_insert_failures_total',
      'Inserts that failed or took too long',
      (g) => g.insertFailures(),
    ],
    [
      Counter,
      'penstock_consumer_insert_retries_total',
      'Inserts that followed a failed one, under the same token',
      (g) => g.insertRetries(),
    ],
    [
      Gauge,
      'penstock_consumer_breaker_state',
      'Circuit breaker of ClickHouse: 0 closed, 1 half-open, 2 open',
      (g) => g.breakerState(),
    ],
    [
      Gauge,
      'penstock_consumer_paused',
      '1 while nothing is fetched because ClickHouse takes no blocks',
      (g) => Number(g.isPaused()),
    ],
    [
      Gauge,
      'penstock_consumer_joined',
      '1 while the process is a member of its group',
      (g) => Number(g.isJoined()),
    ],
    [
      Counter,
      'penstock_consumer_rebalances_total',
      'Times that partitions were dealt to this process',
      (g) => g.rebalances(),
    ],
    [
      Counter,
      'penstock_consumer_lost_offsets_total',
      'Offsets that Kafka had let go of before they were read',
      (g) => g.lostOffsets(),
    ],
    [
      Counter,
      'penstock_consumer_lost_letters_total',
      'Records that not even the dead-letter topic took',
      (g) => g.lostLetters(),
    ],
    [
      Gauge,
      'penstock_consumer_gathered_bytes',
      'Bytes that were fetched and wait for their block, as they stand in the topic',
      (g) => g.gatheredBytes(),
    ],
    [
      Gauge,
      'penstock_consumer_resident_bytes',
      'Resident memory of the process',
      () => process.memoryUsage.rss(),
    ],
  ];

export class ConsumerExposition {
  readonly #registry = new Registry();

  constructor(gauges: ConsumerGauges) {
    for (const [kind, name, help, read] of SERIES) {
      this.#register(kind, name, help, [], () => [[{}, read(gauges)]]);
    }
    this.#register(
      Counter,
      'penstock_consumer_dead_letters_total',
      'Records that went to the dead-letter topic',
      ['reason'],
      () => [...gauges.deadLetters()].map(([reason, count]) => [{ reason }, count]),
    );
    this.#register(
      Gauge,
      'penstock_consumer_lag_records',
      'Offsets from what ClickHouse has to the end of the topic, over the partitions that this process has',
      ['topic'],
      () => lagByTopic(gauges.partitions()),
    );
    const labels = ['topic', 'partition'];
    this.#register(
      Gauge,
      'penstock_consumer_partition_lag_records',
      `The same by partition, of the first ${CONSUME_PARTITION_SERIES_MAX}`,
      labels,
      () => byPartition(gauges, ({ lag }) => lag),
    );
    this.#register(
      Gauge,
      'penstock_consumer_partition_committed_offset',
      `Offset before which ClickHouse has everything, of the first ${CONSUME_PARTITION_SERIES_MAX} partitions`,
      labels,
      () => byPartition(gauges, ({ committedOffset }) => committedOffset),
    );
  }

  /** The text of a scrape. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** `read` is called at every scrape. */
  #register(Kind: Kind, name: string, help: string, labelNames: string[], read: () => Sample[]): void {
    new Kind({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.inc(labels, value);
      },
    });
  }
}

function lagByTopic(partitions: readonly PartitionGauges[]): Sample[] {
  const sums = new Map<string, number>();
  for (const { topic, lag } of partitions) sums.set(topic, (sums.get(topic) ?? 0) + (lag ?? 0));
  return [...sums].map(([topic, lag]) => [{ topic }, lag]);
}

function byPartition(
  gauges: ConsumerGauges,
  read: (partition: PartitionGauges) => number | undefined,
): Sample[] {
  return gauges
    .partitions()
    .slice(0, CONSUME_PARTITION_SERIES_MAX)
    .flatMap((gauge): Sample[] => {
      const value = read(gauge);
      return value === undefined ? [] : [[{ topic: gauge.topic, partition: String(gauge.partition) }, value]];
    });
}
