// Hot path.
/** Objects that are made of parts: values under keys of the table's, and the members of objects under new names. */
import type { ProgramPart } from '../../dialects/program.ts';
import { CLOSE_BRACE, COLON, COMMA, copyBytes, OPEN_BRACE, QUOTE, type Text, UNDERSCORE } from './bytes.ts';
import { putKey, putSpan, putText, reserveLines } from './canonical.ts';
import { hashKey } from './keys.ts';
import { followsOne, isOneOf, isSame } from './literals.ts';
import { countMembers, firstMember, hasEscape, readMember } from './members.ts';
import { openNames, type TakenKeys, takeName } from './names.ts';
import { CAPTURE_WORDS, CaptureFlag, CaptureWord, type ScanState } from './state.ts';
import { decodeAside, decodeString, growScratch } from './strings.ts';

/** Quotes, colon, comma and brace around a member. */
const MEMBER_BYTES = 8;

/** Writes the object of a composed column at `to`. Returns `to` plus 1 when it has no members. Makes its own room. */
export function putComposed(state: ScanState, column: number, to: number): number {
  const { mayCollide } = state.tables.program.columns[column]!;
  state.keyTop = 0;
  const taken = mayCollide ? openNames(state, countParts(state, column)) : undefined;
  reserveLines(state, to, MEMBER_BYTES);
  state.lines[to++] = OPEN_BRACE;
  const end = putParts(state, column, mayCollide, taken, to);
  if (end === to) return to;
  reserveLines(state, end, MEMBER_BYTES);
  state.lines[end] = CLOSE_BRACE;
  return end + 1;
}

/** At most so many members come of the parts of a column that are there. */
export function countParts(state: ScanState, column: number): number {
  const { columns, parts } = state.tables.program;
  const { partStart, partEnd } = columns[column]!;
  let count = 0;
  for (let index = partStart; index < partEnd; index++) {
    if ((state.activeParts & (1 << index)) === 0) continue;
    const part = parts[index]!;
    const row = state.slotCapture[part.slot]! * CAPTURE_WORDS;
    const start = state.captures[row + CaptureWord.valueStart]!;
    count += part.isEach ? countMembers(state, start, state.captures[row + CaptureWord.valueEnd]!) : 1;
  }
  return count;
}

/** Writes the members of the parts that are there at `to`, behind an open brace; names are taken if `isNamed`. */
export function putParts(
  state: ScanState,
  column: number,
  isNamed: boolean,
  taken: TakenKeys | undefined,
  to: number,
): number {
  const { columns, parts } = state.tables.program;
  const { partStart, partEnd } = columns[column]!;
  for (let index = partStart; index < partEnd; index++) {
    if ((state.activeParts & (1 << index)) === 0) continue;
    const part = parts[index]!;
    const key = state.tables.partKeys[index]!;
    const row = state.slotCapture[part.slot]! * CAPTURE_WORDS;
    const start = state.captures[row + CaptureWord.valueStart]!;
    const end = state.captures[row + CaptureWord.valueEnd]!;
    const isDirty = (state.captures[row + CaptureWord.flags]! & CaptureFlag.valueDirty) !== 0;
    if (part.isEach) {
      to = putEach(
        state,
        part,
        key,
        state.tables.partRenames[index]!,
        start,
        end,
        isDirty,
        isNamed,
        taken,
        to,
      );
    } else {
      state.memberKeyStart = start;
      state.memberKeyEnd = start;
      state.memberStart = start;
      state.memberEnd = end;
      to = putMember(state, key, false, isDirty, isNamed, taken, to);
    }
  }
  return to;
}

