// Hot path: once a slab, and per event where the addon is missing.
/**
 * The encoder in TypeScript: the specification of native/kafka/, and the fallback where there is no addon, several
 * times slower. Lengths come before the writing, since they are varints in front of what they count.
 */
import { assert } from '../../assert.ts';
import { RECORD_WORDS, RecordWord } from '../../scan/contract.ts';
import { MURMUR2_SEED_KAFKA, murmur2 } from '../../scan/reference/murmur2.ts';
import {
  BATCH_HEADER_BYTES,
  BATCH_LENGTH_END,
  BATCH_WORDS,
  type BatchEncoder,
  BatchField,
  type BatchOptions,
  type BatchOutput,
  type BatchSource,
  type BatchTarget,
  BatchWord,
  HEAD_COLUMNS,
  openBatchOutput,
  REFUSAL_WORDS,
  RefusalReason,
  RefusalWord,
  SCANNED_KEY_COLUMNS,
} from './batch-contract.ts';
import { createLineFields, headText, type LineFields, readLineFields } from './line-fields.ts';
import { textBytes, varintBytes, writeText, writeVarint } from './varint.ts';

const EVENT_ID_NAME = Buffer.from('event_id');
const APP_ID_NAME = Buffer.from('app_id');
const EVENT_ID = HEAD_COLUMNS.indexOf('event_id');
const APP_ID = HEAD_COLUMNS.indexOf('app_id');
const MAGIC = 2;
const NEWLINE = 0x0a;

interface PlannedRecord {
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array;
  readonly eventId: Uint8Array;
  readonly appId: Uint8Array | undefined;
  /** What stands in front of the record: its bytes without this number. */
  length: number;
  timestampDelta: number;
  offsetDelta: number;
}

interface PlannedBatch {
  readonly partition: number;
  readonly firstTimestampMs: number;
  maxTimestampMs: number;
  bytes: number;
  readonly records: PlannedRecord[];
}

interface Line {
  readonly start: number;
  readonly end: number;
  /** Word of its row in the records, or -1. */
  readonly row: number;
  /** What `next` of the source is behind it. */
  readonly next: number;
}

interface Plan {
  readonly batches: PlannedBatch[];
  readonly open: Map<number, PlannedBatch>;
  readonly refusals: { readonly reason: number; readonly line: Line }[];
  recordCount: number;
  outputBytes: number;
}

/** An encoder in TypeScript. */
export function createReferenceBatchEncoder(options: BatchOptions): BatchEncoder {
  const fields = createLineFields();
  return {
    name: 'reference',
    encode(source, target, output): void {
      const lines = Buffer.from(source.lines.buffer, source.lines.byteOffset, source.lines.byteLength);
      const plan = planBatches(options, source, lines, target, fields);
      openBatchOutput(output, plan.outputBytes, plan.batches.length, plan.refusals.length);
      output.recordCount = plan.recordCount;
      writeBatches(plan, target, output);
    },
  };
}

function planBatches(
  options: BatchOptions,
  source: BatchSource,
  lines: Buffer,
  target: BatchTarget,
  fields: LineFields,
): Plan {
  const plan: Plan = { batches: [], open: new Map(), refusals: [], recordCount: 0, outputBytes: 0 };
  while (plan.recordCount + plan.refusals.length < options.callRecordsMax) {
    const line = nextLine(source, lines);
    if (line === undefined) break;
    const record = readLineFields(lines, line.start, line.end, fields)
      ? readRecord(options, lines, line, fields)
      : undefined;
    if (record === undefined) {
      plan.refusals.push({ reason: RefusalReason.damagedLine, line });
    } else {
      const partition = choosePartition(options, source, target, record.key, line);
      const placed = placeRecord(plan, options, target, partition, fields.receivedMs, record);
      // The line is the next call's first.
      if (placed === 'outputFull') break;
      if (placed === 'tooLarge') plan.refusals.push({ reason: RefusalReason.recordTooLarge, line });
      else plan.recordCount++;
    }
    source.next = line.next;
  }
  return plan;
}

