/**
 * The series that threads keep in shared memory as single values (counters.ts). What is read together, counts of events
 * and histograms, stands in statistics-names.ts, and what the front reads at scrape time in exposition.ts. Names follow
 * Prometheus: namespace, name, unit, `_total` for counters.
 */
import { STREAMS, type StreamName } from '../sinks/sink.ts';

/** Words that each thread writes; the order is the layout in shared memory. `scale` turns a word into the series' unit. */
export const THREAD_COUNTERS = [
  {
    key: 'surrogates',
    name: 'penstock_surrogates_replaced_total',
    help: 'Escaped lone surrogates replaced by U+FFFD',
  },
  { key: 'lineBytes', name: 'penstock_line_bytes_total', help: 'Bytes of canonical lines' },
  { key: 'delivered', name: 'penstock_sink_rows_delivered_total', help: 'Rows that every sink confirmed' },
  {
    key: 'refusedRows',
    name: 'penstock_sink_rows_refused_total',
    help: 'Rows in blocks that a sink refused and set aside',
  },
  {
    key: 'journalFailures',
    name: 'penstock_journal_failures_total',
    help: 'Slabs that the disk did not take; their clients were told to come back',
  },
  {
    key: 'writeFailures',
    name: 'penstock_sink_write_failures_total',
    help: 'Block files that could not be written at once',
  },
  {
    key: 'sessionsCut',
    name: 'penstock_session_snapshot_cuts_total',
    help: 'Sessions of the stream that a segment of the journal had no room for',
  },
  {
    key: 'kafkaMaybeRepeated',
    name: 'penstock_kafka_maybe_repeated_rows_total',
    help: 'Records sent to Kafka again, outside of its check of repeats, though a broker may have had them',
  },
  {
    key: 'redisLooks',
    name: 'penstock_redis_lookups_total',
    help: 'Slabs whose new ids were looked up in Redis: one round trip each',
  },
  {
    key: 'redisLookMicros',
    name: 'penstock_redis_lookup_seconds_total',
    help: 'Time that slabs waited for these look-ups',
    scale: 1e-6,
  },
  { key: 'redisIdsAsked', name: 'penstock_redis_ids_asked_total', help: 'Ids looked up in Redis' },
  {
    key: 'redisIdsFound',
    name: 'penstock_redis_ids_found_total',
    help: 'Ids that another process had kept: their events are among the duplicates',
  },
  {
    key: 'redisIdsUnanswered',
    name: 'penstock_redis_ids_unanswered_total',
    help: 'Ids whose look-up failed or took longer than redis.timeout_ms; their events were kept',
  },
  {
    key: 'redisIdsUntold',
    name: 'penstock_redis_ids_untold_total',
    help: 'Ids that were kept while Redis could not be told',
  },
  {
    key: 'redisTimeouts',
    name: 'penstock_redis_timeouts_total',
    help: 'Calls that Redis did not answer in time',
  },
  { key: 'redisFailures', name: 'penstock_redis_failures_total', help: 'Calls to Redis that failed' },
  {
    key: 'redisCountsLost',
    name: 'penstock_redis_counts_lost_total',
    help: 'Events that the live counters of their apps may lack',
  },
] as const;

/** Gauges that each thread writes, behind the counters in shared memory. */
export const THREAD_GAUGES = [
  {
    key: 'isOpen',
    name: 'penstock_worker_open',
    help: '1 when the thread has its journal and takes events; until then its other gauges are those of the thread before it',
  },
  { key: 'sinkBytes', name: 'penstock_sink_pending_bytes', help: 'Bytes that the sinks hold in memory' },
  {
    key: 'journalBytes',
    name: 'penstock_journal_bytes',
    help: 'Bytes of the journal’s segments that a sink needs, or that are written',
  },
  {
    key: 'journalRetainedBytes',
    name: 'penstock_journal_retained_bytes',
    help: 'Bytes of segments that are kept for replays only',
  },
  {
    key: 'journalRows',
    name: 'penstock_journal_rows',
    help: 'Rows in the journal, accepted events and rejected ones, that not every sink has',
  },
  {
    key: 'journalFailing',
    name: 'penstock_journal_failing',
    help: '1 while the disk does not take the journal',
  },
  {
    key: 'kafkaState',
    name: 'penstock_kafka_state',
    help: 'Kafka sink: 0 off or not reached yet, 1 takes events, 2 failing',
  },
  {
    key: 'clickhouseState',
    name: 'penstock_clickhouse_state',
    help: 'ClickHouse: 0 none configured, 1 ok, 2 starting, 3 busy, 4 unreachable, 5 denied, 6 no tables or too old',
  },
  {
    key: 'redisState',
    name: 'penstock_redis_state',
    help: 'Redis: 0 off, 1 in use, 2 being tried, 3 away: its breaker is open, and the thread goes on by itself',
  },
  {
    key: 'clickhouseSeen',
    name: 'penstock_clickhouse_seen',
    help: '1 when ClickHouse has worked since the thread started',
  },
] as const;

/** Places that events go to, whether they are in use or not; each has its words in every thread's row. */
export const SINKS = ['embedded', 'clickhouse', 'kafka'] as const;
export type SinkName = (typeof SINKS)[number];

/** Counters a sink and stream. */
export const SINK_COUNTERS = [
  {
    key: 'delivered',
    name: 'penstock_sink_delivered_rows_total',
    help: 'Rows that the sink confirmed, or that were put aside for their content',
  },
  {
    key: 'failures',
    name: 'penstock_sink_failures_total',
    help: 'Sends that failed or took too long',
  },
  { key: 'retries', name: 'penstock_sink_retries_total', help: 'Sends that followed a failed one' },
] as const;

/** Gauges a sink and stream. */
export const SINK_GAUGES = [
  {
    key: 'breaker',
    name: 'penstock_sink_breaker_state',
    help: 'Circuit breaker: 0 closed, 1 half-open, 2 open',
  },
  { key: 'lagRows', name: 'penstock_sink_lag_rows', help: 'Rows in the journal that the sink does not have' },
  {
    key: 'lagMs',
    name: 'penstock_sink_lag_seconds',
    help: 'Age of the oldest row that the sink does not have',
    scale: 1e-3,
  },
] as const;

export type SinkCounter = (typeof SINK_COUNTERS)[number]['key'];
export type SinkGauge = (typeof SINK_GAUGES)[number]['key'];
export type SinkValue = SinkCounter | SinkGauge;

/** The words of `key` for each sink and stream, in the order of the layout. */
export function sinkWords<Key extends SinkValue>(keys: readonly { readonly key: Key }[]): SinkWord<Key>[] {
  return SINKS.flatMap((sink) =>
    STREAMS.flatMap((stream) => keys.map(({ key }) => sinkWord(sink, stream, key))),
  );
}

/** The word of one sink and stream. */
export function sinkWord<Key extends SinkValue>(sink: SinkName, stream: StreamName, key: Key): SinkWord<Key> {
  return `${sink}.${stream}.${key}`;
}

type SinkWord<Key extends SinkValue = SinkValue> = `${SinkName}.${StreamName}.${Key}`;

export type ThreadGauge = (typeof THREAD_GAUGES)[number]['key'] | SinkWord<SinkGauge>;
export type ThreadValue = (typeof THREAD_COUNTERS)[number]['key'] | SinkWord<SinkCounter> | ThreadGauge;
