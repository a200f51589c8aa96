// Copies spans of the body into the lines in canonical form: no white space outside strings, no lone surrogate. The
// caller has made room at `to`, with COPY_SLACK_BYTES behind it; a canonical form is never longer than what was sent.
#pragma once
#include "strings.h"

namespace penstock {

/// Copies from the body, wide where that reads nothing behind the source.
inline Byte* copyBody(const State& state, Byte* to, Position start, Position end) {
  const size_t length = static_cast<size_t>(end - start);
  const Byte* from = state.bytes + start;
  if (__builtin_expect(end + COPY_SLACK_BYTES <= state.sourceBytes, 1)) return copyWide(to, from, length);
  return copyBytes(to, from, length);
}

/// Copies a text of the setup, behind which as much can be read.
PENSTOCK_INLINE Byte* putText(Byte* to, Text text) { return copyWide(to, text.bytes, text.length); }

/// `isInString` when the span lies between quotes.
inline Byte* putCleaned(const State& state, Position start, Position end, bool isInString, Byte* to) {
  const Byte* bytes = state.bytes;
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
  if (isDirty) return putCleaned(state, start, end, false, to);
  return copyBody(state, to, start, end);
}

/// A bare text, which is a number or a part of a string, with quotes.
inline Byte* putBare(const State& state, const Capture& capture, Byte* to) {
  *to++ = '"';
  const bool isDirty = (capture.flags & capture_flag::valueDirty) != 0;
  to = isDirty ? putCleaned(state, capture.valueStart, capture.valueEnd, true, to)
               : putSpan(state, capture.valueStart, capture.valueEnd, false, to);
  *to++ = '"';
  return to;
}

inline Byte* putValue(const State& state, const Capture& capture, Byte* to) {
  if ((capture.flags & capture_flag::bare) != 0) return putBare(state, capture, to);
  const bool isDirty = (capture.flags & capture_flag::valueDirty) != 0;
  return putSpan(state, capture.valueStart, capture.valueEnd, isDirty, to);
}

/// Writes `"`, underscores, the key and `":`.
inline Byte* putKey(const State& state, const Capture& capture, size_t underscores, Byte* to) {
  *to++ = '"';
  std::memset(to, '_', underscores);
  to += underscores;
  to = (capture.flags & capture_flag::keyDirty) != 0
           ? putCleaned(state, capture.keyStart, capture.keyEnd, true, to)
           : putSpan(state, capture.keyStart, capture.keyEnd, false, to);
  *to++ = '"';
  *to++ = ':';
  return to;
}

}  // namespace penstock
