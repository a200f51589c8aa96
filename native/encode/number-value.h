// JSON numbers of canonical lines as ClickHouse's JSON type keeps them: Int64 where they fit, else UInt64, doubles where
// they have a fraction or an exponent.
#pragma once
#include "../kernels.h"
#include "buffer.h"

namespace penstock {

enum class NumberKind : uint32_t { int64, uint64, float64, damaged };

struct Number {
  NumberKind kind;
  /// The value's bytes, by kind.
  uint64_t bits;
  const Byte* end;
};

/// Powers of ten that a double holds exactly; with a whole below 2^53 one rounding is the right one (Clinger).
constexpr double EXACT_POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

inline Number damagedNumber() { return {NumberKind::damaged, 0, nullptr}; }

inline uint64_t bitsOf(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/// An integer of 19 digits or more, from its first digit.
inline Number readLongInteger(const Byte* at, const Byte* end, bool isNegative) {
  unsigned __int128 value = 0;
  const Byte* const first = at;
  for (; at < end && isDigit(*at); at++) {
    if (at - first >= 20) return damagedNumber();
    value = value * 10 + (*at - '0');
  }
  constexpr uint64_t top = uint64_t{1} << 63;
  if (isNegative) {
    if (value > top) return damagedNumber();
    return {NumberKind::int64, ~static_cast<uint64_t>(value) + 1, at};
  }
  if (value >= top) {
    if (value >> 64 != 0) return damagedNumber();
    return {NumberKind::uint64, static_cast<uint64_t>(value), at};
  }
  return {NumberKind::int64, static_cast<uint64_t>(value), at};
}

/// The number at `at`, which is a digit or a minus. Fractions are followed to where they cannot go on.
inline Number readNumber(const Byte* at, const Byte* end) {
  const Byte* const start = at;
  const bool isNegative = *at == '-';
  if (isNegative) at++;
  const Byte* const digits = at;
  uint64_t value = 0;
  while (at < end && isDigit(*at) && at - digits < 18) value = value * 10 + (*at++ - '0');
  if (at == digits) return damagedNumber();
  const Byte* whole = at;
  while (whole < end && isDigit(*whole)) whole++;
  const Byte next = whole < end ? *whole : 0;
  if (next != '.' && (next | 0x20) != 'e') {
    if (whole != at) return readLongInteger(digits, end, isNegative);
    return {NumberKind::int64, isNegative ? ~value + 1 : value, at};
  }
  bool isExact = whole == at;
  at = whole;
  Position exponent = 0;
  if (*at == '.') {
    const Byte* const fraction = ++at;
    for (; at < end && isDigit(*at); at++) {
      if (at - digits > 18) isExact = false;
      else value = value * 10 + (*at - '0');
    }
    if (at == fraction) return damagedNumber();
    exponent = fraction - at;
  }
  if (at < end && (*at | 0x20) == 'e') {
    at++;
    if (at < end && (*at == '+' || *at == '-')) at++;
    const Byte* const power = at;
    while (at < end && isDigit(*at)) at++;
    if (at == power) return damagedNumber();
    isExact = false;
  }
  if (isExact && value <= uint64_t{1} << 53 && exponent >= -22) {
    const double quotient = static_cast<double>(value) / EXACT_POWERS[-exponent];
    return {NumberKind::float64, bitsOf(isNegative ? -quotient : quotient), at};
  }
  return {NumberKind::float64, bitsOf(parseDouble(start, at)), at};
}

/// One bit for each of eight bytes that is no digit, above the place of the first such byte; below it all bits are right.
PENSTOCK_PER_VALUE uint64_t nonDigits(uint64_t zeroed) {
  return ((zeroed + 0x7676767676767676) | zeroed) & 0x8080808080808080;
}

/// The number of eight digits, the first one in the lowest byte, each less '0'.
PENSTOCK_PER_VALUE uint64_t eightDigits(uint64_t digits) {
  digits = digits * 10 + (digits >> 8);
  return (((digits & 0x000000ff000000ff) * 0x000f424000000064) + ((digits >> 16 & 0x000000ff000000ff) * 0x0000271000000001)) >> 32;
}

constexpr uint64_t WHOLE_POWERS[] = {1, 10, 100, 1000, 10'000, 100'000, 1'000'000, 10'000'000};
/// Bytes that `readNumberWide` may read.
constexpr Position NUMBER_READ_BYTES = 24;

/// The number at `at` whose first eight digits have that value: an integer up to fifteen digits at once.
PENSTOCK_PER_VALUE Number readLongNumber(const Byte* at, const Byte* digits, uint64_t value, const Byte* end) {
  const uint64_t low = load64(digits + 8) ^ 0x3030303030303030;
  const uint64_t stop = nonDigits(low);
  if (__builtin_expect(stop == 0, 0)) return readNumber(at, end);
  const uint32_t bits = static_cast<uint32_t>(__builtin_ctzll(stop)) - 7;
  const Byte* const next = digits + 8 + (bits >> 3);
  if (__builtin_expect(*next == '.' || (*next | 0x20) == 'e', 0)) return readNumber(at, end);
  if (bits > 0) value = value * WHOLE_POWERS[bits >> 3] + eightDigits(low << (64 - bits));
  return {NumberKind::int64, *at == '-' ? ~value + 1 : value, next};
}

/// As `readNumber`, where NUMBER_READ_BYTES can be read: eight digits at a time. Most have fewer, and so have fractions.
PENSTOCK_PER_VALUE Number readNumberWide(const Byte* at, const Byte* end) {
  const bool isNegative = *at == '-';
  const Byte* const digits = at + isNegative;
  const uint64_t low = load64(digits) ^ 0x3030303030303030;
  const uint64_t stop = nonDigits(low);
  if (stop == 0) return readLongNumber(at, digits, eightDigits(low), end);
  const uint32_t bits = static_cast<uint32_t>(__builtin_ctzll(stop)) - 7;
  if (__builtin_expect(bits == 0, 0)) return damagedNumber();
  uint64_t value = eightDigits(low << (64 - bits));
  const Byte* const next = digits + (bits >> 3);
  if (*next != '.') {
    if (__builtin_expect((*next | 0x20) == 'e', 0)) return readNumber(at, end);
    return {NumberKind::int64, isNegative ? ~value + 1 : value, next};
  }
  const uint64_t lowFraction = load64(next + 1) ^ 0x3030303030303030;
  const uint64_t fractionStop = nonDigits(lowFraction);
  const uint32_t fractionBits = fractionStop == 0 ? 0 : static_cast<uint32_t>(__builtin_ctzll(fractionStop)) - 7;
  if (__builtin_expect(fractionBits == 0, 0)) return readNumber(at, end);
  const uint32_t count = fractionBits >> 3;
  const Byte* const behind = next + 1 + count;
  if (__builtin_expect((*behind | 0x20) == 'e', 0)) return readNumber(at, end);
  value = value * WHOLE_POWERS[count] + eightDigits(lowFraction << (64 - fractionBits));
  const double quotient = static_cast<double>(value) / EXACT_POWERS[count];
  return {NumberKind::float64, bitsOf(isNegative ? -quotient : quotient), behind};
}

}  // namespace penstock
