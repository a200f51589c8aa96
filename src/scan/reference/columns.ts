// Hot path.
/** From captures to columns: which source wins, whether it fits its column, and which fields are left for the rest. */
import { CLIENT_COLUMNS, ColumnIndex } from '../../event.ts';
import { ReasonNumber } from '../../outcome.ts';
import { QUOTE, skipSpace } from './bytes.ts';
import { chooseClaims } from './claims.ts';
import { COLUMN_KIND, checkText, fitTime, KIND_TEXT, KIND_TIMESTAMP } from './fit.ts';
import { chooseSources } from './sources.ts';
import { CAPTURE_WORDS, CaptureFlag, CaptureWord, type ScanState, ValueKind, Winner } from './state.ts';
import { decodeAside } from './strings.ts';

const COLUMN_COUNT = CLIENT_COLUMNS.length;
const APP = ColumnIndex.app_id;
const DEVICE = ColumnIndex.device_id;
const USER = ColumnIndex.user_id;

/**
 * Chooses and checks the columns of the event just walked. Returns its reason, with `state.faultSlot`, or 0.
 * Sets `winner`, `eventMs`, `claimed` and the captures' rest flags. With a write key `app_id` is the key's and has no winner.
 */
export function resolveColumns(state: ScanState): number {
  const { program } = state.tables;
  state.eventMs = state.receivedMs;
  const reason = program.isPlain ? choosePlain(state) : chooseSources(state);
  if (reason !== 0) return reason;
  const required = program.required;
  for (let group = 0; group < required.length; group++) {
    if (!hasOneOf(state, required[group]!.columns)) {
      state.faultSlot = required[group]!.slot;
      return ReasonNumber.missing_field;
    }
  }
  if (state.tables.hasClaims) chooseClaims(state);
  else state.claimed = 0;
  markRest(state);
  return 0;
}

/** Of a plain program: the first source that is there wins, and must fit. */
function choosePlain(state: ScanState): number {
  const winner = state.winner;
  const captures = state.captures;
  state.isTimeMoved = false;
  for (let column = 0; column < COLUMN_COUNT; column++) {
    const capture = column === APP && state.app > 0 ? Winner.none : firstPresent(state, column);
    winner[column] = capture;
    if (capture < 0) continue;
    const row = capture * CAPTURE_WORDS;
    const reason = checkColumn(state, column, row);
    if (reason !== 0) {
      state.faultSlot = captures[row + CaptureWord.slot]!;
      return reason;
    }
    captures[row + CaptureWord.flags] = captures[row + CaptureWord.flags]! | CaptureFlag.used;
  }
  return 0;
}

function firstPresent(state: ScanState, column: number): number {
  const tables = state.tables;
  const end = tables.columnFirst[column + 1]!;
  for (let index = tables.columnFirst[column]!; index < end; index++) {
    const capture = state.slotCapture[tables.sourceSlots[index]!]!;
    if (capture >= 0) return capture;
  }
  return Winner.none;
}

function checkColumn(state: ScanState, column: number, row: number): number {
  const columnKind = COLUMN_KIND[column]!;
  if (columnKind === KIND_TEXT) return checkText(state, column, row);
  if (columnKind === KIND_TIMESTAMP) return fitTime(state, row);
  return state.captures[row + CaptureWord.kind] === ValueKind.object ? 0 : ReasonNumber.invalid_type;
}

function hasOneOf(state: ScanState, columns: readonly number[]): boolean {
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index]!;
    if (column === APP && state.app > 0) return true;
    const capture = state.winner[column]!;
    if (capture === Winner.none) continue;
    // Constants do not fill these two columns, so that what is left is a capture.
    if ((column !== DEVICE && column !== USER) || !isEmptyValue(state, capture)) return true;
  }
  return false;
}

/** Whether a capture is an empty text, or an object without members. */
export function isEmptyValue(state: ScanState, capture: number): boolean {
  const captures = state.captures;
  const row = capture * CAPTURE_WORDS;
  const start = captures[row + CaptureWord.valueStart]!;
  const end = captures[row + CaptureWord.valueEnd]!;
  if ((captures[row + CaptureWord.flags]! & CaptureFlag.bare) !== 0) return end === start;
  if (state.bytes[start] === QUOTE) return end - start === 2;
  return skipSpace(state.bytes, start + 1, end) === end - 1;
}

/** Marks the members of the root that no column took; a null under a name that the dialect knows is just absent. */
function markRest(state: ScanState): void {
  const captures = state.captures;
  const slots = state.tables.program.slots;
  let restCount = 0;
  for (let capture = state.captureBase; capture < state.captureCount; capture++) {
    const row = capture * CAPTURE_WORDS;
    if (captures[row + CaptureWord.isRoot] === 0) continue;
    const flags = captures[row + CaptureWord.flags]!;
    if ((flags & CaptureFlag.used) !== 0) continue;
    const slot = captures[row + CaptureWord.slot]!;
    if (slot >= 0) {
      if (captures[row + CaptureWord.kind] === ValueKind.absent) continue;
      const { isSecret, isAppSource } = slots[slot]!;
      if (isSecret || (isAppSource && state.app > 0 && isOwnApp(state, row))) continue;
    }
    captures[row + CaptureWord.flags] = flags | CaptureFlag.rest;
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
    length = decodeAside(state, start, start + length);
    bytes = state.scratch;
    start = state.scratchTop;
  }
  const name = state.appNames[state.app]!;
  return name.length === length && name.compare(bytes, start, start + length) === 0;
}
