// Recovery: where an event ends whose inside is at fault. Iterative, so that no nesting can exhaust the stack.
#pragma once
#include "balance.h"

namespace penstock {

/// Position behind the quote that ends the string whose first byte is at `at`, or -1.
inline Position skipString(const Byte* bytes, Position at, Position end) {
  while (at < end) {
    const Byte byte = bytes[at];
    if (byte == '"') return at + 1;
    at += byte == '\\' ? 2 : 1;
  }
  return -1;
}

/// Position behind the bracket that closes the one at `at`, whatever its kind; -1 when there is none before `end`.
inline Position skipBrackets(const Byte* bytes, Position at, Position end) {
  const Position found = findClose(bytes, at, end);
  if (found != NOT_DECIDED) return found;
  size_t depth = 0;
  while (at < end) {
    const Byte byte = bytes[at++];
    switch (byte) {
      case '{': case '[':
        depth++;
        break;
      case '}': case ']':
        if (--depth == 0) return at;
        break;
      case '"':
        at = skipString(bytes, at, end);
        if (at < 0) return -1;
        break;
      default:
        break;
    }
  }
  return -1;
}

/// Position behind a run of bytes that could be a number or a word: up to white space or any of `{}[]",:`.
inline Position skipScalar(const Byte* bytes, Position at, Position end) {
  for (; at < end; at++) {
    switch (bytes[at]) {
      case '{': case '}': case '[': case ']': case '"': case ',': case ':': case ' ': case '\n': case '\r': case '\t':
        return at;
      default:
        break;
    }
  }
  return at;
}

}  // namespace penstock
