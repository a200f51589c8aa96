// Hot path.
/**
 * The rest column: the client's own object or the parts of a composed one, then the fields that no column took, then
 * an envelope's fields.
 */
import { CLOSE_BRACE, COLON, COMMA, OPEN_BRACE, QUOTE, UNDERSCORE } from './bytes.ts';
import { putCapture, putKey, putSpan, reserveLines } from './canonical.ts';
import { isEmptyValue } from './columns.ts';
import { countParts, putParts } from './compose.ts';
import { pushKey } from './keys.ts';
import { firstMember, hasEscape, readMember } from './members.ts';
import { openNames, type TakenKeys, takeName } from './names.ts';
import { CAPTURE_WORDS, CaptureFlag, CaptureWord, type ScanState, Winner } from './state.ts';

/** Quotes, colon, comma and brace around a member. */
const MEMBER_BYTES = 8;

/** Writes the object of the rest column, which `winner` fills, at `to`. Makes its own room. */
export function putRest(state: ScanState, column: number, winner: number, to: number): number {
  state.keyTop = 0;
  let more = state.restCount + state.envelopeCount;
  let taken: TakenKeys | undefined;
  reserveLines(state, to, MEMBER_BYTES);
  if (winner === Winner.parts) {
    more += countParts(state, column);
    taken = openNames(state, more);
    state.lines[to++] = OPEN_BRACE;
    to = putParts(state, column, true, taken, to);
    reserveLines(state, to, MEMBER_BYTES);
  } else if (winner >= 0 && !isEmptyValue(state, winner)) {
    const row = winner * CAPTURE_WORDS;
    const start = state.captures[row + CaptureWord.valueStart]!;
    const end = state.captures[row + CaptureWord.valueEnd]!;
    reserveLines(state, to, end - start + MEMBER_BYTES);
    to = putCapture(state, winner, to) - 1;
    listKeys(state, start, end);
    taken = openNames(state, more);
  } else {
    state.lines[to++] = OPEN_BRACE;
    taken = openNames(state, more);
  }
  const captures = state.captures;
  for (let index = state.captureBase; index < state.captureCount; index++) {
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

/** Pushes the keys of the well-formed object at `start`. */
function listKeys(state: ScanState, start: number, end: number): void {
  for (let at = firstMember(state, start, end); at >= 0; ) {
    at = readMember(state, at, end);
    const keyStart = state.memberKeyStart;
    pushKey(state, keyStart, state.memberKeyEnd, hasEscape(state.bytes, keyStart, state.memberKeyEnd));
  }
}

/** Whether the capture at `row`, of an envelope, is a field that goes into each of its events. */
export function isEnvelopeField(state: ScanState, row: number): boolean {
  if (state.captures[row + CaptureWord.isRoot] === 0) return false;
  const slot = state.captures[row + CaptureWord.slot]!;
  return slot < 0 || !state.tables.program.slots[slot]!.isSecret;
}

/** Length of the envelope's fields as a line carries them, their commas included. Uses the room behind the lines. */
export function measureFields(state: ScanState): number {
  let length = 0;
  for (let index = 0; index < state.captureCount; index++) {
    const to = state.lineBytes;
    const row = index * CAPTURE_WORDS;
    if (!isEnvelopeField(state, row)) continue;
    reserveField(state, state.captures, row, 0, to);
    length += putMember(state, state.captures, row, 0, to) - to + (length > 0 ? 1 : 0);
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
  pushKey(state, captures[row + CaptureWord.keyStart]!, captures[row + CaptureWord.keyEnd]!, isEscaped);
  const underscores = takeName(state, taken);
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
