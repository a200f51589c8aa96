// The encoder's state, and its rows: where a row begins, how one that cannot be told is taken back, and how a block is emptied.
#pragma once
#include <algorithm>

#include "../skip.h"
#include "columns.h"

namespace penstock {

/// How far the plans came in a line.
struct Ran {
  /// Behind the columns that the client fills, or null.
  const Byte* at;
  /// The end of the line is the remembered one, and `at` is behind it.
  bool isWhole;
};

struct Encoder {
  Room<Byte> setupBytes;
  std::vector<BlockColumn> columns;
  /// Those of kind json.
  std::vector<uint32_t> jsonColumns;
  /// The first one that repeats its values: the type of the event, which foretells the rest of a line.
  uint32_t firstDictionary = UINT32_MAX;
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
  /// The row in hand, by the plans; null where they do not know the line, and then something may have come (plan-run.h).
  Ran (*runLine)(Encoder& encoder, Half& half, const Byte* at, const Byte* end) = nullptr;
};

inline bool isIndexed(BlockColumnKind kind) { return kind == BlockColumnKind::dictionary || kind == BlockColumnKind::folded; }

inline void forgetPlans(Encoder& encoder) {
  forgetSteps(encoder.walk.plans);
  for (const uint32_t column : encoder.jsonColumns) forgetPlaces(encoder.halves[0].columns[column].json);
}

inline void openHalf(Encoder& encoder, Half& half, JsonForm form) {
  half.form = form;
  half.rowCount = half.roomRows = half.tailRows = 0;
  half.tail.length = 0;
  half.lengthened.clear();
  for (size_t index = 0; index < half.columns.size(); index++) {
    const BlockColumnKind kind = encoder.columns[index].kind;
    const bool isJsonText = kind == BlockColumnKind::json && form != JsonForm::paths;
    if (kind == BlockColumnKind::text || isJsonText) half.lengthened.push_back(&half.columns[index]);
  }
  bool isForgotten = isFull(encoder.walk.plans);
  for (size_t index = 0; index < half.columns.size(); index++) {
    ColumnValues& values = half.columns[index];
    values.values.length = 0;
    const BlockColumnKind kind = encoder.columns[index].kind;
    if (isIndexed(kind)) openDictionary(values.dictionary, encoder.seed);
    if (kind == BlockColumnKind::json && form == JsonForm::paths) {
      isForgotten |= clearColumn(values.json, encoder.walk.pathsMax / 2);
    }
  }
  if (isForgotten) forgetPlans(encoder);
  else forgetIndexes(encoder.walk.plans);
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
  forgetPlans(encoder);
  encoder.scratch.release();
  encoder.walk.log.release();
  encoder.walk.logEnd = encoder.walk.logRoomEnd = nullptr;
  encoder.walk.numbers = {};
}

/// Empties the block.
inline void openBlock(Encoder& encoder) {
  if (heldBytes(encoder) > encoder.keepBytes) releaseColumns(encoder);
  encoder.walk.places = 0;
  openHalf(encoder, encoder.halves[0], encoder.form);
  openHalf(encoder, encoder.halves[1], JsonForm::text);
}

/// Rows that room is made for at once.
constexpr size_t ROOM_ROWS = 1024;

PENSTOCK_PER_VALUE bool hasKey(Text key, const Byte* at, const Byte* end) {
  if (static_cast<size_t>(end - at) < key.length) return false;
  // Absent columns mostly differ from what is there in these bytes.
  return load32(at + 2) == load32(key.bytes + 2) && isEqual(at, key.bytes, key.length);
}

/// Makes room for more rows.
__attribute__((noinline)) inline void growRows(const Encoder& encoder, Half& half) {
  const size_t before = half.roomRows;
  half.roomRows += ROOM_ROWS;
  for (size_t index = 0; index < half.columns.size(); index++) {
    ColumnValues& values = half.columns[index];
    if (encoder.columns[index].kind == BlockColumnKind::time) {
      values.values.length = before * sizeof(int64_t);
      values.values.fill(0, ROOM_ROWS * sizeof(int64_t));
      values.values.length = 0;
    }
    if (!isIndexed(encoder.columns[index].kind)) continue;
    values.dictionary.rows.reserve(half.roomRows, before);
    std::memset(values.dictionary.rows.items + before, 0, ROOM_ROWS * sizeof(uint32_t));
  }
}

PENSTOCK_PER_VALUE void putTime(ColumnValues& values, size_t row, int64_t ms) {
  std::memcpy(values.values.room.items + row * sizeof(ms), &ms, sizeof(ms));
}

PENSTOCK_PER_VALUE void putIndex(ColumnValues& values, size_t row, uint32_t index) { values.dictionary.rows.items[row] = index; }

PENSTOCK_PER_VALUE void beginRow(Encoder& encoder, Half& half) {
  beginRow(encoder.walk);
  if (__builtin_expect(half.rowCount == half.roomRows, 0)) growRows(encoder, half);
  for (ColumnValues* const values : half.lengthened) values->saved = values->values.length;
}

/// Leaves the columns as they were before the row began.
__attribute__((noinline)) inline void takeRowBack(Encoder& encoder, Half& half) {
  takeBack(encoder.walk);
  for (size_t column = 0; column < half.columns.size(); column++) {
    ColumnValues& values = half.columns[column];
    const BlockColumnKind kind = encoder.columns[column].kind;
    if (kind == BlockColumnKind::time) putTime(values, half.rowCount, 0);
    else if (isIndexed(kind)) putIndex(values, half.rowCount, 0);
    else if (kind == BlockColumnKind::text || half.form != JsonForm::paths) values.values.length = values.saved;
  }
}

/// Gives the rows that have only been counted the columns of the remembered tail.
inline void fillTails(const Encoder& encoder, Half& half) {
  const size_t from = half.tailRows, to = half.rowCount;
  half.tailRows = to;
  for (size_t column = encoder.tailFrom; column < encoder.columns.size() && from < to; column++) {
    ColumnValues& values = half.columns[column];
    if (encoder.columns[column].kind == BlockColumnKind::time) {
      for (size_t row = from; row < to; row++) putTime(values, row, static_cast<int64_t>(values.tailValue));
    } else {
      std::fill(values.dictionary.rows.items + from, values.dictionary.rows.items + to, static_cast<uint32_t>(values.tailValue));
    }
  }
}

/// Tells the columns of JSON by path how many rows they have. Plans need no telling, and know most rows.
inline void countJsonRows(const Encoder& encoder, Half& half) {
  if (half.form != JsonForm::paths) return;
  for (const uint32_t column : encoder.jsonColumns) half.columns[column].json.rowCount = half.rowCount;
}

}  // namespace penstock
