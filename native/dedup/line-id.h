// What an event is known by again: 128 bits over its event_id and app_id, read from its canonical line. The twin of
// src/dedup/line-id.ts.
#pragma once
#include "../kafka/line-fields.h"
#include "../siphash.h"

namespace penstock {

/// Bytes of an id and of an app, unescaped, and at most as a line carries them (src/event.ts).
constexpr size_t ID_TEXT_BYTES_MAX = 128;
constexpr size_t ID_ESCAPED_BYTES_MAX = 6 * ID_TEXT_BYTES_MAX;
/// Stands in no UTF-8, so that no two pairs of texts are the same bytes.
constexpr Byte ID_SEPARATOR = 0xff;
/// Characters at the end of the ids that one scanner makes (src/scan/uuid.ts), the same in all of them.
constexpr size_t MADE_SUFFIX_BYTES = 8;
constexpr size_t MADE_ID_BYTES = 36;

struct LineId {
  /// Where to look with a mark, and what must stand there.
  uint64_t place, tag;
};

enum class LineIdKind { known, made, unreadable };

/// SipHash-1-3 with 128 bits of output, as its authors' `siphash.c` has it. Eight bytes behind the text may be read.
inline LineId sipHash128(uint64_t low, uint64_t high, const Byte* bytes, size_t length) {
  uint64_t v[4] = {low ^ 0x736f6d6570736575, high ^ 0x646f72616e646f6d ^ 0xee, low ^ 0x6c7967656e657261,
                   high ^ 0x7465646279746573};
  size_t at = 0;
  for (; at + 8 <= length; at += 8) {
    const uint64_t word = load64(bytes + at);
    v[3] ^= word;
    sipRound(v);
    v[0] ^= word;
  }
  const uint64_t rest = load64(bytes + at) & ((uint64_t{1} << 8 * (length - at)) - 1);
  const uint64_t last = rest | static_cast<uint64_t>(length) << 56;
  v[3] ^= last;
  sipRound(v);
  v[0] ^= last;
  v[2] ^= 0xee;
  for (int round = 0; round < 3; round++) sipRound(v);
  const uint64_t place = v[0] ^ v[1] ^ v[2] ^ v[3];
  v[1] ^= 0xdd;
  for (int round = 0; round < 3; round++) sipRound(v);
  const uint64_t tag = v[0] ^ v[1] ^ v[2] ^ v[3];
  return {place, tag};
}

/// Puts the text at `to`, which has room for ID_ESCAPED_BYTES_MAX; nullptr for one that no scanner writes.
inline Byte* putIdText(const HeadText& text, Byte* to) {
  if (text.length > ID_ESCAPED_BYTES_MAX) return nullptr;
  if (__builtin_expect(text.isEscaped, 0)) return unescape(text.start, text.length, to);
  return copyBytes(to, text.start, text.length);
}

/// Reads a column's text when it stands at `at`; the place behind it, or nullptr when it has no end. The column is known
/// to the compiler, which then compares keys without a call.
template <uint32_t column>
inline const Byte* readColumn(const Byte* at, const Byte* end, HeadText& text) {
  text = {at, 0, false, false};
  constexpr Literal key = HEAD_KEYS[column];
  return startsWith(at, end, key) ? readHeadText(at + key.length, end, text) : at;
}

/// The id of the line that begins at `at`; `made` is the suffix of ids that need no look, or nullptr.
inline LineIdKind readLineId(const uint64_t key[2], const Byte* at, const Byte* end, const Byte* made, LineId& id) {
  using namespace head_column;
  HeadText event, type, app;
  at = readColumn<eventId>(at, end, event);
  if (at == nullptr || !event.isThere) return LineIdKind::unreadable;
  at = readColumn<eventType>(at, end, type);
  if (at == nullptr) return LineIdKind::unreadable;
  at = readColumn<appId>(at, end, app);
  if (at == nullptr) return LineIdKind::unreadable;
  if (made != nullptr && event.length == MADE_ID_BYTES &&
      std::memcmp(event.start + MADE_ID_BYTES - MADE_SUFFIX_BYTES, made, MADE_SUFFIX_BYTES) == 0) {
    return LineIdKind::made;
  }
  Byte text[2 * ID_ESCAPED_BYTES_MAX + 1 + sizeof(uint64_t)];
  Byte* to = putIdText(event, text);
  if (to == nullptr) return LineIdKind::unreadable;
  *to++ = ID_SEPARATOR;
  to = putIdText(app, to);
  if (to == nullptr) return LineIdKind::unreadable;
  std::memset(to, 0, sizeof(uint64_t));
  id = sipHash128(key[0], key[1], text, static_cast<size_t>(to - text));
  return LineIdKind::known;
}

}  // namespace penstock
