// JSON strings of canonical lines into String values of a block: copied while their end is looked for, 32 bytes a
// step; escapes, which few strings have, are undone byte by byte. Nothing is read at or behind `end`.
#pragma once
#include "../strings.h"
#include "buffer.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace penstock {

/// Bytes of one step of a copy: most strings end in the first, so that where they end is seldom guessed wrong.
constexpr Position STEP_BYTES = STEP_SLACK_BYTES;

#if defined(__SSE2__)
/// One bit for each of sixteen bytes that ends a plain run: a quote, a backslash, a control character.
PENSTOCK_PER_VALUE uint32_t runEndsOf(const Byte* bytes) {
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  const __m128i quotes = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
  const __m128i backslashes = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
  const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), controls)));
}

/// The same for a step's bytes.
PENSTOCK_PER_VALUE uint32_t runEnds(const Byte* bytes) { return runEndsOf(bytes) | runEndsOf(bytes + 16) << 16; }
#else
inline uint32_t runEnds(const Byte* bytes) {
  uint32_t bits = 0;
  for (uint32_t index = 0; index < STEP_BYTES; index++) {
    const Byte byte = bytes[index];
    bits |= static_cast<uint32_t>(byte == '"' || byte == '\\' || byte < 0x20) << index;
  }
  return bits;
}
#endif

/// Appends the bytes of the string from `at` on, behind its opening quote or anywhere in it. Returns the place behind
/// the closing quote; null where the string is damaged.
__attribute__((noinline)) inline const Byte* copyUnescaped(Buffer& to, const Byte* at, const Byte* end) {
  while (at < end) {
    const Byte byte = *at;
    if (byte == '"') return at + 1;
    if (byte < 0x20) return nullptr;
    if (byte != '\\') {
      to.push(byte);
      at++;
      continue;
    }
    if (end - at < 2) return nullptr;
    if (at[1] != 'u') {
      const Byte plain = escapedByte(at[1]);
      if (plain == 0) return nullptr;
      to.push(plain);
      at += 2;
      continue;
    }
    const Position length = end - at;
    const int32_t unit = readHex(at, 2, length);
    if (unit < 0) return nullptr;
    uint32_t code = static_cast<uint32_t>(unit);
    at += ESCAPE_BYTES;
    if (code >= 0xd800 && code <= 0xdfff) {
      if (isPair(at - ESCAPE_BYTES, 0, length)) {
        const uint32_t low = static_cast<uint32_t>(readHex(at, 2, length - ESCAPE_BYTES));
        code = 0x10000 + ((code - 0xd800) << 10) + low - 0xdc00;
        at += ESCAPE_BYTES;
      } else {
        code = 0xfffd;
      }
    }
    Byte* const target = to.reserve(4);
    to.length += static_cast<size_t>(writeCodePoint(target, code) - target);
  }
  return nullptr;
}

/// Widens the one byte that was left for a value's length, which begins at `start`.
PENSTOCK_PER_VALUE void writeLength(Buffer& to, size_t start) {
  const size_t length = to.length - start - 1;
  if (__builtin_expect(length < 0x80, 1)) {
    to.room.items[start] = static_cast<Byte>(length);
    return;
  }
  Byte prefix[VAR_UINT_BYTES_MAX];
  const size_t prefixBytes = static_cast<size_t>(writeVarUInt(prefix, length) - prefix);
  to.reserve(prefixBytes);
  Byte* const value = to.room.items + start;
  std::memmove(value + prefixBytes, value + 1, length);
  std::memcpy(value, prefix, prefixBytes);
  to.length += prefixBytes - 1;
}

/// Appends the string whose first byte behind the quote is at `at`, as a String value. Returns the place behind its
/// closing quote, or null where it is damaged; then something may have been appended.
inline const Byte* appendString(Buffer& to, const Byte* at, const Byte* end) {
  const size_t start = to.length;
  Byte* target = to.reserve(1) + 1;
  fetchAhead(target);
  to.length++;
  while (end - at >= STEP_BYTES) {
    std::memcpy(target, at, STEP_BYTES);
    const uint32_t ends = runEnds(at);
    if (ends == 0) {
      at += STEP_BYTES;
      to.length += STEP_BYTES;
      target = to.reserve(0);
      continue;
    }
    const uint32_t length = static_cast<uint32_t>(__builtin_ctz(ends));
    at += length;
    to.length += length;
    if (__builtin_expect(*at == '"', 1)) {
      writeLength(to, start);
      return at + 1;
    }
    break;
  }
  at = copyUnescaped(to, at, end);
  if (at != nullptr) writeLength(to, start);
  return at;
}

}  // namespace penstock
