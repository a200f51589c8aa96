// Canonical lines into the columns of a block, row by row. A line is split by the keys of its columns, which stand in
// one order and without white space (src/scan/contract.ts); what is damaged is told, and never read beyond.
#pragma once
#include "plan-learn.h"
#include "plan-run.h"

namespace penstock {

/// A remembered end of line is at most so long: a user agent of 512 bytes, escaped, and the rest.
constexpr size_t TAIL_BYTES_MAX = 4096;

PENSTOCK_PER_VALUE void appendAbsent(BlockColumnKind kind, JsonForm form, ColumnValues& values) {
  switch (kind) {
    case BlockColumnKind::text: values.values.push(Byte{0}); break;
    // Nothing is the default of these.
    case BlockColumnKind::dictionary: case BlockColumnKind::folded: case BlockColumnKind::time: break;
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
  at = appendObject(values.values, at, end);
  return at == nullptr ? stop(JsonEnd::damaged) : Walked{at, JsonEnd::none};
}

/// The value at `at`, of a column whose key stands before it.
PENSTOCK_PER_VALUE Walked appendValue(Encoder& encoder, Half& half, size_t column, const Byte* at, const Byte* end) {
  ColumnValues& values = half.columns[column];
  const BlockColumnKind kind = encoder.columns[column].kind;
  if (kind == BlockColumnKind::json) return appendJson(encoder, half, column, at, end);
  if (kind == BlockColumnKind::time) {
    int64_t ms;
    if (!readTime(at, end, ms)) return stop(JsonEnd::damaged);
    putTime(values, half.rowCount, ms);
    values.tailValue = static_cast<uint64_t>(ms);
    return {at + TIME_BYTES, JsonEnd::none};
  }
  if (at >= end || *at != '"') return stop(JsonEnd::damaged);
  if (kind == BlockColumnKind::text) {
    at = appendString(values.values, at + 1, end);
    return at == nullptr ? stop(JsonEnd::damaged) : Walked{at, JsonEnd::none};
  }
  uint32_t dictionaryIndex;
  at = readRepeated(values.dictionary, encoder.scratch, at + 1, end, dictionaryIndex);
  if (at == nullptr) return stop(JsonEnd::damaged);
  putIndex(values, half.rowCount, dictionaryIndex);
  values.tailValue = dictionaryIndex;
  return {at, JsonEnd::none};
}

/// The columns from `from` to `to` of the row in hand, whose keys stand in their order from `at` on.
inline Walked appendColumns(Encoder& encoder, Half& half, size_t from, size_t to, const Byte* at, const Byte* end) {
  for (size_t column = from; column < to; column++) {
    ColumnValues& values = half.columns[column];
    const Text key = encoder.columns[column].key;
    if (!hasKey(key, at, end)) {
      // Nothing can begin with the comma of the second member but the first.
      if (column == 0) return stop(JsonEnd::damaged);
      appendAbsent(encoder.columns[column].kind, half.form, values);
      values.tailValue = 0;
      continue;
    }
    const Walked walked = appendValue(encoder, half, column, at + key.length, end);
    if (walked.at == nullptr) return walked;
    at = walked.at;
  }
  return {at, JsonEnd::none};
}

/// A tail that is not the remembered one, and becomes it.
__attribute__((noinline)) inline Walked appendNewTail(Encoder& encoder, Half& half, const Byte* at, const Byte* end) {
  fillTails(encoder, half);
  // What it stands for is overwritten from here on, also by a row that turns out to be damaged.
  half.tail.length = 0;
  const Byte* const start = at;
  const Walked walked = appendColumns(encoder, half, encoder.tailFrom, encoder.columns.size(), at, end);
  if (walked.at == nullptr) return walked;
  if (end - walked.at < 2 || walked.at[0] != '}' || walked.at[1] != '\n') return stop(JsonEnd::damaged);
  const Byte* const behind = walked.at + 2;
  const size_t tailBytes = static_cast<size_t>(behind - start);
  if (tailBytes <= TAIL_BYTES_MAX) half.tail.append(start, tailBytes);
  half.tailRows = half.rowCount + 1;
  return {behind, JsonEnd::none};
}

/// The end of the row in hand, from the columns on that the server fills; the place behind its newline.
PENSTOCK_PER_VALUE Walked appendTail(Encoder& encoder, Half& half, const Byte* at, const Byte* end) {
  const size_t tailBytes = half.tail.length;
  if (tailBytes > 0 && static_cast<size_t>(end - at) >= tailBytes && isEqual(at, half.tail.room.items, tailBytes)) {
    return {at + tailBytes, JsonEnd::none};
  }
  return appendNewTail(encoder, half, at, end);
}

/// Adds the line at `at` to the half and returns the place behind its newline, or why not; then the half is as before.
inline Walked appendRow(Encoder& encoder, Half& half, const Byte* at, const Byte* end) {
  beginRow(encoder, half);
  countJsonRows(encoder, half);
  Walked walked = appendColumns(encoder, half, 0, encoder.tailFrom, at, end);
  if (walked.at != nullptr) walked = appendTail(encoder, half, walked.at, end);
  if (walked.at == nullptr) takeRowBack(encoder, half);
  else half.rowCount++;
  return walked;
}

/// As `appendRow`, by the plans where they know the line.
inline Walked appendKnownRow(Encoder& encoder, Half& half, const Byte* at, const Byte* end) {
  Plans& plans = encoder.walk.plans;
  beginRow(encoder, half);
  const Ran ran = encoder.runLine(encoder, half, at, end);
  if (__builtin_expect(ran.at != nullptr, 1)) {
    const Walked walked = ran.isWhole ? Walked{ran.at, JsonEnd::none} : appendTail(encoder, half, ran.at, end);
    if (__builtin_expect(walked.at != nullptr, 1)) {
      plans.credit += plans.credit < LEARN_CREDIT_MAX ? 1 : 0;
      half.rowCount++;
      return walked;
    }
  }
  takeRowBack(encoder, half);
  const Walked walked = appendRow(encoder, half, at, end);
  if (walked.at != nullptr) learnLine(encoder, at, walked.at);
  return walked;
}

/// About the bytes that the block would take: names, and Strings that are not folded, are not counted.
inline size_t blockBytes(const Encoder& encoder) {
  size_t bytes = 0;
  for (const Half& half : encoder.halves) {
    for (size_t column = 0; column < half.columns.size() && half.rowCount > 0; column++) {
      const ColumnValues& values = half.columns[column];
      const BlockColumnKind kind = encoder.columns[column].kind;
      bytes += values.values.length;
      if (kind == BlockColumnKind::time) bytes += half.rowCount * sizeof(int64_t);
      if (isIndexed(kind)) bytes += half.rowCount * indexBytes(values.dictionary) + values.dictionary.keys.length;
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
      for (Half& half : encoder.halves) countJsonRows(encoder, half);
      if (isFull(encoder)) break;
      lookedAt = at;
    }
    Walked walked = appendKnownRow(encoder, encoder.halves[0], at, end);
    if (walked.end == JsonEnd::text) walked = appendRow(encoder, encoder.halves[1], at, end);
    if (walked.at == nullptr) break;
    at = walked.at;
  }
  for (Half& half : encoder.halves) {
    fillTails(encoder, half);
    countJsonRows(encoder, half);
  }
  return static_cast<size_t>(at - lines);
}

}  // namespace penstock
