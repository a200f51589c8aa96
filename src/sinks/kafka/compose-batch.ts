/**
 * Record batches made record by record, for what is rare: dead letters, and batches that a broker refuses for their
 * content, which are cut in two down to single records. The format is batch-contract.ts's; a record is, behind its length:
 * attributes int8 · timestampDelta varlong · offsetDelta varint · key, value, each a length and bytes · headers.
 */
import { assert } from '../../assert.ts';
import { BATCH_HEADER_BYTES, BATCH_LENGTH_END, BatchField } from './batch-contract.ts';
import { textBytes, varintBytes, writeText, writeVarint } from './varint.ts';

const MAGIC = 2;

/** A record but for what its place in a batch decides. */
export interface ComposedRecord {
  readonly timestampMs: number;
  /** Key, value and headers as they stand in a record. */
  readonly rest: Buffer;
}

/** A record; without a key where none is given, and undefined is Kafka's null. COPY. */
export function composeRecord(
  timestampMs: number,
  value: Uint8Array | undefined,
  headers: readonly (readonly [name: string, value: Uint8Array | undefined])[],
  key?: Uint8Array,
): ComposedRecord {
  const texts = headers.map(([name, text]) => [Buffer.from(name), text] as const);
  const headerBytes = texts.reduce((sum, [name, text]) => sum + textBytes(name) + textBytes(text), 0);
  const rest = Buffer.allocUnsafe(
    textBytes(key) + textBytes(value) + varintBytes(texts.length) + headerBytes,
  );
  let at = writeText(value, rest, writeText(key, rest, 0));
  at = writeVarint(texts.length, rest, at);
  for (const [name, text] of texts) at = writeText(text, rest, writeText(name, rest, at));
  return { timestampMs, rest };
}

/** A batch of at least one record, not compressed and not sealed. COPY. */
export function composeBatch(records: readonly ComposedRecord[]): Buffer {
  const [first] = records;
  assert(first !== undefined, 'a batch has a record');
  const deltas = records.map(({ timestampMs }) => timestampMs - first.timestampMs);
  const lengths = records.map(
    ({ rest }, index) => 1 + varintBytes(deltas[index] ?? 0) + varintBytes(index) + rest.length,
  );
  const bytes = lengths.reduce((sum, length) => sum + varintBytes(length) + length, BATCH_HEADER_BYTES);
  const batch = Buffer.alloc(bytes);
  batch.writeInt32BE(bytes - BATCH_LENGTH_END, BatchField.batchLength);
  // partitionLeaderEpoch, the broker's to fill in.
  batch.writeInt32BE(-1, BATCH_LENGTH_END);
  batch.writeInt8(MAGIC, BatchField.magic);
  batch.writeInt32BE(records.length - 1, BatchField.lastOffsetDelta);
  batch.writeBigInt64BE(BigInt(first.timestampMs), BatchField.baseTimestamp);
  const latestMs = records.reduce((max, { timestampMs }) => Math.max(max, timestampMs), first.timestampMs);
  batch.writeBigInt64BE(BigInt(latestMs), BatchField.maxTimestamp);
  batch.fill(0xff, BatchField.producerId, BatchField.recordCount);
  batch.writeInt32BE(records.length, BatchField.recordCount);
  let at = BATCH_HEADER_BYTES;
  for (const [index, { rest }] of records.entries()) {
    at = writeVarint(lengths[index] ?? 0, batch, at);
    batch[at++] = 0;
    at = writeVarint(deltas[index] ?? 0, batch, at);
    at = writeVarint(index, batch, at);
    batch.set(rest, at);
    at += rest.length;
  }
  return batch;
}

/** The halves of an uncompressed batch of at least two records, not sealed. COPY. */
export function splitBatch(batch: Buffer): [first: Buffer, second: Buffer] {
  const records = readRecords(batch);
  assert(records.length >= 2, 'a batch that is cut has two records');
  const middle = Math.ceil(records.length / 2);
  return [composeBatch(records.slice(0, middle)), composeBatch(records.slice(middle))];
}

/** VIEW of the value of the batch's first record; empty for null. */
export function firstValue(batch: Buffer): Buffer {
  const [record] = readRecords(batch);
  assert(record !== undefined, 'a batch has a record');
  const key = readVarint(record.rest, 0);
  const value = readVarint(record.rest, key.end + Math.max(0, key.value));
  return record.rest.subarray(value.end, value.end + Math.max(0, value.value));
}

function readRecords(batch: Buffer): ComposedRecord[] {
  assert(batch.readInt16BE(BatchField.attributes) === 0, 'the batch is not compressed');
  const baseTimestampMs = Number(batch.readBigInt64BE(BatchField.baseTimestamp));
  const records: ComposedRecord[] = [];
  for (let at = BATCH_HEADER_BYTES; at < batch.length; ) {
    const length = readVarint(batch, at);
    const end = length.end + length.value;
    const timestampDelta = readVarint(batch, length.end + 1);
    const offsetDelta = readVarint(batch, timestampDelta.end);
    const timestampMs = baseTimestampMs + timestampDelta.value;
    records.push({ timestampMs, rest: batch.subarray(offsetDelta.end, end) });
    at = end;
  }
  return records;
}

/** A zigzag varint within ±2^52. */
function readVarint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = bytes.readUInt8(at++);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  return { value: value % 2 === 0 ? value / 2 : -(value + 1) / 2, end: at };
}
