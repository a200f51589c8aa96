// Walks the JSON object of a canonical line once and adds what it holds to a JSON column, with the types that the engine
// infers (ClickHouse: JSONExtractTree.cpp, under the settings of src/sinks/embedded/store/block-insert.ts):
//
//   integers Int64, or UInt64 beyond it; fractions and exponents Float64; texts String; true and false Bool
//   null and {} leave nothing; objects become paths
//   [] and arrays of nulls Array(Nullable(String)); arrays of one scalar type, nulls or not, Array(Nullable(…)), numbers of
//   several types the widest; arrays of objects Array(JSON). Other arrays are left to the engine, as JsonEnd::text.
#pragma once
#include "json-names.h"

namespace penstock {

/// A walk's place, or why there is none.
struct Walked {
  const Byte* at;
  JsonEnd end;
};

inline Walked stop(JsonEnd end) { return {nullptr, end}; }

inline bool startsWith(const Byte* at, const Byte* end, const char* word, size_t length) {
  return static_cast<size_t>(end - at) >= length && std::memcmp(at, word, length) == 0;
}

Walked walkObject(JsonWalk& walk, JsonColumn& column, uint32_t parent, uint32_t& last, const Byte* at, const Byte* end,
                  uint32_t depth);

constexpr size_t SCALAR_BYTES[] = {8, 8, 8, 1};

/// Begins an array whose first `nulls` elements are null.
inline JsonValues* beginArray(JsonWalk& walk, const JsonColumn& column, JsonPath& path, JsonKind kind, size_t nulls) {
  JsonValues* values = beginValue(walk, path, kind, column.rowCount);
  if (values == nullptr) return nullptr;
  values->arrays->nulls.fill(1, nulls);
  const size_t element = static_cast<size_t>(kind) - JSON_ARRAYS_FROM;
  // The default of a String is one byte, its length.
  values->values.fill(0, nulls * (kind == JsonKind::strings ? 1 : SCALAR_BYTES[element]));
  values->arrays->elements += nulls;
  return values;
}

inline Walked endArray(JsonValues& values, const Byte* at) {
  values.arrays->offsets.push(values.arrays->elements);
  return {at, JsonEnd::none};
}

/// Place of the next element behind `at`; null with `isLast` at the end of the array, without it where it is damaged.
inline const Byte* nextElement(const Byte* at, const Byte* end, bool& isLast) {
  isLast = false;
  if (at >= end) return nullptr;
  if (*at == ',') return at + 1;
  isLast = *at == ']';
  return nullptr;
}

inline Walked walkStrings(JsonWalk& walk, const JsonColumn& column, JsonPath& path, size_t nulls, const Byte* at,
                          const Byte* end) {
  JsonValues* values = beginArray(walk, column, path, JsonKind::strings, nulls);
  if (values == nullptr) return stop(JsonEnd::text);
  for (bool isLast = false;;) {
    if (at < end && *at == '"') {
      at = appendString(values->values, at + 1, end);
      if (at == nullptr) return stop(JsonEnd::damaged);
      values->arrays->nulls.push(Byte{0});
    } else if (startsWith(at, end, "null", 4)) {
      values->values.push(Byte{0});
      values->arrays->nulls.push(Byte{1});
      at += 4;
    } else {
      return stop(JsonEnd::text);
    }
    values->arrays->elements++;
    const Byte* const next = nextElement(at, end, isLast);
    if (isLast) return endArray(*values, at + 1);
    if (next == nullptr) return stop(JsonEnd::damaged);
    at = next;
  }
}

inline Walked walkBooleans(JsonWalk& walk, const JsonColumn& column, JsonPath& path, size_t nulls, const Byte* at,
                           const Byte* end) {
  JsonValues* values = beginArray(walk, column, path, JsonKind::booleans, nulls);
  if (values == nullptr) return stop(JsonEnd::text);
  for (bool isLast = false;;) {
    const bool isTrue = startsWith(at, end, "true", 4);
    const bool isNull = !isTrue && startsWith(at, end, "null", 4);
    if (!isTrue && !isNull && !startsWith(at, end, "false", 5)) return stop(JsonEnd::text);
    at += isTrue || isNull ? 4 : 5;
    values->values.push(static_cast<Byte>(isTrue));
    values->arrays->nulls.push(static_cast<Byte>(isNull));
    values->arrays->elements++;
    const Byte* const next = nextElement(at, end, isLast);
    if (isLast) return endArray(*values, at + 1);
    if (next == nullptr) return stop(JsonEnd::damaged);
    at = next;
  }
}

/// The kind of an array with numbers of the kinds seen, one bit each; text when no one type holds them all.
inline JsonKind kindOfNumbers(uint32_t seen, bool isNegativeSeen, bool& isText) {
  isText = false;
  if ((seen >> static_cast<uint32_t>(NumberKind::float64) & 1) != 0) return JsonKind::float64s;
  if ((seen >> static_cast<uint32_t>(NumberKind::uint64) & 1) == 0) return JsonKind::int64s;
  isText = isNegativeSeen;
  return JsonKind::uint64s;
}

inline uint64_t widen(const Number& number) {
  if (number.kind == NumberKind::int64) return bitsOf(static_cast<double>(static_cast<int64_t>(number.bits)));
  if (number.kind == NumberKind::uint64) return bitsOf(static_cast<double>(number.bits));
  return number.bits;
}

/// Numbers of one array that are kept until its type is known.
constexpr size_t ARRAY_NUMBERS_MAX = 65'536;

/// Numbers are read first: the last of them may decide the type of all. A null is noted as a damaged one.
inline Walked walkNumbers(JsonWalk& walk, const JsonColumn& column, JsonPath& path, size_t nulls, const Byte* at,
                          const Byte* end) {
  walk.numbers.clear();
  uint32_t seen = 0;
  bool isNegativeSeen = false;
  for (bool isLast = false; !isLast;) {
    Number number = damagedNumber();
    if (startsWith(at, end, "null", 4)) {
      number.end = at + 4;
    } else {
      if (at >= end || (*at != '-' && !isDigit(*at))) return stop(JsonEnd::text);
      number = readNumber(at, end);
      if (number.kind == NumberKind::damaged) return stop(JsonEnd::damaged);
      seen |= uint32_t{1} << static_cast<uint32_t>(number.kind);
      isNegativeSeen |= number.kind == NumberKind::int64 && static_cast<int64_t>(number.bits) < 0;
    }
    if (walk.numbers.size() == ARRAY_NUMBERS_MAX) return stop(JsonEnd::text);
    walk.numbers.push_back(number);
    const Byte* const next = nextElement(number.end, end, isLast);
    if (!isLast && next == nullptr) return stop(JsonEnd::damaged);
    at = isLast ? number.end + 1 : next;
  }
  bool isText;
  const JsonKind kind = kindOfNumbers(seen, isNegativeSeen, isText);
  JsonValues* values = isText ? nullptr : beginArray(walk, column, path, kind, nulls);
  if (values == nullptr) return stop(JsonEnd::text);
  for (const Number& number : walk.numbers) {
    const bool isNull = number.kind == NumberKind::damaged;
    values->arrays->nulls.push(static_cast<Byte>(isNull));
    values->values.push(isNull ? 0 : kind == JsonKind::float64s ? widen(number) : number.bits);
  }
  values->arrays->elements += walk.numbers.size();
  return endArray(*values, at);
}

inline Walked walkObjects(JsonWalk& walk, const JsonColumn& column, JsonPath& path, const Byte* at, const Byte* end,
                          uint32_t depth) {
  if (column.level >= JSON_ARRAY_DEPTH_MAX) return stop(JsonEnd::text);
  if (path.objects == nullptr) {
    path.objects = std::make_unique<JsonColumn>();
    path.objects->level = column.level + 1;
    openColumn(*path.objects);
  }
  JsonValues* values = beginValue(walk, path, JsonKind::objects, column.rowCount);
  if (values == nullptr) return stop(JsonEnd::text);
  JsonColumn& objects = *path.objects;
  for (bool isLast = false;;) {
    if (at >= end || *at != '{') return stop(JsonEnd::text);
    uint32_t last = 0;
    Walked walked{walk.runObject(walk, objects, at, end, depth), JsonEnd::none};
    if (walked.at == nullptr) walked = walkObject(walk, objects, 0, last, at, end, depth);
    if (walked.at == nullptr) return walked;
    objects.rowCount++;
    values->arrays->elements++;
    walk.places += objects.paths.size();
    if (walk.places > walk.placesMax) return stop(JsonEnd::text);
    const Byte* const next = nextElement(walked.at, end, isLast);
    if (isLast) return endArray(*values, walked.at + 1);
    if (next == nullptr) return stop(JsonEnd::damaged);
    at = next;
  }
}

/// The array whose first byte behind the bracket is at `at`.
inline Walked walkArray(JsonWalk& walk, JsonColumn& column, JsonPath& path, const Byte* at, const Byte* end,
                        uint32_t depth) {
  if (at < end && *at == ']') {
    JsonValues* values = beginArray(walk, column, path, JsonKind::strings, 0);
    return values == nullptr ? stop(JsonEnd::text) : endArray(*values, at + 1);
  }
  size_t nulls = 0;
  while (startsWith(at, end, "null", 4)) {
    nulls++;
    bool isLast;
    const Byte* const next = nextElement(at + 4, end, isLast);
    if (isLast) {
      JsonValues* values = beginArray(walk, column, path, JsonKind::strings, nulls);
      return values == nullptr ? stop(JsonEnd::text) : endArray(*values, at + 5);
    }
    if (next == nullptr) return stop(JsonEnd::damaged);
    at = next;
  }
  if (at >= end) return stop(JsonEnd::damaged);
  switch (*at) {
    case '"': return walkStrings(walk, column, path, nulls, at, end);
    case 't': case 'f': return walkBooleans(walk, column, path, nulls, at, end);
    case '[': return stop(JsonEnd::text);
    case '{': return nulls > 0 ? stop(JsonEnd::text) : walkObjects(walk, column, path, at, end, depth);
    default: return walkNumbers(walk, column, path, nulls, at, end);
  }
}

/// The value at `at`, of the key that is `node`.
inline Walked walkValue(JsonWalk& walk, JsonColumn& column, uint32_t node, uint32_t& last, const Byte* at,
                        const Byte* end, uint32_t depth) {
  if (at >= end) return stop(JsonEnd::damaged);
  const Byte first = *at;
  if (first == '{') return walkObject(walk, column, node, last, at, end, depth);
  if (first == 'n') return startsWith(at, end, "null", 4) ? Walked{at + 4, JsonEnd::none} : stop(JsonEnd::damaged);
  JsonPath* path = pathOf(walk, column, node);
  if (path == nullptr) return stop(JsonEnd::text);
  const size_t row = column.rowCount;
  if (first == '"') {
    JsonValues* values = beginValue(walk, *path, JsonKind::string, row);
    if (values == nullptr) return stop(JsonEnd::text);
    at = appendString(values->values, at + 1, end);
    return at == nullptr ? stop(JsonEnd::damaged) : Walked{at, JsonEnd::none};
  }
  if (first == '[') return walkArray(walk, column, *path, at + 1, end, depth + 1);
  if (first == '-' || isDigit(first)) {
    const Number number = readNumber(at, end);
    if (number.kind == NumberKind::damaged) return stop(JsonEnd::damaged);
    JsonValues* values = beginValue(walk, *path, static_cast<JsonKind>(number.kind), row);
    if (values == nullptr) return stop(JsonEnd::text);
    values->values.push(number.bits);
    return {number.end, JsonEnd::none};
  }
  const bool isTrue = startsWith(at, end, "true", 4);
  if (!isTrue && !startsWith(at, end, "false", 5)) return stop(JsonEnd::damaged);
  JsonValues* values = beginValue(walk, *path, JsonKind::boolean, row);
  if (values == nullptr) return stop(JsonEnd::text);
  values->values.push(static_cast<Byte>(isTrue));
  return {at + (isTrue ? 4 : 5), JsonEnd::none};
}

/// The object whose brace is at `at`, below the node `parent`, in the column's current row.
inline Walked walkObject(JsonWalk& walk, JsonColumn& column, uint32_t parent, uint32_t& last, const Byte* at,
                         const Byte* end, uint32_t depth) {
  if (depth >= walk.depthMax) return stop(JsonEnd::text);
  at++;
  if (at < end && *at == '}') return {at + 1, JsonEnd::none};
  for (;;) {
    if (at >= end || *at != '"') return stop(JsonEnd::damaged);
    const JsonEnd failed = findNode(walk, column, parent, at + 1, end, last);
    if (failed != JsonEnd::none) return stop(failed);
    const uint32_t node = last;
    const Walked walked = walkValue(walk, column, node, last, at + 1 + column.nodes[node].keyLength, end, depth + 1);
    if (walked.at == nullptr) return walked;
    if (walked.at >= end) return stop(JsonEnd::damaged);
    if (*walked.at == '}') return {walked.at + 1, JsonEnd::none};
    if (*walked.at != ',') return stop(JsonEnd::damaged);
    at = walked.at + 1;
  }
}

}  // namespace penstock
