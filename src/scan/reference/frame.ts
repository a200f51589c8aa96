// Hot path.
/** One frame: its shape, its events one by one, and what of it goes on when an event is at fault. */
import { ENVELOPE_FIELDS_BYTES_MAX, LINES_BYTES_MAX } from '../../limits.ts';
import { ReasonNumber } from '../../outcome.ts';
import { CLOSE_BRACKET, COMMA, NEWLINE, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace } from './bytes.ts';
import { resolveColumns } from './columns.ts';
import { addError } from './errors.ts';
import { writeEvent } from './line.ts';
import { isEnvelopeField, measureFields } from './rest.ts';
import { skipBrackets, skipScalar, skipString } from './skip.ts';
import { CAPTURE_WORDS, CaptureWord, FAULT_ENVELOPE, type ScanState, Utf8 } from './state.ts';
import { isSpanUtf8 } from './strings.ts';
import { walkEvent } from './walk.ts';

/** What `scanEvent` returns beside positions. */
const END_UNKNOWN = -1;
const IS_ENVELOPE = -2;

/**
 * Scans the frame from `frameStart` to `frameEnd`. Returns 0 with `accepted` and `rejected` set, or the reason
 * for which it is refused whole; the caller then takes back what was written.
 */
export function scanFrame(state: ScanState): number {
  const bytes = state.bytes;
  state.utf8 = Utf8.unknown;
  state.envelopeCount = 0;
  state.captureBase = 0;
  state.slotCapture.fill(-1);
  state.envelopeWalked = false;
  state.envelopeSought = false;
  const at = skipMark(bytes, state.frameStart, state.frameEnd);
  if (at === state.frameEnd) return ReasonNumber.empty_body;
  const isBatch = state.tables.isBatch;
  if (bytes[at] === OPEN_BRACE) return scanObject(state, at, isBatch);
  if (bytes[at] !== OPEN_BRACKET) return ReasonNumber.invalid_json;
  if (!isBatch) return ReasonNumber.not_an_object;
  const reason = scanElements(state, at, state.frameEnd);
  if (reason !== 0) return reason;
  return skipSpace(bytes, state.end, state.frameEnd) === state.frameEnd ? 0 : ReasonNumber.trailing_bytes;
}

/** Position behind a byte order mark and white space. */
function skipMark(bytes: Uint8Array, at: number, end: number): number {
  if (end - at >= 3 && bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) at += 3;
  return skipSpace(bytes, at, end);
}

function scanObject(state: ScanState, at: number, isBatch: boolean): number {
  const bytes = state.bytes;
  const frameEnd = state.frameEnd;
  state.envelopeSought = isBatch;
  const close = scanEvent(state, at, 0, frameEnd);
  state.envelopeSought = false;
  if (close === IS_ENVELOPE) return scanEnvelope(state, at);
  if (close === END_UNKNOWN) return ReasonNumber.invalid_json;
  const next = skipSpace(bytes, close, frameEnd);
  if (next === frameEnd) return 0;
  if (!isBatch || !hasNewline(bytes, close, next)) return ReasonNumber.trailing_bytes;
  rollBack(state);
  return scanLines(state, at);
}

function hasNewline(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === NEWLINE) return true;
  return false;
}

/** Takes back everything that was written since the frame began. */
export function rollBack(state: ScanState): void {
  state.lineBytes = state.markLineBytes;
  state.output.recordCount = state.markRecordCount;
  state.output.errorCount = state.markErrorCount;
  state.output.surrogatesReplaced = state.markSurrogates;
  state.setup.ids.counter = state.markIds;
  state.accepted = 0;
  state.rejected = 0;
}

/** Events between the bracket at `at` and the one that closes it; `state.end` is then behind that. */
function scanElements(state: ScanState, at: number, end: number): number {
  const bytes = state.bytes;
  const eventsMax = batchEventsMax(state);
  at = skipSpace(bytes, at + 1, end);
  let index = 0;
  while (at < end && (bytes[at] !== CLOSE_BRACKET || index > 0)) {
    const isObject = bytes[at] === OPEN_BRACE;
    // An element that cannot be passed at all is worse than one too many.
    const other = isObject ? at + 1 : skipOther(bytes, at, end);
    if (other <= at) return ReasonNumber.invalid_json;
    if (index === eventsMax) return ReasonNumber.batch_too_large;
    let close = other;
    state.faultSlot = -1;
    if (isObject) close = scanEvent(state, at, index, end);
    else addError(state, index, ReasonNumber.not_an_object, at, close - at);
    if (close < 0) return ReasonNumber.invalid_json;
    if (isOverfull(state)) return ReasonNumber.overloaded;
    index++;
    at = skipSpace(bytes, close, end);
    if (at < end && bytes[at] === CLOSE_BRACKET) break;
    if (at >= end || bytes[at] !== COMMA) return ReasonNumber.invalid_json;
    at = skipSpace(bytes, at + 1, end);
  }
  if (at >= end) return ReasonNumber.invalid_json;
  state.end = at + 1;
  return 0;
}

/** Events that a frame may hold: what is configured, or what the dialect's SDKs send. */
function batchEventsMax(state: ScanState): number {
  return Math.max(state.setup.batchEventsMax, state.tables.program.batchEventsMax);
}

/** Position behind a value that is no object; `at` itself or -1 when nothing can be passed. */
function skipOther(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] === OPEN_BRACKET) return skipBrackets(bytes, at, end);
  if (bytes[at] === QUOTE) return skipString(bytes, at + 1, end);
  return skipScalar(bytes, at, end);
}

