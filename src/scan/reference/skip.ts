// Hot path: every byte of what is passed over.
/** Recovery: where an event ends whose inside is at fault. Iterative, so that no nesting can exhaust the stack. */
import { BACKSLASH, COLON, COMMA, isSpace, QUOTE } from './bytes.ts';

/** 1 opens, 2 closes, 3 begins a string. */
const BRACKETS = new Uint8Array(256);
for (const open of Buffer.from('{[')) BRACKETS[open] = 1;
for (const close of Buffer.from('}]')) BRACKETS[close] = 2;
BRACKETS[QUOTE] = 3;

/** Position behind the bracket that closes the one at `at`, whatever its kind; -1 when there is none before `end`. */
export function skipBrackets(bytes: Uint8Array, at: number, end: number): number {
  let depth = 0;
  while (at < end) {
    const meaning = BRACKETS[bytes[at]!]!;
    at++;
    if (meaning === 0) continue;
    if (meaning === 1) {
      depth++;
    } else if (meaning === 2) {
      if (--depth === 0) return at;
    } else {
      at = skipString(bytes, at, end);
      if (at < 0) return -1;
    }
  }
  return -1;
}

/** Position behind the quote that ends the string whose first byte is at `at`, or -1. */
export function skipString(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    at += byte === BACKSLASH ? 2 : 1;
  }
  return -1;
}

/** Position behind a run of bytes that could be a number or a word: up to white space or any of `{}[]",:`. */
export function skipScalar(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at]!;
    if (BRACKETS[byte] !== 0 || byte === COMMA || byte === COLON || isSpace(byte)) break;
    at++;
  }
  return at;
}
