// Objects that are made of parts: values under keys of the table's, and the members of objects under new names.
#pragma once
#include "canonical.h"
#include "columns.h"
#include "literals.h"
#include "members.h"
#include "names.h"

namespace penstock {

/// Quotes, colon, comma and brace around a member.
constexpr size_t MEMBER_BYTES = 8;

/// The least that a member takes: `"":0,`.
constexpr Position MEMBER_BYTES_MIN = 5;

/// The parts of a column that are there, one bit each.
inline uint32_t activeParts(const State& state, uint32_t column) {
  return state.activeParts & state.program->language.columns[column].partBits;
}

/// The part of the lowest of these bits, and the value that it takes.
inline const Part& partAt(const State& state, uint32_t parts, const Capture*& capture) {
  const Part& part = state.program->language.parts[static_cast<size_t>(__builtin_ctz(parts))];
  capture = state.captures.items + state.slotCapture.items[part.slot];
  return part;
}

/// At most so many members come of the parts of a column that are there, as their bytes say; and if these could be too many
/// to be compared one by one, as they are counted.
inline size_t countParts(const State& state, uint32_t column) {
  size_t count = 0, bound = 0;
  const Capture* capture;
  for (uint32_t left = activeParts(state, column); left != 0; left &= left - 1) {
    const bool isEach = partAt(state, left, capture).isEach;
    bound += isEach ? static_cast<size_t>((capture->valueEnd - capture->valueStart) / MEMBER_BYTES_MIN) : 1;
  }
  if (bound <= state.limits.keysComparedMax) return bound;
  for (uint32_t left = activeParts(state, column); left != 0; left &= left - 1) {
    count++;
    if (!partAt(state, left, capture).isEach) continue;
    Members members(state.bytes, capture->valueStart, capture->valueEnd);
    for (Member member; members.next(member);) count++;
  }
  return count;
}

/// Puts the key that a member will have on the stack, unescaped.
inline void pushName(State& state, Text prefix, const Member& member) {
  const size_t raw = static_cast<size_t>(member.keyEnd - member.keyStart);
  const size_t start = state.scratchTop;
  // A key is read eight bytes wide.
  state.scratch.reserve(start + prefix.length + raw + 8, start);
  copyText(state.scratch.items + start, prefix);
  state.scratchTop += prefix.length;
  if (member.isEscaped) {
    decodeString(state, member.keyStart, member.keyEnd);
  } else {
    copyBytes(state.scratch.items + state.scratchTop, state.bytes + member.keyStart, raw);
    state.scratchTop += raw;
  }
  state.keys.reserve(state.keyTop + 1, state.keyTop);
  StackedKey& top = state.keys.items[state.keyTop++];
  top.start = ~static_cast<Position>(start);
  top.key = makeKeyWide(state.scratch.items + start, static_cast<uint32_t>(state.scratchTop - start));
}

/// Writes a member under `prefix` and its own key, which is renamed when `names` has it already.
inline Byte* putPartMember(State& state, Text prefix, const Member& member, bool isDirty, TakenNames* names, Byte* to) {
  size_t underscores = 0;
  if (names != nullptr) {
    pushName(state, prefix, member);
    underscores = takeName(state, *names);
  }
  const Position raw = member.keyEnd - member.keyStart + member.valueEnd - member.valueStart;
  to = reserveLines(state.output, to, underscores + prefix.length + static_cast<size_t>(raw) + MEMBER_BYTES);
  if (to[-1] != '{') *to++ = ',';
  *to++ = '"';
  for (; underscores > 0; underscores--) *to++ = '_';
  to = putText(to, prefix);
  to = isDirty ? putCleaned(state, member.keyStart, member.keyEnd, true, to)
               : putSpan(state, member.keyStart, member.keyEnd, false, to);
  *to++ = '"';
  *to++ = ':';
  return putSpan(state, member.valueStart, member.valueEnd, isDirty, to);
}

/// Writes the members of an object that the part selects, under the names that it gives them.
inline Byte* putEach(State& state, const Part& part, const Capture& object, TakenNames* names, Byte* to) {
  const bool isDirty = (object.flags & capture_flag::valueDirty) != 0;
  const bool isNamed = !part.patterns.empty() || !part.renames.empty();
  Members members(state.bytes, object.valueStart, object.valueEnd);
  for (Member member; members.next(member);) {
    // Values inside of an object may hold escapes wherever one does; looking again costs less than keeping count.
    if (!part.dropped.empty() && isOneOf(state, member.valueStart, member.valueEnd, true, part.dropped)) continue;
    Text prefix = part.key;
    if (isNamed) {
      const Text key = insideOf(state, member.keyStart, member.keyEnd, member.isEscaped);
      if (!part.patterns.empty() && !followsOne(key, part.patterns)) continue;
      for (const KeyRename& rename : part.renames) {
        if (!isSame(key, rename.from)) continue;
        prefix = rename.to;
        member.keyStart = member.keyEnd;
        member.isEscaped = false;
        break;
      }
    }
    to = putPartMember(state, prefix, member, isDirty, names, to);
  }
  return to;
}

/// Writes the members of the parts of a column that are there, behind an open brace; without `names` none can meet.
inline Byte* putParts(State& state, uint32_t column, TakenNames* names, Byte* to) {
  const Capture* capture;
  for (uint32_t left = activeParts(state, column); left != 0; left &= left - 1) {
    const Part& part = partAt(state, left, capture);
    if (part.isEach) {
      to = putEach(state, part, *capture, names, to);
      continue;
    }
    const Position start = capture->valueStart;
    const Member member{start, start, start, capture->valueEnd, false};
    to = putPartMember(state, part.key, member, (capture->flags & capture_flag::valueDirty) != 0, names, to);
  }
  return to;
}

/// Writes the object of a composed column. Returns `to` plus 1 when it has no members. Makes its own room.
inline Byte* putComposed(State& state, uint32_t column, Byte* to) {
  state.keyTop = 0;
  to = reserveLines(state.output, to, MEMBER_BYTES);
  *to++ = '{';
  if (state.program->language.columns[column].mayCollide) {
    TakenNames names = openNames(state, countParts(state, column));
    to = putParts(state, column, &names, to);
  } else {
    to = putParts(state, column, nullptr, to);
  }
  if (to[-1] == '{') return to;
  to = reserveLines(state.output, to, MEMBER_BYTES);
  *to++ = '}';
  return to;
}

}  // namespace penstock
