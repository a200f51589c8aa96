// The members of an object that is known to be well formed, one by one.
#pragma once
#include "skip.h"

namespace penstock {

/// Position of the quote that ends the string whose first byte is at `at`; `isEscaped` when a backslash is before it.
inline Position findQuote(const Byte* bytes, Position at, Position end, bool& isEscaped) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
  for (; at + 16 <= end; at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + at));
    const __m128i either = _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash));
    const uint32_t found = static_cast<uint32_t>(_mm_movemask_epi8(either));
    if (found == 0) continue;
    at += __builtin_ctz(found);
    break;
  }
#endif
  while (at < end && bytes[at] != '"' && bytes[at] != '\\') at++;
  isEscaped = at < end && bytes[at] == '\\';
  return isEscaped ? skipString(bytes, at, end) - 1 : at;
}

inline Position skipValue(const Byte* bytes, Position at, Position end) {
  bool isEscaped;
  if (bytes[at] == '"') return findQuote(bytes, at + 1, end, isEscaped) + 1;
  if (bytes[at] == '{' || bytes[at] == '[') return skipBrackets(bytes, at, end);
  return skipScalar(bytes, at, end);
}

/// A member: its key's raw text between the quotes, whether that has an escape, and its value.
struct Member {
  Position keyStart, keyEnd, valueStart, valueEnd;
  bool isEscaped;
};

/// Reads the members of the object from `at` to `end`, one a call.
class Members {
 public:
  Members(const Byte* bytes, Position at, Position end) : bytes_(bytes), end_(end) {
    at = skipSpace(bytes, at + 1, end);
    at_ = bytes[at] == '"' ? at : -1;
  }

  /// False behind the last one.
  bool next(Member& member) {
    if (at_ < 0) return false;
    member.keyStart = at_ + 1;
    member.keyEnd = findQuote(bytes_, member.keyStart, end_, member.isEscaped);
    const Position colon = skipSpace(bytes_, member.keyEnd + 1, end_);
    member.valueStart = skipSpace(bytes_, colon + 1, end_);
    member.valueEnd = skipValue(bytes_, member.valueStart, end_);
    const Position comma = skipSpace(bytes_, member.valueEnd, end_);
    at_ = bytes_[comma] == ',' ? skipSpace(bytes_, comma + 1, end_) : -1;
    return true;
  }

 private:
  const Byte* bytes_;
  Position end_, at_;
};

}  // namespace penstock
