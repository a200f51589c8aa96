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
  /// Of every kind but dictionaries and JSON by path. Times stand at the places of their rows, and their length is not
  /// told.
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
  /// Rows that columns with a place a row have room for; 0 stands there before they come.
  size_t roomRows = 0;
  std::vector<ColumnValues> columns;
  /// Those whose values every row makes longer, and that note their length before it.
  std::vector<ColumnValues*> lengthened;
  /// The end of the last line, from the columns on that the server fills: it is the same for all events of a frame.
  Buffer tail;
  /// Rows that have the columns of their tail; behind them all have the remembered one's.
  size_t tailRows = 0;
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

/// The index of the string at `at`, behind its opening quote, in a dictionary. Returns the place behind its closing quote, or
/// null where it is damaged.
inline const Byte* readRepeated(Dictionary& dictionary, Buffer& scratch, const Byte* at,
                                const Byte* end, uint32_t& index) {
  const Byte* const runEnd = findRunEnd(at, end);
  if (runEnd >= end) return nullptr;
  if (*runEnd == '"' && end - at >= VALUE_READ_BYTES) {
    index = indexOf(dictionary, at, static_cast<size_t>(runEnd - at));
    return runEnd + 1;
  }
  scratch.length = 0;
  scratch.append(at, static_cast<size_t>(runEnd - at));
  const Byte* const behind = copyUnescaped(scratch, runEnd, end);
  if (behind != nullptr) index = indexOf(dictionary, scratch.room.items, scratch.length);
  return behind;
}

/// Eight bytes of a time: digits where `pattern` has '0', else its own bytes. The digits of a pair make one byte, where
/// the first one stood; `bad` gets bits when it is none.
PENSTOCK_PER_VALUE uint64_t readPairs(const Byte* at, uint64_t pattern, uint64_t nines, uint64_t& bad) {
  const uint64_t digits = load64(at) ^ pattern;
  bad |= (((digits & 0x7f7f7f7f7f7f7f7f) + nines) | digits) & 0x8080808080808080;
  return digits * 10 + (digits >> 8);
}

/// Bytes of `"YYYY-MM-DDThh:mm:ss.mmmZ"`.
constexpr Position TIME_BYTES = 26;

/// Eight characters as `load64` reads them.
constexpr uint64_t wordOf(const char (&text)[9]) {
  uint64_t word = 0;
  for (size_t index = 8; index-- > 0;) word = word << 8 | static_cast<Byte>(text[index]);
  return word;
}

/// What takes a digit's byte to 0x7f at most, and any other byte but 0 beyond: by the pattern's bytes.
constexpr uint64_t ninesOf(uint64_t pattern) {
  uint64_t nines = 0;
  for (size_t shift = 0; shift < 64; shift += 8) nines |= uint64_t{(pattern >> shift & 0xff) == '0' ? 0x76u : 0x7fu} << shift;
  return nines;
}

/// The day of a date, in days since 1970.
PENSTOCK_PER_VALUE int64_t dayOf(uint32_t year, uint32_t month, uint32_t day) {
  // Years are taken to begin in March, so that a leap day ends one.
  const uint32_t shiftedYear = year - (month <= 2 ? 1 : 0) + 400;
  const uint32_t shiftedMonth = month > 2 ? month - 3 : month + 9;
  const uint32_t era = shiftedYear / 400;
  const uint32_t yearOfEra = shiftedYear - era * 400;
  const uint32_t dayOfYear = (153 * shiftedMonth + 2) / 5 + day - 1;
  const uint32_t dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
  return static_cast<int64_t>(era) * 146'097 + dayOfEra - 719'468 - 146'097;
}

/// Milliseconds since 1970 of the canonical time at `at`, its quotes included. False where it is none.
PENSTOCK_PER_VALUE bool readTime(const Byte* at, const Byte* end, int64_t& ms) {
  if (end - at < TIME_BYTES) return false;
  constexpr uint64_t date = wordOf("0000-00-"), middle = wordOf("00T00:00"), clock = wordOf(":00.000Z");
  uint64_t wrong = 0;
  const uint64_t first = readPairs(at + 1, date, ninesOf(date), wrong);
  const uint64_t second = readPairs(at + 9, middle, ninesOf(middle), wrong);
  const uint64_t third = readPairs(at + 17, clock, ninesOf(clock), wrong);
  const auto byteOf = [](uint64_t word, uint32_t index) { return static_cast<uint32_t>(word >> 8 * index & 0xff); };
  const uint32_t year = byteOf(first, 0) * 100 + byteOf(first, 2), month = byteOf(first, 5);
  const uint32_t day = byteOf(second, 0), hour = byteOf(second, 3), minute = byteOf(second, 6);
  const uint32_t seconds = byteOf(third, 1), milli = byteOf(third, 4) * 10 + (at[23] - uint32_t{'0'});
  const bool bad = wrong != 0 || at[0] != '"' || at[25] != '"';
  if (bad || month - 1 > 11 || day - 1 > 30 || hour > 23 || minute > 59 || seconds > 59) return false;
  ms = dayOf(year, month, day) * 86'400'000 + ((hour * 60 + minute) * 60 + seconds) * int64_t{1000} + milli;
  return true;
}

}  // namespace penstock
