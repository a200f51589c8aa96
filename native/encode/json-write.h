// JSON columns on the wire (ClickHouse: SerializationObject.cpp and SerializationDynamic.cpp, "flattened"; the forms that
// `output_format_native_use_flattened_dynamic_and_json_serialization` and `output_format_native_write_json_as_string`
// write, and every reader takes).
//
//   as text     UInt64 1, then a String a row
//   by path     UInt64 3
//               VarUInt count of paths, then each as a String
//               for each path: UInt64 3, VarUInt count of types, then each type's name as a String; behind them, for each
//               that is Array(JSON), the same from the first line on, for the column of its objects
//               for each path: for each row the place of its value's type among those, or their count where it has none:
//               one byte; then for each type its values, without those of other types
//   a value     Int64, UInt64, Float64 8 bytes; Bool one; String its length and bytes
//   an array    UInt64 a row, the count of elements up to its end; then, of scalars, a byte an element, 1 for null; then
//               the elements; of objects, the column of JSON that they make, as above from "for each path: for each row"
#pragma once
#include <string>

#include "columns.h"

namespace penstock {

/// Where a block is written to: pieces of memory, one behind the other. Without pieces it only measures.
struct BlockTarget {
  Text* pieces = nullptr;
  size_t pieceCount = 0, piece = 0, used = 0;
  /// Bytes so far; what is beyond the pieces is counted, not written.
  size_t length = 0;

  bool isMeasuring() const { return pieces == nullptr; }

  void put(const void* bytes, size_t count) {
    length += count;
    const Byte* from = static_cast<const Byte*>(bytes);
    while (count > 0 && piece < pieceCount) {
      const size_t left = pieces[piece].length - used;
      const size_t taken = count < left ? count : left;
      std::memcpy(const_cast<Byte*>(pieces[piece].bytes) + used, from, taken);
      from += taken;
      count -= taken;
      used += taken;
      if (used == pieces[piece].length) {
        piece++;
        used = 0;
      }
    }
  }

  void put(const Buffer& buffer) { put(buffer.room.items, buffer.length); }

  void putWord(uint64_t word) { put(&word, sizeof(word)); }

  void putVarUInt(uint64_t value) {
    Byte bytes[VAR_UINT_BYTES_MAX];
    put(bytes, static_cast<size_t>(writeVarUInt(bytes, value) - bytes));
  }

  void putString(const void* bytes, size_t count) {
    putVarUInt(count);
    put(bytes, count);
  }
};

/// Versions of the forms.
constexpr uint64_t JSON_AS_TEXT = 1;
constexpr uint64_t JSON_BY_PATH = 3;

/// Bounds that the type of objects in arrays has in its name: the engine's own division for each array around them.
struct JsonBounds {
  uint32_t types, paths;

  JsonBounds inArray() const { return {types / 2, paths / 4}; }
};

inline std::string typeName(JsonKind kind, JsonBounds bounds) {
  static const char* const scalars[] = {"Int64", "UInt64", "Float64", "Bool", "String"};
  const size_t index = static_cast<size_t>(kind);
  if (index < JSON_ARRAYS_FROM) return scalars[index];
  if (kind != JsonKind::objects) return std::string("Array(Nullable(") + scalars[index - JSON_ARRAYS_FROM] + "))";
  const JsonBounds inside = bounds.inArray();
  return "Array(JSON(max_dynamic_types=" + std::to_string(inside.types) +
         ", max_dynamic_paths=" + std::to_string(inside.paths) + "))";
}

inline void writeJsonPrefix(BlockTarget& target, const JsonColumn& column, JsonBounds bounds) {
  target.putWord(JSON_BY_PATH);
  size_t count = 0;
  for (const auto& path : column.paths) count += path->kindCount > 0 ? 1 : 0;
  target.putVarUInt(count);
  for (const auto& path : column.paths) {
    if (path->kindCount > 0) target.putString(column.names.room.items + path->textOffset, path->textLength);
  }
  for (const auto& path : column.paths) {
    if (path->kindCount == 0) continue;
    target.putWord(JSON_BY_PATH);
    target.putVarUInt(path->kindCount);
    for (size_t place = 0; place < path->kindCount; place++) {
      const std::string name = typeName(path->kinds[place], bounds);
      target.putString(name.data(), name.size());
    }
    if (path->place[static_cast<size_t>(JsonKind::objects)] != NO_KIND) {
      writeJsonPrefix(target, *path->objects, bounds.inArray());
    }
  }
}

/// The entries of a path as one byte a row: the place of its type, and of rows without a value the count of types.
struct PlaceReader {
  const JsonPath& path;
  const Byte* at;
  size_t nextRow = 0;
  Byte place = 0;

  explicit PlaceReader(const JsonPath& from) : path(from), at(from.entries.items) {}

  /// The bytes of the rows from `from` to `to`, which come in their order.
  void read(Byte* places, size_t from, size_t to) {
    std::memset(places, path.kindCount, to - from);
    const Byte* const end = path.entriesEnd;
    while (at < end) {
      // Rows that all have a value of one type: keys that every event has.
      if (end - at >= 8 && to - nextRow >= 8 && load64(at) == 0) {
        std::memset(places + (nextRow - from), place, 8);
        at += 8;
        nextRow += 8;
        continue;
      }
      size_t row = nextRow + *at;
      size_t entryBytes = 1;
      if (__builtin_expect(*at == ENTRY_FAR, 0)) {
        FarEntry entry;
        std::memcpy(&entry, at, sizeof(entry));
        row = entry.row;
        if (row >= to) return;
        place = entry.place;
        entryBytes = sizeof(entry);
      }
      if (row >= to) return;
      places[row - from] = place;
      nextRow = row + 1;
      at += entryBytes;
    }
  }
};

/// The places of the rows' types.
inline void writePlaces(BlockTarget& target, const JsonPath& path, size_t rowCount) {
  if (target.isMeasuring()) {
    target.length += rowCount;
    return;
  }
  Byte places[4096];
  PlaceReader reader(path);
  for (size_t row = 0; row < rowCount;) {
    const size_t count = rowCount - row < sizeof(places) ? rowCount - row : sizeof(places);
    reader.read(places, row, row + count);
    target.put(places, count);
    row += count;
  }
}

inline void writeJsonValues(BlockTarget& target, const JsonColumn& column) {
  for (const auto& path : column.paths) {
    if (path->kindCount == 0) continue;
    writePlaces(target, *path, column.rowCount);
    for (size_t place = 0; place < path->kindCount; place++) {
      const JsonKind kind = path->kinds[place];
      const JsonValues& values = path->values[static_cast<size_t>(kind)];
      if (values.arrays != nullptr) {
        target.put(values.arrays->offsets);
        target.put(values.arrays->nulls);
      }
      if (kind == JsonKind::objects) writeJsonValues(target, *path->objects);
      else target.put(values.values);
    }
  }
}

}  // namespace penstock
