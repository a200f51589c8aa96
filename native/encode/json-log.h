// How a value comes into a JSON column's row, and how what a row has brought is taken back: every change is logged, since a
// row may turn out to be damaged, or not to be said by paths, behind any of its values.
#pragma once
#include "json-column.h"

namespace penstock {

/// Makes room for the row, and an eighth more; false where the block has no more room for the places of rows.
__attribute__((noinline)) inline bool growPlaces(JsonWalk& walk, JsonPath& path, size_t row) {
  const size_t before = path.rows.length, added = row + 1 + row / 8 - before;
  if (walk.places + added > walk.placesMax) return false;
  walk.places += added;
  walk.growths.push_back({&path, before});
  path.rows.fill(NO_KIND, added);
  return true;
}

/// The place of a kind that the path has not had in this block.
__attribute__((noinline)) inline Byte addKind(JsonPath& path, JsonKind kind) {
  path.kinds[path.kindCount] = kind;
  return path.place[static_cast<size_t>(kind)] = path.kindCount++;
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
  if (__builtin_expect(path.rows.length <= row, 0) && !growPlaces(walk, path, row)) return nullptr;
  if (__builtin_expect(path.rows.room.items[row] != NO_KIND, 0)) return nullptr;
  if (__builtin_expect(walk.logEnd == walk.logRoomEnd, 0)) growLog(walk);
  Byte place = path.place[index];
  if (__builtin_expect(place == NO_KIND, 0)) place = addKind(path, kind);
  path.rows.room.items[row] = place;
  JsonValues& values = path.values[index];
  // Field by field: a copy of a whole one would wait for the stores that made it.
  JsonChange& change = *walk.logEnd++;
  change.path = &path;
  // Places and values of a block are bounded far below 4 GiB.
  change.row = static_cast<uint32_t>(row);
  change.valueBytes = static_cast<uint32_t>(values.values.length);
  if (index >= JSON_ARRAYS_FROM) change.offsetBytes = static_cast<uint32_t>(values.offsets.length);
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
    Byte& place = path.rows.room.items[change.row];
    const JsonKind kind = path.kinds[place];
    const size_t index = static_cast<size_t>(kind);
    JsonValues& values = path.values[index];
    place = NO_KIND;
    values.values.length = change.valueBytes;
    size_t bytesLeft = change.valueBytes;
    if (index >= JSON_ARRAYS_FROM) {
      bytesLeft = values.offsets.length = change.offsetBytes;
      values.elements = bytesLeft == 0 ? 0 : load64(values.offsets.room.items + bytesLeft - sizeof(uint64_t));
      if (kind == JsonKind::objects) path.objects->rowCount = values.elements;
      else values.nulls.length = values.elements;
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
  for (; !walk.growths.empty(); walk.growths.pop_back()) walk.growths.back().path->rows.length = walk.growths.back().rowsBefore;
  walk.places = walk.placesSaved;
}

}  // namespace penstock
