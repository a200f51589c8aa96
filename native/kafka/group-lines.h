// Lines put together by what they have in two columns, for topics by template (src/sinks/kafka/topic-sorter.ts).
//
//   groupLines(lines, wantsType, wantsApp, sorted, groups)
//       how many groups there are, or -1 when `groups` has no room for them or `sorted` none for the lines.
//       `sorted` gets the lines, group by group, each in its order; `groups` a row of four words for each, in the order in
//       which they come: where it stands in `sorted`, its bytes, 1 for damaged lines, 0.
#pragma once
#include "../elements.h"
#include "../murmur2.h"
#include "line-fields.h"

namespace penstock {

/// Words of a group's row.
constexpr size_t LINE_GROUP_WORDS = 4;

/// Lines of one value of each column; an absent text is another value than an empty one. VIEWS of the first line.
struct LineGroup {
  HeadText type, app;
  bool isDamaged;
  uint32_t bytes, cursor;
};

struct GroupedLine {
  uint32_t offset, length, group;
};

inline bool isSameText(const HeadText& one, const HeadText& other) {
  return one.isThere == other.isThere &&
         (!one.isThere || (one.length == other.length && std::memcmp(one.start, other.start, one.length) == 0));
}

inline bool isSameGroup(const LineGroup& one, const LineGroup& other) {
  return one.isDamaged == other.isDamaged && isSameText(one.type, other.type) && isSameText(one.app, other.app);
}

inline uint32_t hashOf(const HeadText& text) {
  return text.isThere ? murmur2({text.start, text.length}) : 1;
}

/// Groups found so far, and a table of their places plus one by hash, of which at most half is used.
struct LineGroups {
  Room<LineGroup> groups;
  Room<uint32_t> table;
  size_t count = 0, groupsMax, mask;

  explicit LineGroups(size_t most) : groupsMax(most) {
    size_t size = 16;
    while (size < 2 * most) size *= 2;
    mask = size - 1;
    table.reserve(size, 0);
    std::memset(table.items, 0, size * sizeof(uint32_t));
    groups.reserve(most, 0);
  }

  /// The group that `wanted` belongs to, begun when it is new; `groupsMax` when there is no room for it.
  size_t find(const LineGroup& wanted) {
    size_t at = (hashOf(wanted.type) * 31 + hashOf(wanted.app)) & mask;
    for (; table.items[at] != 0; at = (at + 1) & mask) {
      if (isSameGroup(groups.items[table.items[at] - 1], wanted)) return table.items[at] - 1;
    }
    if (count == groupsMax) return groupsMax;
    groups.items[count] = wanted;
    table.items[at] = static_cast<uint32_t>(++count);
    return count - 1;
  }
};

inline LineGroup groupOf(Text line, bool wantsType, bool wantsApp, KnownTail& known) {
  LineFields fields;
  const HeadText absent{nullptr, 0, false, false};
  if (!readLineFields(line, known, fields)) return {absent, absent, true, 0, 0};
  return {wantsType ? fields.head[head_column::eventType] : absent, wantsApp ? fields.head[head_column::appId] : absent,
          false, 0, 0};
}

/// Fills `sorted` and `rows`; see above for what it gives.
inline int64_t groupLines(Text lines, bool wantsType, bool wantsApp, Byte* sorted, uint32_t* rows, size_t groupsMax) {
  if (groupsMax == 0) return -1;
  LineGroups found(groupsMax);
  Room<GroupedLine> order;
  size_t lineCount = 0, last = groupsMax;
  KnownTail known;
  for (size_t at = 0; at < lines.length;) {
    const void* newline = std::memchr(lines.bytes + at, '\n', lines.length - at);
    const size_t end = newline == nullptr ? lines.length
                                          : static_cast<size_t>(static_cast<const Byte*>(newline) - lines.bytes) + 1;
    const LineGroup group = groupOf({lines.bytes + at, end - at}, wantsType, wantsApp, known);
    if (last == groupsMax || !isSameGroup(found.groups.items[last], group)) last = found.find(group);
    if (last == groupsMax) return -1;
    order.reserve(lineCount + 1, lineCount);
    order.items[lineCount++] = {static_cast<uint32_t>(at), static_cast<uint32_t>(end - at), static_cast<uint32_t>(last)};
    found.groups.items[last].bytes += static_cast<uint32_t>(end - at);
    at = end;
  }
  uint32_t offset = 0;
  for (size_t index = 0; index < found.count; index++) {
    LineGroup& group = found.groups.items[index];
    uint32_t* row = rows + index * LINE_GROUP_WORDS;
    row[0] = group.cursor = offset;
    row[1] = group.bytes;
    row[2] = group.isDamaged ? 1 : 0;
    row[3] = 0;
    offset += group.bytes;
  }
  for (size_t index = 0; index < lineCount; index++) {
    const GroupedLine& line = order.items[index];
    LineGroup& group = found.groups.items[line.group];
    std::memcpy(sorted + group.cursor, lines.bytes + line.offset, line.length);
    group.cursor += line.length;
  }
  return static_cast<int64_t>(found.count);
}

}  // namespace penstock
