// A block in ClickHouse's format Native (ClickHouse: NativeReader.cpp, without a protocol revision):
//
//   VarUInt count of columns, VarUInt count of rows
//   for each column: its name and its type as Strings, then its rows
//   String: VarUInt length, bytes · DateTime64(3): Int64 · LowCardinality: dictionary.h · JSON: json-write.h
//
// A file may hold several blocks, one behind the other. Rows whose JSON paths cannot say are the second.
#pragma once
#include "encoder.h"
#include "json-write.h"

namespace penstock {

constexpr uint64_t DICTIONARY_VERSION = 1;
constexpr uint64_t DICTIONARY_FLAGS = 0x600;
constexpr char DICTIONARY_TYPE[] = "LowCardinality(String)";
constexpr char STRING_TYPE[] = "String";

template <typename Index>
inline void writeIndexes(BlockTarget& target, const Dictionary& dictionary, size_t rowCount) {
  if (target.isMeasuring()) {
    target.length += rowCount * sizeof(Index);
    return;
  }
  Index indexes[512];
  for (size_t row = 0; row < rowCount;) {
    const size_t left = rowCount - row;
    const size_t count = left < 512 ? left : 512;
    for (size_t index = 0; index < count; index++) indexes[index] = static_cast<Index>(dictionary.rows.items[row + index]);
    target.put(indexes, count * sizeof(Index));
    row += count;
  }
}

inline void writeDictionary(BlockTarget& target, const Dictionary& dictionary, size_t rowCount) {
  const uint32_t last = dictionary.count - 1;
  const uint64_t width = last <= UINT8_MAX ? 0 : last <= UINT16_MAX ? 1 : 2;
  target.putWord(DICTIONARY_VERSION);
  target.putWord(DICTIONARY_FLAGS | width);
  target.putWord(dictionary.count);
  target.put(dictionary.keys);
  target.putWord(rowCount);
  if (width == 0) writeIndexes<uint8_t>(target, dictionary, rowCount);
  else if (width == 1) writeIndexes<uint16_t>(target, dictionary, rowCount);
  else writeIndexes<uint32_t>(target, dictionary, rowCount);
}

/// Whether values repeat so seldom that a dictionary would only lengthen the column.
inline bool isUnfolded(const Dictionary& dictionary, size_t rowCount) { return 2 * size_t{dictionary.count} > rowCount + 2; }

inline void writeTexts(BlockTarget& target, const Dictionary& dictionary, size_t rowCount) {
  for (size_t row = 0; row < rowCount; row++) {
    const Dictionary::Entry& entry = dictionary.entries.items[dictionary.rows.items[row]];
    target.putString(dictionary.keys.room.items + entry.offset, entry.length);
  }
}

inline void writeColumn(BlockTarget& target, const Encoder& encoder, const Half& half, size_t index, JsonBounds bounds) {
  const BlockColumn& column = encoder.columns[index];
  const ColumnValues& values = half.columns[index];
  target.putString(column.name.bytes, column.name.length);
  const bool isFolded = column.kind == BlockColumnKind::folded && !isUnfolded(values.dictionary, half.rowCount);
  if (isFolded) target.putString(DICTIONARY_TYPE, sizeof(DICTIONARY_TYPE) - 1);
  else if (half.form == JsonForm::string && column.kind == BlockColumnKind::json) {
    target.putString(STRING_TYPE, sizeof(STRING_TYPE) - 1);
  } else {
    target.putString(column.type.bytes, column.type.length);
  }
  if (isFolded || column.kind == BlockColumnKind::dictionary) {
    return writeDictionary(target, values.dictionary, half.rowCount);
  }
  if (column.kind == BlockColumnKind::folded) return writeTexts(target, values.dictionary, half.rowCount);
  if (column.kind == BlockColumnKind::time) return target.put(values.values.room.items, half.rowCount * sizeof(int64_t));
  if (column.kind != BlockColumnKind::json || half.form == JsonForm::string) return target.put(values.values);
  if (half.form == JsonForm::text) {
    target.putWord(JSON_AS_TEXT);
    target.put(values.values);
    return;
  }
  writeJsonPrefix(target, values.json, bounds);
  writeJsonValues(target, values.json);
}

/// Writes what has gathered; nothing when there are no rows.
inline void writeBlock(BlockTarget& target, const Encoder& encoder, JsonBounds bounds) {
  for (const Half& half : encoder.halves) {
    if (half.rowCount == 0) continue;
    target.putVarUInt(encoder.columns.size());
    target.putVarUInt(half.rowCount);
    for (size_t column = 0; column < encoder.columns.size(); column++) {
      writeColumn(target, encoder, half, column, bounds);
    }
  }
}

}  // namespace penstock
