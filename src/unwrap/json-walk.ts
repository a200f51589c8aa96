// Hot path: per byte of the bodies that need it, which are those of browsers and of keys in bodies.
/**
 * Walks over JSON text by its brackets and quotes, without parsing it: members of objects and elements of arrays, as
 * places in the bytes. It checks nothing beyond what it needs to find its way: a body that it cannot follow is left to
 * the scanner, which says what is wrong with it. Depth costs no stack.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** What a visitor says to end the walk. */
export const STOP = true;
/** Places of a member: of its key without quotes, and of its value. True ends the walk. */
export type MemberVisitor = (
  keyStart: number,
  keyEnd: number,
  valueStart: number,
  valueEnd: number,
) => boolean | undefined;
/** Place of an element. True ends the walk. */
export type ElementVisitor = (start: number, end: number) => boolean | undefined;

/** The first byte from `at` on that is no white space; a byte order mark at 0 counts as such. */
export function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  if (at === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) at = 3;
  while (at < end && (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09))
    at++;
  return at;
}

/** Whether a value of this kind begins at `at`. */
export function isObject(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === OPEN_BRACE;
}
/** Whether an array begins at `at`. */
export function isArray(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === OPEN_BRACKET;
}
/** Whether a text begins at `at`. */
export function isText(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === QUOTE;
}

/** The text between the quotes at `start` and `end - 1`, unescaped; undefined when it is no JSON. */
export function textAt(bytes: Buffer, start: number, end: number): string | undefined {
  try {
    const text: unknown = JSON.parse(bytes.toString('utf8', start, end));
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

/** End of the value that begins at `at`; -1 when it does not end before `end`. */
export function endOfValue(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at];
  if (first === QUOTE) return endOfString(bytes, at, end);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return endOfWord(bytes, at, end);
  let depth = 0;
  for (let place = at; place < end; place++) {
    const byte = bytes[place];
    if (byte === QUOTE) {
      place = endOfString(bytes, place, end) - 1;
      if (place < 0) return -1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return place + 1;
  }
  return -1;
}

function endOfString(bytes: Uint8Array, at: number, end: number): number {
  for (let place = at + 1; place < end; place++) {
    const byte = bytes[place];
    if (byte === QUOTE) return place + 1;
    if (byte === BACKSLASH) place++;
  }
  return -1;
}

function endOfWord(bytes: Uint8Array, at: number, end: number): number {
  let place = at;
  for (; place < end; place++) {
    const byte = bytes[place]!;
    if (byte <= 0x20 || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) break;
  }
  return place > at ? place : -1;
}

/**
 * Visits the members of the object that begins at `at`. Returns where the closing brace stands, where the walk was
 * stopped, or -1 when it got lost.
 */
export function eachMember(bytes: Uint8Array, at: number, end: number, visit: MemberVisitor): number {
  if (bytes[at] !== OPEN_BRACE) return -1;
  let place = skipSpace(bytes, at + 1, end);
  if (bytes[place] === CLOSE_BRACE) return place;
  for (;;) {
    if (place >= end || bytes[place] !== QUOTE) return -1;
    const keyEnd = endOfString(bytes, place, end);
    if (keyEnd === -1) return -1;
    const colon = skipSpace(bytes, keyEnd, end);
    if (bytes[colon] !== COLON) return -1;
    const valueStart = skipSpace(bytes, colon + 1, end);
    const valueEnd = endOfValue(bytes, valueStart, end);
    if (valueEnd === -1) return -1;
    if (visit(place + 1, keyEnd - 1, valueStart, valueEnd) === STOP) return valueEnd;
    place = skipSpace(bytes, valueEnd, end);
    if (bytes[place] === CLOSE_BRACE && place < end) return place;
    if (bytes[place] !== COMMA) return -1;
    place = skipSpace(bytes, place + 1, end);
  }
}

/** Visits the elements of the array that begins at `at`. Returns as eachMember does. */
export function eachElement(bytes: Uint8Array, at: number, end: number, visit: ElementVisitor): number {
  if (bytes[at] !== OPEN_BRACKET) return -1;
  let place = skipSpace(bytes, at + 1, end);
  if (bytes[place] === CLOSE_BRACKET) return place;
  for (;;) {
    const valueEnd = endOfValue(bytes, place, end);
    if (valueEnd === -1) return -1;
    if (visit(place, valueEnd) === STOP) return valueEnd;
    place = skipSpace(bytes, valueEnd, end);
    if (bytes[place] === CLOSE_BRACKET && place < end) return place;
    if (bytes[place] !== COMMA) return -1;
    place = skipSpace(bytes, place + 1, end);
  }
}

/**
 * Visits the events of a body of any shape that the scanner takes: an object, the array of an envelope under one of
 * `envelopeKeys`, an array, or NDJSON. False when it got lost.
 */
export function eachEvent(bytes: Buffer, envelopeKeys: readonly string[], visit: ElementVisitor): boolean {
  const end = bytes.length;
  const start = skipSpace(bytes, 0, end);
  if (isArray(bytes, start)) return eachElement(bytes, start, end, visit) !== -1;
  let array = -1;
  const closing = eachMember(bytes, start, end, (keyStart, keyEnd, valueStart) => {
    const isEnvelope =
      isArray(bytes, valueStart) && envelopeKeys.some((key) => isKey(bytes, keyStart, keyEnd, key));
    if (!isEnvelope) return undefined;
    array = valueStart;
    return STOP;
  });
  if (array !== -1) return eachElement(bytes, array, end, visit) !== -1;
  if (closing === -1) return false;
  for (let place = start; place < end; ) {
    const valueEnd = endOfValue(bytes, place, end);
    if (valueEnd === -1) return false;
    if (visit(place, valueEnd) === STOP) return true;
    place = skipSpace(bytes, valueEnd, end);
  }
  return true;
}

/** Whether the key between these places is `key`, which is ASCII and compared as it was sent. */
export function isKey(bytes: Uint8Array, keyStart: number, keyEnd: number, key: string): boolean {
  if (keyEnd - keyStart !== key.length) return false;
  for (let index = 0; index < key.length; index++) {
    if (bytes[keyStart + index] !== key.charCodeAt(index)) return false;
  }
  return true;
}
