// A reader of blocks in the format Native (encode/block-write.h and json-write.h say where it is written down), that
// shares nothing with the encoder: rows of a block as texts, which are equal for rows of equal values however the block
// is laid out. Ends the process where a block does not follow the format.
#pragma once
#include <algorithm>
#include <map>
#include <string>

#include "fixture.h"

namespace penstock::fuzz {

struct BlockRow {
  /// Everything but the JSON columns.
  std::string plain;
  /// The JSON columns: by path, or the text.
  std::string json;
  /// Whether they came as text.
  bool isText = false;
};

inline bool operator==(const BlockRow& left, const BlockRow& right) {
  return left.plain == right.plain && left.json == right.json && left.isText == right.isText;
}

/// Text that ends where it says, so that no two rows look alike by accident.
inline void addText(std::string& to, const std::string& text) { to += std::to_string(text.size()) + ":" + text; }

class BlockReader {
 public:
  explicit BlockReader(const std::string& bytes) : bytes_(bytes) {}

  /// Rows of all blocks, in their order.
  std::vector<BlockRow> readAll() {
    std::vector<BlockRow> rows;
    while (at_ < bytes_.size()) {
      const uint64_t columnCount = readVarUInt();
      const uint64_t rowCount = readVarUInt();
      check(columnCount > 0 && rowCount > 0, "a block has rows and columns");
      std::vector<BlockRow> own(fits(rowCount));
      for (uint64_t column = 0; column < columnCount; column++) readColumn(own);
      rows.insert(rows.end(), own.begin(), own.end());
    }
    return rows;
  }

 private:
  /// The paths of a JSON column, and the types of each.
  struct Column {
    struct Path {
      std::string name;
      std::vector<std::string> types;
      std::unique_ptr<Column> objects;
    };
    std::vector<Path> paths;
  };

  uint64_t fits(uint64_t count) {
    check(count <= bytes_.size(), "a count is below the bytes of the block");
    return count;
  }

  std::string take(uint64_t count) {
    check(count <= bytes_.size() - at_, "a block is as long as it says");
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }

  uint64_t readNumber(size_t width) {
    const std::string bytes = take(width);
    uint64_t value = 0;
    std::memcpy(&value, bytes.data(), width);
    return value;
  }

  uint64_t readVarUInt() {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 63; shift += 7) {
      const uint64_t byte = readNumber(1);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    failCheck("a number of a block ends");
  }

  std::string readString() { return take(readVarUInt()); }

  void readColumn(std::vector<BlockRow>& rows) {
    const std::string name = readString(), type = readString();
    if (type.compare(0, 5, "JSON(") == 0) return readJson(rows);
    std::vector<std::string> values;
    if (type == "LowCardinality(String)") values = readDictionary(rows.size());
    else for (size_t row = 0; row < rows.size(); row++) values.push_back(type == "String" ? readString() : take(8));
    for (size_t row = 0; row < rows.size(); row++) addText(rows[row].plain, name + "=" + values[row]);
  }

  std::vector<std::string> readDictionary(size_t rowCount) {
    check(readNumber(8) == 1, "the version of a dictionary");
    const uint64_t flags = readNumber(8);
    check((flags & ~uint64_t{3}) == 0x600 && (flags & 3) < 3, "the flags of a dictionary");
    std::vector<std::string> keys(fits(readNumber(8)));
    for (std::string& key : keys) key = readString();
    check(!keys.empty() && keys[0].empty(), "the first key is the default");
    std::vector<std::string> sorted = keys;
    std::sort(sorted.begin(), sorted.end());
    check(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), "a dictionary has each key once");
    check(readNumber(8) == rowCount, "a dictionary has an index for each row");
    std::vector<std::string> values;
    for (size_t row = 0; row < rowCount; row++) {
      const uint64_t index = readNumber(size_t{1} << (flags & 3));
      check(index < keys.size(), "an index is one of a key");
      values.push_back(keys[index]);
    }
    return values;
  }

