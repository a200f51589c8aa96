// Copies spans of the body into the lines in canonical form: no white space outside strings, no lone surrogate. The
// caller has made room at `to`; a canonical form is never longer than what was sent.
#pragma once
#include "strings.h"

namespace penstock {

inline Byte* putCleaned(const State& state, Position start, Position end, Byte* to) {
  const Byte* bytes = state.bytes;
  bool isInString = false;
  for (Position at = start; at < end;) {
    const Byte byte = bytes[at];
    if (byte == '\\') {
      if (isLoneSurrogate(bytes, at, end)) {
        std::memcpy(to, "\\ufffd", ESCAPE_BYTES);
        to += ESCAPE_BYTES;
        at += ESCAPE_BYTES;
        continue;
      }
      // Both bytes of an escape at once: the second may be a quote. Halves of a pair look lone when met alone.
      const Position escapeEnd = at + (isPair(bytes, at, end) ? 2 * ESCAPE_BYTES : 2);
      while (at < escapeEnd) *to++ = bytes[at++];
      continue;
    }
    if (byte == '"') isInString = !isInString;
    if (isInString || !isSpace(byte)) *to++ = byte;
    at++;
  }
  return to;
}

/// Writes a span of well-formed JSON.
inline Byte* putSpan(const State& state, Position start, Position end, bool isDirty, Byte* to) {
  if (isDirty) return putCleaned(state, start, end, to);
  return copyBytes(to, state.bytes + start, static_cast<size_t>(end - start));
}

inline Byte* putValue(const State& state, const Capture& capture, Byte* to) {
  const bool isDirty = (capture.flags & capture_flag::valueDirty) != 0;
  return putSpan(state, capture.valueStart, capture.valueEnd, isDirty, to);
}

/// Writes `"`, underscores, the key and `":`.
inline Byte* putKey(const State& state, const Capture& capture, size_t underscores, Byte* to) {
  *to++ = '"';
  std::memset(to, '_', underscores);
  to += underscores;
  if ((capture.flags & capture_flag::keyDirty) == 0) {
    to = putSpan(state, capture.keyStart, capture.keyEnd, false, to);
    *to++ = '"';
  } else {
    // With its quotes, so that white space within the key is kept; they are cleaned over the byte before.
    Byte* const first = to - 1;
    const Byte before = *first;
    to = putCleaned(state, capture.keyStart - 1, capture.keyEnd + 1, first);
    *first = before;
  }
  *to++ = ':';
  return to;
}

}  // namespace penstock
