// Hot path.
/** Whether a captured value fits a column: its type, the bounds of a text, the years of a time. */
import { CLIENT_COLUMNS, ColumnKind, TIMESTAMP_MS_END, TIMESTAMP_MS_MIN } from '../../event.ts';
import { ReasonNumber } from '../../outcome.ts';
import { CAPTURE_WORDS, CaptureFlag, CaptureWord, type ScanState, ValueKind } from './state.ts';
import { decodeAside } from './strings.ts';
import { NOT_A_TIME, parseTimestamp } from './timestamp.ts';

/** By column: what it takes. */
export const KIND_TEXT = 1;
export const KIND_TIMESTAMP = 2;
export const KIND_OBJECT = 0;
export const COLUMN_KIND = Int32Array.from(CLIENT_COLUMNS, (column) =>
  column.kind === ColumnKind.text
    ? KIND_TEXT
    : column.kind === ColumnKind.timestamp
      ? KIND_TIMESTAMP
      : KIND_OBJECT,
);
const BYTES_MIN = Int32Array.from(CLIENT_COLUMNS, (column) => column.bytesMin);
const BYTES_MAX = Int32Array.from(CLIENT_COLUMNS, (column) => column.bytesMax);
/** The most that one byte of text can take as an escape: `\u0041`. */
const ESCAPE_BYTES_MAX = 6;

/** The reason for which the value at `row` is no text of the column, or 0. */
export function checkText(state: ScanState, column: number, row: number): number {
  const captures = state.captures;
  if (captures[row + CaptureWord.kind] !== ValueKind.string) return ReasonNumber.invalid_type;
  const start = captures[row + CaptureWord.valueStart]! + 1;
  return checkLength(state, column, row, start, captures[row + CaptureWord.valueEnd]! - 1);
}

/** Whether the text from `start` to `end`, of the value at `row`, is as long as one of the column may be: 0 or a reason. */
export function checkLength(
  state: ScanState,
  column: number,
  row: number,
  start: number,
  end: number,
): number {
  let length = end - start;
  if ((state.captures[row + CaptureWord.flags]! & CaptureFlag.valueEscaped) !== 0) {
    if (length > BYTES_MAX[column]! * ESCAPE_BYTES_MAX) return ReasonNumber.invalid_length;
    length = decodeAside(state, start, end);
  }
  return length < BYTES_MIN[column]! || length > BYTES_MAX[column]! ? ReasonNumber.invalid_length : 0;
}

/** The reason for which the value at `row` is no time of an event, or 0 with `eventMs` set to it. */
export function fitTime(state: ScanState, row: number): number {
  const kind = state.captures[row + CaptureWord.kind]!;
  if (kind !== ValueKind.string && kind !== ValueKind.number) return ReasonNumber.invalid_type;
  const ms = readTime(state, row);
  if (Number.isNaN(ms)) return ReasonNumber.invalid_timestamp;
  if (ms < TIMESTAMP_MS_MIN || ms >= TIMESTAMP_MS_END) return ReasonNumber.timestamp_out_of_range;
  state.eventMs = ms;
  return 0;
}

/** The time that the value of a capture says, when it is one in range; else NOT_A_TIME. */
export function timeOf(state: ScanState, capture: number): number {
  const row = capture * CAPTURE_WORDS;
  const kind = state.captures[row + CaptureWord.kind]!;
  if (kind !== ValueKind.string && kind !== ValueKind.number) return NOT_A_TIME;
  const ms = readTime(state, row);
  return ms >= TIMESTAMP_MS_MIN && ms < TIMESTAMP_MS_END ? ms : NOT_A_TIME;
}

function readTime(state: ScanState, row: number): number {
  const captures = state.captures;
  const quote = captures[row + CaptureWord.kind] === ValueKind.string ? 1 : 0;
  const start = captures[row + CaptureWord.valueStart]! + quote;
  const end = captures[row + CaptureWord.valueEnd]! - quote;
  if ((captures[row + CaptureWord.flags]! & CaptureFlag.valueEscaped) === 0) {
    return parseTimestamp(state.bytes, start, end);
  }
  const length = decodeAside(state, start, end);
  return parseTimestamp(state.scratch, state.scratchTop, state.scratchTop + length);
}
