// Hot path.
/** The sources of a program's columns: which of them wins, the time that follows from it, and the parts that are there. */
import { CLIENT_COLUMNS, ColumnIndex, TIMESTAMP_MS_END, TIMESTAMP_MS_MIN } from '../../event.ts';
import { EVENT_FUTURE_MS_MAX, SKEW_DEAD_ZONE_MS } from '../../limits.ts';
import { ReasonNumber } from '../../outcome.ts';
import { COLUMN_KIND, checkLength, fitTime, KIND_TEXT, KIND_TIMESTAMP, timeOf } from './fit.ts';
import { beginsWith, holdGuards } from './literals.ts';
import { CAPTURE_WORDS, CaptureFlag, CaptureWord, type ScanState, ValueKind, Winner } from './state.ts';
import { NOT_A_TIME } from './timestamp.ts';

const COLUMN_COUNT = CLIENT_COLUMNS.length;
const APP = ColumnIndex.app_id;
const TIMESTAMP = ColumnIndex.timestamp;
/** A source that does not apply to the value, as if that were absent. */
const PASSED_OVER = -1;

/** Fills `winner` and marks the captures that are used; a reason with `faultSlot`, or 0. */
export function chooseSources(state: ScanState): number {
  const { columns, directGuards } = state.tables.program;
  state.heldGuards = holdGuards(state);
  // Address and user agent are the connection's only if it is that of the person whose event it is.
  state.tailStart = (state.heldGuards & directGuards) === directGuards ? 0 : state.tailServerStart;
  state.isTimeExact = false;
  state.isTimeMoved = false;
  for (let column = 0; column < COLUMN_COUNT; column++) {
    state.winner[column] = Winner.none;
    state.origin[column] = -1;
    if (column === APP && state.app > 0) continue;
    const reason = chooseSource(state, column);
    if (reason !== 0) return reason;
  }
  settleTime(state);
  const captures = state.captures;
  for (let column = 0; column < COLUMN_COUNT; column++) {
    const capture = state.origin[column]!;
    if (capture < 0) continue;
    const row = capture * CAPTURE_WORDS;
    captures[row + CaptureWord.flags] = captures[row + CaptureWord.flags]! | CaptureFlag.used;
  }
  state.activeParts = useParts(state);
  for (let column = 0; column < COLUMN_COUNT; column++) {
    const { partStart, partEnd } = columns[column]!;
    for (let part = partStart; part < partEnd; part++) {
      if ((state.activeParts & (1 << part)) !== 0) state.winner[column] = Winner.parts;
    }
  }
  return 0;
}

function chooseSource(state: ScanState, column: number): number {
  const tables = state.tables;
  const end = tables.columnFirst[column + 1]!;
  for (let index = tables.columnFirst[column]!; index < end; index++) {
    const guards = tables.sources[index]!.guards;
    if ((state.heldGuards & guards) !== guards) continue;
    const slot = tables.sourceSlots[index]!;
    if (slot < 0) {
      state.winner[column] = Winner.constant - index;
      return 0;
    }
    const capture = state.slotCapture[slot]!;
    if (capture < 0) continue;
    const reason = fitSource(state, column, index, capture * CAPTURE_WORDS);
    if (reason === 0) {
      takeSource(state, column, index, capture);
      return 0;
    }
    if (reason === PASSED_OVER || tables.program.isLenient) continue;
    state.faultSlot = slot;
    return reason;
  }
  return 0;
}

/** 0 when the value at `row` may fill the column, else PASSED_OVER or the reason that forbids it. */
function fitSource(state: ScanState, column: number, index: number, row: number): number {
  const columnKind = COLUMN_KIND[column]!;
  if (columnKind === KIND_TIMESTAMP) return fitTime(state, row);
  if (columnKind !== KIND_TEXT) {
    return state.captures[row + CaptureWord.kind] === ValueKind.object ? 0 : ReasonNumber.invalid_type;
  }
  return fitText(state, column, index, row);
}

