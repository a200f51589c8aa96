// The exact walk over one JSON value: its grammar, depth, keys, numbers and strings, byte by byte in the order in
// which faults count. Values that the program looks for, and all members of the root, are captured as spans; nothing
// is decoded. Recursion is bounded by depthMax. Every function returns the position behind what it walked, or -1 with
// `state.fault`. Sound events mostly pass fast-walk.h instead, which asks this one whatever it is not sure of.
#pragma once
#include "keys.h"
#include "numbers.h"
#include "skip.h"

namespace penstock {

constexpr uint32_t ROOT_DEPTH = 1;

/// Position behind white space, which is counted: a span without any is copied as it stands.
inline Position passSpace(State& state, Position at) {
  if (at >= state.end || !isSpace(state.bytes[at])) return at;
  state.spaceCount++;
  return skipSpace(state.bytes, at + 1, state.end);
}

inline ValueKind kindOf(Byte byte) {
  switch (byte) {
    case '"': return ValueKind::string;
    case '{': return ValueKind::object;
    case '[': return ValueKind::array;
    case 'n': return ValueKind::absent;
    case 't': case 'f': return ValueKind::boolean;
    default: return ValueKind::number;
  }
}

/// Keeps a member that was walked.
inline void addCapture(State& state, const Capture& capture) {
  state.captures.reserve(state.captureCount + 1, state.captureCount);
  state.captures.items[state.captureCount++] = capture;
}

inline Position walkValue(State& state, Position at, uint32_t depth, int32_t node);

/// Bytes behind the array of an envelope in which its end is looked for: SDKs send a time and a key there.
constexpr Position GUESSED_TAIL_BYTES_MAX = 1024;

/// Position behind what looks like the end of the array of events that begins at `at`, or -1: the last bracket of the
/// body, when it is near the end of that and stands behind an object.
inline Position guessArrayEnd(const State& state, Position at) {
  const Byte* bytes = state.bytes;
  const Position from = state.end - at > GUESSED_TAIL_BYTES_MAX ? state.end - GUESSED_TAIL_BYTES_MAX : at + 1;
  Position last = state.end - 1;
  while (last > from && bytes[last] != ']') last--;
  return last > from && bytes[last - 1] == '}' ? last + 1 : -1;
}

/// Notes where the events of an envelope stand; they are walked when all of its own fields are known.
inline Position passEnvelopeArray(State& state, Position at) {
  Position arrayEnd = state.isEndGuessed ? guessArrayEnd(state, at) : -1;
  state.isEndGuessed = arrayEnd >= 0;
  if (!state.isEndGuessed) arrayEnd = skipBrackets(state.bytes, at, state.end);
  if (arrayEnd < 0) return fail(state, state.reasons.invalidJson);
  state.arrayStart = at;
  state.arrayEnd = arrayEnd;
  return arrayEnd;
}

/// A value that is captured, of the root or of a key that the program looks for, at `at`.
inline Position walkMember(State& state, Position at, uint32_t depth, int32_t entryIndex, Capture capture) {
  const Entry* entry = entryIndex < 0 ? nullptr : &state.program->entries[static_cast<size_t>(entryIndex)];
  const bool isArray = at < state.end && state.bytes[at] == '[';
  if (depth == ROOT_DEPTH && entry != nullptr && entry->isEnvelope && isArray) {
    if (state.envelopeSought) return fail(state, FAULT_ENVELOPE);
    if (state.envelopeWalked && state.arrayStart < 0) return passEnvelopeArray(state, at);
  }
  const uint64_t spaces = state.spaceCount, escapes = state.escapeCount, surrogates = state.surrogateCount;
  const Position valueEnd = walkValue(state, at, depth, entry == nullptr ? -1 : entry->node);
  if (valueEnd < 0) return -1;
  capture.wanted = state.program->wantedOf(entryIndex, depth == ROOT_DEPTH);
  if (depth != ROOT_DEPTH && capture.wanted.slot == -1) return valueEnd;

  if (state.spaceCount != spaces || state.surrogateCount != surrogates) capture.flags |= capture_flag::valueDirty;
  if (state.escapeCount != escapes) capture.flags |= capture_flag::valueEscaped;
  capture.kind = kindOf(state.bytes[at]);
  capture.valueStart = static_cast<int32_t>(at);
  capture.valueEnd = static_cast<int32_t>(valueEnd);
  if (capture.valueStart - capture.keyEnd != 2) capture.flags |= capture_flag::apart;
  addCapture(state, capture);
  return valueEnd;
}

inline Position walkObject(State& state, Position at, uint32_t depth, int32_t node) {
  const Byte* bytes = state.bytes;
  const Position end = state.end;
  const size_t base = state.keyTop;
  const size_t cellsBase = state.keyCellsTop;
  KeySet set{0, 0};
  at = passSpace(state, at + 1);
  if (at < end && bytes[at] == '}') return at + 1;
  for (;;) {
    if (at >= end || bytes[at] != '"') return fail(state, state.reasons.invalidJson);
    const Position keyStart = at + 1;
    const uint64_t escapes = state.escapeCount, surrogates = state.surrogateCount;
    const Position keyEnd = scanString(state, keyStart);
    if (keyEnd < 0) return -1;
    const bool isEscaped = state.escapeCount != escapes;
    pushKey(state, keyStart, keyEnd, isEscaped);
    const uint32_t fault = checkKey(state, set, base);
    if (fault != 0) return fail(state, fault);
    at = passSpace(state, keyEnd + 1);
    if (at >= end || bytes[at] != ':') return fail(state, state.reasons.invalidJson);
    at = passSpace(state, at + 1);

    const StackedKey& top = state.keys.items[state.keyTop - 1];
    const int32_t entry = node < 0 ? -1 : state.program->find(node, top.key, keyBytes(state, top.start));
    if (depth == ROOT_DEPTH || entry >= 0) {
      Capture capture{};
      capture.keyStart = static_cast<int32_t>(keyStart);
      capture.keyEnd = static_cast<int32_t>(keyEnd);
      if (isEscaped) capture.flags |= capture_flag::keyEscaped;
      if (state.surrogateCount != surrogates) capture.flags |= capture_flag::keyDirty;
      at = walkMember(state, at, depth, entry, capture);
    } else {
      at = walkValue(state, at, depth, -1);
    }
    if (at < 0) return -1;

    at = passSpace(state, at);
    if (at >= end) return fail(state, state.reasons.invalidJson);
    if (bytes[at] == '}') {
      state.keyTop = base;
      state.keyCellsTop = cellsBase;
      return at + 1;
    }
    if (bytes[at] != ',') return fail(state, state.reasons.invalidJson);
    at = passSpace(state, at + 1);
  }
}

inline Position walkArray(State& state, Position at, uint32_t depth) {
  const Byte* bytes = state.bytes;
  const Position end = state.end;
  at = passSpace(state, at + 1);
  if (at < end && bytes[at] == ']') return at + 1;
  for (;;) {
    at = walkValue(state, at, depth, -1);
    if (at < 0) return -1;
    at = passSpace(state, at);
    if (at >= end) return fail(state, state.reasons.invalidJson);
    if (bytes[at] == ']') return at + 1;
    if (bytes[at] != ',') return fail(state, state.reasons.invalidJson);
    at = passSpace(state, at + 1);
  }
}

inline Position walkWord(State& state, Position at, const char* word, size_t length) {
  const Position wordEnd = at + static_cast<Position>(length);
  if (wordEnd > state.end || std::memcmp(state.bytes + at, word, length) != 0) {
    return fail(state, state.reasons.invalidJson);
  }
  return wordEnd;
}

inline Position walkValue(State& state, Position at, uint32_t depth, int32_t node) {
  if (at >= state.end) return fail(state, state.reasons.invalidJson);
  switch (state.bytes[at]) {
    case '"': {
      const Position close = scanString(state, at + 1);
      return close < 0 ? -1 : close + 1;
    }
    case '{':
      if (depth >= state.limits.depthMax) return fail(state, state.reasons.tooDeep);
      return walkObject(state, at, depth + 1, node);
    case '[':
      if (depth >= state.limits.depthMax) return fail(state, state.reasons.tooDeep);
      return walkArray(state, at, depth + 1);
    case 't': return walkWord(state, at, "true", 4);
    case 'n': return walkWord(state, at, "null", 4);
    case 'f': return walkWord(state, at, "false", 5);
    default: return scanNumber(state, at);
  }
}

/// Forgets the event before.
inline void openWalk(State& state) {
  state.fault = 0;
  state.keyCount = 0;
  state.keyTop = 0;
  state.keyCellsTop = 0;
  state.scratchTop = 0;
  state.captureCount = state.captureBase;
  state.restLastKey = nullptr;
}

/// Walks the event (or envelope) whose opening brace is at `at`. Fills the captures. The caller has set
/// `bytes`, `end`, `program` and the two envelope switches.
inline Position walkEventExactly(State& state, Position at) {
  openWalk(state);
  return walkObject(state, at, ROOT_DEPTH, state.envelopeWalked ? state.program->envelopeNode : 0);
}

}  // namespace penstock
