// Hot path.
/**
 * Timestamps: numbers whose unit follows from their magnitude, and ISO 8601 texts, to whole milliseconds by
 * truncation; and the one text form that canonical lines carry.
 *
 *   number   |v| < 1e11 s · < 1e14 ms · < 1e17 µs · else ns
 *   text     YYYY-MM-DD [ (T|t|space) hh:mm [ :ss [ (.|,) digits ] ] [ Z | z | ±hh[[:]mm] ] ], no zone is UTC;
 *            or a text that is only a JSON number
 *
 * Digits are taken as text, since a double cannot hold the nineteen of a time in ns.
 */
import { isDigit, MINUS, PLUS, ZERO } from './bytes.ts';

/** What `parseTimestamp` returns for a text that is no time. */
export const NOT_A_TIME = Number.NaN;

const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 86_400_000;
const DAYS_BEFORE_MONTH = Int32Array.of(0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334);
const DAYS_IN_MONTH = Int32Array.of(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);
/** More digits than any whole number of ms within a double; what is longer is out of range by far. */
const MS_DIGITS_MAX = 15;
/** Digits of the largest |v| that is read as s, ms and µs. */
const SECOND_DIGITS = 11;
const MILLI_DIGITS = 14;
const MICRO_DIGITS = 17;

/** The time of a number or of the inside of a string, in ms since 1970; NOT_A_TIME when it is neither form. */
export function parseTimestamp(bytes: Buffer, start: number, end: number): number {
  if (end - start >= 10 && bytes[start + 4] === MINUS && bytes[start + 7] === MINUS) {
    return parseIso(bytes, start, end);
  }
  return parseNumber(bytes, start, end);
}

function parseNumber(bytes: Buffer, start: number, end: number): number {
  const isNegative = start < end && bytes[start] === MINUS;
  const digits = isNegative ? start + 1 : start;
  let at = digits;
  while (at < end && isDigit(bytes[at]!)) at++;
  const digitCount = at - digits;
  if (digitCount === 0 || (digitCount > 1 && bytes[digits] === ZERO)) return NOT_A_TIME;
  let fraction = at;
  if (at < end && bytes[at] === 0x2e) {
    fraction = ++at;
    while (at < end && isDigit(bytes[at]!)) at++;
    if (at === fraction) return NOT_A_TIME;
  }
  if (at < end) return parseExponent(bytes, start, end, at);

  let ms: number;
  if (digitCount <= SECOND_DIGITS)
    ms = readDigits(bytes, digits, digitCount) * 1000 + readMillis(bytes, fraction, end);
  else if (digitCount <= MILLI_DIGITS) ms = readDigits(bytes, digits, digitCount);
  else if (digitCount <= MICRO_DIGITS) ms = readDigits(bytes, digits, digitCount - 3);
  else ms = readDigits(bytes, digits, digitCount - 6);
  return isNegative ? -ms : ms;
}

function readDigits(bytes: Uint8Array, start: number, count: number): number {
  if (count > MS_DIGITS_MAX) return Number.POSITIVE_INFINITY;
  let value = 0;
  for (let at = start; at < start + count; at++) value = value * 10 + bytes[at]! - ZERO;
  return value;
}

/** The first three of the digits at `start`, as ms; further ones are cut. */
function readMillis(bytes: Uint8Array, start: number, end: number): number {
  let millis = 0;
  for (let place = 0; place < 3; place++) {
    const at = start + place;
    millis = millis * 10 + (at < end && isDigit(bytes[at]!) ? bytes[at]! - ZERO : 0);
  }
  return millis;
}

/** Numbers with an exponent go through a double. `at` is where the exponent's letter must stand. */
function parseExponent(bytes: Buffer, start: number, end: number, at: number): number {
  if ((bytes[at]! | 0x20) !== 0x65) return NOT_A_TIME;
  at++;
  if (at < end && (bytes[at] === PLUS || bytes[at] === MINUS)) at++;
  const exponent = at;
  while (at < end && isDigit(bytes[at]!)) at++;
  if (at === exponent || at < end) return NOT_A_TIME;
  const value = Number(bytes.toString('latin1', start, end));
  const size = Math.abs(value);
  if (size < 1e11) return Math.trunc(value * 1e3);
  if (size < 1e14) return Math.trunc(value);
  return Math.trunc(size < 1e17 ? value / 1e3 : value / 1e6);
}

function parseIso(bytes: Uint8Array, start: number, end: number): number {
  const year = readPair(bytes, start) * 100 + readPair(bytes, start + 2);
  const month = readPair(bytes, start + 5);
  const day = readPair(bytes, start + 8);
  // readPair gives NaN for anything but two digits, and every comparison with NaN is false.
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1)) return NOT_A_TIME;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day > DAYS_IN_MONTH[month - 1]! + (month === 2 && isLeap ? 1 : 0)) return NOT_A_TIME;
  const before = year - 1;
  const days =
    year * 365 +
    Math.floor(before / 4) -
    Math.floor(before / 100) +
    Math.floor(before / 400) +
    DAYS_BEFORE_MONTH[month - 1]! +
    (month > 2 && isLeap ? 1 : 0) +
    day -
    DAYS_TO_1970;
  const date = days * MS_PER_DAY;
  return end - start === 10 ? date : date + parseIsoTime(bytes, start + 10, end);
}

