/**
 * A topic read once from somewhere to where it ends now, outside of any group: for commands, which look at single records. A
 * record at a time, so for topics of exceptions, not of events.
 */
import {
  CONSUME_FETCH_BYTES_MAX,
  CONSUME_FETCH_PARTITION_BYTES_MAX,
  CONSUME_FETCH_WAIT_MS,
} from '../limits.ts';
import { BATCH_HEADER_BYTES } from '../sinks/kafka/batch-contract.ts';
import type { KafkaCluster } from '../sinks/kafka/cluster.ts';
import type { Codec } from '../sinks/kafka/codecs.ts';
import { describeErrorCode } from '../sinks/kafka/kafkajs-bridge.ts';
import { type Place, placeName } from './contract.ts';
import { type FetchAnswer, readFetchAnswer } from './fetch-response.ts';
import { byTopic, Code } from './group-requests.ts';
import { codecOf, type RawBatch, splitBatches, timestampOf } from './raw-batch.ts';
import { eachRecord, type PlainRecord } from './record-reader.ts';
import { findRange } from './starts.ts';

/** A record of the topic. VIEWS, valid until the call that it was given to returns. */
export interface ScannedRecord extends Place, Pick<PlainRecord, 'key' | 'value' | 'headers'> {
  readonly offset: number;
  readonly timestampMs: number;
}

export interface TopicScan {
  readonly cluster: KafkaCluster;
  readonly codecs: readonly (Codec | undefined)[];
}

/** Where each partition of a topic begins and ends now. Rejects where it cannot be known, or there is no such topic. */
export async function topicRanges(
  cluster: KafkaCluster,
  topic: string,
): Promise<readonly (Place & { readonly earliest: number; readonly latest: number })[]> {
  await cluster.require([topic]);
  const count = cluster.topic(topic)?.leaders.length ?? 0;
  const places = Array.from({ length: count }, (_, partition) => ({ topic, partition }));
  return Promise.all(places.map(async (place) => ({ ...place, ...(await findRange(cluster, place)) })));
}

/**
 * Calls `take` with each record of a partition from `first` up to but not including `end`, in order, and waits for what it returns.
 * Batches that cannot be read are passed over. Rejects with the connection's or the broker's error.
 */
export async function scanPartition(
  { cluster, codecs }: TopicScan,
  place: Place,
  first: number,
  end: number,
  take: (record: ScannedRecord) => void,
  afterBatch: (nextOffset: number) => Promise<void> = async () => {},
): Promise<void> {
  for (let position = first; position < end; ) {
    const batches = await fetchOnce(cluster, place, position);
    for (const batch of batches) {
      if (batch.nextOffset <= position || batch.baseOffset >= end) continue;
      for (const record of recordsOf(batch, place, codecs)) {
        if (record.offset >= position && record.offset < end) take(record);
      }
      position = batch.nextOffset;
      await afterBatch(Math.min(position, end));
    }
    // Records at the end may be of a transaction that was given up: nothing comes of them.
    if (batches.length === 0) return;
  }
}

async function fetchOnce(cluster: KafkaCluster, place: Place, position: number): Promise<RawBatch[]> {
  const link = await cluster.node(cluster.topic(place.topic)?.leaders[place.partition] ?? -1);
  const entry = { fetchOffset: String(position), maxBytes: CONSUME_FETCH_PARTITION_BYTES_MAX };
  const answer: FetchAnswer = await link.call(
    'Fetch',
    {
      maxWaitTime: CONSUME_FETCH_WAIT_MS,
      minBytes: 1,
      maxBytes: CONSUME_FETCH_BYTES_MAX,
      topics: byTopic([place], ({ partition }) => ({ partition, ...entry })),
    },
    readFetchAnswer,
  );
  const code = answer.errorCode || (answer.partitions[0]?.errorCode ?? Code.none);
  if (code !== Code.none) throw new Error(`${placeName(place)}: ${describeErrorCode(code)}`);
  const [partition] = answer.partitions;
  return partition === undefined ? [] : splitBatches(Buffer.from(partition.records), partition.aborted, true);
}

function recordsOf(batch: RawBatch, place: Place, codecs: TopicScan['codecs']): ScannedRecord[] {
  if (batch.kind !== 'records') return [];
  const records: ScannedRecord[] = [];
  try {
    const plain = codecs[codecOf(batch.bytes)]?.decompress(batch.bytes.subarray(BATCH_HEADER_BYTES));
    if (plain === undefined) return [];
    eachRecord(plain, batch.recordCount, ({ offsetDelta, timestampDelta, key, value, headers }) => {
      const timestampMs = timestampOf(batch.bytes, timestampDelta);
      records.push({ ...place, offset: batch.baseOffset + offsetDelta, timestampMs, key, value, headers });
    });
  } catch {
    return [];
  }
  return records;
}
