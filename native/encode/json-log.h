// How a value comes into a JSON column's row, and how what a row has brought is taken back: every change is logged, since a
// row may turn out to be damaged, or not to be said by paths, behind any of its values.
#pragma once
#include "json-column.h"

namespace penstock {

inline void reserveEntries(JsonPath& path) {
  const size_t length = static_cast<size_t>(path.entriesEnd - path.entries.items);
  path.entries.reserve(length + path.placeCount - path.rowsEnd + sizeof(FarEntry), length);
  path.entriesEnd = path.entries.items + length;
}

/// Counts the places of the rows up to this one, and an eighth more; false where the block has no more room for them.
__attribute__((noinline)) inline bool growPlaces(JsonWalk& walk, JsonPath& path, size_t row) {
  const size_t added = row + 1 + row / 8 - path.placeCount;
  if (walk.places + added > walk.placesMax) return false;
  walk.places += added;
  walk.growths.push_back({&path, path.placeCount});
  path.placeCount += static_cast<uint32_t>(added);
  reserveEntries(path);
  return true;
}

/// The place of a kind that the path has not had in this block.
__attribute__((noinline)) inline Byte addKind(JsonPath& path, JsonKind kind) {
  const size_t index = static_cast<size_t>(kind);
  JsonValues& values = path.values[index];
  if (index >= JSON_ARRAYS_FROM && values.arrays == nullptr) values.arrays = std::make_unique<JsonArrays>();
  path.kinds[path.kindCount] = kind;
  return path.place[index] = path.kindCount++;
}

/// The entry of a value whose row or type does not follow from the one before; false where the row has a value already.
__attribute__((noinline)) inline bool addEntry(JsonPath& path, JsonKind kind, uint32_t row) {
  if (path.rowsEnd > row) return false;
  Byte place = path.place[static_cast<size_t>(kind)];
  if (place == NO_KIND) place = addKind(path, kind);
  if (place == path.lastPlace && row - path.rowsEnd < ENTRY_FAR) {
    *path.entriesEnd++ = static_cast<Byte>(row - path.rowsEnd);
  } else {
    const FarEntry entry{ENTRY_FAR, row, path.rowsEnd, place, path.lastPlace, ENTRY_FAR};
    std::memcpy(path.entriesEnd, &entry, sizeof(entry));
    path.entriesEnd += sizeof(entry);
  }
  path.rowsEnd = row + 1;
  path.lastPlace = place;
  reserveEntries(path);
  return true;
}

/// Takes the last entry back.
inline void removeEntry(JsonPath& path) {
  if (path.entriesEnd[-1] != ENTRY_FAR) {
    path.rowsEnd -= 1u + *--path.entriesEnd;
    return;
  }
  FarEntry entry;
  path.entriesEnd -= sizeof(entry);
  std::memcpy(&entry, path.entriesEnd, sizeof(entry));
  path.rowsEnd = entry.rowsEndBefore;
  path.lastPlace = entry.placeBefore;
}

__attribute__((noinline)) inline void growLog(JsonWalk& walk) {
  const size_t count = static_cast<size_t>(walk.logEnd - walk.log.items);
  walk.log.reserve(count + 64, count);
  walk.logEnd = walk.log.items + count;
  walk.logRoomEnd = walk.log.items + walk.log.capacity;
}

/// Begins a value of that kind in a row; null where the row has one at the path already, or where the block has no more
/// room for the places of rows.
PENSTOCK_PER_VALUE JsonValues* beginValue(JsonWalk& walk, JsonPath& path, JsonKind kind, size_t row) {
  const size_t index = static_cast<size_t>(kind);
  if (__builtin_expect(path.placeCount <= row, 0) && !growPlaces(walk, path, row)) return nullptr;
  if (__builtin_expect(walk.logEnd == walk.logRoomEnd, 0)) growLog(walk);
  const uint32_t gap = static_cast<uint32_t>(row) - path.rowsEnd;
  if (__builtin_expect(gap < ENTRY_FAR && path.place[index] == path.lastPlace, 1)) {
    fetchAhead(path.entriesEnd, ENTRIES_AHEAD);
    *path.entriesEnd++ = static_cast<Byte>(gap);
    path.rowsEnd = static_cast<uint32_t>(row) + 1;
  } else if (!addEntry(path, kind, static_cast<uint32_t>(row))) {
    return nullptr;
  }
  JsonValues& values = path.values[index];
  // Field by field: a copy of a whole one would wait for the stores that made it.
  JsonChange& change = *walk.logEnd++;
  change.path = &path;
  // Values of a block are bounded far below 4 GiB.
  change.valueBytes = static_cast<uint32_t>(values.values.length);
  if (index >= JSON_ARRAYS_FROM) change.offsetBytes = static_cast<uint32_t>(values.arrays->offsets.length);
  return &values;
}

inline void beginRow(JsonWalk& walk) {
  walk.logEnd = walk.log.items;
  walk.growths.clear();
  walk.placesSaved = walk.places;
}

/// Takes back all but the first changes.
inline void takeBack(JsonWalk& walk, size_t changesKept) {
  while (walk.logEnd > walk.log.items + changesKept) {
    const JsonChange& change = *--walk.logEnd;
    JsonPath& path = *change.path;
    const JsonKind kind = path.kinds[path.lastPlace];
    removeEntry(path);
    const size_t index = static_cast<size_t>(kind);
    JsonValues& values = path.values[index];
    values.values.length = change.valueBytes;
    size_t bytesLeft = change.valueBytes;
    if (index >= JSON_ARRAYS_FROM) {
      JsonArrays& arrays = *values.arrays;
      bytesLeft = arrays.offsets.length = change.offsetBytes;
      arrays.elements = bytesLeft == 0 ? 0 : load64(arrays.offsets.room.items + bytesLeft - sizeof(uint64_t));
      if (kind == JsonKind::objects) path.objects->rowCount = arrays.elements;
      else arrays.nulls.length = arrays.elements;
    }
    // It was the first of its kind, and the kinds that the row brought were the last to come.
    if (bytesLeft == 0) {
      path.kindCount--;
      path.place[index] = NO_KIND;
    }
  }
}

/// Takes back what came since the row began.
inline void takeBack(JsonWalk& walk) {
  takeBack(walk, 0);
  for (; !walk.growths.empty(); walk.growths.pop_back()) walk.growths.back().path->placeCount = walk.growths.back().placesBefore;
  walk.places = walk.placesSaved;
}

}  // namespace penstock
