// One slab's lines against the window, and the lines of a journal's chunk into it.
#pragma once
#include "../setup.h"
#include "window.h"

namespace penstock {

/// How many ids are hashed before the first of them is looked for: the memory that they need comes meanwhile.
constexpr size_t IDS_AHEAD = 16;

/// What a slab gives; the memory is the caller's, with room for every record.
struct SlabIds {
  /// Ids that are new, in order.
  LineId* fresh;
  size_t freshCount;
  /// Rows of records whose id is known, in order.
  uint32_t* repeats;
  size_t repeatCount;
  /// Places of this slab's new ids, by hash: index into `fresh` plus one. A power of two, twice the records at least, all 0.
  uint32_t* places;
  size_t placesMask;
};

/// Takes an id that the window does not know; false when the slab has had it.
inline bool takeFresh(SlabIds& found, const LineId& id) {
  for (size_t at = id.place & found.placesMask;; at = (at + 1) & found.placesMask) {
    const uint32_t taken = found.places[at];
    if (taken == 0) {
      found.fresh[found.freshCount++] = id;
      found.places[at] = static_cast<uint32_t>(found.freshCount);
      return true;
    }
    const LineId& other = found.fresh[taken - 1];
    if (other.place == id.place && other.tag == id.tag) return false;
  }
}

/// Splits a slab's records into new ones and repeats. False when a record points out of the lines.
inline bool findRepeats(const Window& window, Text lines, const uint32_t* records, size_t recordCount, const Byte* made,
                        int64_t nowMs, SlabIds& found) {
  const uint64_t key[2] = {window.words[window_word::keyLow], window.words[window_word::keyHigh]};
  const LiveRegions live = liveRegions(window, nowMs);
  LineId ids[IDS_AHEAD];
  LineIdKind kinds[IDS_AHEAD];
  for (size_t row = 0; row < recordCount + IDS_AHEAD; row++) {
    const size_t place = row % IDS_AHEAD;
    if (row >= IDS_AHEAD && kinds[place] == LineIdKind::known &&
        (isRemembered(window, live, ids[place]) || !takeFresh(found, ids[place]))) {
      found.repeats[found.repeatCount++] = static_cast<uint32_t>(row - IDS_AHEAD);
    }
    if (row >= recordCount) {
      kinds[place] = LineIdKind::made;
      continue;
    }
    const uint32_t* record = records + row * record_word::count;
    const size_t offset = record[record_word::lineOffset], length = record[record_word::lineLength];
    if (offset > lines.length || length > lines.length - offset) return false;
    const Byte* const line = lines.bytes + offset;
    kinds[place] = readLineId(key, line, line + length, made, ids[place]);
    if (kinds[place] == LineIdKind::known) prefetchId(window, live, ids[place]);
  }
  return true;
}

/// Remembers the ids of whole lines, as a journal has them, but for those that are known. Gives how many lines had one.
inline size_t rememberLines(const Window& window, Text lines, int64_t nowMs) {
  const uint64_t key[2] = {window.words[window_word::keyLow], window.words[window_word::keyHigh]};
  const Byte* at = lines.bytes;
  const Byte* const end = lines.bytes + lines.length;
  size_t total = 0;
  while (at < end) {
    const LiveRegions live = liveRegions(window, nowMs);
    LineId ids[IDS_BETWEEN_LOOKS];
    size_t count = 0;
    while (at < end && count < IDS_BETWEEN_LOOKS) {
      const void* newline = std::memchr(at, '\n', static_cast<size_t>(end - at));
      const Byte* const next = newline == nullptr ? end : static_cast<const Byte*>(newline) + 1;
      if (readLineId(key, at, next, nullptr, ids[count]) == LineIdKind::known) prefetchId(window, live, ids[count++]);
      at = next;
    }
    size_t fresh = 0;
    for (size_t index = 0; index < count; index++) {
      if (!isRemembered(window, live, ids[index])) ids[fresh++] = ids[index];
    }
    rememberIds(window, ids, fresh, nowMs);
    total += count;
  }
  return total;
}

}  // namespace penstock
