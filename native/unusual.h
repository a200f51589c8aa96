// Members and elements that a fast walk does not expect: new keys, escapes, white space, long numbers. It proves them
// as `fast-walk.h` does the others, only with more looks, and learns the keys.
#pragma once
#include "fast-values.h"

namespace penstock {

/// Where a walk stands. Small, so that it lives in registers; what needs its address gets a copy.
struct Walk {
  State* state;
  const Byte* bytes;
  /// The token that was passed last.
  const uint32_t* token;
  /// The level that is open.
  Level* level;
  /// Where the next capture is written.
  Capture* capture;
  /// The keys that are known, and the one passed last.
  KnownKey* known;
  KnownKey* key;
};

/// What a walk met: a value that ends before the token passed last; a level that it opened; or it cannot be sure.
enum class Step { value, object, array, unsure };

inline Counts countsOf(const State& state) { return {state.spaceCount, state.escapeCount, state.surrogateCount}; }

/// What became of a value since `before`, as flags of its capture.
inline uint8_t flagsSince(const State& state, const Counts& before) {
  uint8_t flags = 0;
  if (state.spaceCount != before.spaces || state.surrogateCount != before.surrogates) {
    flags |= capture_flag::valueDirty;
  }
  if (state.escapeCount != before.escapes) flags |= capture_flag::valueEscaped;
  return flags;
}

/// Whether nothing or only white space stands between; white space is counted.
PENSTOCK_INLINE bool passGap(State& state, Position from, Position to) {
  if (__builtin_expect(from == to, 1)) return true;
  if (from > to || skipSpace(state.bytes, from, to) != to) return false;
  state.spaceCount++;
  return true;
}

/// Opens the object or array whose bracket is the token passed last. `capture` is its own, or null.
PENSTOCK_INLINE void openLevel(Walk& walk, bool isArray, bool isElement, Capture* capture) {
  Level* level = ++walk.level;
  level->holder = walk.key;
  level->node = isElement ? -1 : walk.key->node;
  level->isArray = isArray;
  level->isElement = isElement;
  level->isCompared = false;
  level->capture = capture;
  if (capture != nullptr) level->counts = countsOf(*walk.state);
}

PENSTOCK_INLINE bool isTooDeep(const Walk& walk) {
  return walk.level > walk.state->fast.levels + walk.state->limits.depthMax;
}

/// The keys of the open object so far go where the next ones are compared with them.
inline void compareKeys(Walk& walk, bool isFirst) {
  FastRoom& room = walk.state->fast;
  Level& level = *walk.level;
  level.isCompared = true;
  level.keyBase = room.hashTop;
  level.classes = 0;
  if (isFirst) return;
  // The path leads back to the first key of the object.
  for (const KnownKey* key = walk.key; room.hashTop - level.keyBase < FAST_KEYS_MAX; key = walk.known + key->before) {
    if (key->entry >= 0 && key->entry < static_cast<int32_t>(FAST_KEYS_MAX)) {
      room.seenEntries |= uint64_t{1} << key->entry;
    } else {
      level.classes |= uint64_t{1} << (key->hash & 63);
      room.hashes[room.hashTop++] = key->hash;
    }
    if (key->before == 0) break;
  }
}

/// Whether the key is surely the first of its name in its object.
inline bool isNewKey(FastRoom& room, Level& level, const Key& key, int32_t entry) {
  if (entry >= 0 && entry < static_cast<int32_t>(FAST_KEYS_MAX)) {
    // Each node's object stands once in an event, so that its entries do.
    const uint64_t bit = uint64_t{1} << entry;
    if ((room.seenEntries & bit) != 0) return false;
    room.seenEntries |= bit;
    return true;
  }
  const uint64_t bit = uint64_t{1} << (key.hash & 63);
  if ((level.classes & bit) != 0) {
    for (uint32_t index = level.keyBase; index < room.hashTop; index++) {
      if (room.hashes[index] == key.hash) return false;
    }
  }
  level.classes |= bit;
  if (room.hashTop - level.keyBase >= FAST_KEYS_MAX) return false;
  room.hashes[room.hashTop++] = key.hash;
  return true;
}

/// Proves the key between the quotes at `start` and `end` by the tables, and learns it as one of `place` if it may.
inline bool proveKey(Walk& walk, KeyIndex* place, Position start, Position end) {
  State& state = *walk.state;
  FastRoom& room = state.fast;
  Level& level = *walk.level;
  const Program& program = *state.program;
  const bool isFirst = walk.bytes[*walk.token] != ',';
  const bool wasCompared = level.isCompared;
  if (!wasCompared) compareKeys(walk, isFirst);

  const Byte* text = walk.bytes + start + 1;
  const Key key = makeKeyWide(text, static_cast<uint32_t>(end - start - 1));
  const int32_t entry = level.node < 0 ? -1 : program.find(level.node, key, text);
  const bool isEnvelope = entry >= 0 && program.entries[static_cast<size_t>(entry)].isEnvelope;
  if (!isNewKey(room, level, key, entry) || (isEnvelope && state.envelopeSought)) return false;

  // Nothing is learnt behind or in a key that is not known, nor near the end of the index, whose tokens may be none.
  KnownKey* learnt = nullptr;
  if (!wasCompared && level.holder != &room.unknown && !isEnvelope && walk.token + 1 < state.structure.end() &&
      walk.bytes[end + 1] == ':') {
    learnt = state.shapes.learn(place, isFirst ? nullptr : walk.key, text - 1, end + 2 - start);
  }
  if (learnt != nullptr) {
    level.isCompared = false;
    room.hashTop = level.keyBase;
  }
  walk.key = learnt != nullptr ? learnt : &room.unknown;
  walk.key->hash = key.hash;
  walk.key->entry = static_cast<int16_t>(entry);
  walk.key->node = entry < 0 ? -1 : program.entries[static_cast<size_t>(entry)].node;
  walk.key->wanted = program.wantedOf(entry, &level == room.levels + ROOT_DEPTH);
  walk.key->isCaptured = walk.key->wanted.isRoot || walk.key->wanted.slot != -1;
  return true;
}

/// The end of the string at `at`, whose quote is the token behind the one passed last; -1 when unsure.
inline Position endText(Walk& walk, Position at) {
  const uint32_t* token = walk.token;
  if (walk.bytes[token[2]] == '\\') token = passEscapes(*walk.state, token);
  if (token == nullptr) return -1;
  walk.token = token + 2;
  Position end = *walk.token;
  while (end > at && isSpace(walk.bytes[end - 1])) end--;
  walk.state->spaceCount += end < static_cast<Position>(*walk.token);
  return end - 1 > at && walk.bytes[end - 1] == '"' ? end : -1;
}

/// The end of the number or word at `at`, which ends before the next token; -1 when unsure.
inline Position endScalar(Walk& walk, Position at) {
  walk.token++;
  Position end = *walk.token;
  while (end > at && isSpace(walk.bytes[end - 1])) end--;
  if (end <= at) return -1;
  walk.state->spaceCount += end < static_cast<Position>(*walk.token);
  return isWord(walk.bytes + at, end - at) || isNumber(*walk.state, at, end) ? end : -1;
}

/// Position behind the white space from `at`, which reaches `end` at most.
inline Position skipGap(State& state, Position at, Position end) {
  const Position start = skipSpace(state.bytes, at, end);
  state.spaceCount += start > at;
  return start;
}

/// The value at `at`; `capture` is its own, whose flags are those of its key, or null.
inline Step walkUnusualValue(Walk& walk, Position at, bool isElement, Capture* capture) {
  const Byte first = walk.bytes[at];
  if (first == '{' || first == '[') {
    walk.token++;
    if (*walk.token != at) return Step::unsure;
    openLevel(walk, first == '[', isElement, capture);
    if (isTooDeep(walk)) return Step::unsure;
    return first == '[' ? Step::array : Step::object;
  }
  const Counts before = countsOf(*walk.state);
  if (first == '"' && walk.token[1] != at) return Step::unsure;
  const Position end = first == '"' ? endText(walk, at) : endScalar(walk, at);
  if (end < 0) return Step::unsure;
  if (capture != nullptr) {
    capture->valueEnd = static_cast<int32_t>(end);
    capture->kind = kindOf(first);
    // White space behind a value is not in it.
    capture->flags |= flagsSince(*walk.state, {walk.state->spaceCount, before.escapes, before.surrogates});
  }
  return Step::value;
}

/// Position of the quote that ends the key whose first one is the next token; -1 when unsure.
inline Position endKey(const Walk& walk) {
  const Position start = walk.token[1];
  // No escape stands before the token behind it.
  const Position bound = walk.token[2];
  if (walk.bytes[start] != '"') return -1;
#if defined(__SSE2__)
  // Most keys are short: sixteen bytes can be read behind any token.
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(walk.bytes + start + 1));
  const int quotes = _mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('"')));
  if (quotes != 0) {
    const Position end = start + 1 + __builtin_ctz(static_cast<uint32_t>(quotes));
    return end < bound ? end : -1;
  }
