// From a key to its node, and from a node to its path. Keys are compared as they stand in the text, their end included,
// so that one which comes where it came before is not even looked through.
#pragma once
#include "json-log.h"

namespace penstock {

/// What a walk ends with where it cannot go on.
enum class JsonEnd : uint32_t {
  none,
  /// Sound, but not to be said by paths: escaped keys, arrays of mixed types, too many paths, one path twice.
  text,
  damaged
};

/// Keys of a path, together: names are held from block to block, and no SDK's come near.
constexpr size_t PATH_BYTES_MAX = 1024;

PENSTOCK_PER_VALUE bool isKey(const JsonColumn& column, const JsonNode& node, const Byte* at, const Byte* end) {
  if (static_cast<size_t>(end - at) < node.keyLength) return false;
  return isEqual(column.names.room.items + node.keyOffset, at, node.keyLength);
}

/// Appends the path of `key`, below the node `parent`, to the names.
inline void pushPath(JsonColumn& column, uint32_t parent, Text key) {
  // Copied from the names to the names, which may move.
  const size_t above = column.nodes[parent].pathLength;
  Byte* to = column.names.reserve(above + 1 + 3 * key.length);
  Byte* const first = to;
  if (parent != 0) {
    std::memcpy(to, column.names.room.items + column.nodes[parent].pathOffset, above);
    to += above;
    *to++ = '.';
  }
  for (size_t index = 0; index < key.length; index++) {
    if (key.bytes[index] == '.') {
      std::memcpy(to, "%2E", 3);
      to += 3;
    } else {
      *to++ = key.bytes[index];
    }
  }
  column.names.length += static_cast<size_t>(to - first);
}

/// The node of a key that the column has not met. `at` is behind its opening quote.
__attribute__((noinline)) inline JsonEnd addNode(JsonWalk& walk, JsonColumn& column, uint32_t parent, const Byte* at, const Byte* end,
                       uint32_t& node) {
  const Byte* keyEnd = at;
  while (keyEnd < end && *keyEnd != '"' && *keyEnd != '\\' && *keyEnd >= 0x20) keyEnd++;
  if (end - keyEnd < 2) return JsonEnd::damaged;
  if (*keyEnd == '\\') return JsonEnd::text;
  if (keyEnd[0] != '"' || keyEnd[1] != ':') return JsonEnd::damaged;
  // Objects on the way to a path are nodes as well.
  if (column.nodes.size() > 2 * static_cast<size_t>(walk.pathsMax)) return JsonEnd::text;
  const Text key{at, static_cast<size_t>(keyEnd - at)};
  if (column.nodes[parent].pathLength + key.length > PATH_BYTES_MAX) return JsonEnd::text;
  node = static_cast<uint32_t>(column.nodes.size());
  JsonNode added{parent, 0, column.nodes[parent].firstChild, 0, column.names.length, key.length + 2, 0, 0, -1, 0};
  column.names.append(at, key.length + 2);
  added.pathOffset = column.names.length;
  pushPath(column, parent, key);
  added.pathLength = column.names.length - added.pathOffset;
  column.names.reserve(16);
  column.nodes.push_back(added);
  column.nodes[parent].firstChild = node;
  return JsonEnd::none;
}

/// The node of the key at `at`, behind its opening quote. `last` is the node before it in the row, and becomes this one.
PENSTOCK_PER_VALUE JsonEnd findNode(JsonWalk& walk, JsonColumn& column, uint32_t parent, const Byte* at, const Byte* end,
                        uint32_t& last) {
  const uint32_t guess = column.nodes[last].follower;
  if (__builtin_expect(guess != 0 && column.nodes[guess].parent == parent && isKey(column, column.nodes[guess], at, end), 1)) {
    last = guess;
    return JsonEnd::none;
  }
  uint32_t node = column.nodes[parent].firstChild;
  while (node != 0 && !isKey(column, column.nodes[node], at, end)) node = column.nodes[node].nextSibling;
  if (node == 0) {
    const JsonEnd failed = addNode(walk, column, parent, at, end, node);
    if (failed != JsonEnd::none) return failed;
  }
  column.nodes[last].follower = node;
  last = node;
  return JsonEnd::none;
}

/// The path of a node without one: another node may have it, since `a.b` may be two keys or, spelt with %2E, one.
__attribute__((noinline)) inline JsonPath* addPath(JsonWalk& walk, JsonColumn& column, uint32_t node) {
  JsonNode& owner = column.nodes[node];
  const Byte* text = column.names.room.items;
  for (size_t index = 0; index < column.paths.size(); index++) {
    const JsonPath& path = *column.paths[index];
    if (path.textLength != owner.pathLength) continue;
    if (std::memcmp(text + path.textOffset, text + owner.pathOffset, path.textLength) != 0) continue;
    owner.path = static_cast<int32_t>(index);
    return column.paths[index].get();
  }
  if (column.paths.size() >= walk.pathsMax) return nullptr;
  owner.path = static_cast<int32_t>(column.paths.size());
  column.paths.push_back(std::make_unique<JsonPath>());
  JsonPath& path = *column.paths.back();
  path.owner = &column;
  path.textOffset = owner.pathOffset;
  path.textLength = owner.pathLength;
  std::memset(path.place, NO_KIND, JSON_KINDS);
  return &path;
}

/// The path of a node; null when the column has as many as it may have.
PENSTOCK_PER_VALUE JsonPath* pathOf(JsonWalk& walk, JsonColumn& column, uint32_t node) {
  const int32_t known = column.nodes[node].path;
  if (__builtin_expect(known >= 0, 1)) return column.paths[static_cast<size_t>(known)].get();
  return addPath(walk, column, node);
}

}  // namespace penstock
