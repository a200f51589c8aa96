/**
 * The answer to a Fetch, versions 4 to 11 (Kafka protocol guide), with the records of each partition as bytes. kafkajs' own
 * reading makes an object of each record, with its headers, which costs more than all else that a consumer does.
 *
 *   throttle ms i32 · from 7: error i16, session i32
 *   topics: name · partitions: partition i32 · error i16 · high watermark i64 · last stable offset i64
 *           · from 5: log start i64 · aborted transactions: producer i64, first offset i64
 *           · from 11: preferred replica i32 · records: length i32 and bytes
 */
import { assert } from '../assert.ts';
import type { Place } from './contract.ts';
import type { AbortedTransaction } from './raw-batch.ts';

/** What a Fetch says of a partition. */
export interface FetchedPartition extends Place {
  readonly errorCode: number;
  /** Behind the last record that a consumer may have. */
  readonly endOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** VIEW of the answer. */
  readonly records: Buffer;
}

export interface FetchAnswer {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
  /** kafkajs waits so long before its next request, as the broker asks it to. */
  readonly clientSideThrottleTime: number;
}

const VERSION_MIN = 4;
const VERSION_MAX = 11;

/** VIEWS of `payload`. Throws RangeError for bytes that are no such answer. */
export function readFetchAnswer(payload: Buffer, version: number): FetchAnswer {
  assert(version >= VERSION_MIN && version <= VERSION_MAX, 'the version of Fetch is one that is read');
  const reader = new Reader(payload);
  const clientSideThrottleTime = reader.int32();
  const errorCode = version >= 7 ? reader.int16() : 0;
  if (version >= 7) reader.int32();
  const partitions: FetchedPartition[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.text();
    for (let count = reader.int32(); count > 0; count--)
      partitions.push(readPartition(reader, topic, version));
  }
  return { errorCode, partitions, clientSideThrottleTime };
}

function readPartition(reader: Reader, topic: string, version: number): FetchedPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = Number(reader.int64());
  const lastStableOffset = Number(reader.int64());
  if (version >= 5) reader.int64();
  const aborted: AbortedTransaction[] = [];
  for (let count = reader.int32(); count > 0; count--) {
    aborted.push({ producerId: reader.int64(), firstOffset: reader.int64() });
  }
  if (version >= 11) reader.int32();
  const endOffset = lastStableOffset < 0 ? highWatermark : lastStableOffset;
  return { topic, partition, errorCode, endOffset, aborted, records: reader.bytes() };
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#skip(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#skip(4));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#skip(8));
  }

  text(): string {
    const length = this.int16();
    const from = this.#skip(length);
    return this.#bytes.toString('utf8', from, from + length);
  }

  /** VIEW; empty for null. */
  bytes(): Buffer {
    const length = Math.max(0, this.int32());
    const from = this.#skip(length);
    return this.#bytes.subarray(from, from + length);
  }

  #skip(length: number): number {
    const from = this.#at;
    if (length < 0 || from + length > this.#bytes.length)
      throw new RangeError('the answer to a fetch is cut');
    this.#at = from + length;
    return from;
  }
}
