// Whether one of a few keys is in an object. Keys have classes by their first two bytes, so that it is mostly seen at
// the object's quotes, without taking it apart.
#pragma once
#include "members.h"
#include "state.h"

namespace penstock {

/// Whether the bytes of a captured key say what it is: it is not empty, and stands there as it is.
inline bool isPlainKey(const Capture& capture) {
  return capture.keyEnd > capture.keyStart && (capture.flags & (capture_flag::keyEscaped | capture_flag::keyDirty)) == 0;
}

/// The hash that a walk would give the captured key, of one that is plain.
inline uint32_t hashOfKey(const State& state, const Capture& capture) {
  return makeKey(state.bytes + capture.keyStart, static_cast<uint32_t>(capture.keyEnd - capture.keyStart)).hash;
}

/// The class of the key that begins here, as one bit of 64. Of a key of one byte the quote behind it is the second.
inline uint64_t keyClass(const Byte* from) { return uint64_t{1} << (load16(from) * 0x9e37u >> 8 & 63); }

/// Fields of the rest that are looked for in the client's own object at its quotes; with more it is taken apart.
constexpr size_t SOUGHT_KEYS_MAX = 16;

/// Keys, as they stand in the body, and their classes.
struct SoughtKeys {
  size_t count = 0;
  uint64_t classes = 0;
  /// The first `count` are set.
  Text keys[SOUGHT_KEYS_MAX];

  /// False when the key cannot be sought.
  bool add(const State& state, const Capture& capture) {
    if (count == SOUGHT_KEYS_MAX || !isPlainKey(capture)) return false;
    const Byte* key = state.bytes + capture.keyStart;
    keys[count++] = {key, static_cast<size_t>(capture.keyEnd - capture.keyStart)};
    classes |= keyClass(key);
    return true;
  }

  /// Whether one of them, with a quote behind it, stands at `at`, where two bytes are before `end`.
  bool standsAt(const Byte* at, const Byte* end) const {
    if ((keyClass(at) & classes) == 0) return false;
    for (size_t index = 0; index < count; index++) {
      const Text key = keys[index];
      const bool fits = key.length < static_cast<size_t>(end - at);
      if (fits && at[key.length] == '"' && std::memcmp(at, key.bytes, key.length) == 0) return true;
    }
    return false;
  }
};

/// What `findSought` returns beside positions: an escape may hide a key.
constexpr Position HIDDEN = -2;

/// First bytes of sought keys that are looked for at once; with more of them every quote is looked at.
constexpr size_t FIRST_BYTES_MAX = 4;

/// Where one of the keys stands behind a quote between `start` and `end`, a key or a text, at any depth; -1 for none.
inline Position findSought(const Byte* bytes, Position start, Position end, const SoughtKeys& sought) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
  __m128i firsts[FIRST_BYTES_MAX];
  const bool isFew = sought.count <= FIRST_BYTES_MAX;
  for (size_t index = 0; index < FIRST_BYTES_MAX; index++) {
    firsts[index] = isFew && index < sought.count ? _mm_set1_epi8(static_cast<char>(*sought.keys[index].bytes)) : quote;
  }
  for (; start + 17 <= end; start += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + start));
    const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + start + 1));
    __m128i begins = _mm_cmpeq_epi8(next, firsts[0]);
    for (size_t index = 1; index < FIRST_BYTES_MAX; index++) {
      begins = _mm_or_si128(begins, _mm_cmpeq_epi8(next, firsts[index]));
    }
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(block, backslash)) != 0) return HIDDEN;
    uint32_t quotes = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, quote)));
    if (isFew) quotes &= static_cast<uint32_t>(_mm_movemask_epi8(begins));
    for (; quotes != 0; quotes &= quotes - 1) {
      const Position behind = start + __builtin_ctz(quotes) + 1;
      if (behind + 1 < end && sought.standsAt(bytes + behind, bytes + end)) return behind;
    }
  }
#endif
  for (; start < end; start++) {
    if (bytes[start] == '\\') return HIDDEN;
    if (bytes[start] == '"' && start + 2 < end && sought.standsAt(bytes + start + 1, bytes + end)) return start + 1;
  }
  return -1;
}

/// Whether one of the keys is in the object from `start` to `end`, or may be since an escape is in it. What is found is
/// mostly deeper down or a text: the object is taken apart up to there.
inline bool holds(const Byte* bytes, Position start, Position end, const SoughtKeys& sought) {
  Position found = findSought(bytes, start, end, sought);
  if (found < 0) return found == HIDDEN;
  Members members(bytes, start, end);
  for (Member member; members.next(member);) {
    if (found > member.valueEnd) continue;
    if (found == member.keyStart) return true;
    found = findSought(bytes, member.valueEnd, end, sought);
    if (found < 0) return found == HIDDEN;
  }
  return false;
}

}  // namespace penstock
