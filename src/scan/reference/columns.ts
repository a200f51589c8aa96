// Hot path.
/** From captures to columns: which source wins, whether it fits its column, and which fields are left for the rest. */
import { CLIENT_COLUMNS, ColumnIndex, ColumnKind, TIMESTAMP_MS_END, TIMESTAMP_MS_MIN } from '../../event.ts';
import { ReasonNumber } from '../../outcome.ts';
import { QUOTE, skipSpace } from './bytes.ts';
import { CAPTURE_WORDS, CaptureFlag, CaptureWord, type ScanState, ValueKind } from './state.ts';
import { decodeString } from './strings.ts';
import { parseTimestamp } from './timestamp.ts';

const COLUMN_COUNT = CLIENT_COLUMNS.length;
const APP = ColumnIndex.app_id;
const DEVICE = ColumnIndex.device_id;
const USER = ColumnIndex.user_id;
const KIND_TEXT = 1;
const KIND_TIMESTAMP = 2;
const COLUMN_KIND = Int32Array.from(CLIENT_COLUMNS, (column) =>
  column.kind === ColumnKind.text ? KIND_TEXT : column.kind === ColumnKind.timestamp ? KIND_TIMESTAMP : 0,
);
const BYTES_MIN = Int32Array.from(CLIENT_COLUMNS, (column) => column.bytesMin);
const BYTES_MAX = Int32Array.from(CLIENT_COLUMNS, (column) => column.bytesMax);
/** The most that one byte of text can take as an escape: `\u0041`. */
const ESCAPE_BYTES_MAX = 6;

/**
 * Chooses and checks the columns of the event just walked. Returns its reason, with `state.faultSlot`, or 0.
 * Sets `winner`, `eventMs` and the captures' rest flags. With a write key `app_id` is the key's and has no winner.
 */
export function resolveColumns(state: ScanState): number {
  const tables = state.tables;
  const winner = state.winner;
  state.eventMs = state.receivedMs;
  for (let column = 0; column < COLUMN_COUNT; column++) {
    const capture = column === APP && state.app > 0 ? -1 : firstPresent(state, column);
    winner[column] = capture;
    if (capture < 0) continue;
    const reason = checkColumn(state, column, capture * CAPTURE_WORDS);
    if (reason !== 0) {
      state.faultSlot = state.captures[capture * CAPTURE_WORDS + CaptureWord.slot]!;
      return reason;
    }
  }
  const required = tables.program.required;
  for (let group = 0; group < required.length; group++) {
    if (!hasOneOf(state, required[group]!)) {
      state.faultSlot = tables.program.columnSlots[required[group]![0]!]![0] ?? -1;
      return ReasonNumber.missing_field;
    }
  }
  markRest(state);
  return 0;
}

function firstPresent(state: ScanState, column: number): number {
  const tables = state.tables;
  const end = tables.columnFirst[column + 1]!;
  for (let index = tables.columnFirst[column]!; index < end; index++) {
    const capture = state.slotCapture[tables.columnSlots[index]!]!;
    if (capture >= 0) return capture;
  }
  return -1;
}

function checkColumn(state: ScanState, column: number, row: number): number {
  const kind = state.captures[row + CaptureWord.kind]!;
  const columnKind = COLUMN_KIND[column]!;
  if (columnKind === KIND_TEXT) {
    if (kind !== ValueKind.string) return ReasonNumber.invalid_type;
    return checkText(state, column, row);
  }
  if (columnKind === KIND_TIMESTAMP) {
    if (kind !== ValueKind.string && kind !== ValueKind.number) return ReasonNumber.invalid_type;
    return checkTimestamp(state, row, kind);
  }
  return kind === ValueKind.object ? 0 : ReasonNumber.invalid_type;
}

