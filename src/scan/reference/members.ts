// Hot path.
/** The members of an object that is known to be well formed, one by one. */
import { BACKSLASH, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace } from './bytes.ts';
import { skipBrackets, skipScalar, skipString } from './skip.ts';
import type { ScanState } from './state.ts';

/** Where the key of the first member stands, its quote included, or -1 in an empty object. */
export function firstMember(state: ScanState, at: number, end: number): number {
  at = skipSpace(state.bytes, at + 1, end);
  return state.bytes[at] === QUOTE ? at : -1;
}

/** Sets `memberKeyStart`, …, `memberEnd` to the member whose key is at `at`. Returns the next one's place, or -1. */
export function readMember(state: ScanState, at: number, end: number): number {
  const bytes = state.bytes;
  state.memberKeyStart = at + 1;
  state.memberKeyEnd = skipString(bytes, at + 1, end) - 1;
  at = skipSpace(bytes, state.memberKeyEnd + 1, end);
  state.memberStart = skipSpace(bytes, at + 1, end);
  state.memberEnd = skipValue(bytes, state.memberStart, end);
  at = skipSpace(bytes, state.memberEnd, end);
  return bytes[at] === COMMA ? skipSpace(bytes, at + 1, end) : -1;
}

/** How many members the object at `start` has. */
export function countMembers(state: ScanState, start: number, end: number): number {
  let count = 0;
  for (let at = firstMember(state, start, end); at >= 0; at = readMember(state, at, end)) count++;
  return count;
}

/** Whether a text between quotes holds an escape. */
export function hasEscape(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

function skipValue(bytes: Uint8Array, at: number, end: number): number {
  const byte = bytes[at]!;
  if (byte === QUOTE) return skipString(bytes, at + 1, end);
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return skipBrackets(bytes, at, end);
  return skipScalar(bytes, at, end);
}
