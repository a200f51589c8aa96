// Hot path.
/**
 * Strings: where they end, whether they are well formed, and their bytes without escapes. A lone surrogate, which
 * only an escape can bring in, stands for U+FFFD.
 */
import { isUtf8 } from 'node:buffer';
import { ReasonNumber } from '../../outcome.ts';
import { BACKSLASH, QUOTE, viewOf } from './bytes.ts';
import { fail, type ScanState, Utf8 } from './state.ts';

const INVALID_JSON = ReasonNumber.invalid_json;

/** 0 for a byte that stands for itself in a string; the walk looks at the others. */
const IS_SPECIAL = new Uint8Array(256).map((_zero, byte) =>
  byte < 0x20 || byte >= 0x80 || byte === QUOTE || byte === BACKSLASH ? 1 : 0,
);
/** The byte that an escape of one letter stands for, or 0. */
const ESCAPES = new Uint8Array(256);
for (const [letter, byte] of Object.entries({
  '"': 0x22,
  '\\': 0x5c,
  '/': 0x2f,
  b: 0x08,
  f: 0x0c,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
})) {
  ESCAPES[letter.charCodeAt(0)] = byte;
}
const LETTER_U = 0x75;
/** Bytes of `\uXXXX`. */
const ESCAPE_BYTES = 6;

/**
 * Position of the quote that closes the string whose first byte is at `at`, or -1. Counts escapes and lone
 * surrogates in the state.
 */
export function scanString(state: ScanState, at: number): number {
  const bytes = state.bytes;
  const view = state.view;
  const end = state.end;
  const lastWord = end - 4;
  for (;;) {
    // Four bytes a step. With all of them below 0x80, subtracting borrows into a byte's top bit exactly where a
    // byte is below 0x20, or is a quote or a backslash; a borrow that runs on only does so behind such a byte.
    let special = 0;
    while (at <= lastWord) {
      const word = view.getInt32(at, true);
      special =
        ((word - 0x20202020) |
          ((word ^ 0x22222222) - 0x01010101) |
          ((word ^ 0x5c5c5c5c) - 0x01010101) |
          word) &
        0x80808080;
      if (special !== 0) break;
      at += 4;
    }
    if (special !== 0) {
      at += (31 - Math.clz32(special & -special)) >> 3;
    } else {
      while (at < end && IS_SPECIAL[bytes[at]!] === 0) at++;
      if (at >= end) return fail(state, INVALID_JSON);
    }
    if (bytes[at] === QUOTE) return at;
    at = passSpecial(state, at);
    if (at < 0) return -1;
  }
}

/** Position behind a run beyond ASCII or an escape at `at`; -1 for a control character. */
function passSpecial(state: ScanState, at: number): number {
  const bytes = state.bytes;
  const byte = bytes[at]!;
  if (byte === BACKSLASH) return scanEscape(state, at);
  if (byte < 0x80) return fail(state, INVALID_JSON);
  if (state.utf8 === Utf8.unknown) checkFrameUtf8(state);
  do at++;
  while (at < state.end && bytes[at]! >= 0x80);
  return at;
}

function scanEscape(state: ScanState, at: number): number {
  const bytes = state.bytes;
  if (at + 1 >= state.end) return fail(state, INVALID_JSON);
  state.escapeCount++;
  const letter = bytes[at + 1]!;
  if (letter !== LETTER_U) return ESCAPES[letter] === 0 ? fail(state, INVALID_JSON) : at + 2;
  const unit = readHex(bytes, at + 2, state.end);
  if (unit < 0) return fail(state, INVALID_JSON);
  if (unit < 0xd800 || unit > 0xdfff) return at + ESCAPE_BYTES;
  if (isPair(bytes, at, state.end)) return at + 2 * ESCAPE_BYTES;
  state.surrogateCount++;
  return at + ESCAPE_BYTES;
}

/** Four hexadecimal digits at `at`, or -1. */
function readHex(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) return -1;
  let value = 0;
  for (let index = at; index < at + 4; index++) {
    const byte = bytes[index]!;
    if (byte >= 0x30 && byte <= 0x39) value = value * 16 + byte - 0x30;
    else if ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66) value = value * 16 + (byte | 0x20) - 0x57;
    else return -1;
  }
  return value;
}

