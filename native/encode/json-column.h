// A column of type JSON as the block gathers it: the values of each path apart, by their types, and for each row which
// type it has there. What the wire form makes of it stands in json-write.h, what fills it in json-walk.h.
//
// A path is a list of keys, dots between them; a dot inside a key stands as %2E (setting json_type_escape_dots_in_keys).
// Rows that this form cannot say are taken back by the log and go into the block as text, for the engine to parse.
#pragma once
#include <memory>
#include <vector>

#include "number-value.h"
#include "plan.h"
#include "string-value.h"

namespace penstock {

/// Types of a path's values, those that the engine infers: scalars, arrays of them, arrays of objects.
enum class JsonKind : uint8_t { int64, uint64, float64, boolean, string, int64s, uint64s, float64s, booleans, strings, objects };
constexpr size_t JSON_KINDS = 11;
/// From here on the kinds are arrays, in the order of their elements' kinds.
constexpr size_t JSON_ARRAYS_FROM = 5;
/// Arrays of objects within each other that are kept by path.
constexpr uint32_t JSON_ARRAY_DEPTH_MAX = 3;
/// A row without a value at a path.
constexpr Byte NO_KIND = 0xff;

struct JsonColumn;

/// The values of one type at one path.
struct JsonValues {
  /// Values one behind the other; those of an array's elements. Of objects, nothing.
  Buffer values;
  /// Arrays only: behind which element each row's ends; of elements, whether they are null.
  Buffer offsets, nulls;
  uint64_t elements = 0;
};

struct JsonPath {
  /// Place of the path's text in the column's names.
  size_t textOffset, textLength;
  /// The column whose path it is.
  JsonColumn* owner;
  /// A row each, as far as there is room: which of `kinds` it has here. NO_KIND stands there before a row comes.
  Buffer rows;
  /// Types in the order in which they came, and the place of each in it.
  JsonKind kinds[JSON_KINDS];
  Byte place[JSON_KINDS];
  Byte kindCount = 0;
  JsonValues values[JSON_KINDS];
  std::unique_ptr<JsonColumn> objects;
};

/// A key on its level. Node 0 is the root.
struct JsonNode {
  uint32_t parent, firstChild, nextSibling;
  /// The node that came behind this one the last time: keys follow each other as they did before.
  uint32_t follower;
  /// Place in the names of the key as a line carries it behind its opening quote, with `":`; and of its path.
  size_t keyOffset, keyLength, pathOffset, pathLength;
  /// Index of the path, or -1 while it has no value.
  int32_t path;
  /// Where the plans go on behind its value (plan.h), or 0.
  PlaceIndex place;
};

struct JsonColumn {
  /// Arrays of objects around this column.
  uint32_t level = 0;
  /// Of arrays' objects, how deep those lay that the plans know; 0 while they know none.
  uint32_t planDepth = 0;
  size_t rowCount = 0;
  std::vector<JsonNode> nodes;
  std::vector<std::unique_ptr<JsonPath>> paths;
  Buffer names;
};

/// What was there before a value came; the rest follows from the rows that stay.
struct JsonChange {
  JsonPath* path;
  uint32_t row, valueBytes;
  /// Of arrays only, of which it says how many elements there were.
  uint32_t offsetBytes;
};

/// Room for rows that a path has got, which is counted.
struct JsonGrowth {
  JsonPath* path;
  size_t rowsBefore;
};

/// What the walks of one encoder share.
struct JsonWalk {
  uint32_t pathsMax, depthMax;
  /// Bytes that say which row has which type, over all paths, and their bound: a value at a new path takes one for every
  /// row before it, and an array of empty objects one for each of them and path.
  size_t places = 0, placesMax;
  /// What the current row has changed, for when it must be taken back.
  Room<JsonChange> log;
  JsonChange* logEnd = nullptr;
  JsonChange* logRoomEnd = nullptr;
  std::vector<JsonGrowth> growths;
  /// The places before the current row.
  size_t placesSaved = 0;
  /// Numbers of the array in hand.
  std::vector<Number> numbers;
  Plans plans;
  /// As `walkObject` at the root of the objects of an array, by the plans; null where they do not know it, and then nothing
  /// has come (plan-run.h).
  const Byte* (*runObject)(JsonWalk& walk, JsonColumn& column, const Byte* at, const Byte* end, uint32_t depth) = nullptr;
};

inline void openColumn(JsonColumn& column) {
  column.nodes.clear();
  column.paths.clear();
  column.planDepth = 0;
  column.names.release();
  column.names.reserve(64);
  column.nodes.push_back({0, 0, 0, 0, 0, 0, 0, 0, -1, 0});
}

/// Empties the column for the next block. Paths stay, with their memory, while they are not many: keys that drift would
/// fill the places of those that come in every block. Returns whether paths went.
inline bool clearColumn(JsonColumn& column, size_t pathsKept) {
  column.rowCount = 0;
  const bool isCrowded = column.paths.size() > pathsKept || column.nodes.size() > 2 * pathsKept;
  if (isCrowded || column.nodes.empty()) {
    openColumn(column);
    return true;
  }
  bool isOpened = false;
  for (const std::unique_ptr<JsonPath>& path : column.paths) {
    path->rows.length = 0;
    path->kindCount = 0;
    std::memset(path->place, NO_KIND, JSON_KINDS);
    for (JsonValues& values : path->values) {
      for (Buffer* buffer : {&values.values, &values.offsets, &values.nulls}) buffer->length = 0;
      values.elements = 0;
    }
    if (path->objects != nullptr) isOpened |= clearColumn(*path->objects, pathsKept);
  }
  return isOpened;
}

/// Makes it that no plan knows the column.
inline void forgetPlaces(JsonColumn& column) {
  column.planDepth = 0;
  for (JsonNode& node : column.nodes) node.place = 0;
  for (const std::unique_ptr<JsonPath>& path : column.paths) {
    if (path->objects != nullptr) forgetPlaces(*path->objects);
  }
}

/// Memory that the column holds.
inline size_t heldBytes(const JsonColumn& column) {
  size_t bytes = column.names.room.capacity;
  for (const std::unique_ptr<JsonPath>& path : column.paths) {
    bytes += sizeof(JsonPath) + path->rows.room.capacity;
    for (const JsonValues& values : path->values) {
      bytes += values.values.room.capacity + values.offsets.room.capacity + values.nulls.room.capacity;
    }
    if (path->objects != nullptr) bytes += heldBytes(*path->objects);
  }
  return bytes;
}

/// Bytes that the column would take in a block, but for its names.
inline size_t columnBytes(const JsonColumn& column) {
  size_t bytes = 0;
  for (const std::unique_ptr<JsonPath>& path : column.paths) {
    if (path->kindCount == 0) continue;
    bytes += column.rowCount;
    for (const JsonValues& values : path->values) {
      bytes += values.values.length + values.offsets.length + values.nulls.length;
    }
    if (path->objects != nullptr) bytes += columnBytes(*path->objects);
  }
  return bytes;
}

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
