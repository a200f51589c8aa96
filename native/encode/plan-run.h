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

/// A value of a step that has had the same one every time is constant; another one ends that for good. `length` bytes and a
/// quote stand at `at`.
__attribute__((noinline)) inline void rememberValue(PlanStep& step, const Byte* at, uint32_t length, uint32_t index) {
  const uint32_t textBytes = step.textBytes, valueEnd = textBytes + length + 1;
  const bool isFirst = step.valueBytes == 0;
  step.kind = StepKind::dictionary;
  if (length == 0 || valueEnd > STEP_TEXT_BYTES || index > UINT8_MAX) return;
  if (!isFirst && (step.valueBytes != length || std::memcmp(step.text + textBytes, at, length) != 0)) return;
  std::memcpy(step.text + textBytes, at, length + 1);
  step.valueBytes = static_cast<Byte>(length);
  step.valueIgnored = valueEnd == STEP_TEXT_BYTES ? 0 : ~uint32_t{0} << valueEnd;
  step.index = static_cast<Byte>(index);
  step.kind = StepKind::constant;
}

/// As `beginValue`, where something must grow or is not to be.
__attribute__((noinline)) inline JsonValues* beginRareValue(JsonWalk& walk, JsonPath& path, JsonKind kind, size_t row) {
  return beginValue(walk, path, kind, row);
}

namespace portable {

#define PENSTOCK_STEPS_TARGET
#define PENSTOCK_STEPS_INLINE inline __attribute__((always_inline))

/// One bit for each byte of a step's text that stands at `at`, where STEP_TEXT_BYTES can be read.
PENSTOCK_PER_VALUE uint32_t equalAt(const PlanStep& step, const Byte* at) {
#if defined(__SSE2__)
  const __m128i* const words = reinterpret_cast<const __m128i*>(at);
  const __m128i* const text = reinterpret_cast<const __m128i*>(step.text);
  const __m128i low = _mm_cmpeq_epi8(_mm_loadu_si128(words), _mm_load_si128(text));
  const __m128i high = _mm_cmpeq_epi8(_mm_loadu_si128(words + 1), _mm_load_si128(text + 1));
  return static_cast<uint32_t>(_mm_movemask_epi8(low)) | static_cast<uint32_t>(_mm_movemask_epi8(high)) << 16;
#else
  uint32_t equal = 0;
  for (uint32_t index = 0; index < STEP_TEXT_BYTES; index++) equal |= uint32_t{at[index] == step.text[index]} << index;
  return equal;
#endif
}

/// What ends a plain run, where it is worth keeping (plan-run-avx2.h).
struct EndMarks {};
inline EndMarks endMarks() { return {}; }

/// One bit for each of STEP_BYTES that ends a plain run; and of two steps.
PENSTOCK_PER_VALUE uint32_t endsAt(EndMarks, const Byte* at) { return runEnds(at); }
PENSTOCK_PER_VALUE uint64_t endsAtBoth(EndMarks, const Byte* at) {
  return runEnds(at) | uint64_t{runEnds(at + STEP_BYTES)} << 32;
}

/// Whether the spans are equal.
PENSTOCK_PER_VALUE bool isSameTail(const Byte* left, const Byte* right, size_t length) {
  return std::memcmp(left, right, length) == 0;
}

PENSTOCK_PER_VALUE const Byte* appendSpan(Buffer& values, const Byte* at, const Byte* end) {
  return appendObject(values, at, end);
}

PENSTOCK_PER_VALUE Number readNumberAt(const Byte* at, const Byte* end) { return readNumberWide(at, end); }

PENSTOCK_PER_VALUE bool readTimeAt(Months&, const Byte* at, const Byte* end, int64_t& ms) { return readTime(at, end, ms); }

#include "plan-steps.h"

#undef PENSTOCK_STEPS_TARGET
#undef PENSTOCK_STEPS_INLINE

}  // namespace portable

#if defined(__x86_64__)
namespace avx2 {

#define PENSTOCK_STEPS_TARGET __attribute__((target("avx2,bmi,bmi2,popcnt,pclmul")))
#define PENSTOCK_STEPS_INLINE inline __attribute__((always_inline, target("avx2,bmi,bmi2,popcnt,pclmul")))

#include "plan-run-avx2.h"
#include "plan-steps.h"

#undef PENSTOCK_STEPS_TARGET
#undef PENSTOCK_STEPS_INLINE

}  // namespace avx2
#endif

/// Chooses how the encoder runs lines, by simdjson's name for what the machine has.
inline void chooseRun(Encoder& encoder, [[maybe_unused]] const char* kernel) {
  encoder.runLine = portable::runLine;
  encoder.walk.runObject = portable::runObject;
#if defined(__x86_64__)
  if (std::strcmp(kernel, "icelake") != 0 && std::strcmp(kernel, "haswell") != 0) return;
  encoder.runLine = avx2::runLine;
  encoder.walk.runObject = avx2::runObject;
#endif
}

}  // namespace penstock
