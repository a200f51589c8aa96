// Canonical lines into the columns of a block, row by row. A line is split by the keys of its columns, which stand in
// one order and without white space (src/scan/contract.ts); what is damaged is told, and never read beyond.
#pragma once
#include "../skip.h"
#include "columns.h"

namespace penstock {

/// A remembered end of line is at most so long: a user agent of 512 bytes, escaped, and the rest.
constexpr size_t TAIL_BYTES_MAX = 4096;

struct Encoder {
  Room<Byte> setupBytes;
  std::vector<BlockColumn> columns;
  /// Those of kind json.
  std::vector<uint32_t> jsonColumns;
  /// The first of the columns that the server fills.
  uint32_t tailFrom;
  /// A block of so many rows or about so many bytes takes no more; memory over `keepBytes`, together, is given back.
  uint32_t rowsMax, bytesMax, keepBytes;
  uint32_t seed[4];
  JsonForm form;
  JsonWalk walk;
  /// The one that `form` asks for, and that of the rows which paths cannot say.
  Half halves[2];
  Buffer scratch;
};

inline void openHalf(Encoder& encoder, Half& half, JsonForm form) {
  half.form = form;
  half.rowCount = 0;
  half.tail.length = 0;
  for (size_t index = 0; index < half.columns.size(); index++) {
    ColumnValues& values = half.columns[index];
    values.values.length = 0;
    const BlockColumnKind kind = encoder.columns[index].kind;
    if (kind == BlockColumnKind::dictionary || kind == BlockColumnKind::folded) {
      openDictionary(values.dictionary, encoder.seed);
    }
    if (kind == BlockColumnKind::json && form == JsonForm::paths) {
      clearColumn(values.json, encoder.walk.pathsMax / 2);
    }
  }
}

inline size_t heldBytes(const Encoder& encoder) {
  size_t bytes = 0;
  for (const Half& half : encoder.halves) {
    for (const ColumnValues& values : half.columns) {
      bytes += values.values.room.capacity + heldBytes(values.dictionary) + heldBytes(values.json);
    }
  }
  return bytes;
}

inline void releaseColumns(Encoder& encoder) {
  for (Half& half : encoder.halves) {
    for (ColumnValues& values : half.columns) {
      values.values.release();
      release(values.dictionary);
      openColumn(values.json);
    }
  }
  encoder.scratch.release();
  encoder.walk.log.release();
  encoder.walk.numbers = {};
}

/// Empties the block.
inline void openBlock(Encoder& encoder) {
  if (heldBytes(encoder) > encoder.keepBytes) releaseColumns(encoder);
  encoder.walk.places = 0;
  openHalf(encoder, encoder.halves[0], encoder.form);
  openHalf(encoder, encoder.halves[1], JsonForm::text);
}

PENSTOCK_PER_VALUE void appendAbsent(BlockColumnKind kind, JsonForm form, ColumnValues& values) {
  switch (kind) {
    case BlockColumnKind::text: values.values.push(Byte{0}); break;
    case BlockColumnKind::dictionary: case BlockColumnKind::folded: addRow(values.dictionary, 0); break;
    case BlockColumnKind::time: values.values.push(int64_t{0}); break;
    default:
      if (form == JsonForm::text) pushText(values.values, "{}", 2);
      if (form == JsonForm::string) values.values.push(Byte{0});
  }
}

inline Walked appendJson(Encoder& encoder, Half& half, size_t column, const Byte* at, const Byte* end) {
  ColumnValues& values = half.columns[column];
  if (at >= end || *at != '{') return stop(JsonEnd::damaged);
  if (half.form == JsonForm::paths) {
    uint32_t last = 0;
    return walkObject(encoder.walk, values.json, 0, last, at, end, 0);
  }
  const Position length = skipBrackets(at, 0, end - at);
  // What is not parsed must not reach into the lines behind a damaged one: they would be lost with it.
  if (length < 0 || std::memchr(at, '\n', static_cast<size_t>(length)) != nullptr) return stop(JsonEnd::damaged);
  pushText(values.values, at, static_cast<size_t>(length));
  return {at + length, JsonEnd::none};
}

/// The value at `at`, of a column whose key stands before it.
PENSTOCK_PER_VALUE Walked appendValue(Encoder& encoder, Half& half, size_t column, const Byte* at, const Byte* end) {
  ColumnValues& values = half.columns[column];
  const BlockColumnKind kind = encoder.columns[column].kind;
  if (kind == BlockColumnKind::json) return appendJson(encoder, half, column, at, end);
  if (kind == BlockColumnKind::time) {
    int64_t ms;
    if (!readTime(at, end, ms)) return stop(JsonEnd::damaged);
    values.values.push(ms);
    values.tailValue = static_cast<uint64_t>(ms);
    return {at + TIME_BYTES, JsonEnd::none};
  }
  if (at >= end || *at != '"') return stop(JsonEnd::damaged);
  if (kind == BlockColumnKind::text) {
    at = appendString(values.values, at + 1, end);
    return at == nullptr ? stop(JsonEnd::damaged) : Walked{at, JsonEnd::none};
  }
  at = appendRepeated(values.dictionary, encoder.seed, encoder.scratch, at + 1, end);
  if (at == nullptr) return stop(JsonEnd::damaged);
  values.tailValue = values.dictionary.last;
  return {at, JsonEnd::none};
}

/// Leaves the columns as they were before the row.
inline void takeRowBack(Encoder& encoder, Half& half, size_t columnCount) {
  takeBack(encoder.walk);
  for (size_t column = 0; column < columnCount; column++) {
    ColumnValues& values = half.columns[column];
    values.values.length = values.saved;
    if (values.dictionary.rowCount > half.rowCount) values.dictionary.rowCount = half.rowCount;
  }
}

/// The row has the remembered end.
inline void repeatTail(const Encoder& encoder, Half& half) {
  for (size_t column = encoder.tailFrom; column < encoder.columns.size(); column++) {
    ColumnValues& values = half.columns[column];
    if (encoder.columns[column].kind == BlockColumnKind::time) values.values.push(values.tailValue);
    else addRow(values.dictionary, static_cast<uint32_t>(values.tailValue));
  }
}

PENSTOCK_PER_VALUE bool hasKey(Text key, const Byte* at, const Byte* end) {
  if (static_cast<size_t>(end - at) < key.length) return false;
  // Absent columns mostly differ from what is there in these bytes.
  return load32(at + 2) == load32(key.bytes + 2) && isEqual(at, key.bytes, key.length);
}

PENSTOCK_PER_VALUE Walked commitRow(const Encoder& encoder, Half& half, const Byte* at) {
  half.rowCount++;
  if (half.form == JsonForm::paths) {
    for (const uint32_t column : encoder.jsonColumns) half.columns[column].json.rowCount = half.rowCount;
  }
  return {at, JsonEnd::none};
}

/// Adds the line at `at` to the half and returns the place behind its newline, or why not; then the half is as before.
inline Walked appendRow(Encoder& encoder, Half& half, const Byte* at, const Byte* end) {
  beginRow(encoder.walk);
  const Byte* tailStart = at;
  const size_t columnCount = encoder.columns.size();
  const BlockColumn* const columns = encoder.columns.data();
  ColumnValues* const values = half.columns.data();
  for (size_t column = 0; column < columnCount; column++) {
    if (column == encoder.tailFrom) {
      const size_t tailBytes = half.tail.length;
      tailStart = at;
      if (tailBytes > 0 && static_cast<size_t>(end - at) >= tailBytes &&
          std::memcmp(at, half.tail.room.items, tailBytes) == 0) {
        repeatTail(encoder, half);
        return commitRow(encoder, half, at + tailBytes);
      }
      // What it stands for is overwritten from here on, also by a row that turns out to be damaged.
      half.tail.length = 0;
    }
    values[column].saved = values[column].values.length;
    const Text key = columns[column].key;
    if (!hasKey(key, at, end)) {
      // Nothing can begin with the comma of the second member but the first.
      if (column == 0) return stop(JsonEnd::damaged);
      appendAbsent(columns[column].kind, half.form, values[column]);
      values[column].tailValue = 0;
      continue;
    }
    const Walked walked = appendValue(encoder, half, column, at + key.length, end);
    if (walked.at == nullptr) {
      takeRowBack(encoder, half, column + 1);
      return walked;
    }
    at = walked.at;
  }
  if (end - at < 2 || at[0] != '}' || at[1] != '\n') {
    takeRowBack(encoder, half, columnCount);
    return stop(JsonEnd::damaged);
  }
  at += 2;
  const size_t tailBytes = static_cast<size_t>(at - tailStart);
  if (tailBytes <= TAIL_BYTES_MAX) half.tail.append(tailStart, tailBytes);
  return commitRow(encoder, half, at);
}

/// About the bytes that the block would take: names, and Strings that are not folded, are not counted.
inline size_t blockBytes(const Encoder& encoder) {
  size_t bytes = 0;
  for (const Half& half : encoder.halves) {
    for (const ColumnValues& values : half.columns) {
      const Dictionary& dictionary = values.dictionary;
      const size_t indexBytes = dictionary.count <= UINT8_MAX ? 1 : dictionary.count <= UINT16_MAX ? 2 : 4;
      bytes += values.values.length + dictionary.rowCount * indexBytes;
      if (dictionary.rowCount > 0) bytes += dictionary.keys.length;
      if (half.form == JsonForm::paths) bytes += columnBytes(values.json);
    }
  }
  return bytes;
}

inline bool isFull(const Encoder& encoder) {
  const size_t rows = encoder.halves[0].rowCount + encoder.halves[1].rowCount;
  return rows >= encoder.rowsMax || blockBytes(encoder) >= encoder.bytesMax;
}

/// Rows, or bytes of lines, between two looks at the size of the block; a look goes through every column and path.
constexpr uint32_t LOOK_ROWS = 1024;
constexpr Position LOOK_BYTES = 1 << 20;

/// Adds whole lines; gives the bytes of those that were added: up to the first that is damaged, or that a full block
/// does not take any more.
inline size_t appendLines(Encoder& encoder, const Byte* lines, size_t length) {
  const Byte* const end = lines + length;
  const Byte* at = lines;
  // The first line always looks.
  const Byte* lookedAt = at;
  for (uint32_t count = 0; at < end; count++) {
    if (count % LOOK_ROWS == 0 || at - lookedAt >= LOOK_BYTES) {
      if (isFull(encoder)) break;
      lookedAt = at;
    }
    Walked walked = appendRow(encoder, encoder.halves[0], at, end);
    if (walked.end == JsonEnd::text) walked = appendRow(encoder, encoder.halves[1], at, end);
    if (walked.at == nullptr) break;
    at = walked.at;
  }
  return static_cast<size_t>(at - lines);
}

}  // namespace penstock
