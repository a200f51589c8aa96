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
/// A type that has not come at a path.
constexpr Byte NO_KIND = 0xff;

struct JsonColumn;

/// What arrays have beside the values of their elements.
struct JsonArrays {
  /// Behind which element each row's ends; of elements, whether they are null.
  Buffer offsets, nulls;
  uint64_t elements = 0;
};

/// The values of one type at one path.
struct JsonValues {
  /// Values one behind the other; those of an array's elements. Of objects, nothing.
  Buffer values;
  /// Of types that are arrays, as soon as one came.
  std::unique_ptr<JsonArrays> arrays;
};

/// Which rows have a value at a path, and of which type: an entry for each, in order. Rows without one leave nothing. They
/// are most, and their bytes would be written before the row comes and read when it does, by then out of the caches.
///
///   0 … ENTRY_FAR - 1     one byte: so many rows further than the next one, of the same type as the value before
///   ENTRY_FAR             FarEntry, from both ends the same: any other row or type
constexpr Byte ENTRY_FAR = 0xff;
/// Entries that their memory is fetched before.
constexpr size_t ENTRIES_AHEAD = 64;

#pragma pack(push, 1)
struct FarEntry {
  Byte head;
  uint32_t row;
  /// What `rowsEnd` and `lastPlace` were.
  uint32_t rowsEndBefore;
  Byte place, placeBefore;
  Byte tail;
};
#pragma pack(pop)

/// What a value touches comes first, in a cache line; values of a type are half of one.
struct alignas(64) JsonPath {
  /// There is room for a byte for each row from `rowsEnd` to `placeCount`.
  Byte* entriesEnd = nullptr;
  /// Behind the last row with a value.
  uint32_t rowsEnd = 0;
  /// Rows whose places the block has counted for the path.
  uint32_t placeCount = 0;
  /// Place of the last value's type; 0 before the first value.
  Byte lastPlace = 0;
  /// Types in the order in which they came: how many, and the place of each.
  Byte kindCount = 0;
  Byte place[JSON_KINDS];
  /// By type.
  alignas(32) JsonValues values[JSON_KINDS];
  JsonKind kinds[JSON_KINDS];
  /// The column whose path it is.
  JsonColumn* owner;
  std::unique_ptr<JsonColumn> objects;
  Room<Byte> entries;
  /// Place of the path's text in the column's names.
  size_t textOffset, textLength;
};
static_assert(sizeof(JsonValues) == 32, "two in a cache line");

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

/// What was there before a value came; the rest follows from the entries of the path.
struct JsonChange {
  JsonPath* path;
  uint32_t valueBytes;
  /// Of arrays only, of which it says how many elements there were.
  uint32_t offsetBytes;
};

/// Places that were counted for a path.
struct JsonGrowth {
  JsonPath* path;
  uint32_t placesBefore;
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
    path->entriesEnd = path->entries.items;
    path->rowsEnd = path->placeCount = 0;
    path->lastPlace = 0;
    path->kindCount = 0;
    std::memset(path->place, NO_KIND, JSON_KINDS);
    for (JsonValues& values : path->values) {
      values.values.length = 0;
      if (values.arrays == nullptr) continue;
      values.arrays->offsets.length = values.arrays->nulls.length = 0;
      values.arrays->elements = 0;
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
    bytes += sizeof(JsonPath) + path->entries.capacity;
    for (const JsonValues& values : path->values) {
      bytes += values.values.room.capacity;
      if (values.arrays == nullptr) continue;
      bytes += sizeof(JsonArrays) + values.arrays->offsets.room.capacity + values.arrays->nulls.room.capacity;
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
    for (size_t place = 0; place < path->kindCount; place++) {
      const JsonValues& values = path->values[static_cast<size_t>(path->kinds[place])];
      bytes += values.values.length;
      if (values.arrays != nullptr) bytes += values.arrays->offsets.length + values.arrays->nulls.length;
    }
    if (path->objects != nullptr) bytes += columnBytes(*path->objects);
  }
  return bytes;
}

}  // namespace penstock
