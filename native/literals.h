// Comparing values and keys with the texts of a program, and the guards that are made of such comparisons.
#pragma once
#include "strings.h"

namespace penstock {

inline bool beginsWith(Text text, Text wanted) {
  return text.length >= wanted.length && std::memcmp(text.bytes, wanted.bytes, wanted.length) == 0;
}

inline bool isSame(Text text, Text wanted) { return text.length == wanted.length && beginsWith(text, wanted); }

/// The text between two quotes, unescaped. VIEW until the next text is decoded.
inline Text insideOf(State& state, Position start, Position end, bool isEscaped) {
  if (!isEscaped) return {state.bytes + start, static_cast<size_t>(end - start)};
  const size_t top = state.scratchTop;
  const size_t length = decodeString(state, start, end);
  state.scratchTop = top;
  return {state.scratch.items + top, length};
}

/// Whether the value from `start` to `end` is one of the literals; `isEscaped` when it may hold escapes.
inline bool isOneOf(State& state, Position start, Position end, bool isEscaped, const Literals& literals) {
  const bool isText = state.bytes[start] == '"';
  const Position quote = isText ? 1 : 0;
  const Text value = insideOf(state, start + quote, end - quote, isText && isEscaped);
  for (const Literal& literal : literals) {
    if (literal.isText == isText && isSame(value, literal.bytes)) return true;
  }
  return false;
}

/// Whether a key, unescaped, follows one of the patterns.
inline bool followsOne(Text key, const std::vector<KeyPattern>& patterns) {
  for (const KeyPattern& pattern : patterns) {
    if (pattern.isPrefix ? beginsWith(key, pattern.bytes) : isSame(key, pattern.bytes)) return true;
  }
  return false;
}

/// The guards that hold for the event just walked, as bits.
inline uint32_t holdGuards(State& state) {
  uint32_t held = 0, bit = 1;
  for (const Guard& guard : state.program->language.guards) {
    const int32_t index = state.slotCapture.items[guard.slot];
    bool isOne = guard.matchesAbsent;
    if (index >= 0) {
      const Capture& capture = state.captures.items[index];
      const bool isEscaped = (capture.flags & capture_flag::valueEscaped) != 0;
      isOne = isOneOf(state, capture.valueStart, capture.valueEnd, isEscaped, guard.literals);
    }
    held |= isOne != guard.isNegated ? bit : 0;
    bit <<= 1;
  }
  return held;
}

}  // namespace penstock
