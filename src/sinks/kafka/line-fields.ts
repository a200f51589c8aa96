// Hot path.
/**
 * What a record needs of a canonical line (scan/contract.ts), without parsing it: the texts at its head and
 * `received_at` at its tail. What lies between is not looked at. The twin of native/kafka/line-fields.h.
 */
import { HEAD_COLUMNS } from './batch-contract.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
/** Bytes of `\uXXXX`. */
const ESCAPE_BYTES = 6;
/** `YYYY-MM-DDThh:mm:ss.mmmZ` */
const RECEIVED_BYTES = 24;
/** A dialect need not ask for an app in open mode, nor for a type; an id every line has. */
const HEAD_COLUMNS_REQUIRED = 1;

const HEAD_KEYS = HEAD_COLUMNS.map((name, index) => Buffer.from(`${index === 0 ? '{' : ','}"${name}":"`));
const HEAD_END = Buffer.from(',"timestamp":"');
const RECEIVED_KEY = Buffer.from(',"received_at":"');
const DIALECT_KEY = Buffer.from(',"dialect":"');
const TRANSPORT_KEY = Buffer.from(',"transport":"');
const LINE_END = Buffer.from('"}\n');

/** By the letter behind a backslash, the byte that it stands for, or 0. */
const ESCAPES = new Uint8Array(256);
for (const [index, letter] of Buffer.from('"\\/bfnrt').entries()) {
  ESCAPES[letter] = Buffer.from('"\\/\b\f\n\r\t')[index]!;
}

/** Filled again for every line. */
export interface LineFields {
  /** By head column: where the inside of its string begins in the lines, and its bytes; -1 where it is absent. */
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  /** By head column: 1 where the text has escapes. */
  readonly escaped: Uint8Array;
  /** ms since 1970. */
  receivedMs: number;
}

/** Fields to be filled by readLineFields. */
export function createLineFields(): LineFields {
  const count = HEAD_COLUMNS.length;
  return {
    starts: new Int32Array(count),
    lengths: new Int32Array(count),
    escaped: new Uint8Array(count),
    receivedMs: 0,
  };
}

/** Reads the line from `start` to `end`, its newline included. False when head or tail are not those of a canonical line. */
export function readLineFields(lines: Buffer, start: number, end: number, fields: LineFields): boolean {
  let at = start;
  for (let column = 0; column < HEAD_KEYS.length; column++) {
    const key = HEAD_KEYS[column]!;
    if (!startsWith(lines, at, end, key)) {
      if (column < HEAD_COLUMNS_REQUIRED) return false;
      fields.lengths[column] = -1;
      continue;
    }
    at = readHeadText(lines, at + key.length, end, column, fields);
    if (at < 0) return false;
  }
  return startsWith(lines, at, end, HEAD_END) && readTail(lines, at, end, fields);
}

function startsWith(lines: Buffer, at: number, end: number, wanted: Buffer): boolean {
  return at >= 0 && end - at >= wanted.length && wanted.compare(lines, at, at + wanted.length) === 0;
}

/** The place behind the quote that ends the text at `at`, or -1. */
function readHeadText(lines: Buffer, at: number, end: number, column: number, fields: LineFields): number {
  fields.starts[column] = at;
  fields.escaped[column] = 0;
  let place = at;
  while (place < end && lines[place] !== QUOTE) {
    if (lines[place] === BACKSLASH) {
      fields.escaped[column] = 1;
      place++;
    }
    place++;
  }
  if (place >= end) return -1;
  fields.lengths[column] = place - at;
  return place + 1;
}

/** Reads the tail of the line that ends at `end`, from the back; its head ends at `start`. */
function readTail(lines: Buffer, start: number, end: number, fields: LineFields): boolean {
  if (end - start < LINE_END.length || !startsWith(lines, end - LINE_END.length, end, LINE_END)) return false;
  const transport = findKeyBefore(lines, start, end - LINE_END.length, TRANSPORT_KEY);
  // The byte before a key is the quote that ends the text before it.
  if (transport <= start || lines[transport - 1] !== QUOTE) return false;
  const dialect = findKeyBefore(lines, start, transport - 1, DIALECT_KEY);
  if (dialect <= start || lines[dialect - 1] !== QUOTE) return false;
  const received = dialect - 1 - RECEIVED_BYTES;
  const key = received - RECEIVED_KEY.length;
  if (key < start || !startsWith(lines, key, end, RECEIVED_KEY)) return false;
  const text = lines.toString('latin1', received, received + RECEIVED_BYTES);
  const ms = Date.parse(text);
  // Only the one spelling of a time gives itself back.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== text) return false;
  fields.receivedMs = ms;
  return true;
}

/** The place of the key before the plain text that ends at `end`, or -1 when `key` is not what stands there. */
function findKeyBefore(lines: Buffer, start: number, end: number, key: Buffer): number {
  let at = end;
  while (at > start && lines[at - 1] !== QUOTE) {
    if (lines[at - 1] === BACKSLASH) return -1;
    at--;
  }
  if (at - start < key.length || !startsWith(lines, at - key.length, end, key)) return -1;
  return at - key.length;
}

/** The bytes of a column's text: a VIEW of the lines, or a COPY where it has escapes; undefined for an escape that JSON has not. */
export function headText(lines: Buffer, fields: LineFields, column: number): Uint8Array | undefined {
  const start = fields.starts[column]!;
  const end = start + fields.lengths[column]!;
  return fields.escaped[column] === 0 ? lines.subarray(start, end) : unescapeText(lines, start, end);
}

/** What an escaped text stands for; a lone surrogate is U+FFFD, as in the scanner. */
function unescapeText(lines: Buffer, start: number, end: number): Uint8Array | undefined {
  const to = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let at = start; at < end; ) {
    if (lines[at] !== BACKSLASH) {
      to[length++] = lines[at++]!;
      continue;
    }
    if (at + 1 >= end) return undefined;
    const letter = lines[at + 1]!;
    if (letter !== LETTER_U) {
      if (ESCAPES[letter] === 0) return undefined;
      to[length++] = ESCAPES[letter]!;
      at += 2;
      continue;
    }
    const unit = readHex(lines, at + 2, end);
    if (unit < 0) return undefined;
    at += ESCAPE_BYTES;
    let code = unit;
    if (unit >= 0xd800 && unit <= 0xdfff) {
      const low = lowSurrogate(lines, at, end);
      const isPair = unit <= 0xdbff && low >= 0;
      code = isPair ? 0x10000 + ((unit - 0xd800) << 10) + low - 0xdc00 : 0xfffd;
      if (isPair) at += ESCAPE_BYTES;
    }
    length += to.write(String.fromCodePoint(code), length, 'utf8');
  }
  return to.subarray(0, length);
}

/** The low surrogate that stands at `at` as an escape, or -1. */
function lowSurrogate(lines: Buffer, at: number, end: number): number {
  if (at + ESCAPE_BYTES > end || lines[at] !== BACKSLASH || lines[at + 1] !== LETTER_U) return -1;
  const unit = readHex(lines, at + 2, end);
  return unit >= 0xdc00 && unit <= 0xdfff ? unit : -1;
}

/** Four hexadecimal digits at `at`, or -1. */
function readHex(lines: Buffer, at: number, end: number): number {
  if (at + 4 > end) return -1;
  const text = lines.toString('latin1', at, at + 4);
  return /^[0-9a-fA-F]{4}$/.test(text) ? Number.parseInt(text, 16) : -1;
}
