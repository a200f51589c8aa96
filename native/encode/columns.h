// The columns of a block: what each is, and the values of the rows that it has so far.
#pragma once
#include "dictionary.h"
#include "json-walk.h"

namespace penstock {

/// As src/sinks/native-block.ts numbers them.
enum class BlockColumnKind : uint32_t {
  /// String.
  text,
  /// LowCardinality(String).
  dictionary,
  /// String that is written as LowCardinality(String) while that is shorter; the engine turns it back.
  folded,
  /// DateTime64(3): Int64, milliseconds since 1970.
  time,
  /// JSON, or its text in a String.
  json,
  count
};

/// What JSON columns are written as.
enum class JsonForm : uint32_t { paths, text, string, count };

struct BlockColumn {
  BlockColumnKind kind;
  /// What stands before the value in a line: `,"name":`, and `{"name":` for the first.
  Text key;
  Text name;
  /// ClickHouse's name of the type.
  Text type;
};

struct ColumnValues {
  /// Of every kind but dictionaries and JSON by path.
  Buffer values;
  Dictionary dictionary;
  JsonColumn json;
  /// Length of `values` before the row in hand.
  size_t saved = 0;
  /// What the rows with the remembered end of line have: an index of the dictionary, or a time.
  uint64_t tailValue = 0;
};

/// Rows whose JSON is written in one form. A block of the engine has one form a column, so those that paths cannot say
/// are a block of their own, behind the first.
struct Half {
  JsonForm form;
  size_t rowCount = 0;
  std::vector<ColumnValues> columns;
  /// The end of the last line, from the columns on that the server fills: it is the same for all events of a frame.
  Buffer tail;
};

/// Place of the first byte from `at` on, inside a string, that ends a plain run; `end` where there is none.
PENSTOCK_PER_VALUE const Byte* findRunEnd(const Byte* at, const Byte* end) {
  while (end - at >= STEP_BYTES) {
    const uint32_t ends = runEnds(at);
    if (ends != 0) return at + __builtin_ctz(ends);
    at += STEP_BYTES;
  }
  while (at < end && *at != '"' && *at != '\\' && *at >= 0x20) at++;
  return at;
}

/// Adds the string at `at`, behind its opening quote, to a dictionary. Returns the place behind its closing quote, or null
/// where it is damaged. Spans go as two values: one that is built and passed whole would wait for its own stores.
PENSTOCK_PER_VALUE const Byte* appendRepeated(Dictionary& dictionary, const uint32_t seed[4], Buffer& scratch,
                                              const Byte* at, const Byte* end) {
  const Byte* const runEnd = findRunEnd(at, end);
  if (runEnd >= end) return nullptr;
  if (__builtin_expect(*runEnd == '"', 1)) {
    addRow(dictionary, seed, at, static_cast<size_t>(runEnd - at));
    return runEnd + 1;
  }
  scratch.length = 0;
  scratch.append(at, static_cast<size_t>(runEnd - at));
  const Byte* const behind = copyUnescaped(scratch, runEnd, end);
  if (behind != nullptr) addRow(dictionary, seed, scratch.room.items, scratch.length);
  return behind;
}

/// The number of two digits at `at`; `bad` becomes true when they are none.
PENSTOCK_PER_VALUE uint32_t readPair(const Byte* at, bool& bad) {
  const uint32_t tens = at[0] - uint32_t{'0'}, ones = at[1] - uint32_t{'0'};
  bad |= tens > 9 || ones > 9;
  return tens * 10 + ones;
}

/// Bytes of `"YYYY-MM-DDThh:mm:ss.mmmZ"`.
constexpr Position TIME_BYTES = 26;

/// Milliseconds since 1970 of the canonical time at `at`, its quotes included. False where it is none.
inline bool readTime(const Byte* at, const Byte* end, int64_t& ms) {
  if (end - at < TIME_BYTES) return false;
  bool bad = at[0] != '"' || at[5] != '-' || at[8] != '-' || at[11] != 'T' || at[14] != ':' || at[17] != ':' ||
             at[20] != '.' || at[24] != 'Z' || at[25] != '"';
  const uint32_t year = readPair(at + 1, bad) * 100 + readPair(at + 3, bad);
  const uint32_t month = readPair(at + 6, bad), day = readPair(at + 9, bad);
  const uint32_t hour = readPair(at + 12, bad), minute = readPair(at + 15, bad), second = readPair(at + 18, bad);
  const uint32_t last = at[23] - uint32_t{'0'};
  const uint32_t milli = readPair(at + 21, bad) * 10 + last;
  if (bad || last > 9 || month - 1 > 11 || day - 1 > 30 || hour > 23 || minute > 59 || second > 59) return false;
  // Years are taken to begin in March, so that a leap day ends one.
  const uint32_t shiftedYear = year - (month <= 2 ? 1 : 0) + 400;
  const uint32_t shiftedMonth = month > 2 ? month - 3 : month + 9;
  const uint32_t era = shiftedYear / 400;
  const uint32_t yearOfEra = shiftedYear - era * 400;
  const uint32_t dayOfYear = (153 * shiftedMonth + 2) / 5 + day - 1;
  const uint32_t dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
  const int64_t days = static_cast<int64_t>(era) * 146'097 + dayOfEra - 719'468 - 146'097;
  ms = days * 86'400'000 + ((hour * 60 + minute) * 60 + second) * int64_t{1000} + milli;
  return true;
}

}  // namespace penstock