/** The same of a text, with `fitStart` and `fitEnd` around what of it the column takes. */
function fitText(state: ScanState, column: number, index: number, row: number): number {
  const captures = state.captures;
  const { isLenient } = state.tables.program;
  const { after, unless } = state.tables.sources[index]!;
  const kind = captures[row + CaptureWord.kind];
  if (kind !== ValueKind.string && !(isLenient && kind === ValueKind.number)) {
    return after.length > 0 ? PASSED_OVER : ReasonNumber.invalid_type;
  }
  const quote = kind === ValueKind.string ? 1 : 0;
  let start = captures[row + CaptureWord.valueStart]! + quote;
  const end = captures[row + CaptureWord.valueEnd]! - quote;
  if (after.length > 0) {
    if (!beginsWith(state.bytes, start, end, after)) return PASSED_OVER;
    start += after.length;
  } else if (unless.length > 0 && beginsWith(state.bytes, start, end, unless)) {
    return PASSED_OVER;
  }
  state.fitStart = start;
  state.fitEnd = end;
  const reason = checkLength(state, column, row, start, end);
  return reason === 0 && isLenient && start === end ? PASSED_OVER : reason;
}

/** Lets the capture fill the column; of a number or a text that was cut, a new one that holds the inside alone. */
function takeSource(state: ScanState, column: number, index: number, capture: number): void {
  const captures = state.captures;
  const row = capture * CAPTURE_WORDS;
  const source = state.tables.sources[index]!;
  state.origin[column] = capture;
  state.winner[column] = capture;
  if (column === TIMESTAMP) state.isTimeExact = source.isExact;
  if (COLUMN_KIND[column] !== KIND_TEXT) return;
  if (source.after.length === 0 && captures[row + CaptureWord.kind] === ValueKind.string) return;
  const made = state.captureCount++;
  const target = made * CAPTURE_WORDS;
  for (let word = 0; word < CAPTURE_WORDS; word++) captures[target + word] = captures[row + word]!;
  captures[target + CaptureWord.valueStart] = state.fitStart;
  captures[target + CaptureWord.valueEnd] = state.fitEnd;
  captures[target + CaptureWord.kind] = ValueKind.string;
  captures[target + CaptureWord.flags] = captures[row + CaptureWord.flags]! | CaptureFlag.bare;
  captures[target + CaptureWord.isRoot] = 0;
  state.winner[column] = made;
}

/** Corrects the client's time by how far its clock is off, and lets the time of arrival stand in for one far ahead. */
function settleTime(state: ScanState): void {
  if (state.winner[TIMESTAMP]! < 0) return;
  const { sentAtSlots, isLenient } = state.tables.program;
  if (sentAtSlots.length > 0 && !state.isTimeExact) {
    const skewMs = state.receivedMs - sentAtOf(state, sentAtSlots);
    const movedMs = state.eventMs + skewMs;
    // Every comparison with NaN is false: without a time of sending nothing is corrected.
    if (Math.abs(skewMs) > SKEW_DEAD_ZONE_MS && movedMs >= TIMESTAMP_MS_MIN && movedMs < TIMESTAMP_MS_END) {
      state.eventMs = movedMs;
      state.isTimeMoved = true;
    }
  }
  if (isLenient && state.eventMs > state.receivedMs + EVENT_FUTURE_MS_MAX) {
    state.eventMs = state.receivedMs;
    state.winner[TIMESTAMP] = Winner.none;
    state.origin[TIMESTAMP] = -1;
  }
}

function sentAtOf(state: ScanState, slots: readonly number[]): number {
  for (let index = 0; index < slots.length; index++) {
    const capture = state.slotCapture[slots[index]!]!;
    if (capture < 0) continue;
    const sentMs = timeOf(state, capture);
    if (!Number.isNaN(sentMs)) return sentMs;
  }
  return NOT_A_TIME;
}

/** The parts that are there, as bits; what they take whole is marked as used. */
function useParts(state: ScanState): number {
  const captures = state.captures;
  const parts = state.tables.program.parts;
  let active = 0;
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]!;
    const capture = state.slotCapture[part.slot]!;
    if (capture < 0 || (state.heldGuards & part.guards) !== part.guards) continue;
    const row = capture * CAPTURE_WORDS;
    if (part.isEach && captures[row + CaptureWord.kind] !== ValueKind.object) continue;
    active |= 1 << index;
    if (part.usesUp) {
      captures[row + CaptureWord.flags] = captures[row + CaptureWord.flags]! | CaptureFlag.used;
    }
  }
  return active;
}