/** Whether the frame's lines take the slab over its bound; a frame that began with no lines before it may. */
function isOverfull(state: ScanState): boolean {
  return state.lineBytes > LINES_BYTES_MAX && state.markLineBytes > 0;
}

/** Accepts or rejects the event at `at`. Returns the position behind it, END_UNKNOWN or IS_ENVELOPE. */
function scanEvent(state: ScanState, at: number, index: number, end: number): number {
  state.end = end;
  const surrogatesBefore = state.surrogateCount;
  let close = walkEvent(state, at);
  let reason = 0;
  state.faultSlot = -1;
  if (close < 0) {
    reason = state.fault;
    if (reason === FAULT_ENVELOPE) return IS_ENVELOPE;
    close = skipBrackets(state.bytes, at, end);
    if (close < 0) return END_UNKNOWN;
    if (!isSpanUtf8(state, at, close)) reason = ReasonNumber.invalid_utf8;
  } else if (state.utf8 === Utf8.broken && !isSpanUtf8(state, at, close)) {
    reason = ReasonNumber.invalid_utf8;
  } else {
    reason = resolveColumns(state);
  }
  if (reason === 0) acceptEvent(state, surrogatesBefore);
  else addError(state, index, reason, at, close - at);
  return close;
}

function acceptEvent(state: ScanState, surrogatesBefore: number): void {
  writeEvent(state);
  state.accepted++;
  state.output.surrogatesReplaced += state.surrogateCount - surrogatesBefore;
}

/** The envelope at `at`: its own fields first, since they go into every event, then its events. */
function scanEnvelope(state: ScanState, at: number): number {
  state.end = state.frameEnd;
  state.envelopeWalked = true;
  state.arrayStart = -1;
  state.arrayEnd = -1;
  const surrogatesBefore = state.surrogateCount;
  const close = walkEvent(state, at);
  state.envelopeWalked = false;
  if (state.arrayEnd < 0) return ReasonNumber.invalid_json;
  if (!isSpanUtf8(state, at, state.arrayStart) || !isSpanUtf8(state, state.arrayEnd, state.frameEnd)) {
    return ReasonNumber.invalid_utf8;
  }
  if (close < 0) return state.fault;
  if (skipSpace(state.bytes, close, state.frameEnd) !== state.frameEnd) return ReasonNumber.trailing_bytes;
  if (measureFields(state) > ENVELOPE_FIELDS_BYTES_MAX) return ReasonNumber.envelope_too_large;
  state.output.surrogatesReplaced += state.surrogateCount - surrogatesBefore;
  keepEnvelope(state);
  return scanElements(state, state.arrayStart, state.arrayEnd);
}

/** Keeps the envelope's fields for the rest of its events, and the captures of its slots before the events' own. */
function keepEnvelope(state: ScanState): void {
  const captures = state.captures;
  let kept = 0;
  for (let capture = 0; capture < state.captureCount; capture++) {
    const row = capture * CAPTURE_WORDS;
    const slot = captures[row + CaptureWord.slot]!;
    if (isEnvelopeField(state, row)) {
      for (let word = 0; word < CAPTURE_WORDS; word++) {
        state.envelope[state.envelopeCount * CAPTURE_WORDS + word] = captures[row + word]!;
      }
      state.envelopeCount++;
    }
    if (slot < 0 || state.slotCapture[slot] !== capture) continue;
    const target = kept * CAPTURE_WORDS;
    for (let word = 0; word < CAPTURE_WORDS; word++) captures[target + word] = captures[row + word]!;
    state.slotCapture[slot] = kept++;
  }
  state.captureBase = kept;
}

/** NDJSON from `at`: every line is an event or is rejected alone. */
function scanLines(state: ScanState, at: number): number {
  const body = state.bytes.subarray(0, state.frameEnd);
  const eventsMax = batchEventsMax(state);
  let index = 0;
  for (;;) {
    // Empty lines are white space before the next one.
    const start = skipSpace(body, at, state.frameEnd);
    if (start === state.frameEnd) return 0;
    if (index === eventsMax) return ReasonNumber.batch_too_large;
    const newline = body.indexOf(NEWLINE, start);
    const lineEnd = newline < 0 ? state.frameEnd : newline;
    scanLine(state, start, trimEnd(body, start, lineEnd), index++);
    if (isOverfull(state)) return ReasonNumber.overloaded;
    at = lineEnd;
  }
}

function scanLine(state: ScanState, start: number, end: number, index: number): void {
  state.end = end;
  state.faultSlot = -1;
  const surrogatesBefore = state.surrogateCount;
  let reason: number = ReasonNumber.not_an_object;
  if (state.bytes[start] === OPEN_BRACE) {
    const close = walkEvent(state, start);
    // Behind an event that ends before its line nothing was looked at yet.
    if ((close !== end || state.utf8 === Utf8.broken) && !isSpanUtf8(state, start, end)) {
      reason = ReasonNumber.invalid_utf8;
    } else if (close < 0) {
      reason = state.fault;
    } else {
      reason = close === end ? resolveColumns(state) : ReasonNumber.trailing_bytes;
    }
  }
  if (reason === 0) acceptEvent(state, surrogatesBefore);
  else addError(state, index, reason, start, end - start);
}

function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  while (end > start && skipSpace(bytes, end - 1, end) === end) end--;
  return end;
}
