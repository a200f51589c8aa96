// Hot path.
/** Writes the canonical line and the record of an event whose columns are resolved. */
import { CLIENT_COLUMNS, ColumnIndex } from '../../event.ts';
import { RECORD_WORDS, RecordWord } from '../contract.ts';
import { writeUuid } from '../uuid.ts';
import { COMMA, copyBytes, DOT, OPEN_BRACE, QUOTE, textOf } from './bytes.ts';
import { putCapture, putText, reserveLines } from './canonical.ts';
import { putClaims } from './claims.ts';
import { isEmptyValue } from './columns.ts';
import { putComposed } from './compose.ts';
import { MURMUR2_SEED_KAFKA, MURMUR2_SEED_SECOND, murmur2 } from './murmur2.ts';
import { putRest } from './rest.ts';
import { CAPTURE_WORDS, CaptureFlag, CaptureWord, recordTimesOf, type ScanState, Winner } from './state.ts';
import { decodeAside } from './strings.ts';
import { TIMESTAMP_TEXT_BYTES, writeTimestamp } from './timestamp.ts';

const EVENT_ID = ColumnIndex.event_id;
const APP = ColumnIndex.app_id;
const DEVICE = ColumnIndex.device_id;
const USER = ColumnIndex.user_id;
const TIMESTAMP = ColumnIndex.timestamp;
const COLUMN_COUNT = CLIENT_COLUMNS.length;
/** By column what stands before its value; the first column opens the line. */
const KEY_TEXTS = CLIENT_COLUMNS.map((column, index) =>
  textOf(`${index === 0 ? '{' : ','}"${column.name}":`),
);
/** Room for every key of CLIENT_COLUMNS, the quotes of texts, an id and a time. */
const FIXED_BYTES = KEY_TEXTS.reduce((sum, text) => sum + text.bytes.length + 2, 0) + 64;
const UUID_BYTES = 36;

/** Appends the line and the record of the event just resolved. */
export function writeEvent(state: ScanState): void {
  const output = state.output;
  const lineOffset = state.lineBytes;
  reserveLines(state, lineOffset, FIXED_BYTES);
  state.runStart = -1;
  state.runEnd = -1;
  let to = putEventId(state, lineOffset);
  for (let column = EVENT_ID + 1; column < COLUMN_COUNT; column++) {
    if (column === APP && state.app > 0) to = putApp(state, flushRun(state, to));
    else if (column === TIMESTAMP) to = putTime(state, to);
    else to = putColumn(state, column, to);
  }
  to = flushRun(state, to);
  let tailStart = state.tailStart;
  if (state.claimed !== 0) {
    to = putClaims(state, to);
    tailStart = state.tailServerStart;
  }
  const tailBytes = state.tailBytes - tailStart;
  reserveLines(state, to, tailBytes);
  to = copyBytes(state.tail, state.tailView, tailStart, tailBytes, state.lines, state.linesView, to);
  state.lineBytes = to;

  if ((output.recordCount + 1) * RECORD_WORDS > output.records.length) growRecords(state);
  const row = output.recordCount++ * RECORD_WORDS;
  const records = output.records;
  records[row + RecordWord.lineOffset] = lineOffset;
  records[row + RecordWord.lineLength] = to - lineOffset;
  records[row + RecordWord.keyHash] = hashPartitionKey(state);
  records[row + RecordWord.app] = state.app;
  state.recordTimes[(row + RecordWord.timestampMs) >> 1] = state.eventMs;
  hashEventId(state, records, row, lineOffset + KEY_TEXTS[EVENT_ID]!.bytes.length + 1);
}

function putEventId(state: ScanState, to: number): number {
  const capture = state.winner[EVENT_ID]!;
  if (capture >= 0) return putCaptured(state, EVENT_ID, capture, to);
  to = putText(state, KEY_TEXTS[EVENT_ID]!, to);
  state.lines[to] = QUOTE;
  writeUuid(state.setup.ids, state.receivedMs, state.lines, to + 1);
  state.lines[to + UUID_BYTES + 1] = QUOTE;
  return to + UUID_BYTES + 2;
}

function putApp(state: ScanState, to: number): number {
  const text = state.appTexts[state.app]!;
  reserveLines(state, to, text.bytes.length + FIXED_BYTES);
  return putText(state, text, to);
}

function putTime(state: ScanState, to: number): number {
  const capture = state.winner[TIMESTAMP]!;
  if (capture >= 0 && !state.isTimeMoved && isCanonicalTime(state, capture))
    return putCaptured(state, TIMESTAMP, capture, to);
  to = putText(state, KEY_TEXTS[TIMESTAMP]!, flushRun(state, to));
  state.lines[to] = QUOTE;
  writeTimestamp(state.eventMs, state.lines, to + 1);
  state.lines[to + TIMESTAMP_TEXT_BYTES + 1] = QUOTE;
  return to + TIMESTAMP_TEXT_BYTES + 2;
}

/** Whether a time that was parsed is spelt as lines spell it: half of the SDKs send just that. */
function isCanonicalTime(state: ScanState, capture: number): boolean {
  const row = capture * CAPTURE_WORDS;
  const bytes = state.bytes;
  const start = state.captures[row + CaptureWord.valueStart]!;
  if (state.captures[row + CaptureWord.valueEnd]! - start !== TIMESTAMP_TEXT_BYTES + 2) return false;
  if ((state.captures[row + CaptureWord.flags]! & CaptureFlag.valueEscaped) !== 0) return false;
  // With these three in their places no other spelling has this length.
  return (
    bytes[start] === QUOTE &&
    bytes[start + 11] === 0x54 &&
    bytes[start + 20] === DOT &&
    bytes[start + 24] === 0x5a
  );
}

