// The walk over a sound event by the index of its structure and the keys of events before. It proves what the exact
// walk would find, member by member, and fills the same captures; whatever it cannot prove, because the event is at
// fault or too unusual (escaped or very many keys, an envelope), it leaves to the exact walk, so that no rule stands
// twice.
//
// Here are only members as SDKs send nearly all of them: a key that is known in its place, and right behind its colon a
// string without escapes, a short number, a word, an object or an array. The others are in unusual.h.
#pragma once
#include "unusual.h"

namespace penstock {

/// Two bytes as `load16` reads them.
constexpr uint16_t pairOf(char first, char second) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return static_cast<uint16_t>(first << 8 | second);
#else
  return static_cast<uint16_t>(second << 8 | first);
#endif
}

/// The value of the key passed last lies at `start`, right behind its colon.
PENSTOCK_INLINE Capture* openCapture(Walk& walk, Position start) {
  Capture* capture = walk.capture++;
  capture->keyStart = static_cast<int32_t>(start - walk.key->textBytes + 1);
  capture->keyEnd = static_cast<int32_t>(start - 2);
  capture->valueStart = static_cast<int32_t>(start);
  capture->wanted = walk.key->wanted;
  capture->flags = 0;
  return capture;
}

/// Captures that value, which ends before `end` and is neither object nor array, if it is one to capture.
PENSTOCK_INLINE void captureValue(Walk& walk, Position start, Position end, ValueKind kind) {
  if (!walk.key->isCaptured) return;
  Capture* capture = openCapture(walk, start);
  capture->valueEnd = static_cast<int32_t>(end);
  capture->kind = kind;
}

/// Whether `start` to `end` is surely a number or a word.
PENSTOCK_INLINE bool isPlainScalar(const Byte* bytes, Position start, Position end) {
  const Position length = end - start;
  return bytes[start] <= '9' ? isPlainNumber(bytes + start, length) : isWord(bytes + start, length);
}

/// Notes the keys of the object that mostly fills the rest column, by their last one.
inline void noteRest(State& state, const Capture* capture, const KnownKey* last) {
  state.restCapture = static_cast<size_t>(capture - state.captures.items);
  // Behind a key that is not known none is, up to the end of its object.
  state.restLastKey = last == &state.fast.unknown ? nullptr : last;
}

/// The bracket at the token passed last closes the level; false when it is the event's.
PENSTOCK_INLINE bool closeLevel(Walk& walk) {
  const Level& level = *walk.level--;
  const KnownKey* const last = walk.key;
  walk.key = level.holder;
  if (__builtin_expect(level.isCompared, 0)) walk.state->fast.hashTop = level.keyBase;
  if (level.capture != nullptr) {
    level.capture->valueEnd = static_cast<int32_t>(*walk.token + 1);
    level.capture->kind = level.isArray ? ValueKind::array : ValueKind::object;
    level.capture->flags |= flagsSince(*walk.state, level.counts);
    if (level.capture->wanted.slot == walk.state->program->restSlot) noteRest(*walk.state, level.capture, last);
  }
  return walk.level > walk.state->fast.levels;
}

/// The token that a walk passed last, and whether that is the brace which closes the event.
struct WalkEnd {
  const uint32_t* token;
  bool isClosed;
};