#endif
  if (bound <= start) return -1;
  const void* quote = std::memchr(walk.bytes + start + 1, '"', static_cast<size_t>(bound - start - 1));
  return quote == nullptr ? -1 : static_cast<const Byte*>(quote) - walk.bytes;
}

/// The member behind the token passed last, a brace or a comma, in whose place the trie has its list at `place`.
__attribute__((noinline)) inline Step walkUnusualMember(Walk& walk, KeyIndex* place) {
  State& state = *walk.state;
  const Position start = walk.token[1];
  const Position end = endKey(walk);
  if (end < 0 || !passGap(state, static_cast<Position>(*walk.token) + 1, start)) return Step::unsure;
  const Position colon = skipGap(state, end + 1, walk.token[2]);
  if (walk.bytes[colon] != ':') return Step::unsure;

  // Without white space before it the list was looked through.
  const bool isSought = start == static_cast<Position>(*walk.token) + 1;
  const Byte* text = walk.bytes + start;
  KnownKey* known = nullptr;
  if (!isSought || standsAt(walk.known[*place], text)) known = state.shapes.find(place, text);
  if (known != nullptr) walk.key = known;
  else if (!proveKey(walk, place, start, end)) return Step::unsure;
  walk.token++;
  const Position value = skipGap(state, colon + 1, walk.token[1]);
  Capture* capture = nullptr;
  if (walk.key->isCaptured) {
    capture = walk.capture++;
    capture->keyStart = static_cast<int32_t>(start + 1);
    capture->keyEnd = static_cast<int32_t>(end);
    capture->valueStart = static_cast<int32_t>(value);
    capture->wanted = walk.key->wanted;
    capture->flags = value - end == 2 ? 0 : capture_flag::apart;
  }
  return walkUnusualValue(walk, value, false, capture);
}

/// The element behind the token passed last, a bracket or a comma.
__attribute__((noinline)) inline Step walkUnusualElement(Walk& walk) {
  const Position at = skipGap(*walk.state, static_cast<Position>(*walk.token) + 1, walk.token[1]);
  return walkUnusualValue(walk, at, true, nullptr);
}

}  // namespace penstock
