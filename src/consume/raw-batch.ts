/**
 * What a Fetch brings of a partition: record batches as they stand in the topic (sinks/kafka/batch-contract.ts has the format),
 * one behind the other, the last of them cut where the answer was full. Nothing of it is decompressed or decoded here.
 *
 * Left out are markers of transactions, and batches of transactions that were aborted, which the broker names beside the
 * records (KIP-98). Their offsets count as read all the same.
 */
import { crc32c } from '../crc32c.ts';
import { BATCH_HEADER_BYTES, BATCH_LENGTH_END, BatchField } from '../sinks/kafka/batch-contract.ts';

/** One record batch. */
export interface RawBatch {
  /** Of its first record, and the offset behind its last, also where those were compacted away. */
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly recordCount: number;
  /** Header and records. */
  readonly bytes: Buffer;
  /** `records`, or why there are none to be had: nothing in it is an event. */
  readonly kind: 'records' | 'left_out' | 'unreadable';
}

/** A transaction that was aborted, as a Fetch names it. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** A batch's checksum is wrong: of the network, or as it stands in the topic. */
export class DamagedBatchError extends Error {
  override readonly name = 'DamagedBatchError';
}

const MAGIC = 2;
/** Bits of `attributes`. */
const CODEC = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** Type of a control record: the second int16 of its key. */
const ABORT = 0;

/**
 * The whole batches of `bytes`. VIEWS. Throws DamagedBatchError for a checksum that is wrong, unless `takesDamaged`: then the
 * batch is `unreadable`, as one of a format before 2 always is. Throws RangeError for a length that cannot be.
 */
export function splitBatches(
  bytes: Buffer,
  aborted: readonly AbortedTransaction[],
  takesDamaged: boolean,
): RawBatch[] {
  const batches: RawBatch[] = [];
  const transactions = new Transactions(aborted);
  for (let at = 0; at + BATCH_HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readInt32BE(at + BatchField.batchLength) + BATCH_LENGTH_END;
    if (length < BATCH_LENGTH_END + MAGIC) throw new RangeError('a record batch has no length');
    if (at + length > bytes.length) break;
    batches.push(readBatch(bytes.subarray(at, at + length), transactions, takesDamaged));
    at += length;
  }
  // What an unreadable one says of itself may be wrong; the one behind it is sound.
  return batches.map((batch, index) => {
    const behind = batches[index + 1]?.baseOffset ?? batch.nextOffset;
    if (batch.kind !== 'unreadable' || behind <= batch.baseOffset) return batch;
    return { ...batch, nextOffset: Math.min(batch.nextOffset, behind) };
  });
}

function readBatch(bytes: Buffer, transactions: Transactions, takesDamaged: boolean): RawBatch {
  const baseOffset = Number(bytes.readBigInt64BE(0));
  // Formats before 2 have their own way to count; brokers of today hold none.
  if (bytes[BatchField.magic] !== MAGIC || bytes.length < BATCH_HEADER_BYTES) {
    return { baseOffset, nextOffset: baseOffset + 1, recordCount: 1, bytes, kind: 'unreadable' };
  }
  const nextOffset = baseOffset + bytes.readInt32BE(BatchField.lastOffsetDelta) + 1;
  const recordCount = bytes.readInt32BE(BatchField.recordCount);
  const batch = { baseOffset, nextOffset, recordCount, bytes };
  const isSound = bytes.readUInt32BE(BatchField.crc) === crc32c(bytes.subarray(BatchField.attributes), 0);
  if (!isSound && !takesDamaged) throw new DamagedBatchError(`the batch at offset ${baseOffset} is damaged`);
  if (!isSound || nextOffset <= baseOffset || recordCount < 0) {
    return { ...batch, nextOffset: Math.max(nextOffset, baseOffset + 1), kind: 'unreadable' };
  }
  return { ...batch, kind: transactions.leavesOut(batch) ? 'left_out' : 'records' };
}

/** Number of the codec of a batch, in CODEC_NAMES. */
export function codecOf(bytes: Buffer): number {
  return bytes.readInt16BE(BatchField.attributes) & CODEC;
}

/** The time of a record, ms since 1970, by the delta that it has. */
export function timestampOf(bytes: Buffer, delta: number): number {
  const isAppendTime = (bytes.readInt16BE(BatchField.attributes) & LOG_APPEND_TIME) !== 0;
  if (isAppendTime) return Number(bytes.readBigInt64BE(BatchField.maxTimestamp));
  return Number(bytes.readBigInt64BE(BatchField.baseTimestamp)) + delta;
}

/** Which producers are in an aborted transaction, as offsets go on. */
class Transactions {
  readonly #waiting: AbortedTransaction[];
  readonly #aborted = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#waiting = [...aborted].sort((left, right) => Number(left.firstOffset - right.firstOffset));
  }

  leavesOut({ nextOffset, bytes, recordCount }: Omit<RawBatch, 'kind'>): boolean {
    const attributes = bytes.readInt16BE(BatchField.attributes);
    const producerId = bytes.readBigInt64BE(BatchField.producerId);
    for (
      let next = this.#waiting[0];
      next !== undefined && next.firstOffset < nextOffset;
      next = this.#waiting[0]
    ) {
      this.#aborted.add(next.producerId);
      this.#waiting.shift();
    }
    if ((attributes & CONTROL) !== 0) {
      if (recordCount > 0 && controlType(bytes) === ABORT) this.#aborted.delete(producerId);
      return true;
    }
    return (attributes & TRANSACTIONAL) !== 0 && this.#aborted.has(producerId);
  }
}

/** A control record: length, attributes, two deltas and the key's length are a byte each, but for a time that is late. */
function controlType(bytes: Buffer): number {
  let at = BATCH_HEADER_BYTES;
  const skipVarint = () => {
    while (at < bytes.length && (bytes[at] ?? 0) >= 0x80) at += 1;
    at += 1;
  };
  skipVarint();
  at += 1;
  skipVarint();
  skipVarint();
  skipVarint();
  return at + 4 <= bytes.length ? bytes.readInt16BE(at + 2) : -1;
}
