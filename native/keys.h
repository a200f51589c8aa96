// Keys of objects: pushed on a stack while their object is open, and compared unescaped with their neighbours. Up to
// keysComparedMax keys an object compares one by one; from there on a set takes over, whose hash has a secret seed,
// so that no client can make the check quadratic. Sets of objects that are open stand one behind the other in
// `keyCells`; they hold at most half their cells, so that all of them together are bounded by eventKeysMax.
#pragma once
#include "siphash.h"
#include "strings.h"

namespace penstock {

/// Where the unescaped bytes of a key stand. VIEW until the scratch grows.
inline const Byte* keyBytes(const State& state, Position start) {
  return start < 0 ? state.scratch.items + ~start : state.bytes + start;
}

/// Puts a key, given by its raw text, on the stack.
inline void pushKey(State& state, Position start, Position end, bool isEscaped) {
  state.keys.reserve(state.keyTop + 1, state.keyTop);
  size_t length = static_cast<size_t>(end - start);
  if (isEscaped) {
    const Position first = static_cast<Position>(state.scratchTop);
    length = decodeString(state, start, end);
    start = ~first;
  }
  StackedKey& top = state.keys.items[state.keyTop++];
  top.start = start;
  top.key = makeKey(keyBytes(state, start), static_cast<uint32_t>(length));
}

inline bool isSameKey(const State& state, const StackedKey& left, const StackedKey& right) {
  if (left.key.hash != right.key.hash || !looksEqual(left.key, right.key)) return false;
  if (left.key.length <= KEY_EXACT_BYTES) return true;
  return std::memcmp(keyBytes(state, left.start), keyBytes(state, right.start), left.key.length) == 0;
}

/// The set of one object's keys; `cells` is 0 while they are compared one by one.
struct KeySet {
  size_t first, cells;
};

/// Takes the key at `index` into the set; false when an equal one is there.
inline bool addToSet(State& state, const KeySet& set, size_t index) {
  const StackedKey& added = state.keys.items[index];
  const uint64_t hash = sipHash(state.hashSeed, keyBytes(state, added.start), added.key.length);
  uint32_t* cells = state.keyCells.items + set.first;
  const size_t mask = set.cells - 1;
  for (size_t cell = hash & mask;; cell = (cell + 1) & mask) {
    if (cells[cell] == 0) {
      cells[cell] = static_cast<uint32_t>(index) + 1;
      return true;
    }
    if (isSameKey(state, state.keys.items[cells[cell] - 1], added)) return false;
  }
}

/// Makes the set anew with room for twice the keys that are on the stack from `base`. It is the last of all sets,
/// since the objects within this one are closed.
inline void growSet(State& state, KeySet& set, size_t base) {
  const size_t count = state.keyTop - base;
  if (set.cells == 0) set.first = state.keyCellsTop;
  size_t cells = 64;
  while (cells < 4 * count) cells *= 2;
  state.keyCells.reserve(set.first + cells, set.first);
  std::memset(state.keyCells.items + set.first, 0, cells * sizeof(uint32_t));
  set.cells = cells;
  state.keyCellsTop = set.first + cells;
  for (size_t index = base; index < state.keyTop; index++) addToSet(state, set, index);
}

/// The fault of the key on top of the stack in the object whose keys begin at `base`, or 0.
inline uint32_t checkKey(State& state, KeySet& set, size_t base) {
  const size_t top = state.keyTop - 1;
  const size_t count = top - base;
  if (count < state.limits.keysComparedMax) {
    for (size_t index = base; index < top; index++) {
      if (isSameKey(state, state.keys.items[index], state.keys.items[top])) return state.reasons.duplicateKey;
    }
  } else {
    if (2 * (count + 1) > set.cells) {
      state.keyTop = top;
      growSet(state, set, base);
      state.keyTop = top + 1;
    }
    if (!addToSet(state, set, top)) return state.reasons.duplicateKey;
  }
  return ++state.keyCount > state.limits.eventKeysMax ? state.reasons.tooManyKeys : 0;
}

}  // namespace penstock
