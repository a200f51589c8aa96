// The names of an object that is being written: a key that is taken gets underscores before it until it is free. Names
// are kept by what stands behind their underscores and the count of these, and each taken one points to a higher count
// to try, so that no chain of underscores is walked twice.
#pragma once
#include "keys.h"

namespace penstock {

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

}  // namespace penstock
