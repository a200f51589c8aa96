// Hot path.
/** Copies spans of the body into the lines in canonical form: no white space outside strings, no lone surrogate. */
import { BACKSLASH, copyBytes, isSpace, QUOTE, type Text, viewOf } from './bytes.ts';
import { CAPTURE_WORDS, CaptureFlag, CaptureWord, type ScanState } from './state.ts';
import { isLoneSurrogate, isPair } from './strings.ts';

const REPLACEMENT = Buffer.from('\\ufffd');
/** Bytes of two escapes `\uXXXX` that make one character. */
const PAIR_BYTES = 12;

/** Makes room for `more` bytes at `to`; those before it are kept. */
export function reserveLines(state: ScanState, to: number, more: number): void {
  if (to + more <= state.lines.length) return;
  const grown = Buffer.allocUnsafeSlow(Math.max(to + more, 2 * state.lines.length));
  state.lines.copy(grown, 0, 0, to);
  state.lines = grown;
  state.linesView = viewOf(grown);
  state.output.lines = grown;
}

/** Writes a constant text at `to`, where the caller has made room; returns the position behind it. */
export function putText(state: ScanState, text: Text, to: number): number {
  return copyBytes(text.bytes, text.view, 0, text.bytes.length, state.lines, state.linesView, to);
}

/** Writes the value of a capture of the event at `to`, where the caller has made room; a bare text with quotes. */
export function putCapture(state: ScanState, capture: number, to: number): number {
  const row = capture * CAPTURE_WORDS;
  const flags = state.captures[row + CaptureWord.flags]!;
  const isDirty = (flags & CaptureFlag.valueDirty) !== 0;
  const start = state.captures[row + CaptureWord.valueStart]!;
  const end = state.captures[row + CaptureWord.valueEnd]!;
  if ((flags & CaptureFlag.bare) === 0) return putSpan(state, start, end, isDirty, to);
  state.lines[to++] = QUOTE;
  to = isDirty ? putCleaned(state, start, end, true, to) : putSpan(state, start, end, false, to);
  state.lines[to++] = QUOTE;
  return to;
}

/** Writes a span of well-formed JSON at `to`, where the caller has made room. */
export function putSpan(state: ScanState, start: number, end: number, isDirty: boolean, to: number): number {
  if (isDirty) return putCleaned(state, start, end, false, to);
  return copyBytes(state.bytes, state.view, start, end - start, state.lines, state.linesView, to);
}

function putCleaned(state: ScanState, start: number, end: number, isInString: boolean, to: number): number {
  const bytes = state.bytes;
  const lines = state.lines;
  let at = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte === BACKSLASH) {
      if (isLoneSurrogate(bytes, at, end)) {
        to += REPLACEMENT.copy(lines, to);
        at += REPLACEMENT.length;
        continue;
      }
      // Both bytes of an escape at once: the second may be a quote. Halves of a pair look lone when met alone.
      const escapeEnd = at + (isPair(bytes, at, end) ? PAIR_BYTES : 2);
      while (at < escapeEnd) lines[to++] = bytes[at++]!;
      continue;
    }
    if (byte === QUOTE) isInString = !isInString;
    if (isInString || !isSpace(byte)) lines[to++] = byte;
    at++;
  }
  return to;
}

/** Writes the raw text of a key, which lies between quotes, at `to`. */
export function putKey(state: ScanState, start: number, end: number, isDirty: boolean, to: number): number {
  if (!isDirty) return putSpan(state, start, end, false, to);
  return putCleaned(state, start, end, true, to);
}
