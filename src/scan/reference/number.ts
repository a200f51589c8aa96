// Hot path.
/** Numbers: JSON's grammar, and whether a column of 64 bits or a double can hold the value. Their text is kept. */
import { ReasonNumber } from '../../outcome.ts';
import { DOT, isDigit, MINUS, PLUS, ZERO } from './bytes.ts';
import { fail, type ScanState } from './state.ts';

const INVALID_JSON = ReasonNumber.invalid_json;
const INT64_MIN_DIGITS = '9223372036854775808';
const UINT64_MAX_DIGITS = '18446744073709551615';
/** Every integer of so few digits fits Int64. */
const DIGITS_SAFE = 18;
/** With fewer digits before the point, and no exponent, a number cannot leave the doubles. */
const DOUBLE_DIGITS_SAFE = 300;

/** Position behind the number at `at`, or -1. */
export function scanNumber(state: ScanState, at: number): number {
  const bytes = state.bytes;
  const end = state.end;
  const start = at;
  if (bytes[at] === MINUS) at++;
  const digits = at;
  if (at >= end || !isDigit(bytes[at]!)) return fail(state, INVALID_JSON);
  at++;
  if (bytes[at - 1] !== ZERO) while (at < end && isDigit(bytes[at]!)) at++;
  const digitCount = at - digits;
  const next = at < end ? bytes[at]! : 0;
  if (next !== DOT && (next | 0x20) !== 0x65) {
    if (digitCount <= DIGITS_SAFE || fitsInteger(state, start, digits, at)) return at;
    return fail(state, ReasonNumber.number_out_of_range);
  }
  return scanFraction(state, start, digitCount, at);
}

/** The rest of a number that is no integer, from its point or exponent on. */
function scanFraction(state: ScanState, start: number, digitCount: number, at: number): number {
  const bytes = state.bytes;
  const end = state.end;
  if (bytes[at] === DOT) {
    const fraction = ++at;
    while (at < end && isDigit(bytes[at]!)) at++;
    if (at === fraction) return fail(state, INVALID_JSON);
  }
  let hasExponent = false;
  if (at < end && (bytes[at]! | 0x20) === 0x65) {
    hasExponent = true;
    at++;
    if (at < end && (bytes[at] === PLUS || bytes[at] === MINUS)) at++;
    const exponent = at;
    while (at < end && isDigit(bytes[at]!)) at++;
    if (at === exponent) return fail(state, INVALID_JSON);
  }
  if (!hasExponent && digitCount < DOUBLE_DIGITS_SAFE) return at;
  if (Number.isFinite(Number(bytes.toString('latin1', start, at)))) return at;
  return fail(state, ReasonNumber.number_out_of_range);
}

function fitsInteger(state: ScanState, start: number, digits: number, at: number): boolean {
  const bound = digits > start ? INT64_MIN_DIGITS : UINT64_MAX_DIGITS;
  if (at - digits !== bound.length) return at - digits < bound.length;
  // Equal lengths: texts of digits compare as their values do.
  return state.bytes.toString('latin1', digits, at) <= bound;
}
