/**
 * From the records of a batch, decompressed (Kafka protocol guide, "Record"), to canonical lines: what both decoders promise.
 * Both give the same for the same bytes.
 *
 *   record   length varint · attributes i8 · timestamp delta varlong · offset delta varint
 *            · key, value: length varint (-1 is null) and bytes · headers: count varint, each key and value with their lengths
 *
 * Each record whose offset delta is from `fromDelta` up to but not including `toDelta` is either a line, its value and a
 * newline, in the records' order, or a row of `strays`: a null value, or one that is no canonical line by its head and tail
 * (sinks/kafka/batch-contract.ts) or has a newline in it. What lies between head and tail is the block encoder's to read.
 *
 * Bytes are not trusted. A batch that does not hold just `recordCount` whole records has none: `decode` gives false, and what
 * the output holds then means nothing.
 */

/** Words of a stray's row. */
export const STRAY_WORDS = 2;
export const StrayWord = { recordIndex: 0, reason: 1 } as const;
/** Why a record is no line. */
export const StrayReason = { tombstone: 1, notCanonical: 2 } as const;

/** Bytes that the shortest record takes: seven numbers of a byte each. */
export const RECORD_BYTES_MIN = 7;

/** Records that a decoder reads. */
export interface RecordSource {
  /** VIEW for the time of a call. */
  readonly records: Buffer;
  readonly recordCount: number;
  readonly fromDelta: number;
  readonly toDelta: number;
}

/** Owned by the caller and used again; valid until the next call with it. */
export interface LineOutput {
  lines: Buffer;
  lineBytes: number;
  lineCount: number;
  strays: Uint32Array;
  strayCount: number;
}

export interface RecordDecoder {
  readonly name: 'native' | 'reference';
  /** Whether the records are whole. Never throws for bad bytes. */
  decode(source: RecordSource, output: LineOutput): boolean;
}

/** An empty output; it grows to the longest records that it was given. */
export function createLineOutput(): LineOutput {
  return { lines: Buffer.alloc(0), lineBytes: 0, lineCount: 0, strays: new Uint32Array(0), strayCount: 0 };
}

/** Empties `output` and makes room in it for all that `source` may give. False where so many records cannot be in it. */
export function openLineOutput({ records, recordCount }: RecordSource, output: LineOutput): boolean {
  output.lineBytes = 0;
  output.lineCount = 0;
  output.strayCount = 0;
  if (recordCount < 0 || recordCount * RECORD_BYTES_MIN > records.length) return false;
  // A line has a byte that its record has not, and lacks at least RECORD_BYTES_MIN of those that it has.
  if (output.lines.length < records.length) {
    output.lines = Buffer.allocUnsafeSlow(Math.max(records.length, 2 * output.lines.length));
  }
  if (output.strays.length < recordCount * STRAY_WORDS) {
    output.strays = new Uint32Array(2 * recordCount * STRAY_WORDS);
  }
  return true;
}
