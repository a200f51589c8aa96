// Hot path.
/**
 * The walk over one JSON value: its grammar, depth, keys, numbers and strings, in one pass over the bytes. Values
 * that the program looks for, and all members of the root, are captured as spans; nothing is decoded. Recursion
 * is bounded by DEPTH_MAX. Every function returns the position behind what it walked, or -1 with `state.fault`.
 */
import { DEPTH_MAX } from '../../limits.ts';
import { ReasonNumber } from '../../outcome.ts';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isSpace,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
} from './bytes.ts';
import { checkKey, collectKeys, pushKey } from './keys.ts';
import { scanNumber } from './number.ts';
import { skipBrackets } from './skip.ts';
import {
  CAPTURE_WORDS,
  CaptureFlag,
  CaptureWord,
  FAULT_ENVELOPE,
  fail,
  type ScanState,
  ValueKind,
} from './state.ts';
import { scanString } from './strings.ts';
import { ENTRY_WORDS, EntryWord, findEntry } from './tables.ts';

const INVALID_JSON = ReasonNumber.invalid_json;
const ROOT_DEPTH = 1;

/**
 * Walks the event (or envelope) whose opening brace is at `at`. Fills captures and slotCapture. The caller has
 * set `bytes`, `view`, `end`, `tables` and the two envelope switches.
 */
export function walkEvent(state: ScanState, at: number): number {
  state.fault = 0;
  state.keyCount = 0;
  state.keyTop = 0;
  state.scratchTop = 0;
  state.captureCount = state.captureBase;
  const tables = state.tables;
  const slotCapture = state.slotCapture;
  for (let slot = tables.eventSlotCount - 1; slot >= 0; slot--) slotCapture[slot] = -1;
  return walkObject(state, at, ROOT_DEPTH, state.envelopeWalked ? tables.envelopeNode : 0);
}

