// Hot path: every byte of every event passes here.
/** Names of bytes, constant texts, and the copy of short spans. */
import { COPY_LOOP_BYTES_MAX } from '../../limits.ts';

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const NEWLINE = 0x0a;
export const MINUS = 0x2d;
export const PLUS = 0x2b;
export const DOT = 0x2e;
export const ZERO = 0x30;
export const UNDERSCORE = 0x5f;

/** A constant text with the view that copies it. */
export interface Text {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** A constant text of lines. */
export function textOf(text: string | Uint8Array): Text {
  const bytes = Buffer.from(text);
  return { bytes, view: viewOf(bytes) };
}

/** A DataView over the same bytes, for moving four at a time. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** JSON's four white space bytes. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Position of the first byte from `at` that is not white space, or `end`. */
export function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && isSpace(bytes[at]!)) at++;
  return at;
}

/** JSON's ten digits. */
export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/**
 * Copies `length` bytes and returns the position behind them in `target`. Both views cover their buffers from
 * the first byte. Eight bytes a step beat the native copy while its call costs more than the loop. They move as
 * doubles; only a NaN may change on such a move, and the bytes of one, 7f or ff behind f0 to ff, are not UTF-8.
 */
export function copyBytes(
  source: Buffer,
  sourceView: DataView,
  start: number,
  length: number,
  target: Buffer,
  targetView: DataView,
  at: number,
): number {
  if (length > COPY_LOOP_BYTES_MAX) {
    source.copy(target, at, start, start + length);
    return at + length;
  }
  const targetEnd = at + length;
  if (length >= 8) {
    // The last eight bytes overlap what stands before them, so that no tail is left.
    const lastStart = start + length - 8;
    while (start < lastStart) {
      targetView.setFloat64(at, sourceView.getFloat64(start, true), true);
      at += 8;
      start += 8;
    }
    targetView.setFloat64(targetEnd - 8, sourceView.getFloat64(lastStart, true), true);
    return targetEnd;
  }
  if (length >= 4) {
    targetView.setInt32(at, sourceView.getInt32(start, true), true);
    targetView.setInt32(targetEnd - 4, sourceView.getInt32(start + length - 4, true), true);
    return targetEnd;
  }
  while (at < targetEnd) target[at++] = source[start++]!;
  return at;
}
