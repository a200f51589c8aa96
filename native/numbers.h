// Numbers: JSON's grammar, and whether a column of 64 bits or a double can hold the value. Their text is kept.
#pragma once
#include <cmath>

#include "kernels.h"
#include "state.h"

namespace penstock {

/// Every integer of so few digits fits Int64.
constexpr Position DIGITS_SAFE = 18;
/// A number below ten to the power of this cannot leave the doubles.
constexpr Position DOUBLE_DIGITS_SAFE = 300;

/// Whether `digits` to `end` is at most the bound of the column of its sign.
inline bool fitsInteger(const Byte* bytes, bool isNegative, Position digits, Position end) {
  const char* bound = isNegative ? "9223372036854775808" : "18446744073709551615";
  const Position boundDigits = isNegative ? 19 : 20;
  if (end - digits != boundDigits) return end - digits < boundDigits;
  // Equal lengths: texts of digits compare as their values do.
  return std::memcmp(bytes + digits, bound, static_cast<size_t>(boundDigits)) <= 0;
}

/// The rest of a number that is no integer, from its point or exponent on.
inline Position scanFraction(State& state, Position start, Position digitCount, Position at) {
  const Byte* bytes = state.bytes;
  const Position end = state.end;
  if (bytes[at] == '.') {
    const Position fraction = ++at;
    while (at < end && isDigit(bytes[at])) at++;
    if (at == fraction) return fail(state, state.reasons.invalidJson);
  }
  bool mayOverflow = digitCount >= DOUBLE_DIGITS_SAFE;
  if (at < end && (bytes[at] | 0x20) == 'e') {
    at++;
    const bool isNegative = at < end && bytes[at] == '-';
    if (at < end && (bytes[at] == '+' || bytes[at] == '-')) at++;
    const Position exponent = at;
    Position value = 0;
    for (; at < end && isDigit(bytes[at]); at++) {
      if (value < DOUBLE_DIGITS_SAFE) value = value * 10 + bytes[at] - '0';
    }
    if (at == exponent) return fail(state, state.reasons.invalidJson);
    mayOverflow = digitCount + (isNegative ? 0 : value) >= DOUBLE_DIGITS_SAFE;
  }
  if (!mayOverflow || std::isfinite(parseDouble(bytes + start, bytes + at))) return at;
  return fail(state, state.reasons.numberOutOfRange);
}

/// Position behind the number at `at`, or -1 with `state.fault`.
inline Position scanNumber(State& state, Position at) {
  const Byte* bytes = state.bytes;
  const Position end = state.end;
  const Position start = at;
  if (bytes[at] == '-') at++;
  const Position digits = at;
  if (at >= end || !isDigit(bytes[at])) return fail(state, state.reasons.invalidJson);
  at++;
  if (bytes[at - 1] != '0') while (at < end && isDigit(bytes[at])) at++;
  const Position digitCount = at - digits;
  const Byte next = at < end ? bytes[at] : 0;
  if (next == '.' || (next | 0x20) == 'e') return scanFraction(state, start, digitCount, at);
  if (digitCount <= DIGITS_SAFE || fitsInteger(bytes, digits > start, digits, at)) return at;
  return fail(state, state.reasons.numberOutOfRange);
}

}  // namespace penstock