function putEach(
  state: ScanState,
  part: ProgramPart,
  prefix: Text,
  renames: readonly Text[],
  start: number,
  end: number,
  isDirty: boolean,
  isNamed: boolean,
  taken: TakenKeys | undefined,
  to: number,
): number {
  for (let at = firstMember(state, start, end); at >= 0; ) {
    at = readMember(state, at, end);
    const isEscaped = hasEscape(state.bytes, state.memberKeyStart, state.memberKeyEnd);
    const rename = selectMember(state, part, isEscaped);
    if (rename === SKIP) continue;
    if (rename === KEEP) {
      to = putMember(state, prefix, isEscaped, isDirty, isNamed, taken, to);
    } else {
      state.memberKeyStart = state.memberKeyEnd;
      to = putMember(state, renames[rename]!, false, isDirty, isNamed, taken, to);
    }
  }
  return to;
}

/** What `selectMember` returns beside the index of a new name. */
const SKIP = -1;
const KEEP = -2;

/** What becomes of the member that was read last: it is left out, keeps its name, or takes the rename of this index. */
function selectMember(state: ScanState, part: ProgramPart, isEscaped: boolean): number {
  const { patterns, renames, dropped } = part;
  // Values inside of an object may hold escapes wherever one does; looking again costs less than keeping count.
  if (dropped.length > 0 && isOneOf(state, state.memberStart, state.memberEnd, true, dropped)) return SKIP;
  if (patterns.length === 0 && renames.length === 0) return KEEP;
  let bytes = state.bytes;
  let start = state.memberKeyStart;
  let end = state.memberKeyEnd;
  if (isEscaped) {
    const length = decodeAside(state, start, end);
    bytes = state.scratch;
    start = state.scratchTop;
    end = start + length;
  }
  if (patterns.length > 0 && !followsOne(bytes, start, end, patterns)) return SKIP;
  for (let index = 0; index < renames.length; index++) {
    if (isSame(bytes, start, end, renames[index]!.from)) return index;
  }
  return KEEP;
}

/** Writes the member that was read last, under `prefix` and its own key. */
function putMember(
  state: ScanState,
  prefix: Text,
  isEscaped: boolean,
  isDirty: boolean,
  isNamed: boolean,
  taken: TakenKeys | undefined,
  to: number,
): number {
  const keyStart = state.memberKeyStart;
  const keyEnd = state.memberKeyEnd;
  let underscores = 0;
  if (isNamed) {
    pushName(state, prefix, keyStart, keyEnd, isEscaped);
    underscores = takeName(state, taken);
  }
  const valueBytes = state.memberEnd - state.memberStart;
  reserveLines(state, to, underscores + prefix.bytes.length + keyEnd - keyStart + valueBytes + MEMBER_BYTES);
  const lines = state.lines;
  if (lines[to - 1] !== OPEN_BRACE) lines[to++] = COMMA;
  lines[to++] = QUOTE;
  for (let count = 0; count < underscores; count++) lines[to++] = UNDERSCORE;
  to = putText(state, prefix, to);
  to = putKey(state, keyStart, keyEnd, isDirty && keyEnd > keyStart, to);
  lines[to++] = QUOTE;
  lines[to++] = COLON;
  return putSpan(state, state.memberStart, state.memberEnd, isDirty, to);
}

/** Puts the key that the member will have on the stack, unescaped. */
function pushName(
  state: ScanState,
  prefix: Text,
  keyStart: number,
  keyEnd: number,
  isEscaped: boolean,
): void {
  const prefixBytes = prefix.bytes.length;
  growScratch(state, prefixBytes + keyEnd - keyStart);
  const start = state.scratchTop;
  const { scratch, scratchView } = state;
  let end = copyBytes(prefix.bytes, prefix.view, 0, prefixBytes, scratch, scratchView, start);
  if (isEscaped) {
    state.scratchTop = end;
    end += decodeString(state, keyStart, keyEnd);
  } else {
    end = copyBytes(state.bytes, state.view, keyStart, keyEnd - keyStart, scratch, scratchView, end);
  }
  state.scratchTop = end;
  const top = state.keyTop++;
  state.keyHash[top] = hashKey(state.scratch, state.scratchView, start, end - start);
  state.keyStart[top] = ~start;
  state.keyLength[top] = end - start;
}