  void readJson(std::vector<BlockRow>& rows) {
    const uint64_t form = readNumber(8);
    check(form == 1 || form == 3, "the form of a JSON column");
    if (form == 1) {
      for (BlockRow& row : rows) {
        addText(row.json, readString());
        row.isText = true;
      }
      return;
    }
    const Column column = readPaths();
    const std::vector<std::string> values = readValues(column, rows.size());
    for (size_t row = 0; row < rows.size(); row++) addText(rows[row].json, values[row]);
  }

  Column readPathsBehindForm() {
    check(readNumber(8) == 3, "objects of an array are by path");
    return readPaths();
  }

  Column readPaths() {
    Column column;
    column.paths.resize(fits(readVarUInt()));
    std::map<std::string, int> seen;
    for (auto& path : column.paths) {
      path.name = readString();
      check(seen[path.name]++ == 0, "a path is there once");
    }
    for (auto& path : column.paths) {
      check(readNumber(8) == 3, "the form of a path");
      path.types.resize(fits(readVarUInt()));
      check(!path.types.empty(), "a path has a type");
      for (std::string& type : path.types) {
        type = readString();
        if (type.compare(0, 10, "Array(JSON") != 0) continue;
        check(path.objects == nullptr, "a type is there once");
        path.objects = std::make_unique<Column>();
      }
      if (path.objects != nullptr) *path.objects = readPathsBehindForm();
    }
    return column;
  }

  /// For each row the paths that it has, in the order of their names.
  std::vector<std::string> readValues(const Column& column, size_t rowCount) {
    std::vector<std::map<std::string, std::string>> rows(rowCount);
    for (const auto& path : column.paths) {
      const std::string places = take(rowCount);
      for (size_t place = 0; place < path.types.size(); place++) {
        const size_t count = static_cast<size_t>(std::count(places.begin(), places.end(), static_cast<char>(place)));
        std::vector<std::string> values = readTyped(path, path.types[place], count);
        for (size_t row = 0, next = 0; row < rowCount; row++) {
          check(static_cast<Byte>(places[row]) <= path.types.size(), "a place is one of a type");
          if (places[row] == static_cast<char>(place)) rows[row][path.name] = path.types[place] + values[next++];
        }
      }
    }
    std::vector<std::string> texts(rowCount);
    for (size_t row = 0; row < rowCount; row++) {
      for (const auto& [name, value] : rows[row]) {
        addText(texts[row], name);
        addText(texts[row], value);
      }
    }
    return texts;
  }

  std::vector<std::string> readTyped(const Column::Path& path, const std::string& type, size_t count) {
    std::vector<std::string> values;
    const std::string array = "Array(Nullable(";
    const bool isArray = type.compare(0, array.size(), array) == 0;
    if (!isArray && type.compare(0, 10, "Array(JSON") != 0) {
      while (values.size() < count) values.push_back(readScalar(type));
      return values;
    }
    std::vector<uint64_t> ends(count);
    for (uint64_t& end : ends) end = readNumber(8);
    check(std::is_sorted(ends.begin(), ends.end()), "arrays end behind each other");
    const uint64_t elementCount = fits(count == 0 ? 0 : ends.back());
    std::vector<std::string> elements;
    if (isArray) {
      const std::string nulls = take(elementCount);
      const std::string element = type.substr(array.size(), type.size() - array.size() - 2);
      for (uint64_t index = 0; index < elementCount; index++) {
        const std::string value = readScalar(element);
        elements.push_back(nulls[index] != 0 ? "null" : value);
      }
    } else {
      elements = readValues(*path.objects, elementCount);
    }
    for (size_t row = 0, next = 0; row < count; row++) {
      std::string value;
      for (; next < ends[row]; next++) addText(value, elements[next]);
      values.push_back(value);
    }
    return values;
  }

  std::string readScalar(const std::string& type) {
    if (type == "String") return readString();
    check(type == "Int64" || type == "UInt64" || type == "Float64" || type == "Bool", "a type is known");
    return take(type == "Bool" ? 1 : 8);
  }

  const std::string& bytes_;
  size_t at_ = 0;
};

}  // namespace penstock::fuzz
