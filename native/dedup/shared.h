// Ids of a slab as all processes spell them: twin of `writeSharedIds` in src/dedup/reference.ts.
#pragma once
#include "slab.h"

namespace penstock {

/// Bytes of an id in a shared window (src/dedup/findings.ts, SHARED_ID_BYTES): the place, and the low half of the tag.
constexpr size_t SHARED_ID_BYTES = 12;

/// Writes the ids of the records that are no repeats, in order, hashed under `key`; `to` has room for `room` of them.
/// Gives how many there are, or -1 when they are more, or a record points out of the lines.
inline int64_t writeSharedIds(const uint64_t key[2], Text lines, const uint32_t* records, size_t recordCount, const Byte* made,
                              const uint32_t* repeats, size_t repeatCount, Byte* to, size_t room) {
  size_t next = 0;
  size_t written = 0;
  for (size_t row = 0; row < recordCount; row++) {
    if (next < repeatCount && repeats[next] == row) {
      next++;
      continue;
    }
    LineId id{};
    LineIdKind kind;
    if (!readIds(key, lines, records, row, row + 1, made, &id, &kind)) return -1;
    if (kind != LineIdKind::known) continue;
    if (written == room) return -1;
    std::memcpy(to, &id.place, sizeof id.place);
    std::memcpy(to + sizeof id.place, &id.tag, SHARED_ID_BYTES - sizeof id.place);
    to += SHARED_ID_BYTES;
    written++;
  }
  return static_cast<int64_t>(written);
}

}  // namespace penstock