/// Walks the event whose brace is the token of `walk`.
PENSTOCK_INLINE WalkEnd walkFast(Walk walk) {
  const Byte* const bytes = walk.bytes;
  KeyIndex* place = &walk.key->inside;
  Step step;
  openLevel(walk, false, false, nullptr);

object:
  // The token passed last is the brace that opens it.
  if (bytes[walk.token[1]] == '}') {
    if (!passGap(*walk.state, static_cast<Position>(walk.token[0]) + 1, walk.token[1])) goto unsure;
    walk.token++;
    goto close;
  }
  goto key;

member:
  place = &walk.key->after;

key: {
  // The token passed last is a brace or comma, the next one the key's quote; its colon is none.
  const Position quote = walk.token[1];
  KnownKey* key = walk.known + *place;
  if (static_cast<Position>(walk.token[0]) + 1 != quote) goto unusualMember;
  if (__builtin_expect(!standsAt(*key, bytes + quote), 0)) {
    if (key->other == 0) goto unusualMember;
    key = walk.state->shapes.findOther(place, bytes + quote);
    if (key == nullptr) goto unusualMember;
  }
  const Position value = quote + key->textBytes;
  const Byte first = bytes[value];
  if (first == '"') {
    const Position end = walk.token[3];
    const uint16_t behind = load16(bytes + end - 1);
    if (behind == pairOf('"', ',') || behind == pairOf('"', '}')) {
      walk.key = key;
      walk.token += 3;
      captureValue(walk, value, end, ValueKind::string);
      if (behind == pairOf('"', ',')) goto member;
      goto close;
    }
  } else if (first == '{' || first == '[') {
    if (walk.token[2] != value) goto unsure;
    walk.key = key;
    walk.token += 2;
    openLevel(walk, first == '[', false, key->isCaptured ? openCapture(walk, value) : nullptr);
    if (isTooDeep(walk)) goto unsure;
    if (first == '[') goto array;
    place = &key->inside;
    goto object;
  } else {
    const Position end = walk.token[2];
    if (isPlainScalar(bytes, value, end)) {
      walk.key = key;
      walk.token += 2;
      captureValue(walk, value, end, kindOf(first));
      goto memberEnd;
    }
  }
}

unusualMember: {
  Walk copy = walk;
  step = walkUnusualMember(copy, place);
  walk = copy;
  place = &walk.key->inside;
  if (step == Step::object) goto object;
  if (step == Step::array) goto array;
  if (step == Step::unsure) goto unsure;
}

memberEnd:
  if (bytes[*walk.token] == ',') goto member;
  if (bytes[*walk.token] == '}') goto close;
  goto unsure;

array:
  // The token passed last is the bracket that opens it.
  if (bytes[walk.token[1]] == ']') {
    if (!passGap(*walk.state, static_cast<Position>(walk.token[0]) + 1, walk.token[1])) goto unsure;
    walk.token++;
    goto close;
  }

element: {
  const Position value = static_cast<Position>(walk.token[0]) + 1;
  const Byte first = bytes[value];
  // Behind the last token they are all of one place, and a string there would be met again and again.
  if (first == '"' && walk.token[1] == value) {
    const uint16_t behind = load16(bytes + walk.token[2] - 1);
    if (behind == pairOf('"', ',') || behind == pairOf('"', ']')) {
      walk.token += 2;
      goto elementEnd;
    }
  } else if (first == '{') {
    if (walk.token[1] != value) goto unsure;
    walk.token++;
    openLevel(walk, false, true, nullptr);
    if (isTooDeep(walk)) goto unsure;
    place = &walk.key->element;
    goto object;
  } else if (isPlainScalar(bytes, value, walk.token[1])) {
    walk.token++;
    goto elementEnd;
  }
  Walk copy = walk;
  step = walkUnusualElement(copy);
  walk = copy;
  place = &walk.key->element;
  if (step == Step::object) goto object;
  if (step == Step::array) goto array;
  if (step == Step::unsure) goto unsure;
}

elementEnd:
  if (bytes[*walk.token] == ',') goto element;
  if (bytes[*walk.token] != ']') goto unsure;

close:
  if (!closeLevel(walk)) {
    walk.state->captureCount = static_cast<size_t>(walk.capture - walk.state->captures.items);
    return {walk.token, true};
  }
  walk.token++;
  if (!passGap(*walk.state, static_cast<Position>(walk.token[-1]) + 1, *walk.token)) goto unsure;
  if (walk.level->isArray) goto elementEnd;
  goto memberEnd;

unsure:
  return {walk.token, false};
}

/// A walk from the brace at `token`, with room for all captures: a captured member has two tokens at least, its
/// quote and what stands behind its value. Behind the last token a walk takes a few more before it ends.
inline Walk beginWalk(State& state, const uint32_t* token) {
  openWalk(state);
  const size_t tokens = static_cast<size_t>(state.structure.end() - token) + 2 * SENTINELS;
  state.captures.reserve(state.captureBase + tokens / 2, state.captureBase);
  state.fast.hashTop = 0;
  state.fast.seenEntries = 0;
  KnownKey* root = state.shapes.root(static_cast<size_t>(state.program - state.programs.data()));
  return {&state, state.bytes, token, state.fast.levels, state.captures.items + state.captureBase, state.shapes.at(0), root};
}

/// Walks the event at `at` as `walkEventExactly` does, by the index where that is enough.
inline Position walkEvent(State& state, Position at) {
  if (state.envelopeWalked || state.limits.depthMax > FAST_DEPTH_MAX) return walkEventExactly(state, at);
  Structure& structure = state.structure;
  const uint32_t* token = structure.seek(at);
  const Counts before = countsOf(state);
  while (token != nullptr) {
    const WalkEnd end = walkFast(beginWalk(state, token));
    if (end.isClosed && end.token < structure.end()) {
      const Position close = static_cast<Position>(*end.token) + 1;
      // A key is two tokens at least: with fewer there cannot be too many keys.
      const bool mayHaveKeys = end.token - token < 2 * static_cast<ptrdiff_t>(state.limits.eventKeysMax);
      if (close > state.end || !mayHaveKeys) break;
      structure.moveTo(end.token + 1);
      if (structure.sawHigh() && state.utf8 == Utf8::unknown) checkFrameUtf8(state);
      return close;
    }
    state.spaceCount = before.spaces;
    state.escapeCount = before.escapes;
    state.surrogateCount = before.surrogates;
    // Near the end of the tokens a doubt may only mean that the event goes on.
    if (end.token + SENTINELS / 2 < structure.end() || !structure.extend()) break;
    token = structure.cursor();
  }
  state.surrogateCount = before.surrogates;
  return walkEventExactly(state, at);
}

}  // namespace penstock
