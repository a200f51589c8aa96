// Hot path.
/** Comparing values and keys with the texts of a program, and the guards that are made of such comparisons. */
import type { ProgramLiteral, ProgramPattern } from '../../dialects/program.ts';
import { QUOTE } from './bytes.ts';
import { CAPTURE_WORDS, CaptureFlag, CaptureWord, type ScanState } from './state.ts';
import { decodeAside } from './strings.ts';

/** The guards that hold for the event just walked, as bits. */
export function holdGuards(state: ScanState): number {
  const guards = state.tables.program.guards;
  let held = 0;
  for (let index = 0; index < guards.length; index++) {
    const guard = guards[index]!;
    const capture = state.slotCapture[guard.slot]!;
    const isOne = capture < 0 ? guard.matchesAbsent : isCaptureOneOf(state, capture, guard.literals);
    if (isOne !== guard.isNegated) held |= 1 << index;
  }
  return held;
}

function isCaptureOneOf(state: ScanState, capture: number, literals: readonly ProgramLiteral[]): boolean {
  const row = capture * CAPTURE_WORDS;
  const start = state.captures[row + CaptureWord.valueStart]!;
  const end = state.captures[row + CaptureWord.valueEnd]!;
  const isEscaped = (state.captures[row + CaptureWord.flags]! & CaptureFlag.valueEscaped) !== 0;
  return isOneOf(state, start, end, isEscaped, literals);
}

/** Whether the value from `start` to `end` is one of the literals; `isEscaped` when it may hold escapes. */
export function isOneOf(
  state: ScanState,
  start: number,
  end: number,
  isEscaped: boolean,
  literals: readonly ProgramLiteral[],
): boolean {
  const isText = state.bytes[start] === QUOTE;
  let bytes = state.bytes;
  if (isText) {
    start++;
    end--;
    if (isEscaped) {
      const length = decodeAside(state, start, end);
      bytes = state.scratch;
      start = state.scratchTop;
      end = start + length;
    }
  }
  for (let index = 0; index < literals.length; index++) {
    const literal = literals[index]!;
    if (literal.isText === isText && isSame(bytes, start, end, literal.bytes)) return true;
  }
  return false;
}

/** Whether the bytes from `start` to `end` are these. */
export function isSame(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  return end - start === wanted.length && beginsWith(bytes, start, end, wanted);
}

/** Whether the bytes from `start` to `end` begin with these. */
export function beginsWith(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  if (end - start < wanted.length) return false;
  for (let index = 0; index < wanted.length; index++) {
    if (bytes[start + index] !== wanted[index]) return false;
  }
  return true;
}

/** Whether a key, unescaped, follows one of the patterns. */
export function followsOne(
  bytes: Uint8Array,
  start: number,
  end: number,
  patterns: readonly ProgramPattern[],
): boolean {
  for (let index = 0; index < patterns.length; index++) {
    const pattern = patterns[index]!;
    if (!beginsWith(bytes, start, end, pattern.bytes)) continue;
    if (pattern.isPrefix || end - start === pattern.bytes.length) return true;
  }
  return false;
}
