// Timestamps as src/scan/reference/timestamp.ts reads them: numbers whose unit follows from their magnitude, and ISO
// 8601 texts, to whole milliseconds by truncation. Digits are taken as text, since a double cannot hold the nineteen
// of a time in ns; whole ms fit one.
#pragma once
#include <cmath>

#include "bytes.h"
#include "kernels.h"

namespace penstock {

constexpr double NOT_A_TIME = __builtin_nan("");
constexpr int64_t NOT_TWO_DIGITS = -1;
constexpr int64_t MS_PER_MINUTE = 60'000;
constexpr int64_t MS_PER_DAY = 86'400'000;
constexpr int64_t DAYS_BEFORE_MONTH[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
constexpr int64_t DAYS_IN_MONTH[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
/// What `parseIso` counts for 1 January 1970 before it takes this away.
constexpr int64_t DAYS_TO_1970 = 1970 * 365 + 492 - 19 + 4 + 1;
/// More digits than any whole number of ms within a double; what is longer is out of range by far.
constexpr Position MS_DIGITS_MAX = 15;
/// Digits of the largest |v| that is read as s, ms and µs.
constexpr Position SECOND_DIGITS = 11, MILLI_DIGITS = 14, MICRO_DIGITS = 17;

inline double readDigits(const Byte* bytes, Position start, Position count) {
  if (count > MS_DIGITS_MAX) return HUGE_VAL;
  int64_t value = 0;
  for (Position at = start; at < start + count; at++) value = value * 10 + bytes[at] - '0';
  return static_cast<double>(value);
}

/// The first three of the digits at `start`, as ms; further ones are cut.
inline int64_t readMillis(const Byte* bytes, Position start, Position end) {
  int64_t millis = 0;
  for (Position at = start; at < start + 3; at++) {
    millis = millis * 10 + (at < end && isDigit(bytes[at]) ? bytes[at] - '0' : 0);
  }
  return millis;
}

/// The value of two digits, or NOT_TWO_DIGITS.
inline int64_t readPair(const Byte* bytes, Position at) {
  if (!isDigit(bytes[at]) || !isDigit(bytes[at + 1])) return NOT_TWO_DIGITS;
  return (bytes[at] - '0') * 10 + bytes[at + 1] - '0';
}

/// Numbers with an exponent go through a double. `at` is where the exponent's letter must stand.
inline double parseExponent(const Byte* bytes, Position start, Position end, Position at) {
  if ((bytes[at] | 0x20) != 'e') return NOT_A_TIME;
  at++;
  if (at < end && (bytes[at] == '+' || bytes[at] == '-')) at++;
  const Position exponent = at;
  while (at < end && isDigit(bytes[at])) at++;
  if (at == exponent || at < end) return NOT_A_TIME;
  const double value = parseDouble(bytes + start, bytes + end);
  const double size = std::fabs(value);
  if (size < 1e11) return std::trunc(value * 1e3);
  if (size < 1e14) return std::trunc(value);
  return std::trunc(size < 1e17 ? value / 1e3 : value / 1e6);
}

inline double parseTimeNumber(const Byte* bytes, Position start, Position end) {
  const bool isNegative = start < end && bytes[start] == '-';
  const Position digits = isNegative ? start + 1 : start;
  Position at = digits;
  while (at < end && isDigit(bytes[at])) at++;
  const Position digitCount = at - digits;
  if (digitCount == 0 || (digitCount > 1 && bytes[digits] == '0')) return NOT_A_TIME;
  Position fraction = at;
  if (at < end && bytes[at] == '.') {
    fraction = ++at;
    while (at < end && isDigit(bytes[at])) at++;
    if (at == fraction) return NOT_A_TIME;
  }
  if (at < end) return parseExponent(bytes, start, end, at);

  double ms;
  if (digitCount <= SECOND_DIGITS) {
    ms = readDigits(bytes, digits, digitCount) * 1000 + static_cast<double>(readMillis(bytes, fraction, end));
  } else if (digitCount <= MILLI_DIGITS) {
    ms = readDigits(bytes, digits, digitCount);
  } else if (digitCount <= MICRO_DIGITS) {
    ms = readDigits(bytes, digits, digitCount - 3);
  } else {
    ms = readDigits(bytes, digits, digitCount - 6);
  }
  return isNegative ? -ms : ms;
}

/// Minutes east of UTC of the zone at `at`, which must reach to `end`; false when it is none.
inline bool parseIsoZone(const Byte* bytes, Position at, Position end, int64_t& east) {
  const Byte sign = bytes[at];
  const Position length = end - at;
  east = 0;
  if ((sign | 0x20) == 'z') return length == 1;
  if ((sign != '+' && sign != '-') || length < 3) return false;
  const int64_t hours = readPair(bytes, at + 1);
  int64_t minutes = 0;
  if (length == 5) minutes = readPair(bytes, at + 3);
  else if (length == 6 && bytes[at + 3] == ':') minutes = readPair(bytes, at + 4);
  else if (length != 3) return false;
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
  east = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
  return true;
}

/// Milliseconds since midnight UTC of the time behind a date, whose separator is at `at`; false when it is none.
inline bool parseIsoTime(const Byte* bytes, Position at, Position end, int64_t& ms) {
  const Byte separator = bytes[at];
  if ((separator | 0x20) != 't' && separator != ' ') return false;
  if (end - at < 6 || bytes[at + 3] != ':') return false;
  const int64_t hour = readPair(bytes, at + 1);
  const int64_t minute = readPair(bytes, at + 4);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return false;
  ms = (hour * 60 + minute) * MS_PER_MINUTE;
  at += 6;
  if (at < end && bytes[at] == ':') {
    const int64_t second = at + 3 <= end ? readPair(bytes, at + 1) : NOT_TWO_DIGITS;
    if (second < 0 || second > 59) return false;
    ms += second * 1000;
    at += 3;
    if (at < end && (bytes[at] == '.' || bytes[at] == ',')) {
      const Position fraction = ++at;
      while (at < end && isDigit(bytes[at])) at++;
      if (at == fraction) return false;
      ms += readMillis(bytes, fraction, at);
    }
  }
  if (at == end) return true;
  int64_t east;
  if (!parseIsoZone(bytes, at, end, east)) return false;
  ms -= east * MS_PER_MINUTE;
  return true;
}

/// Days from 1970 to a date; false when there is no such day.
inline bool countDays(int64_t year, int64_t month, int64_t day, int64_t& days) {
  if (month < 1 || month > 12 || day < 1) return false;
  const bool isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (day > DAYS_IN_MONTH[month - 1] + (month == 2 && isLeap ? 1 : 0)) return false;
  // Whole quotients of the year before, rounded down also for the year -1 that stands before 0000.
  const int64_t before = year + 399;
  const int64_t leaps = before / 4 - before / 100 + before / 400 - (100 - 4 + 1);
  days = year * 365 + leaps + DAYS_BEFORE_MONTH[month - 1] + (month > 2 && isLeap ? 1 : 0) + day - DAYS_TO_1970;
  return true;
}

inline double parseIso(const Byte* bytes, Position start, Position end) {
  const int64_t century = readPair(bytes, start);
  const int64_t yearOfCentury = readPair(bytes, start + 2);
  if (century < 0 || yearOfCentury < 0) return NOT_A_TIME;
  int64_t days, ms = 0;
  if (!countDays(century * 100 + yearOfCentury, readPair(bytes, start + 5), readPair(bytes, start + 8), days)) {
    return NOT_A_TIME;
  }
  if (end - start > 10 && !parseIsoTime(bytes, start + 10, end, ms)) return NOT_A_TIME;
  return static_cast<double>(days * MS_PER_DAY + ms);
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/// Eight bytes as digits, 0 to 9 each, where `pattern` has a `0`; false when one is none, or another byte is not the
/// pattern's.
inline bool readPattern(const Byte* bytes, const char* pattern, uint64_t separators, uint64_t& digits) {
  digits = load64(bytes) ^ load64(reinterpret_cast<const Byte*>(pattern));
  // Beyond 9 the sum reaches the uppermost bit of a byte, or that bit was set before.
  const uint64_t beyond = ((digits + 0x7676767676767676) | digits) & 0x8080808080808080;
  return (beyond | (digits & separators)) == 0;
}

/// In byte i the value of digits i and i + 1.
inline uint64_t pairsOf(uint64_t digits) { return digits * 10 + (digits >> 8); }

/// Eight digits as a number: pairs, then fours, then all (https://johnnylee-sde.github.io/Fast-numeric-string-to-int).
inline uint64_t valueOf(uint64_t digits) {
  const uint64_t pairs = pairsOf(digits);
  constexpr uint64_t mask = 0x000000ff000000ff;
  return ((pairs & mask) * 0x000f424000000064 + (pairs >> 16 & mask) * 0x0000271000000001) >> 32;
}

/// The two forms that nearly all SDKs send, eight bytes at a time: `YYYY-MM-DDThh:mm:ss.mmmZ`, and thirteen digits of
/// ms. NOT_A_TIME for every other.
inline double parseUsualTime(const Byte* bytes, Position length) {
  if (length == 24) {
    uint64_t date, hours, seconds;
    // One byte of each that is no digit is set in the masks, the first in the lowest.
    if (!readPattern(bytes, "0000-00-", 0xff0000ff00000000, date) ||
        !readPattern(bytes + 8, "00T00:00", 0x0000ff0000ff0000, hours) ||
        !readPattern(bytes + 16, ":00.000Z", 0xff000000ff0000ff, seconds)) {
      return NOT_A_TIME;
    }
    const auto pairAt = [](uint64_t digits, int byte) { return static_cast<int64_t>(pairsOf(digits) >> 8 * byte & 0xff); };
    const int64_t year = pairAt(date, 0) * 100 + pairAt(date, 2);
    const int64_t hour = pairAt(hours, 3), minute = pairAt(hours, 6), second = pairAt(seconds, 1);
    int64_t days;
    if (!countDays(year, pairAt(date, 5), pairAt(hours, 0), days)) return NOT_A_TIME;
    if (hour > 23 || minute > 59 || second > 59) return NOT_A_TIME;
    const int64_t millis = pairAt(seconds, 4) * 10 + static_cast<int64_t>(seconds >> 48 & 0xff);
    return static_cast<double>(days * MS_PER_DAY + (hour * 60 + minute) * MS_PER_MINUTE + second * 1000 + millis);
  }
  uint64_t upper, lower;
  if (length != 13 || bytes[0] == '0') return NOT_A_TIME;
  if (!readPattern(bytes, "00000000", 0, upper) || !readPattern(bytes + 5, "00000000", 0, lower)) return NOT_A_TIME;
  return static_cast<double>(valueOf(upper) / 1000 * 100'000'000 + valueOf(lower));
}

#else

inline double parseUsualTime(const Byte*, Position) { return NOT_A_TIME; }

#endif

/// The time of a number or of the inside of a string, in ms since 1970; NOT_A_TIME when it is neither form.
inline double parseTimestamp(const Byte* bytes, Position start, Position end) {
  const double usual = parseUsualTime(bytes + start, end - start);
  if (!std::isnan(usual)) return usual;
  if (end - start >= 10 && bytes[start + 4] == '-' && bytes[start + 7] == '-') return parseIso(bytes, start, end);
  return parseTimeNumber(bytes, start, end);
}

}  // namespace penstock
