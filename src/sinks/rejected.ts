/**
 * Rows of `events_rejected` in ClickHouse's RowBinary, columns in the table's order:
 *
 *   received_at DateTime64(3)  int64 little-endian, ms since 1970
 *   app_id dialect transport reason field   LowCardinality(String), on the wire a String
 *   index UInt32               little-endian
 *   raw String                 the bytes as they came, cut at REJECTED_RAW_BYTES_MAX
 *   raw_bytes UInt32           length before the cut
 *   ip user_agent String
 *
 * A String is its length in bytes as LEB128, then the bytes; it need not be UTF-8.
 */
import { REJECTED_RAW_BYTES_MAX } from '../limits.ts';

/** The columns of a row, in its order. */
export const REJECTED_COLUMNS = [
  'received_at',
  'app_id',
  'dialect',
  'transport',
  'reason',
  'field',
  'index',
  'raw',
  'raw_bytes',
  'ip',
  'user_agent',
] as const;

/** Bytes that grow: `bytes` is replaced by a longer buffer when `length` comes to its end. */
export interface GrowableBytes {
  bytes: Buffer;
  length: number;
}

/** One row. The caller may fill one object again and again; nothing of it is kept. */
export interface RejectedRow {
  receivedAtMs: number;
  appId: string;
  dialect: string;
  transport: string;
  reason: string;
  field: string;
  /** Place of the event in its frame, from 0. */
  index: number;
  /** VIEW of the event's bytes as they came, whole. */
  raw: Uint8Array;
  ip: string;
  /** VIEW of the header's bytes. */
  userAgent: Uint8Array;
}

/** Room for numbers and length prefixes of a row beside its strings. */
const FIXED_BYTES_MAX = 8 + 4 + 4 + 8 * 5;
/** UTF-8 needs at most three bytes for a unit of UTF-16. */
const UTF8_BYTES_PER_UNIT_MAX = 3;

/** An empty target for encodeRejected. */
export function createRejectedBytes(): GrowableBytes {
  return { bytes: Buffer.allocUnsafeSlow(64 * 1024), length: 0 };
}

/** Appends one row to `target`. COPY of everything in `row`. */
export function encodeRejected(target: GrowableBytes, row: RejectedRow): void {
  const rawLength = Math.min(row.raw.length, REJECTED_RAW_BYTES_MAX);
  const textUnits =
    row.appId.length +
    row.dialect.length +
    row.transport.length +
    row.reason.length +
    row.field.length +
    row.ip.length;
  reserve(target, FIXED_BYTES_MAX + UTF8_BYTES_PER_UNIT_MAX * textUnits + rawLength + row.userAgent.length);
  target.length = target.bytes.writeBigInt64LE(BigInt(Math.trunc(row.receivedAtMs)), target.length);
  encodeText(target, row.appId);
  encodeText(target, row.dialect);
  encodeText(target, row.transport);
  encodeText(target, row.reason);
  encodeText(target, row.field);
  target.length = target.bytes.writeUInt32LE(row.index, target.length);
  encodeBytes(target, row.raw, rawLength);
  target.length = target.bytes.writeUInt32LE(row.raw.length, target.length);
  encodeText(target, row.ip);
  encodeBytes(target, row.userAgent, row.userAgent.length);
}

function reserve(target: GrowableBytes, more: number): void {
  if (target.length + more <= target.bytes.length) return;
  const grown = Buffer.allocUnsafeSlow(Math.max(2 * target.bytes.length, target.length + more));
  target.bytes.copy(grown, 0, 0, target.length);
  target.bytes = grown;
}

function encodeText(target: GrowableBytes, text: string): void {
  encodeLength(target, Buffer.byteLength(text));
  target.length += target.bytes.write(text, target.length);
}

function encodeBytes(target: GrowableBytes, bytes: Uint8Array, length: number): void {
  encodeLength(target, length);
  target.bytes.set(length === bytes.length ? bytes : bytes.subarray(0, length), target.length);
  target.length += length;
}

function encodeLength(target: GrowableBytes, length: number): void {
  let rest = length;
  while (rest > 0x7f) {
    target.bytes[target.length++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target.bytes[target.length++] = rest;
}
