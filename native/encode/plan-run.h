// Running lines by the plans, for each instruction set: what plan-steps.h does, with what it looks at bytes with. simdjson's
// choice for the machine says which of them runs.
#pragma once
#include "half.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace penstock {

/// Appends a JSON object as it stands. Returns the place behind it, or null where it is damaged.
inline const Byte* appendObject(Buffer& values, const Byte* at, const Byte* end) {
  const Position length = skipBrackets(at, 0, end - at);
  // What is not parsed must not reach into the lines behind a damaged one: they would be lost with it.
  if (length < 0 || std::memchr(at, '\n', static_cast<size_t>(length)) != nullptr) return nullptr;
  pushText(values, at, static_cast<size_t>(length));
  return at + length;
}

/// As `appendString`, and gives the place of the closing quote.
__attribute__((noinline)) inline const Byte* appendLongString(Buffer& to, const Byte* at, const Byte* end) {
  at = appendString(to, at, end);
  return at == nullptr ? nullptr : at - 1;
}

namespace portable {

#define PENSTOCK_STEPS_TARGET
#define PENSTOCK_STEPS_INLINE inline __attribute__((always_inline))

/// Whether the text of the step stands at `at`, where STEP_TEXT_BYTES can be read.
PENSTOCK_PER_VALUE bool standsAt(const PlanStep& step, const Byte* at) {
#if defined(__SSE2__)
  const __m128i* const words = reinterpret_cast<const __m128i*>(at);
  const __m128i* const text = reinterpret_cast<const __m128i*>(step.text);
  const __m128i low = _mm_cmpeq_epi8(_mm_loadu_si128(words), _mm_load_si128(text));
  const __m128i high = _mm_cmpeq_epi8(_mm_loadu_si128(words + 1), _mm_load_si128(text + 1));
  const uint32_t equal = static_cast<uint32_t>(_mm_movemask_epi8(low)) | static_cast<uint32_t>(_mm_movemask_epi8(high)) << 16;
  return (equal | step.ignored) == 0xffffffff;
#else
  return std::memcmp(at, step.text, step.textBytes) == 0;
#endif
}

/// One bit for each of STEP_BYTES that ends a plain run.
PENSTOCK_PER_VALUE uint32_t endsAt(const Byte* at) { return runEnds(at); }

#include "plan-steps.h"

#undef PENSTOCK_STEPS_TARGET
#undef PENSTOCK_STEPS_INLINE

}  // namespace portable

#if defined(__x86_64__)
namespace avx2 {

#define PENSTOCK_STEPS_TARGET __attribute__((target("avx2,bmi,bmi2")))
#define PENSTOCK_STEPS_INLINE inline __attribute__((always_inline, target("avx2,bmi,bmi2")))

PENSTOCK_STEPS_INLINE bool standsAt(const PlanStep& step, const Byte* at) {
  const __m256i equal = _mm256_cmpeq_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)),
                                          _mm256_load_si256(reinterpret_cast<const __m256i*>(step.text)));
  return (static_cast<uint32_t>(_mm256_movemask_epi8(equal)) | step.ignored) == 0xffffffff;
}

PENSTOCK_STEPS_INLINE uint32_t endsAt(const Byte* at) {
  const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i quotes = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('"'));
  const __m256i backslashes = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\\'));
  const __m256i controls = _mm256_cmpeq_epi8(_mm256_min_epu8(block, _mm256_set1_epi8(0x1f)), block);
  return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(_mm256_or_si256(quotes, backslashes), controls)));
}

#include "plan-steps.h"

#undef PENSTOCK_STEPS_TARGET
#undef PENSTOCK_STEPS_INLINE

}  // namespace avx2
#endif

/// Chooses how the encoder runs lines.
inline void chooseRun(Encoder& encoder) {
  encoder.runLine = portable::runLine;
  encoder.walk.runObject = portable::runObject;
#if defined(__x86_64__)
  const char* const name = kernelName();
  if (std::strcmp(name, "icelake") != 0 && std::strcmp(name, "haswell") != 0) return;
  encoder.runLine = avx2::runLine;
  encoder.walk.runObject = avx2::runObject;
#endif
}

}  // namespace penstock
