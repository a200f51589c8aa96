/**
 * Rejected events as records of the dead-letter topic: the value is the event as it came, cut at REJECTED_RAW_BYTES_MAX; why
 * and from where stand in the headers, each only where there is something to say:
 *
 *   reason · field · index (of the event in its body) · app_id · dialect · transport · received_at (ISO 8601)
 *   raw_bytes (length before the cut) · ip · user_agent
 *
 * They have no key, and go to one partition after the other. Work per rejected event, as where they are journaled.
 */
import { KAFKA_BATCH_BYTES_MAX, KAFKA_BATCH_RECORDS_MAX } from '../../limits.ts';
import { type KeptRejectedRow, readRejected } from '../rejected-reader.ts';
import { BATCH_HEADER_BYTES } from './batch-contract.ts';
import { BatchSender } from './batch-sender.ts';
import type { KafkaCluster } from './cluster.ts';
import type { Codec } from './codecs.ts';
import { type ComposedRecord, composeBatch, composeRecord } from './compose-batch.ts';
import { compressBatch } from './compress-batch.ts';
import type { Round, RoundMaker } from './rounds.ts';

/** Bytes of a record that its key, value and headers are not: a length and two deltas. */
const RECORD_HEAD_BYTES_MAX = 20;

export interface DeadLetterOptions {
  readonly cluster: KafkaCluster;
  readonly codec: Codec;
  readonly topic: string;
  /** Told of an event that the dead-letter topic does not take either. */
  readonly onLost: (bytes: number) => void;
}

/** Rounds of one batch. */
export class DeadLetterRounds implements RoundMaker {
  readonly #options: DeadLetterOptions;
  #turn = 0;

  constructor(options: DeadLetterOptions) {
    this.#options = options;
  }

  async make(block: Buffer, from: number): Promise<Round> {
    const { cluster, codec, topic } = this.#options;
    await cluster.require([topic]);
    const records: ComposedRecord[] = [];
    let next = from;
    for (let bytes = BATCH_HEADER_BYTES; next < block.length && records.length < KAFKA_BATCH_RECORDS_MAX; ) {
      const { row, end } = readRejected(block, next);
      const record = composeRecord(row.receivedAtMs, row.raw, headersOf(row));
      bytes += RECORD_HEAD_BYTES_MAX + record.rest.length;
      if (bytes > KAFKA_BATCH_BYTES_MAX && records.length > 0) break;
      records.push(record);
      next = end;
    }
    const partition = this.#turn++ % (cluster.topic(topic)?.leaders.length ?? 1);
    const plain = composeBatch(records);
    const bytes = compressBatch(plain, codec);
    return { batches: [BatchSender.batch(topic, partition, records.length, plain, bytes)], next };
  }

  putAside(value: Buffer): void {
    this.#options.onLost(value.length);
  }
}

/** Headers of a dead letter, absent ones left out. */
export function headersOf(row: KeptRejectedRow): (readonly [name: string, value: Buffer])[] {
  const values = {
    reason: row.reason,
    field: row.field,
    index: String(row.index),
    app_id: row.appId,
    dialect: row.dialect,
    transport: row.transport,
    received_at: new Date(row.receivedAtMs).toISOString(),
    raw_bytes: String(row.rawBytes),
    ip: row.ip,
    user_agent: Buffer.from(row.userAgent),
  };
  return Object.entries(values)
    .filter(([, value]) => value.length > 0)
    .map(([name, value]) => [name, Buffer.from(value)] as const);
}
