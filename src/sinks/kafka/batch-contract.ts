/**
 * From canonical lines to Kafka record batches (Kafka protocol guide, "Record Batch", magic 2): what both encoders
 * promise. Both give the same bytes for the same input.
 *
 * One event is one record. Its key is the first of `keyColumns` that its line has, unescaped, or null; its value is
 * the canonical line without its newline; its headers are `event_id` and, where the line has one, `app_id`, unescaped,
 * then the headers of the target. Its timestamp (CreateTime) is `received_at`; see docs/decisions.md.
 *
 * Its partition is the one that Kafka's Java DefaultPartitioner chooses: (murmur2(key) & 0x7fffffff) % partitions;
 * records without a key all go to `nullKeyPartition`. Records of one partition keep the order of the lines, within a
 * batch and from batch to batch. A batch is split before it passes `batchBytesMax` or `batchRecordsMax`.
 *
 * Lines are trusted: they are a scanner's, or the journal's with its checksum. Of each, head and tail are read: a line
 * that does not begin with event_id, whose texts before `timestamp` do not end or hold an escape that
 * JSON has not, or that does not end with received_at, dialect, transport and a newline, is refused as damaged. So is
 * a rest of lines without a newline at its end. A record that alone passes `batchBytesMax` is refused as too large.
 * Each line is in one batch or in one refusal row, never in both.
 *
 * A batch that comes out is not sealed: its CRC is 0 and it has no producer. `sealBatch` completes it.
 */

/** Columns whose texts stand at the head of a line, in its order. */
export const HEAD_COLUMNS = [
  'event_id',
  'event_type',
  'app_id',
  'device_id',
  'user_id',
  'session_id',
] as const;
export type HeadColumn = (typeof HEAD_COLUMNS)[number];

/** The key of which the scanner's record rows carry the hash (scan/contract.ts, `keyHash`). */
export const SCANNED_KEY_COLUMNS: readonly HeadColumn[] = ['device_id', 'user_id'];

/** Bytes of a batch before its records. */
export const BATCH_HEADER_BYTES = 61;
/** Places of its fields, all big-endian. The CRC covers everything from `attributes` on. */
export const BatchField = {
  /** int32: bytes behind it. */
  batchLength: 8,
  magic: 16,
  crc: 17,
  /** int16: the codec in its lowest three bits. */
  attributes: 21,
  lastOffsetDelta: 23,
  /** int64, ms since 1970. */
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const;
/** Bytes of a batch that `batchLength` does not count. */
export const BATCH_LENGTH_END = 12;

/** Words of a batch row; times are float64 at index `row * BATCH_WORDS / 2 + 2` and `+ 3` of the same buffer. */
export const BATCH_WORDS = 8;
export const BatchWord = {
  partition: 0,
  /** Where the batch stands in `bytes`, and how long it is. */
  offset: 1,
  length: 2,
  recordCount: 3,
  /** ms since 1970; of the first record, and the latest. */
  firstTimestampMs: 4,
  maxTimestampMs: 6,
} as const;

/** Words of a refusal row: one a line that is in no batch. */
export const REFUSAL_WORDS = 4;
export const RefusalWord = {
  reason: 0,
  /** Where the line stands in the lines, and its bytes, newline included. */
  lineOffset: 1,
  lineLength: 2,
} as const;
export const RefusalReason = { damagedLine: 1, recordTooLarge: 2 } as const;

/** What stays the same from call to call. Defaults in limits.ts; tests make them small. */
export interface BatchOptions {
  readonly keyColumns: readonly HeadColumn[];
  /** Bytes of one batch before compression, its header included. */
  readonly batchBytesMax: number;
  readonly batchRecordsMax: number;
  /** Bytes of all batches of one call. */
  readonly outputBytesMax: number;
  /** Lines of one call. */
  readonly callRecordsMax: number;
}

/** Canonical lines to encode. `encode` moves `next`; nothing else of it changes. */
export interface BatchSource {
  /** VIEW for the time of a call: each line with its newline, `lineBytes` bytes. */
  readonly lines: Uint8Array;
  readonly lineBytes: number;
  /** VIEW: rows of the scan that wrote the lines. Without them, lines are found and keys are hashed anew. */
  readonly records: Uint32Array | undefined;
  readonly recordCount: number;
  /** The next line to encode, from 0: its row; without rows its offset. */
  next: number;
}

/** Where the batches go. */
export interface BatchTarget {
  /** Partitions of the topic. */
  readonly partitionCount: number;
  /** For records without a key; the caller moves it from time to time, as Kafka's sticky partitioner does. */
  readonly nullKeyPartition: number;
  /** From `encodeHeaders`: headers of every record behind its own two. */
  readonly headers: BatchHeaders;
}

export interface BatchHeaders {
  readonly count: number;
  /** As they stand in a record. */
  readonly bytes: Uint8Array;
}

/** Owned by the caller and used again; `encode` empties it first and grows it as needed. Valid until the next call with it. */
export interface BatchOutput {
  bytes: Buffer;
  byteCount: number;
  batches: Uint32Array;
  batchCount: number;
  refusals: Uint32Array;
  refusalCount: number;
  /** Records in all batches. */
  recordCount: number;
}

export interface BatchEncoder {
  readonly name: 'native' | 'reference';
  /**
   * Encodes lines from `source.next` on into `output`, until they end or the bounds of one call are reached: a caller
   * repeats it while `isDrained(source)` is false, and each call moves on. Never throws for bad lines; throws
   * AssertionError for a row that points out of the lines or a partition that is none.
   */
  encode(source: BatchSource, target: BatchTarget, output: BatchOutput): void;
}

/** Whether every line of `source` was encoded or refused. */
export function isDrained(source: BatchSource): boolean {
  return source.next >= (source.records === undefined ? source.lineBytes : source.recordCount);
}

/** An empty output; it grows to at most `outputBytesMax` and the tables of `callRecordsMax` lines. */
export function createBatchOutput(): BatchOutput {
  return {
    bytes: Buffer.alloc(0),
    byteCount: 0,
    batches: new Uint32Array(64 * BATCH_WORDS),
    batchCount: 0,
    refusals: new Uint32Array(16 * REFUSAL_WORDS),
    refusalCount: 0,
    recordCount: 0,
  };
}

/** Empties `output` and makes room in it; what it held is gone. */
export function openBatchOutput(
  output: BatchOutput,
  byteCount: number,
  batchCount: number,
  refusalCount: number,
): void {
  // Doubled, up to what a call may give: slabs differ in size, and most fit what the largest before them took.
  if (output.bytes.length < byteCount) {
    output.bytes = Buffer.allocUnsafeSlow(Math.max(byteCount, 2 * output.bytes.length));
  }
  if (output.batches.length < batchCount * BATCH_WORDS) {
    output.batches = new Uint32Array(2 * batchCount * BATCH_WORDS);
  }
  if (output.refusals.length < refusalCount * REFUSAL_WORDS) {
    output.refusals = new Uint32Array(2 * refusalCount * REFUSAL_WORDS);
  }
  output.byteCount = byteCount;
  output.batchCount = batchCount;
  output.refusalCount = refusalCount;
}
