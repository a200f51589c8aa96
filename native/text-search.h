// Whether a short text stands in bytes. With AVX2 its first byte, its last and the one in the middle are looked for together, 32
// places at a time, so that single bytes, which are anywhere in JSON, stop nothing, and pairs of them seldom do (http://0x80.pl/articles/simd-strfind.html, "generic SIMD", with a third byte).
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "bytes.h"

namespace penstock {

#if defined(__x86_64__)
/// As `holdsText`, for the places from `at` on behind which a whole vector can be read; `at` becomes the first of the others.
__attribute__((target("avx2,bmi"))) inline bool holdsTextAvx2(const Byte* bytes, size_t size, const Byte* text, size_t length,
                                                              size_t& at) {
  const __m256i first = _mm256_set1_epi8(static_cast<char>(text[0]));
  const __m256i middle = _mm256_set1_epi8(static_cast<char>(text[length / 2]));
  const __m256i last = _mm256_set1_epi8(static_cast<char>(text[length - 1]));
  for (; at + length + 31 <= size; at += 32) {
    const __m256i begins = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + at));
    const __m256i ends = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + at + length - 1));
    const __m256i inside = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + at + length / 2));
    const __m256i both = _mm256_and_si256(_mm256_cmpeq_epi8(begins, first), _mm256_cmpeq_epi8(ends, last));
    const __m256i all = _mm256_and_si256(both, _mm256_cmpeq_epi8(inside, middle));
    for (uint32_t places = static_cast<uint32_t>(_mm256_movemask_epi8(all)); places != 0; places &= places - 1) {
      if (std::memcmp(bytes + at + __builtin_ctz(places), text, length) == 0) return true;
    }
  }
  return false;
}
#endif

/// `length` of `text` is one at least.
inline bool holdsText(const Byte* bytes, size_t size, const Byte* text, size_t length) {
  size_t at = 0;
#if defined(__x86_64__)
  static const bool hasAvx2 = __builtin_cpu_supports("avx2");
  if (hasAvx2 && holdsTextAvx2(bytes, size, text, length, at)) return true;
#endif
  for (; at + length <= size; at++) {
    if (bytes[at] == text[0] && std::memcmp(bytes + at, text, length) == 0) return true;
  }
  return false;
}

}  // namespace penstock