function nextLine(source: BatchSource, lines: Buffer): Line | undefined {
  const { records, next } = source;
  if (records !== undefined) {
    if (next >= source.recordCount) return undefined;
    const row = next * RECORD_WORDS;
    const start = records[row + RecordWord.lineOffset]!;
    const end = start + records[row + RecordWord.lineLength]!;
    assert(end <= source.lineBytes, 'a record’s line lies within the lines');
    return { start, end, row, next: next + 1 };
  }
  if (next >= source.lineBytes) return undefined;
  const newline = lines.indexOf(NEWLINE, next);
  const end = newline < 0 || newline >= source.lineBytes ? source.lineBytes : newline + 1;
  return { start: next, end, row: -1, next: end };
}

/** The record but for what its batch decides; undefined for a damaged line. */
function readRecord(
  options: BatchOptions,
  lines: Buffer,
  line: Line,
  fields: LineFields,
): PlannedRecord | undefined {
  const keyColumn = options.keyColumns
    .map((name) => HEAD_COLUMNS.indexOf(name))
    .find((column) => fields.lengths[column]! >= 0);
  const key = keyColumn === undefined ? undefined : headText(lines, fields, keyColumn);
  const hasApp = fields.lengths[APP_ID]! >= 0;
  const appId = hasApp ? headText(lines, fields, APP_ID) : undefined;
  const eventId = headText(lines, fields, EVENT_ID);
  const isKeyBroken = keyColumn !== undefined && key === undefined;
  if (isKeyBroken || (hasApp && appId === undefined) || eventId === undefined) return undefined;
  const value = lines.subarray(line.start, line.end - 1);
  return { key, value, eventId, appId, length: 0, timestampDelta: 0, offsetDelta: 0 };
}

function choosePartition(
  options: BatchOptions,
  source: BatchSource,
  target: BatchTarget,
  key: Uint8Array | undefined,
  line: Line,
): number {
  if (key === undefined) return target.nullKeyPartition;
  const hash =
    source.records !== undefined && hasRecordHash(options)
      ? source.records[line.row + RecordWord.keyHash]!
      : murmur2(key, new DataView(key.buffer, key.byteOffset, key.length), 0, key.length, MURMUR2_SEED_KAFKA);
  return (hash & 0x7fffffff) % target.partitionCount;
}

/** Whether the key of the options is the one whose hash the scanner wrote. */
export function hasRecordHash({ keyColumns }: BatchOptions): boolean {
  return keyColumns.join() === SCANNED_KEY_COLUMNS.join();
}

/** Puts the record behind the last one of its partition, or first into a new batch where that one is full. */
function placeRecord(
  plan: Plan,
  options: BatchOptions,
  target: BatchTarget,
  partition: number,
  timestampMs: number,
  record: PlannedRecord,
): 'placed' | 'tooLarge' | 'outputFull' {
  const fixed = fixedRecordBytes(record, target);
  const open = plan.open.get(partition);
  if (open !== undefined) {
    const bytes = sizeRecord(record, fixed, timestampMs - open.firstTimestampMs, open.records.length);
    if (open.records.length < options.batchRecordsMax && open.bytes + bytes <= options.batchBytesMax) {
      if (plan.outputBytes + bytes > options.outputBytesMax) return 'outputFull';
      open.records.push(record);
      open.bytes += bytes;
      open.maxTimestampMs = Math.max(open.maxTimestampMs, timestampMs);
      plan.outputBytes += bytes;
      return 'placed';
    }
  }
  const bytes = BATCH_HEADER_BYTES + sizeRecord(record, fixed, 0, 0);
  if (bytes > options.batchBytesMax) return 'tooLarge';
  if (plan.outputBytes + bytes > options.outputBytesMax) return 'outputFull';
  const times = { firstTimestampMs: timestampMs, maxTimestampMs: timestampMs };
  const batch: PlannedBatch = { partition, ...times, bytes, records: [record] };
  plan.batches.push(batch);
  plan.open.set(partition, batch);
  plan.outputBytes += bytes;
  return 'placed';
}

