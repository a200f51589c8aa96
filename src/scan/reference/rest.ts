// Hot path.
/**
 * The rest column: the client's own object, then the fields that no column took, then an envelope's fields. A
 * field whose key is taken gets underscores before it until it is free.
 */
import { KEYS_COMPARED_MAX } from '../../limits.ts';
import {
  BACKSLASH,
  CLOSE_BRACE,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  UNDERSCORE,
} from './bytes.ts';
import { putCapture, putKey, putSpan, reserveLines } from './canonical.ts';
import { isEmptyValue } from './columns.ts';
import { findKey, hashKey, keyString, pushKey } from './keys.ts';
import { skipBrackets, skipScalar, skipString } from './skip.ts';
import { CAPTURE_WORDS, CaptureFlag, CaptureWord, type ScanState } from './state.ts';
import { growScratch } from './strings.ts';

/** Quotes, colon, comma and brace around a member. */
const MEMBER_BYTES = 8;

/** Keys taken, by what stands behind their underscores: for each taken count of underscores a higher one to try. */
type TakenKeys = Map<string, Map<number, number>>;

/** Writes the object of the rest column at `to`; `capture` is the client's own object or -1. Makes its own room. */
export function putRest(state: ScanState, capture: number, to: number): number {
  state.keyTop = 0;
  if (capture >= 0 && !isEmptyValue(state, capture)) {
    const row = capture * CAPTURE_WORDS;
    const start = state.captures[row + CaptureWord.valueStart]!;
    const end = state.captures[row + CaptureWord.valueEnd]!;
    reserveLines(state, to, end - start + MEMBER_BYTES);
    to = putCapture(state, capture, to) - 1;
    listKeys(state, start, end);
  } else {
    reserveLines(state, to, MEMBER_BYTES);
    state.lines[to++] = OPEN_BRACE;
  }
  const taken = listTaken(state);
  const captures = state.captures;
  for (let index = 0; index < state.captureCount; index++) {
    const row = index * CAPTURE_WORDS;
    if ((captures[row + CaptureWord.flags]! & CaptureFlag.rest) !== 0) {
      to = putField(state, captures, row, taken, to);
    }
  }
  for (let index = 0; index < state.envelopeCount; index++) {
    to = putField(state, state.envelope, index * CAPTURE_WORDS, taken, to);
  }
  state.lines[to++] = CLOSE_BRACE;
  return to;
}

/** Pushes the keys of the well-formed object at `at`. */
function listKeys(state: ScanState, at: number, end: number): void {
  const bytes = state.bytes;
  at = skipSpace(bytes, at + 1, end);
  while (bytes[at] === QUOTE) {
    const keyEnd = skipString(bytes, at + 1, end) - 1;
    pushKey(state, at + 1, keyEnd, hasEscape(bytes, at + 1, keyEnd));
    at = skipSpace(bytes, keyEnd + 1, end);
    at = skipSpace(bytes, at + 1, end);
    at = skipSpace(bytes, skipValue(bytes, at, end), end);
    if (bytes[at] !== COMMA) return;
    at = skipSpace(bytes, at + 1, end);
  }
}