/** What `parseIso` counts for 1 January 1970 before it takes this away. */
const DAYS_TO_1970 = 1970 * 365 + 492 - 19 + 4 + 1;

/** Milliseconds since midnight UTC of the time behind a date, whose separator is at `at`. */
function parseIsoTime(bytes: Uint8Array, at: number, end: number): number {
  const separator = bytes[at]!;
  if ((separator | 0x20) !== 0x74 && separator !== 0x20) return NOT_A_TIME;
  if (end - at < 6 || bytes[at + 3] !== 0x3a) return NOT_A_TIME;
  const hour = readPair(bytes, at + 1);
  const minute = readPair(bytes, at + 4);
  if (!(hour <= 23 && minute <= 59)) return NOT_A_TIME;
  let ms = (hour * 60 + minute) * MS_PER_MINUTE;
  at += 6;
  if (at < end && bytes[at] === 0x3a) {
    const second = at + 3 <= end ? readPair(bytes, at + 1) : NOT_A_TIME;
    if (!(second <= 59)) return NOT_A_TIME;
    ms += second * 1000;
    at += 3;
    if (at < end && (bytes[at] === 0x2e || bytes[at] === 0x2c)) {
      const fraction = ++at;
      while (at < end && isDigit(bytes[at]!)) at++;
      if (at === fraction) return NOT_A_TIME;
      ms += readMillis(bytes, fraction, at);
    }
  }
  return at === end ? ms : ms - parseIsoZone(bytes, at, end) * MS_PER_MINUTE;
}

/** Minutes east of UTC of the zone at `at`, which must reach to `end`. */
function parseIsoZone(bytes: Uint8Array, at: number, end: number): number {
  const sign = bytes[at]!;
  const length = end - at;
  if ((sign | 0x20) === 0x7a) return length === 1 ? 0 : NOT_A_TIME;
  if ((sign !== PLUS && sign !== MINUS) || length < 3) return NOT_A_TIME;
  const hours = readPair(bytes, at + 1);
  let minutes = 0;
  if (length === 5) minutes = readPair(bytes, at + 3);
  else if (length === 6 && bytes[at + 3] === 0x3a) minutes = readPair(bytes, at + 4);
  else if (length !== 3) return NOT_A_TIME;
  if (!(hours <= 23 && minutes <= 59)) return NOT_A_TIME;
  return (hours * 60 + minutes) * (sign === MINUS ? -1 : 1);
}

function readPair(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]!;
  const ones = bytes[at + 1]!;
  return isDigit(tens) && isDigit(ones) ? (tens - ZERO) * 10 + ones - ZERO : NOT_A_TIME;
}

/** Bytes of `YYYY-MM-DDThh:mm:ss.mmmZ`. */
export const TIMESTAMP_TEXT_BYTES = 24;

/** Writes the canonical text of `ms`, which lies in the years 1970 to 9999, at `at`. */
export function writeTimestamp(ms: number, target: Uint8Array, at: number): void {
  const day = Math.floor(ms / MS_PER_DAY) | 0;
  const time = (ms - day * MS_PER_DAY) | 0;
  writeDate(day, target, at);
  target[at + 10] = 0x54;
  const seconds = (time / 1000) | 0;
  const minutes = (seconds / 60) | 0;
  const hours = (minutes / 60) | 0;
  writePair(target, at + 11, hours);
  target[at + 13] = 0x3a;
  writePair(target, at + 14, minutes - hours * 60);
  target[at + 16] = 0x3a;
  writePair(target, at + 17, seconds - minutes * 60);
  target[at + 19] = 0x2e;
  const millis = time - seconds * 1000;
  const hundreds = (millis / 100) | 0;
  target[at + 20] = ZERO + hundreds;
  writePair(target, at + 21, millis - hundreds * 100);
  target[at + 23] = 0x5a;
}

/** `YYYY-MM-DD` of a day counted from 1970: years are taken to begin in March, so that a leap day ends one. */
function writeDate(day: number, target: Uint8Array, at: number): void {
  const shifted = (day + 719_468) | 0;
  const era = (shifted / 146_097) | 0;
  const dayOfEra = shifted - era * 146_097;
  const leaps = ((dayOfEra / 1460) | 0) - ((dayOfEra / 36_524) | 0) + ((dayOfEra / 146_096) | 0);
  const yearOfEra = ((dayOfEra - leaps) / 365) | 0;
  const dayOfYear = dayOfEra - (yearOfEra * 365 + (yearOfEra >> 2) - ((yearOfEra / 100) | 0));
  const shiftedMonth = ((5 * dayOfYear + 2) / 153) | 0;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const century = (year / 100) | 0;
  writePair(target, at, century);
  writePair(target, at + 2, year - century * 100);
  target[at + 4] = MINUS;
  writePair(target, at + 5, month);
  target[at + 7] = MINUS;
  writePair(target, at + 8, dayOfYear - (((153 * shiftedMonth + 2) / 5) | 0) + 1);
}

function writePair(target: Uint8Array, at: number, value: number): void {
  const tens = (value / 10) | 0;
  target[at] = ZERO + tens;
  target[at + 1] = ZERO + value - tens * 10;
}