function checkText(state: ScanState, column: number, row: number): number {
  const captures = state.captures;
  const rawStart = captures[row + CaptureWord.valueStart]! + 1;
  const rawEnd = captures[row + CaptureWord.valueEnd]! - 1;
  let length = rawEnd - rawStart;
  if ((captures[row + CaptureWord.flags]! & CaptureFlag.valueEscaped) !== 0) {
    if (length > BYTES_MAX[column]! * ESCAPE_BYTES_MAX) return ReasonNumber.invalid_length;
    const scratchTop = state.scratchTop;
    length = decodeString(state, rawStart, rawEnd);
    state.scratchTop = scratchTop;
  }
  return length < BYTES_MIN[column]! || length > BYTES_MAX[column]! ? ReasonNumber.invalid_length : 0;
}

function checkTimestamp(state: ScanState, row: number, kind: number): number {
  const captures = state.captures;
  let start = captures[row + CaptureWord.valueStart]!;
  let end = captures[row + CaptureWord.valueEnd]!;
  let bytes = state.bytes;
  if (kind === ValueKind.string) {
    start++;
    end--;
    if ((captures[row + CaptureWord.flags]! & CaptureFlag.valueEscaped) !== 0) {
      const scratchTop = state.scratchTop;
      const length = decodeString(state, start, end);
      state.scratchTop = scratchTop;
      bytes = state.scratch;
      start = scratchTop;
      end = start + length;
    }
  }
  const ms = parseTimestamp(bytes, start, end);
  if (Number.isNaN(ms)) return ReasonNumber.invalid_timestamp;
  if (ms < TIMESTAMP_MS_MIN || ms >= TIMESTAMP_MS_END) return ReasonNumber.timestamp_out_of_range;
  state.eventMs = ms;
  return 0;
}

function hasOneOf(state: ScanState, columns: readonly number[]): boolean {
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index]!;
    if (column === APP && state.app > 0) return true;
    const capture = state.winner[column]!;
    if (capture < 0) continue;
    if ((column !== DEVICE && column !== USER) || !isEmptyValue(state, capture)) return true;
  }
  return false;
}

/** Whether a capture is `""`, or an object without members. */
export function isEmptyValue(state: ScanState, capture: number): boolean {
  const captures = state.captures;
  const row = capture * CAPTURE_WORDS;
  const start = captures[row + CaptureWord.valueStart]!;
  const end = captures[row + CaptureWord.valueEnd]!;
  if (state.bytes[start] === QUOTE) return end - start === 2;
  return skipSpace(state.bytes, start + 1, end) === end - 1;
}

/** Marks the members of the root that no column took; a null under a name that the dialect knows is just absent. */
function markRest(state: ScanState): void {
  const captures = state.captures;
  let restCount = 0;
  for (let capture = 0; capture < state.captureCount; capture++) {
    const row = capture * CAPTURE_WORDS;
    if (captures[row + CaptureWord.isRoot] === 0) continue;
    const slot = captures[row + CaptureWord.slot]!;
    if (slot >= 0) {
      if (captures[row + CaptureWord.kind] === ValueKind.absent) continue;
      const column = state.tables.slotColumn[slot]!;
      if (state.winner[column] === capture) continue;
      if (column === APP && state.app > 0 && isOwnApp(state, row)) continue;
    }
    captures[row + CaptureWord.flags] = captures[row + CaptureWord.flags]! | CaptureFlag.rest;
    restCount++;
  }
  state.restCount = restCount;
}

/** Whether the value at `row` is the name of the write key's app. */
function isOwnApp(state: ScanState, row: number): boolean {
  const captures = state.captures;
  if (captures[row + CaptureWord.kind] !== ValueKind.string) return false;
  let start = captures[row + CaptureWord.valueStart]! + 1;
  let length = captures[row + CaptureWord.valueEnd]! - 1 - start;
  let bytes = state.bytes;
  if ((captures[row + CaptureWord.flags]! & CaptureFlag.valueEscaped) !== 0) {
    const scratchTop = state.scratchTop;
    length = decodeString(state, start, start + length);
    state.scratchTop = scratchTop;
    bytes = state.scratch;
    start = scratchTop;
  }
  const name = state.appNames[state.app]!;
  return name.length === length && name.compare(bytes, start, start + length) === 0;
}
