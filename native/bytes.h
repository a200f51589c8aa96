// Bytes: their names, loads that need no alignment, and the copy of short spans. No state, no bounds: callers
// guarantee that what they name is readable.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace penstock {

using Byte = uint8_t;
/// An offset in a source. Walking functions return -1 where there is none.
using Position = ptrdiff_t;

/// A span of memory that somebody else owns.
struct Text {
  const Byte* bytes;
  size_t length;
};

/// JSON's four white space bytes.
inline bool isSpace(Byte byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

inline bool isDigit(Byte byte) { return static_cast<Byte>(byte - '0') < 10; }

/// Position of the first byte from `at` that is not white space, or `end`.
inline Position skipSpace(const Byte* bytes, Position at, Position end) {
  while (at < end && isSpace(bytes[at])) at++;
  return at;
}

inline uint16_t load16(const Byte* from) {
  uint16_t word;
  std::memcpy(&word, from, 2);
  return word;
}

inline uint32_t load32(const Byte* from) {
  uint32_t word;
  std::memcpy(&word, from, 4);
  return word;
}

inline uint64_t load64(const Byte* from) {
  uint64_t word;
  std::memcpy(&word, from, 8);
  return word;
}

/// Count of the set bits. Without its instruction, which not every x86-64 has, the compiler would call a function.
inline uint32_t countBits(uint32_t bits) {
  bits -= bits >> 1 & 0x55555555;
  bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
  return ((bits + (bits >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}

/// Bytes that `copyWide` may read and write behind its span.
constexpr Position COPY_SLACK_BYTES = 64;

/// Copies `length` bytes, and as many behind them as make it whole steps of COPY_SLACK_BYTES: most spans take one step,
/// and none takes a branch that depends on the rest of its length. Returns the place behind the `length`.
inline Byte* copyWide(Byte* to, const Byte* from, size_t length) {
  Byte* const end = to + length;
  do {
    std::memcpy(to, from, COPY_SLACK_BYTES);
    to += COPY_SLACK_BYTES;
    from += COPY_SLACK_BYTES;
  } while (to < end);
  return end;
}

/// Copies `length` bytes and returns the place behind them. Most spans of a line are shorter than the call of a
/// library's copy is worth; two overlapping moves cover each size class without a loop.
inline Byte* copyBytes(Byte* to, const Byte* from, size_t length) {
  if (length > 64) {
    std::memcpy(to, from, length);
  } else if (length > 32) {
    std::memcpy(to, from, 32);
    std::memmove(to + length - 32, from + length - 32, 32);
  } else if (length >= 16) {
    std::memcpy(to, from, 16);
    std::memmove(to + length - 16, from + length - 16, 16);
  } else if (length >= 8) {
    std::memcpy(to, from, 8);
    std::memmove(to + length - 8, from + length - 8, 8);
  } else if (length >= 4) {
    std::memcpy(to, from, 4);
    std::memmove(to + length - 4, from + length - 4, 4);
  } else {
    for (size_t index = 0; index < length; index++) to[index] = from[index];
  }
  return to + length;
}

inline Byte* copyText(Byte* to, Text text) { return copyBytes(to, text.bytes, text.length); }

}  // namespace penstock