function hasEscape(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

function skipValue(bytes: Uint8Array, at: number, end: number): number {
  const byte = bytes[at]!;
  if (byte === QUOTE) return skipString(bytes, at + 1, end);
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return skipBrackets(bytes, at, end);
  return skipScalar(bytes, at, end);
}

/** Length of the envelope's fields as a line carries them, their commas included. Uses the room behind the lines. */
export function measureFields(state: ScanState): number {
  let length = 0;
  for (let index = 0; index < state.captureCount; index++) {
    const to = state.lineBytes;
    const row = index * CAPTURE_WORDS;
    reserveField(state, state.captures, row, 0, to);
    length += putMember(state, state.captures, row, 0, to) - to + (index > 0 ? 1 : 0);
  }
  return length;
}

function putField(
  state: ScanState,
  captures: Int32Array,
  row: number,
  taken: TakenKeys | undefined,
  to: number,
): number {
  const isEscaped = (captures[row + CaptureWord.flags]! & CaptureFlag.keyEscaped) !== 0;
  const top = pushKey(
    state,
    captures[row + CaptureWord.keyStart]!,
    captures[row + CaptureWord.keyEnd]!,
    isEscaped,
  );
  const underscores = taken === undefined ? renameKey(state, top) : takeKey(state, taken, top);
  if (taken !== undefined) state.keyTop = top;
  reserveField(state, captures, row, underscores, to);
  if (state.lines[to - 1] !== OPEN_BRACE) state.lines[to++] = COMMA;
  return putMember(state, captures, row, underscores, to);
}

function reserveField(
  state: ScanState,
  captures: Int32Array,
  row: number,
  underscores: number,
  to: number,
): void {
  const raw = captures[row + CaptureWord.valueEnd]! - captures[row + CaptureWord.keyStart]!;
  reserveLines(state, to, raw + underscores + MEMBER_BYTES);
}

function putMember(
  state: ScanState,
  captures: Int32Array,
  row: number,
  underscores: number,
  to: number,
): number {
  const flags = captures[row + CaptureWord.flags]!;
  const lines = state.lines;
  lines[to++] = QUOTE;
  for (let count = 0; count < underscores; count++) lines[to++] = UNDERSCORE;
  const keyStart = captures[row + CaptureWord.keyStart]!;
  const isKeyDirty = (flags & CaptureFlag.keyDirty) !== 0;
  to = putKey(state, keyStart, captures[row + CaptureWord.keyEnd]!, isKeyDirty, to);
  lines[to++] = QUOTE;
  lines[to++] = COLON;
  const valueStart = captures[row + CaptureWord.valueStart]!;
  const isValueDirty = (flags & CaptureFlag.valueDirty) !== 0;
  return putSpan(state, valueStart, captures[row + CaptureWord.valueEnd]!, isValueDirty, to);
}

/** Underscores that free the key at `top` among those below it, which it then joins under its new name. */
function renameKey(state: ScanState, top: number): number {
  let underscores = 0;
  while (findKey(state, 0, top) >= 0) {
    underscores++;
    const length = state.keyLength[top]!;
    growScratch(state, length + 1);
    const position = state.keyStart[top]!;
    const bytes = position < 0 ? state.scratch : state.bytes;
    const start = position < 0 ? ~position : position;
    const renamed = state.scratchTop;
    state.scratch[renamed] = UNDERSCORE;
    bytes.copy(state.scratch, renamed + 1, start, start + length);
    state.scratchTop = renamed + 1 + length;
    state.keyStart[top] = ~renamed;
    state.keyLength[top] = length + 1;
    state.keyHash[top] = hashKey(state.scratch, state.scratchView, renamed, length + 1);
  }
  return underscores;
}

/** With many keys, those on the stack as a map, and the stack empty: trying name after name would be quadratic. */
function listTaken(state: ScanState): TakenKeys | undefined {
  if (state.keyTop + state.restCount + state.envelopeCount <= KEYS_COMPARED_MAX) return undefined;
  const taken: TakenKeys = new Map();
  for (let index = 0; index < state.keyTop; index++) takeKey(state, taken, index);
  state.keyTop = 0;
  return taken;
}

/** Takes the name of the key at `index`, or the next free one. Returns the underscores that had to be added. */
function takeKey(state: ScanState, taken: TakenKeys, index: number): number {
  const position = state.keyStart[index]!;
  const bytes = position < 0 ? state.scratch : state.bytes;
  const start = position < 0 ? ~position : position;
  const length = state.keyLength[index]!;
  let own = 0;
  while (own < length && bytes[start + own] === UNDERSCORE) own++;
  state.keyStart[index] = position < 0 ? ~(start + own) : start + own;
  state.keyLength[index] = length - own;
  const stem = keyString(state, index);
  let counts = taken.get(stem);
  if (counts === undefined) {
    counts = new Map();
    taken.set(stem, counts);
  }
  let free = own;
  for (let next = counts.get(free); next !== undefined; next = counts.get(free)) free = next;
  // Every name tried on the way now points behind the one that is taken, so that no chain is walked twice.
  for (let at = own; at < free; ) {
    const next = counts.get(at)!;
    counts.set(at, free + 1);
    at = next;
  }
  counts.set(free, free + 1);
  return free - own;
}
