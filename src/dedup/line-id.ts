// Hot path: runs for every event where the addon is not built.
/**
 * What an event is known by again: 128 bits over its event_id and app_id, read from its canonical line
 * (scan/contract.ts). The twin of native/dedup/line-id.h.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HEAD_KEYS = ['{"event_id":"', ',"event_type":"', ',"app_id":"'].map((key) => Buffer.from(key));
/** Stands in no UTF-8, so that no two pairs of texts are the same bytes. */
const SEPARATOR = 0xff;
/** Bytes of an id and of an app at most, escaped as a line carries them: 128 of `\u00xx`. */
const ESCAPED_BYTES_MAX = 6 * 128;
const MADE_ID_BYTES = 36;
const NONE = -1;
/** Place of app_id in HEAD_KEYS. */
const APP = 2;

/** What a line's id is: to be looked up, made by the scanner, or not to be read. */
export const LineIdKind = { known: 0, made: 1, unreadable: 2 } as const;
export type LineIdKind = (typeof LineIdKind)[keyof typeof LineIdKind];

/** The four words of an id, low before high: place, tag. Filled again for every line. */
export interface LineId {
  readonly words: Uint32Array;
  /** The same as place and tag. */
  readonly pair: BigUint64Array;
}

const starts = new Int32Array(HEAD_KEYS.length);
const lengths = new Int32Array(HEAD_KEYS.length);
/** 1 where the text has escapes. */
const escapes = new Uint8Array(HEAD_KEYS.length);
const text = Buffer.alloc(2 * ESCAPED_BYTES_MAX + 1);
const state = new Uint32Array(8);

/** An id to be filled by readLineId. */
export function createLineId(): LineId {
  const pair = new BigUint64Array(2);
  return { pair, words: new Uint32Array(pair.buffer) };
}

/** Reads the id of the line from `start` to `end` under the key (four words, low before high). */
export function readLineId(
  key: Uint32Array,
  lines: Buffer,
  start: number,
  end: number,
  madeSuffix: Uint8Array,
  id: LineId,
): LineIdKind {
  let at = start;
  for (let column = 0; column < HEAD_KEYS.length; column++) {
    const head = HEAD_KEYS[column]!;
    starts[column] = NONE;
    lengths[column] = 0;
    if (end - at < head.length || lines.compare(head, 0, head.length, at, at + head.length) !== 0) continue;
    starts[column] = at + head.length;
    at = endOfString(lines, at + head.length, end, column);
    if (at === NONE) return LineIdKind.unreadable;
    lengths[column] = at - starts[column]!;
    at += 1;
  }
  if (starts[0] === NONE) return LineIdKind.unreadable;
  if (isMade(lines, starts[0]!, lengths[0]!, madeSuffix)) return LineIdKind.made;
  let length = putText(lines, 0, 0);
  if (length === NONE) return LineIdKind.unreadable;
  text[length] = SEPARATOR;
  length = putText(lines, APP, length + 1);
  if (length === NONE) return LineIdKind.unreadable;
  sipHash128(key, text, length, id.words);
  return LineIdKind.known;
}

function endOfString(lines: Buffer, start: number, end: number, column: number): number {
  escapes[column] = 0;
  for (let at = start; at < end; at++) {
    if (lines[at] === QUOTE) return at;
    if (lines[at] !== BACKSLASH) continue;
    escapes[column] = 1;
    at += 1;
  }
  return NONE;
}

function isMade(lines: Buffer, start: number, length: number, suffix: Uint8Array): boolean {
  if (suffix.length === 0 || length !== MADE_ID_BYTES) return false;
  const end = start + length;
  return lines.compare(suffix, 0, suffix.length, end - suffix.length, end) === 0;
}

/** Puts a column's text at `to`, unescaped; gives the place behind it, or NONE for one that no scanner writes. */
function putText(lines: Buffer, column: number, to: number): number {
  const length = lengths[column]!;
  if (length === 0) return to;
  if (length > ESCAPED_BYTES_MAX) return NONE;
  const start = starts[column]!;
  const end = start + length;
  if (escapes[column] === 0) return to + lines.copy(text, to, start, end);
  try {
    return to + text.write(JSON.parse(`"${lines.toString('utf8', start, end)}"`) as string, to, 'utf8');
  } catch {
    return NONE;
  }
}

/**
 * SipHash-1-3 with 128 bits of output, as its authors' `siphash.c` has it (keys and words in low and high halves, since
 * JavaScript has no 64-bit arithmetic that is quick). Writes four words: first output low, high, second low, high.
 */
export function sipHash128(key: Uint32Array, bytes: Buffer, length: number, target: Uint32Array): void {
  const v = state;
  v[0] = key[0]! ^ 0x70736575;
  v[1] = key[1]! ^ 0x736f6d65;
  v[2] = key[2]! ^ 0x6e646f6d ^ 0xee;
  v[3] = key[3]! ^ 0x646f7261;
  v[4] = key[0]! ^ 0x6e657261;
  v[5] = key[1]! ^ 0x6c796765;
  v[6] = key[2]! ^ 0x79746573;
  v[7] = key[3]! ^ 0x74656462;
  let at = 0;
  for (; at + 8 <= length; at += 8) absorb(v, bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4));
  let low = 0;
  let high = (length & 0xff) << 24;
  for (let index = at; index < length; index++) {
    if (index - at < 4) low |= bytes[index]! << (8 * (index - at));
    else high |= bytes[index]! << (8 * (index - at - 4));
  }
  absorb(v, low, high);
  v[4] = v[4]! ^ 0xee;
  for (let round = 0; round < 3; round++) sipRound(v);
  target[0] = v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
  target[1] = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
  v[2] = v[2]! ^ 0xdd;
  for (let round = 0; round < 3; round++) sipRound(v);
  target[2] = v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
  target[3] = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
}

function absorb(v: Uint32Array, low: number, high: number): void {
  v[6] = v[6]! ^ low;
  v[7] = v[7]! ^ high;
  sipRound(v);
  v[0] = v[0]! ^ low;
  v[1] = v[1]! ^ high;
}

function sipRound(v: Uint32Array): void {
  add(v, 0, 2);
  rotate(v, 2, 13);
  xor(v, 2, 0);
  swap(v, 0);
  add(v, 4, 6);
  rotate(v, 6, 16);
  xor(v, 6, 4);
  add(v, 0, 6);
  rotate(v, 6, 21);
  xor(v, 6, 0);
  add(v, 4, 2);
  rotate(v, 2, 17);
  xor(v, 2, 4);
  swap(v, 4);
}

/** In these four a word of 64 bits is named by the index of its low half; its high half stands behind it. */
function add(v: Uint32Array, to: number, from: number): void {
  const low = v[to]! + v[from]!;
  v[to] = low;
  v[to + 1] = v[to + 1]! + v[from + 1]! + (low > 0xffff_ffff ? 1 : 0);
}

function rotate(v: Uint32Array, at: number, bits: number): void {
  const low = v[at]!;
  const high = v[at + 1]!;
  v[at] = (low << bits) | (high >>> (32 - bits));
  v[at + 1] = (high << bits) | (low >>> (32 - bits));
}

function xor(v: Uint32Array, to: number, from: number): void {
  v[to] = v[to]! ^ v[from]!;
  v[to + 1] = v[to + 1]! ^ v[from + 1]!;
}

function swap(v: Uint32Array, at: number): void {
  const low = v[at]!;
  v[at] = v[at + 1]!;
  v[at + 1] = low;
}
