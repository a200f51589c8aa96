// Values of a fast walk that more than a comparison of bytes proves: escapes and numbers.
#pragma once
#include "walk.h"

#define PENSTOCK_INLINE inline __attribute__((always_inline))

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

/// Whether `at` to `end` is a number that fits; unusual ones are asked of the exact walk's rules.
PENSTOCK_INLINE bool isNumber(State& state, Position at, Position end) {
  const Byte* bytes = state.bytes;
  const Position length = end - at;
  if (length <= 16 && (bytes[at] != '0' || length == 1 || bytes[at + 1] == '.')) {
    const uint32_t digits = digitsOf(bytes + at);
    const uint32_t whole = static_cast<uint32_t>(__builtin_ctz(~digits));
    if (whole >= length) return true;
    // A point with digits on both sides of it.
    if (whole > 0 && bytes[at + whole] == '.') {
      const uint32_t places = static_cast<uint32_t>(__builtin_ctz(~(digits >> (whole + 1))));
      if (places > 0 && whole + 1 + places >= static_cast<uint32_t>(length)) return true;
    }
  }
  const Position bound = state.end;
  state.end = end;
  const Position numberEnd = scanNumber(state, at);
  state.end = bound;
  return numberEnd == end;
}

}  // namespace penstock