function walkObject(state: ScanState, at: number, depth: number, node: number): number {
  const bytes = state.bytes;
  const end = state.end;
  const base = state.keyTop;
  let seen: Set<string> | undefined;
  at = passSpace(state, at + 1);
  if (at < end && bytes[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    if (at >= end || bytes[at] !== QUOTE) return fail(state, INVALID_JSON);
    const keyStart = at + 1;
    const escapesBefore = state.escapeCount;
    const surrogatesBefore = state.surrogateCount;
    const keyEnd = scanString(state, keyStart);
    if (keyEnd < 0) return -1;
    const top = pushKey(state, keyStart, keyEnd, state.escapeCount !== escapesBefore);
    const fault = checkKey(state, base, seen);
    if (fault !== 0) return fail(state, fault);
    if (seen === undefined) seen = collectKeys(state, base);

    at = keyEnd + 1;
    if (at >= end || bytes[at] !== COLON) {
      at = passSpace(state, at);
      if (at >= end || bytes[at] !== COLON) return fail(state, INVALID_JSON);
    }
    at++;
    if (at < end && bytes[at]! <= 0x20) at = passSpace(state, at);
    const entry = node < 0 ? -1 : findEntry(state, state.tables, node, top);
    if (depth === ROOT_DEPTH || entry >= 0) {
      let flags = 0;
      if (state.escapeCount !== escapesBefore) flags |= CaptureFlag.keyEscaped;
      if (state.surrogateCount !== surrogatesBefore) flags |= CaptureFlag.keyDirty;
      at = walkMember(state, at, depth, entry, keyStart, keyEnd, flags);
    } else {
      at = walkValue(state, at, depth, -1);
    }
    if (at < 0) return -1;

    if (at < end && bytes[at]! <= 0x20) at = passSpace(state, at);
    if (at >= end) return fail(state, INVALID_JSON);
    const next = bytes[at]!;
    if (next === COMMA) {
      at++;
      if (at < end && bytes[at]! <= 0x20) at = passSpace(state, at);
    } else if (next === CLOSE_BRACE) {
      state.keyTop = base;
      return at + 1;
    } else {
      return fail(state, INVALID_JSON);
    }
  }
}

/** A value that is captured, of the root or of a key that the program looks for, at `at`. */
function walkMember(
  state: ScanState,
  at: number,
  depth: number,
  entry: number,
  keyStart: number,
  keyEnd: number,
  flags: number,
): number {
  const entries = state.tables.entries;
  const slot = entry < 0 ? -1 : entries[entry * ENTRY_WORDS + EntryWord.slot]!;
  if (depth === ROOT_DEPTH && entry >= 0 && isEnvelopeArray(state, at, entry)) {
    if (state.envelopeSought) return fail(state, FAULT_ENVELOPE);
    if (state.envelopeWalked && state.arrayStart < 0) return passEnvelopeArray(state, at);
  }
  const spaceBefore = state.spaceCount;
  const escapesBefore = state.escapeCount;
  const surrogatesBefore = state.surrogateCount;
  let valueEnd: number;
  if (at < state.end && state.bytes[at] === QUOTE) {
    valueEnd = scanString(state, at + 1) + 1;
    if (valueEnd === 0) return -1;
  } else {
    valueEnd = walkValue(state, at, depth, entry < 0 ? -1 : entries[entry * ENTRY_WORDS + EntryWord.node]!);
  }
  if (valueEnd < 0) return -1;
  if (depth !== ROOT_DEPTH && slot < 0) return valueEnd;

  if (state.spaceCount !== spaceBefore || state.surrogateCount !== surrogatesBefore) {
    flags |= CaptureFlag.valueDirty;
  }
  if (state.escapeCount !== escapesBefore) flags |= CaptureFlag.valueEscaped;
  const kind = kindOf(state.bytes[at]!);
  const index = state.captureCount++;
  const row = index * CAPTURE_WORDS;
  const captures = state.captures;
  captures[row + CaptureWord.keyStart] = keyStart;
  captures[row + CaptureWord.keyEnd] = keyEnd;
  captures[row + CaptureWord.valueStart] = at;
  captures[row + CaptureWord.valueEnd] = valueEnd;
  captures[row + CaptureWord.kind] = kind;
  captures[row + CaptureWord.flags] = flags;
  captures[row + CaptureWord.slot] = slot;
  captures[row + CaptureWord.isRoot] = depth === ROOT_DEPTH ? 1 : 0;
  if (slot >= 0 && kind !== ValueKind.absent) state.slotCapture[slot] = index;
  return valueEnd;
}

function isEnvelopeArray(state: ScanState, at: number, entry: number): boolean {
  if (state.tables.entries[entry * ENTRY_WORDS + EntryWord.isEnvelope] === 0) return false;
  return at < state.end && state.bytes[at] === OPEN_BRACKET;
}

/** Notes where the events of an envelope stand; they are walked when all of its own fields are known. */
function passEnvelopeArray(state: ScanState, at: number): number {
  const arrayEnd = skipBrackets(state.bytes, at, state.end);
  if (arrayEnd < 0) return fail(state, INVALID_JSON);
  state.arrayStart = at;
  state.arrayEnd = arrayEnd;
  return arrayEnd;
}

function kindOf(byte: number): number {
  if (byte === QUOTE) return ValueKind.string;
  if (byte === OPEN_BRACE) return ValueKind.object;
  if (byte === OPEN_BRACKET) return ValueKind.array;
  if (byte === 0x6e) return ValueKind.absent;
  if (byte === 0x74 || byte === 0x66) return ValueKind.boolean;
  return ValueKind.number;
}

function walkValue(state: ScanState, at: number, depth: number, node: number): number {
  if (at >= state.end) return fail(state, INVALID_JSON);
  const byte = state.bytes[at]!;
  if (byte === QUOTE) {
    const close = scanString(state, at + 1);
    return close < 0 ? -1 : close + 1;
  }
  if (byte === OPEN_BRACE) {
    if (depth >= DEPTH_MAX) return fail(state, ReasonNumber.too_deep);
    return walkObject(state, at, depth + 1, node);
  }
  if (byte === OPEN_BRACKET) {
    if (depth >= DEPTH_MAX) return fail(state, ReasonNumber.too_deep);
    return walkArray(state, at, depth + 1);
  }
  if (byte === 0x74) return walkWord(state, at, 0x65757274, 4);
  if (byte === 0x6e) return walkWord(state, at, 0x6c6c756e, 4);
  // `false` compares its last four letters.
  if (byte === 0x66) return walkWord(state, at, 0x65736c61, 5);
  return scanNumber(state, at);
}

/** One of the three words of JSON, whose last four letters are `letters`, little endian. */
function walkWord(state: ScanState, at: number, letters: number, length: number): number {
  const wordEnd = at + length;
  if (wordEnd > state.end) return fail(state, INVALID_JSON);
  return state.view.getInt32(wordEnd - 4, true) === letters ? wordEnd : fail(state, INVALID_JSON);
}

function walkArray(state: ScanState, at: number, depth: number): number {
  const bytes = state.bytes;
  const end = state.end;
  at = passSpace(state, at + 1);
  if (at < end && bytes[at] === CLOSE_BRACKET) return at + 1;
  for (;;) {
    at = walkValue(state, at, depth, -1);
    if (at < 0) return -1;
    at = passSpace(state, at);
    if (at >= end) return fail(state, INVALID_JSON);
    const next = bytes[at]!;
    if (next === CLOSE_BRACKET) return at + 1;
    if (next !== COMMA) return fail(state, INVALID_JSON);
    at = passSpace(state, at + 1);
  }
}

/** Position behind white space, which is counted: a span without any is copied as it stands. */
function passSpace(state: ScanState, at: number): number {
  if (at >= state.end || !isSpace(state.bytes[at]!)) return at;
  state.spaceCount++;
  return skipSpace(state.bytes, at + 1, state.end);
}
