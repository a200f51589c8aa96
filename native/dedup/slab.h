// One slab's lines against the window, and the lines of a journal's chunk into it.
#pragma once
#include "../setup.h"
#include "window.h"

namespace penstock {

/// Ids that are hashed, then fetched, then looked for. Fetched in a loop of its own: a page that the core does not know
/// holds up what comes behind it, and several such pages are found at the same time only when they are asked for together.
constexpr size_t IDS_TOGETHER = 64;

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
  for (size_t at = id.tag & found.placesMask;; at = (at + 1) & found.placesMask) {
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

/// Reads the ids of records `from` to `end`; false when one of them points out of the lines.
inline bool readIds(const uint64_t key[2], Text lines, const uint32_t* records, size_t from, size_t end, const Byte* made,
                    LineId* ids, LineIdKind* kinds) {
  for (size_t row = from; row < end; row++) {
    const uint32_t* record = records + row * record_word::count;
    const size_t offset = record[record_word::lineOffset], length = record[record_word::lineLength];
    if (offset > lines.length || length > lines.length - offset) return false;
    const Byte* const line = lines.bytes + offset;
    kinds[row - from] = readLineId(key, line, line + length, made, ids[row - from]);
  }
  return true;
}

/// Splits a slab's records into new ones and repeats. False when a record points out of the lines.
inline bool findRepeats(const Window& window, Text lines, const uint32_t* records, size_t recordCount, const Byte* made,
                        int64_t nowMs, SlabIds& found) {
  const uint64_t key[2] = {window.words[window_word::keyLow], window.words[window_word::keyHigh]};
  const uint64_t live = liveGenerations(window, nowMs);
  LineId ids[IDS_TOGETHER]{};
  LineIdKind kinds[IDS_TOGETHER];
  for (size_t from = 0; from < recordCount; from += IDS_TOGETHER) {
    const size_t end = recordCount - from < IDS_TOGETHER ? recordCount : from + IDS_TOGETHER;
    if (!readIds(key, lines, records, from, end, made, ids, kinds)) return false;
    for (size_t index = 0; index < end - from; index++) prefetchMarks(window, ids[index]);
    for (size_t index = 0; index < end - from; index++) {
      if (kinds[index] != LineIdKind::known) continue;
      const bool isNew = !isRemembered(window, live, ids[index]) && takeFresh(found, ids[index]);
      if (!isNew) found.repeats[found.repeatCount++] = static_cast<uint32_t>(from + index);
    }
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
    const uint64_t live = liveGenerations(window, nowMs);
    LineId ids[IDS_TOGETHER];
    size_t count = 0;
    while (at < end && count < IDS_TOGETHER) {
      const void* newline = std::memchr(at, '\n', static_cast<size_t>(end - at));
      const Byte* const next = newline == nullptr ? end : static_cast<const Byte*>(newline) + 1;
      if (readLineId(key, at, next, nullptr, ids[count]) == LineIdKind::known) count++;
      at = next;
    }
    for (size_t index = 0; index < count; index++) prefetchMarks(window, ids[index]);
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