/** Bytes of a record behind its length, but for its two deltas. */
function fixedRecordBytes(record: PlannedRecord, { headers }: BatchTarget): number {
  const attributesBytes = 1;
  return (
    attributesBytes +
    textBytes(record.key) +
    textBytes(record.value) +
    varintBytes(ownHeaders(record) + headers.count) +
    textBytes(EVENT_ID_NAME) +
    textBytes(record.eventId) +
    (record.appId === undefined ? 0 : textBytes(APP_ID_NAME) + textBytes(record.appId)) +
    headers.bytes.length
  );
}

/** Headers of a record's own: its id, and its app where the line has one. */
function ownHeaders(record: PlannedRecord): number {
  return record.appId === undefined ? 1 : 2;
}

/** Sets the record's deltas and its length, and returns all its bytes. */
function sizeRecord(
  record: PlannedRecord,
  fixed: number,
  timestampDelta: number,
  offsetDelta: number,
): number {
  record.timestampDelta = timestampDelta;
  record.offsetDelta = offsetDelta;
  record.length = fixed + varintBytes(timestampDelta) + varintBytes(offsetDelta);
  return varintBytes(record.length) + record.length;
}

function writeBatches(plan: Plan, target: BatchTarget, output: BatchOutput): void {
  const times = new Float64Array(output.batches.buffer);
  let offset = 0;
  for (const [index, batch] of plan.batches.entries()) {
    const row = index * BATCH_WORDS;
    output.batches[row + BatchWord.partition] = batch.partition;
    output.batches[row + BatchWord.offset] = offset;
    output.batches[row + BatchWord.length] = batch.bytes;
    output.batches[row + BatchWord.recordCount] = batch.records.length;
    times[(row + BatchWord.firstTimestampMs) / 2] = batch.firstTimestampMs;
    times[(row + BatchWord.maxTimestampMs) / 2] = batch.maxTimestampMs;
    writeBatch(batch, target, output.bytes, offset);
    offset += batch.bytes;
  }
  for (const [index, { reason, line }] of plan.refusals.entries()) {
    const row = index * REFUSAL_WORDS;
    output.refusals[row + RefusalWord.reason] = reason;
    output.refusals[row + RefusalWord.lineOffset] = line.start;
    output.refusals[row + RefusalWord.lineLength] = line.end - line.start;
    output.refusals[row + REFUSAL_WORDS - 1] = 0;
  }
}

function writeBatch(batch: PlannedBatch, target: BatchTarget, bytes: Buffer, offset: number): void {
  let at = bytes.writeBigInt64BE(0n, offset);
  at = bytes.writeInt32BE(batch.bytes - BATCH_LENGTH_END, at);
  // partitionLeaderEpoch, as the Java producer: the broker's to fill in.
  at = bytes.writeInt32BE(-1, at);
  at = bytes.writeInt8(MAGIC, at);
  at = bytes.writeUInt32BE(0, at);
  at = bytes.writeInt16BE(0, at);
  at = bytes.writeInt32BE(batch.records.length - 1, at);
  at = bytes.writeBigInt64BE(BigInt(batch.firstTimestampMs), at);
  at = bytes.writeBigInt64BE(BigInt(batch.maxTimestampMs), at);
  // No producer: its id, its epoch and the sequence are -1.
  bytes.fill(0xff, at, offset + BatchField.recordCount);
  at = bytes.writeInt32BE(batch.records.length, offset + BatchField.recordCount);
  for (const record of batch.records) at = writeRecord(record, target, bytes, at);
}

function writeRecord(record: PlannedRecord, { headers }: BatchTarget, bytes: Buffer, start: number): number {
  let at = writeVarint(record.length, bytes, start);
  // Attributes of a record: none are defined.
  bytes[at++] = 0;
  at = writeVarint(record.timestampDelta, bytes, at);
  at = writeVarint(record.offsetDelta, bytes, at);
  at = writeText(record.key, bytes, at);
  at = writeText(record.value, bytes, at);
  at = writeVarint(ownHeaders(record) + headers.count, bytes, at);
  at = writeText(record.eventId, bytes, writeText(EVENT_ID_NAME, bytes, at));
  if (record.appId !== undefined) at = writeText(record.appId, bytes, writeText(APP_ID_NAME, bytes, at));
  bytes.set(headers.bytes, at);
  return at + headers.bytes.length;
}
