// The rest column: the client's own object, then the fields that no column took, then an envelope's fields. A field
// whose key is taken gets underscores before it until it is free. Names are kept by what stands behind their
// underscores and the count of these, and each taken one points to a higher count to try, so that no chain of
// underscores is walked twice.
#pragma once
#include "canonical.h"
#include "columns.h"

namespace penstock {

/// Quotes, colon, comma and brace around a member.
constexpr size_t MEMBER_BYTES = 8;

struct TakenName {
  uint64_t hash;
  /// What stands behind the underscores, as a key on the stack.
  Position start;
  size_t length;
  size_t underscores;
  /// Count of underscores to try instead.
  size_t next;
};

/// The names taken in the object that is being written. `count` of `capacity` rows of `state.takenNames`.
struct TakenNames {
  size_t count, mask;
};

/// Room for `names` names in all.
inline TakenNames openNames(State& state, size_t names) {
  size_t cells = 16;
  while (cells < 2 * names) cells *= 2;
  state.takenNames.reserve(names, 0);
  state.takenCells.reserve(cells, 0);
  std::memset(state.takenCells.items, 0, cells * sizeof(uint32_t));
  return {0, cells - 1};
}

/// Cell of the name with this stem and count of underscores, or the empty one where it would stand.
inline uint32_t* findName(State& state, const TakenNames& names, const TakenName& wanted) {
  const uint64_t hash = wanted.hash + wanted.underscores * 0x9e3779b97f4a7c15;
  for (size_t cell = (hash ^ (hash >> 32)) & names.mask;; cell = (cell + 1) & names.mask) {
    uint32_t* found = state.takenCells.items + cell;
    if (*found == 0) return found;
    const TakenName& name = state.takenNames.items[*found - 1];
    if (name.hash != wanted.hash || name.underscores != wanted.underscores || name.length != wanted.length) continue;
    if (std::memcmp(keyBytes(state, name.start), keyBytes(state, wanted.start), name.length) == 0) return found;
  }
}

/// Takes the name of the key on top of the stack, or the next free one. Returns the underscores that had to be added.
inline size_t takeName(State& state, TakenNames& names) {
  const StackedKey& key = state.keys.items[--state.keyTop];
  const Byte* bytes = keyBytes(state, key.start);
  TakenName name{};
  while (name.underscores < key.key.length && bytes[name.underscores] == '_') name.underscores++;
  const Position own = static_cast<Position>(name.underscores);
  name.start = key.start < 0 ? key.start - own : key.start + own;
  name.length = key.key.length - name.underscores;
  name.hash = sipHash(state.hashSeed, bytes + own, name.length);

  uint32_t* cell = findName(state, names, name);
  while (*cell != 0) {
    name.underscores = state.takenNames.items[*cell - 1].next;
    cell = findName(state, names, name);
  }
  const size_t free = name.underscores;
  name.next = free + 1;
  state.takenNames.items[names.count++] = name;
  *cell = static_cast<uint32_t>(names.count);
  // Every name tried on the way now points behind the one that is taken.
  for (name.underscores = static_cast<size_t>(own); name.underscores < free;) {
    TakenName& tried = state.takenNames.items[*findName(state, names, name) - 1];
    name.underscores = tried.next;
    tried.next = free + 1;
  }
  return free - static_cast<size_t>(own);
}

inline Position skipValue(const Byte* bytes, Position at, Position end) {
  if (bytes[at] == '"') return skipString(bytes, at + 1, end);
  if (bytes[at] == '{' || bytes[at] == '[') return skipBrackets(bytes, at, end);
  return skipScalar(bytes, at, end);
}

/// Pushes the keys of the well-formed object at `at`.
inline void listKeys(State& state, Position at, Position end) {
  const Byte* bytes = state.bytes;
  at = skipSpace(bytes, at + 1, end);
  while (bytes[at] == '"') {
    const Position keyEnd = skipString(bytes, at + 1, end) - 1;
    const size_t length = static_cast<size_t>(keyEnd - at - 1);
    pushKey(state, at + 1, keyEnd, std::memchr(bytes + at + 1, '\\', length) != nullptr);
    at = skipSpace(bytes, keyEnd + 1, end);
    at = skipSpace(bytes, at + 1, end);
    at = skipSpace(bytes, skipValue(bytes, at, end), end);
    if (bytes[at] != ',') return;
    at = skipSpace(bytes, at + 1, end);
  }
}

inline Byte* reserveField(State& state, const Capture& capture, size_t underscores, Byte* to) {
  const size_t raw = static_cast<size_t>(capture.valueEnd - capture.keyStart);
  return reserveLines(state.output, to, raw + underscores + MEMBER_BYTES);
}

inline Byte* putField(State& state, const Capture& capture, TakenNames& names, Byte* to) {
  pushKey(state, capture.keyStart, capture.keyEnd, (capture.flags & capture_flag::keyEscaped) != 0);
  const size_t underscores = takeName(state, names);
  to = reserveField(state, capture, underscores, to);
  if (to[-1] != '{') *to++ = ',';
  return putValue(state, capture, putKey(state, capture, underscores, to));
}

/// Length of the envelope's fields as a line carries them, their commas included. Uses the room behind the lines.
inline size_t measureFields(State& state) {
  size_t length = 0;
  for (size_t index = 0; index < state.captureCount; index++) {
    const Capture& capture = state.captures.items[index];
    Byte* to = reserveField(state, capture, 0, state.output.lines + state.output.lineBytes);
    Byte* const end = putValue(state, capture, putKey(state, capture, 0, to));
    length += static_cast<size_t>(end - to) + (index > 0 ? 1 : 0);
  }
  return length;
}

/// Writes the object of the rest column; `own` is the client's own object or null. Makes its own room.
inline Byte* putRest(State& state, const Capture* own, Byte* to) {
  state.keyTop = 0;
  if (own != nullptr && !isEmptyValue(state, *own)) {
    to = reserveLines(state.output, to, static_cast<size_t>(own->valueEnd - own->valueStart) + MEMBER_BYTES);
    to = putValue(state, *own, to) - 1;
    listKeys(state, own->valueStart, own->valueEnd);
  } else {
    to = reserveLines(state.output, to, MEMBER_BYTES);
    *to++ = '{';
  }
  TakenNames names = openNames(state, state.keyTop + state.restCount + state.envelopeCount);
  while (state.keyTop > 0) takeName(state, names);
  for (size_t index = 0; index < state.captureCount; index++) {
    const Capture& capture = state.captures.items[index];
    if ((capture.flags & capture_flag::rest) != 0) to = putField(state, capture, names, to);
  }
  for (size_t index = 0; index < state.envelopeCount; index++) {
    to = putField(state, state.envelope.items[index], names, to);
  }
  *to++ = '}';
  return to;
}

}  // namespace penstock