/** Whether the escape at `at` is a high surrogate and a low one follows it as an escape. */
export function isPair(bytes: Uint8Array, at: number, end: number): boolean {
  if (bytes[at + 1] !== LETTER_U) return false;
  const high = readHex(bytes, at + 2, end);
  if (high < 0xd800 || high > 0xdbff) return false;
  if (at + 2 * ESCAPE_BYTES > end || bytes[at + 6] !== BACKSLASH || bytes[at + 7] !== LETTER_U) return false;
  const low = readHex(bytes, at + 8, end);
  return low >= 0xdc00 && low <= 0xdfff;
}

/** Whether the escape at `at`, in a string that is known to be well formed, is a surrogate without its other half. */
export function isLoneSurrogate(bytes: Uint8Array, at: number, end: number): boolean {
  if (bytes[at + 1] !== LETTER_U) return false;
  const unit = readHex(bytes, at + 2, end);
  return unit >= 0xd800 && unit <= 0xdfff && !isPair(bytes, at, end);
}

/**
 * Appends the bytes that the well-formed raw text stands for to the scratch and returns their count. They begin
 * where `scratchTop` stood before.
 */
export function decodeString(state: ScanState, start: number, end: number): number {
  growScratch(state, end - start);
  const bytes = state.bytes;
  const scratch = state.scratch;
  const first = state.scratchTop;
  let to = first;
  let at = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte !== BACKSLASH) {
      scratch[to++] = byte;
      at++;
    } else if (bytes[at + 1] !== LETTER_U) {
      scratch[to++] = ESCAPES[bytes[at + 1]!]!;
      at += 2;
    } else {
      let code = readHex(bytes, at + 2, end);
      if (code >= 0xd800 && code <= 0xdfff) {
        if (isPair(bytes, at, end)) {
          code = 0x10000 + ((code - 0xd800) << 10) + readHex(bytes, at + 8, end) - 0xdc00;
          at += ESCAPE_BYTES;
        } else {
          code = 0xfffd;
        }
      }
      at += ESCAPE_BYTES;
      to = writeCodePoint(scratch, to, code);
    }
  }
  state.scratchTop = to;
  return to - first;
}

/** As `decodeString`, and leaves `scratchTop`, where the bytes begin: they stand there until more is decoded. */
export function decodeAside(state: ScanState, start: number, end: number): number {
  const scratchTop = state.scratchTop;
  const length = decodeString(state, start, end);
  state.scratchTop = scratchTop;
  return length;
}

function writeCodePoint(target: Uint8Array, at: number, code: number): number {
  if (code < 0x80) {
    target[at++] = code;
  } else if (code < 0x800) {
    target[at++] = 0xc0 | (code >> 6);
    target[at++] = 0x80 | (code & 63);
  } else if (code < 0x10000) {
    target[at++] = 0xe0 | (code >> 12);
    target[at++] = 0x80 | ((code >> 6) & 63);
    target[at++] = 0x80 | (code & 63);
  } else {
    target[at++] = 0xf0 | (code >> 18);
    target[at++] = 0x80 | ((code >> 12) & 63);
    target[at++] = 0x80 | ((code >> 6) & 63);
    target[at++] = 0x80 | (code & 63);
  }
  return at;
}

/** Makes room for `more` bytes behind `scratchTop`, and for the four that a hash reads at once. */
export function growScratch(state: ScanState, more: number): void {
  const wanted = state.scratchTop + more + 4;
  if (wanted <= state.scratch.length) return;
  const grown = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * state.scratch.length));
  state.scratch.copy(grown, 0, 0, state.scratchTop);
  state.scratch = grown;
  state.scratchView = viewOf(grown);
}

/** Looks at the whole frame once, natively; the walk then only needs to know whether all of it is sound. */
export function checkFrameUtf8(state: ScanState): void {
  const sound = isUtf8(state.bytes.subarray(state.frameStart, state.frameEnd));
  state.utf8 = sound ? Utf8.valid : Utf8.broken;
}

/** Whether `start` to `end` is UTF-8; asks for the span only when the frame is known to be broken somewhere. */
export function isSpanUtf8(state: ScanState, start: number, end: number): boolean {
  if (state.utf8 === Utf8.unknown) checkFrameUtf8(state);
  return state.utf8 === Utf8.valid || isUtf8(state.bytes.subarray(start, end));
}