function putColumn(state: ScanState, column: number, to: number): number {
  const winner = state.winner[column]!;
  if (column === state.tables.program.restColumn && state.restCount + state.envelopeCount > 0) {
    to = putRest(state, column, winner, putText(state, KEY_TEXTS[column]!, flushRun(state, to)));
    reserveLines(state, to, FIXED_BYTES);
    return to;
  }
  if (winner < 0) return winner === Winner.none ? to : putMade(state, column, winner, to);
  if (isEmptyValue(state, winner)) return to;
  return putCaptured(state, column, winner, to);
}

/** Writes a column that is no value of the client's: a composed object or a constant. */
function putMade(state: ScanState, column: number, winner: number, to: number): number {
  const lineEnd = flushRun(state, to);
  to = putText(state, KEY_TEXTS[column]!, lineEnd);
  if (winner === Winner.parts) {
    const end = putComposed(state, column, to);
    reserveLines(state, end, FIXED_BYTES);
    return end === to + 1 ? lineEnd : end;
  }
  const constant = state.tables.constants[Winner.constant - winner]!;
  reserveLines(state, to, constant.bytes.length + FIXED_BYTES);
  return putText(state, constant, to);
}

/**
 * Writes the member of a column, or lets it wait: members that the client sent as a line carries them, one behind
 * the other, are copied as one run. Room for all that is fixed is kept behind every value.
 */
function putCaptured(state: ScanState, column: number, capture: number, to: number): number {
  const captures = state.captures;
  const row = capture * CAPTURE_WORDS;
  const valueEnd = captures[row + CaptureWord.valueEnd]!;
  if (!isVerbatim(state, column, row)) {
    to = flushRun(state, to);
    reserveLines(state, to, valueEnd - captures[row + CaptureWord.valueStart]! + FIXED_BYTES);
    return putCapture(state, capture, putText(state, KEY_TEXTS[column]!, to));
  }
  const start = captures[row + CaptureWord.keyStart]! - 1;
  if (state.runEnd >= 0 && start === state.runEnd + 1 && state.bytes[state.runEnd] === COMMA) {
    state.runEnd = valueEnd;
    return to;
  }
  to = flushRun(state, to);
  state.runStart = start;
  state.runEnd = valueEnd;
  return to;
}

/** Whether a member stands in the body byte for byte as its column's does in a line. */
function isVerbatim(state: ScanState, column: number, row: number): boolean {
  const captures = state.captures;
  if ((captures[row + CaptureWord.flags]! & NOT_VERBATIM) !== 0) return false;
  if (state.tables.namedColumns[captures[row + CaptureWord.slot]!] !== column) return false;
  // A quote and a colon between key and value, and nothing else.
  return captures[row + CaptureWord.valueStart]! - captures[row + CaptureWord.keyEnd]! === 2;
}
const NOT_VERBATIM =
  CaptureFlag.valueDirty | CaptureFlag.keyEscaped | CaptureFlag.keyDirty | CaptureFlag.bare;

/** Writes the members that wait, if any. */
function flushRun(state: ScanState, to: number): number {
  const runEnd = state.runEnd;
  if (runEnd < 0) return to;
  const start = state.runStart;
  const length = runEnd - start;
  state.runEnd = -1;
  reserveLines(state, to, length + FIXED_BYTES);
  state.lines[to] = to === state.lineBytes ? OPEN_BRACE : COMMA;
  return copyBytes(state.bytes, state.view, start, length, state.lines, state.linesView, to + 1);
}

/** murmur2 over device_id, else user_id, else nothing. */
function hashPartitionKey(state: ScanState): number {
  const device = state.winner[DEVICE]!;
  if (device >= 0 && !isEmptyValue(state, device)) return hashText(state, device, MURMUR2_SEED_KAFKA);
  const user = state.winner[USER]!;
  if (user >= 0) return hashText(state, user, MURMUR2_SEED_KAFKA);
  return murmur2(state.bytes, state.view, 0, 0, MURMUR2_SEED_KAFKA);
}

function hashEventId(state: ScanState, records: Uint32Array, row: number, idOffset: number): void {
  const capture = state.winner[EVENT_ID]!;
  if (capture >= 0) {
    records[row + RecordWord.idHashLow] = hashText(state, capture, MURMUR2_SEED_KAFKA);
    records[row + RecordWord.idHashHigh] = hashText(state, capture, MURMUR2_SEED_SECOND);
    return;
  }
  const lines = state.lines;
  const view = state.linesView;
  records[row + RecordWord.idHashLow] = murmur2(lines, view, idOffset, UUID_BYTES, MURMUR2_SEED_KAFKA);
  records[row + RecordWord.idHashHigh] = murmur2(lines, view, idOffset, UUID_BYTES, MURMUR2_SEED_SECOND);
}

/** Hash of a captured string, unescaped. */
function hashText(state: ScanState, capture: number, seed: number): number {
  const row = capture * CAPTURE_WORDS;
  const flags = state.captures[row + CaptureWord.flags]!;
  const quote = (flags & CaptureFlag.bare) === 0 ? 1 : 0;
  const start = state.captures[row + CaptureWord.valueStart]! + quote;
  const end = state.captures[row + CaptureWord.valueEnd]! - quote;
  if ((flags & CaptureFlag.valueEscaped) === 0) {
    return murmur2(state.bytes, state.view, start, end - start, seed);
  }
  const length = decodeAside(state, start, end);
  return murmur2(state.scratch, state.scratchView, state.scratchTop, length, seed);
}

function growRecords(state: ScanState): void {
  const grown = new Uint32Array(Math.max(RECORD_WORDS, 2 * state.output.records.length));
  grown.set(state.output.records);
  state.output.records = grown;
  state.recordTimes = recordTimesOf(grown);
}
