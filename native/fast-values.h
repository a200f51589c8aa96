// Values of a fast walk that more than a comparison of bytes proves: escapes and numbers.
#pragma once
#include "walk.h"

namespace penstock {

/// The token before the one behind the escapes of a string whose first escape is at `token[2]`; null for a bad one.
__attribute__((noinline)) inline const uint32_t* passEscapes(State& state, const uint32_t* token) {
  const uint32_t* const end = state.structure.end();
  while (state.bytes[token[2]] == '\\') {
    const Position next = passEscape(state, token[2]);
    if (next < 0 || token + 2 >= end) return nullptr;
    // The second half of a pair is passed with the first.
    do token++;
    while (token[2] < next && token + 2 < end);
  }
  return token;
}

/// One bit for each of sixteen bytes that is a digit.
PENSTOCK_INLINE uint32_t digitsOf(const Byte* bytes) {
#if defined(__SSE2__)
  const __m128i shifted = _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)), _mm_set1_epi8('0'));
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(shifted, _mm_set1_epi8(9)), shifted)));
#else
  uint32_t bits = 0;
  for (int index = 0; index < 16; index++) bits |= static_cast<uint32_t>(isDigit(bytes[index])) << index;
  return bits;
#endif
}

/// Whether `length` bytes are a number of up to sixteen, with or without a sign and a point: nearly all are.
PENSTOCK_INLINE bool isPlainNumber(const Byte* bytes, Position length) {
  if (length < 1 || length > 16) return false;
  const Position sign = bytes[0] == '-' ? 1 : 0;
  const uint32_t others = ~digitsOf(bytes) & ((uint32_t{1} << length) - 1) & ~static_cast<uint32_t>(sign);
  if (bytes[sign] == '0' && length > sign + 1 && bytes[sign + 1] != '.') return false;
  if (others == 0) return length > sign;
  // A point with digits on both sides of it, and nothing else.
  const Position point = __builtin_ctz(others);
  return (others & (others - 1)) == 0 && bytes[point] == '.' && point > sign && point + 1 < length;
}

/// Whether `at` to `end` is a number that fits, by the exact walk's rules.
inline bool isNumber(State& state, Position at, Position end) {
  const Position bound = state.end;
  state.end = end;
  const Position numberEnd = scanNumber(state, at);
  state.end = bound;
  return numberEnd == end;
}

/// Whether `at` to `end` is `true`, `false` or `null`.
PENSTOCK_INLINE bool isWord(const Byte* bytes, Position length) {
  const uint32_t head = load32(bytes);
  if (length == 5) return head == load32(reinterpret_cast<const Byte*>("fals")) && bytes[4] == 'e';
  return length == 4 && (head == load32(reinterpret_cast<const Byte*>("true")) ||
                         head == load32(reinterpret_cast<const Byte*>("null")));
}

}  // namespace penstock
