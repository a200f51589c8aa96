// A column of type JSON as the block gathers it: the values of each path apart, by their types, and for each row which
// type it has there. What the wire form makes of it stands in json-write.h, what fills it in json-walk.h.
//
// A path is a list of keys, dots between them; a dot inside a key stands as %2E (setting json_type_escape_dots_in_keys).
// Rows that this form cannot say are taken back by the log and go into the block as text, for the engine to parse.
#pragma once
#include <memory>
#include <vector>

#include "number-value.h"
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
  size_t rows = 0;
};

struct JsonPath {
  /// Place of the path's text in the column's names.
  size_t textOffset, textLength;
  /// A row each, up to the last one with a value: which of `kinds` it has here.
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
};

struct JsonColumn {
  /// Arrays of objects around this column.
  uint32_t level = 0;
  size_t rowCount = 0;
  std::vector<JsonNode> nodes;
  std::vector<std::unique_ptr<JsonPath>> paths;
  Buffer names;
};

/// What was there before a value came; the rest follows from the rows that stay.
struct JsonChange {
  JsonPath* path;
  JsonKind kind;
  size_t rowBytes, valueBytes;
};

/// What the walks of one encoder share.
struct JsonWalk {
  uint32_t pathsMax, depthMax;
  /// Bytes that say which row has which type, over all paths, and their bound: a value at a new path takes one for every
  /// row before it, and an array of empty objects one for each of them and path.
  size_t places = 0, placesMax;
  /// The places before the current row.
  size_t placesSaved = 0;
  /// What the current row has changed, for when it must be taken back.
  Room<JsonChange> log;
  size_t logCount = 0;
  /// Numbers of the array in hand.
  std::vector<Number> numbers;
};

inline void openColumn(JsonColumn& column) {
  column.nodes.clear();
  column.paths.clear();
  column.names.release();
  column.names.reserve(64);
  column.nodes.push_back({0, 0, 0, 0, 0, 0, 0, 0, -1});
}

/// Empties the column for the next block. Paths stay, with their memory, while they are not many: keys that drift would
/// fill the places of those that come in every block.
inline void clearColumn(JsonColumn& column, size_t pathsKept) {
  column.rowCount = 0;
  const bool isCrowded = column.paths.size() > pathsKept || column.nodes.size() > 2 * pathsKept;
  if (isCrowded || column.nodes.empty()) return openColumn(column);
  for (const std::unique_ptr<JsonPath>& path : column.paths) {
    path->rows.length = 0;
    path->kindCount = 0;
    std::memset(path->place, NO_KIND, JSON_KINDS);
    for (JsonValues& values : path->values) {
      for (Buffer* buffer : {&values.values, &values.offsets, &values.nulls}) buffer->length = 0;
      values.elements = 0;
      values.rows = 0;
    }
    if (path->objects != nullptr) clearColumn(*path->objects, pathsKept);
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

/// Begins a value of that kind in the column's current row; null where the row has one at the path already, or where the
/// block has no more room for the places of rows.
PENSTOCK_PER_VALUE JsonValues* beginValue(JsonWalk& walk, const JsonColumn& column, JsonPath& path, JsonKind kind) {
  const size_t index = static_cast<size_t>(kind);
  JsonValues& values = path.values[index];
  if (path.rows.length > column.rowCount) return nullptr;
  walk.places += column.rowCount + 1 - path.rows.length;
  if (__builtin_expect(walk.places > walk.placesMax, 0)) return nullptr;
  if (__builtin_expect(walk.logCount == walk.log.capacity, 0)) walk.log.reserve(walk.logCount + 64, walk.logCount);
  // Field by field: a copy of a whole one would wait for the stores that made it.
  JsonChange& change = walk.log.items[walk.logCount++];
  change.path = &path;
  change.kind = kind;
  change.rowBytes = path.rows.length;
  change.valueBytes = values.values.length;
  if (path.rows.length < column.rowCount) path.rows.fill(NO_KIND, column.rowCount - path.rows.length);
  if (path.place[index] == NO_KIND) {
    path.kinds[path.kindCount] = kind;
    path.place[index] = path.kindCount++;
  }
  path.rows.push(path.place[index]);
  values.rows++;
  return &values;
}

inline void beginRow(JsonWalk& walk) {
  walk.logCount = 0;
  walk.placesSaved = walk.places;
}

/// Takes back what came since the row began.
inline void takeBack(JsonWalk& walk) {
  walk.places = walk.placesSaved;
  while (walk.logCount > 0) {
    const JsonChange& change = walk.log.items[--walk.logCount];
    JsonPath& path = *change.path;
    const size_t index = static_cast<size_t>(change.kind);
    JsonValues& values = path.values[index];
    path.rows.length = change.rowBytes;
    values.values.length = change.valueBytes;
    values.rows--;
    if (index >= JSON_ARRAYS_FROM) {
      values.offsets.length = values.rows * sizeof(uint64_t);
      values.elements = values.rows == 0 ? 0 : load64(values.offsets.room.items + values.offsets.length - sizeof(uint64_t));
      if (change.kind == JsonKind::objects) path.objects->rowCount = values.elements;
      else values.nulls.length = values.elements;
    }
    // The kinds that the row brought were the last to come.
    if (values.rows == 0) {
      path.kindCount--;
      path.place[index] = NO_KIND;
    }
  }
}

}  // namespace penstock
