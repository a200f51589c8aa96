// Strings: where they end, whether they are well formed, and their bytes without escapes. A lone surrogate, which
// only an escape can bring in, stands for U+FFFD.
#pragma once
#include "kernels.h"
#include "state.h"

namespace penstock {

/// Bytes of `\uXXXX`.
constexpr Position ESCAPE_BYTES = 6;

/// The byte that an escape of one letter stands for, or 0.
inline Byte escapedByte(Byte letter) {
  switch (letter) {
    case '"': case '\\': case '/': return letter;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
  }
}

/// Four hexadecimal digits at `at`, or -1.
inline int32_t readHex(const Byte* bytes, Position at, Position end) {
  if (at + 4 > end) return -1;
  int32_t value = 0;
  for (Position index = at; index < at + 4; index++) {
    const Byte byte = bytes[index];
    const Byte lower = byte | 0x20;
    if (isDigit(byte)) value = value * 16 + byte - '0';
    else if (lower >= 'a' && lower <= 'f') value = value * 16 + lower - 'a' + 10;
    else return -1;
  }
  return value;
}

/// Whether the escape at `at` is a high surrogate and a low one follows it as an escape.
inline bool isPair(const Byte* bytes, Position at, Position end) {
  if (at + 2 * ESCAPE_BYTES > end || bytes[at + 1] != 'u') return false;
  const int32_t high = readHex(bytes, at + 2, end);
  if (high < 0xd800 || high > 0xdbff || bytes[at + 6] != '\\' || bytes[at + 7] != 'u') return false;
  const int32_t low = readHex(bytes, at + 8, end);
  return low >= 0xdc00 && low <= 0xdfff;
}

/// Whether the escape at `at`, in a string that is known to be well formed, is a surrogate without its other half.
inline bool isLoneSurrogate(const Byte* bytes, Position at, Position end) {
  if (bytes[at + 1] != 'u') return false;
  const int32_t unit = readHex(bytes, at + 2, end);
  return unit >= 0xd800 && unit <= 0xdfff && !isPair(bytes, at, end);
}

/// Looks at the whole frame once; the walk then only needs to know whether all of it is sound.
inline void checkFrameUtf8(State& state) {
  const size_t length = static_cast<size_t>(state.frameEnd - state.frameStart);
  state.utf8 = isUtf8(state.bytes + state.frameStart, length) ? Utf8::valid : Utf8::broken;
}

/// Whether `start` to `end` is UTF-8; asks for the span only when the frame is known to be broken somewhere.
inline bool isSpanUtf8(State& state, Position start, Position end) {
  if (state.utf8 == Utf8::unknown) checkFrameUtf8(state);
  return state.utf8 == Utf8::valid || isUtf8(state.bytes + start, static_cast<size_t>(end - start));
}

/// Position behind the escape at `at`, or -1. Counts it, and a lone surrogate.
inline Position passEscape(State& state, Position at) {
  const Byte* bytes = state.bytes;
  const Position end = state.end;
  if (at + 1 >= end) return -1;
  state.escapeCount++;
  if (bytes[at + 1] != 'u') return escapedByte(bytes[at + 1]) == 0 ? -1 : at + 2;
  const int32_t unit = readHex(bytes, at + 2, end);
  if (unit < 0) return -1;
  if (unit < 0xd800 || unit > 0xdfff) return at + ESCAPE_BYTES;
  if (isPair(bytes, at, end)) return at + 2 * ESCAPE_BYTES;
  state.surrogateCount++;
  return at + ESCAPE_BYTES;
}

/// Position of the quote that closes the string whose first byte is at `at`, or -1 with `state.fault`.
inline Position scanString(State& state, Position at) {
  const Byte* bytes = state.bytes;
  const Position end = state.end;
  while (at < end) {
    const Byte byte = bytes[at];
    if (byte == '"') return at;
    if (byte == '\\') {
      at = passEscape(state, at);
      if (at < 0) break;
    } else if (byte < 0x20) {
      break;
    } else {
      if (byte >= 0x80 && state.utf8 == Utf8::unknown) checkFrameUtf8(state);
      at++;
    }
  }
  return fail(state, state.reasons.invalidJson);
}

inline Byte* writeCodePoint(Byte* to, uint32_t code) {
  if (code < 0x80) {
    *to++ = static_cast<Byte>(code);
  } else if (code < 0x800) {
    *to++ = static_cast<Byte>(0xc0 | (code >> 6));
    *to++ = static_cast<Byte>(0x80 | (code & 63));
  } else if (code < 0x10000) {
    *to++ = static_cast<Byte>(0xe0 | (code >> 12));
    *to++ = static_cast<Byte>(0x80 | ((code >> 6) & 63));
    *to++ = static_cast<Byte>(0x80 | (code & 63));
  } else {
    *to++ = static_cast<Byte>(0xf0 | (code >> 18));
    *to++ = static_cast<Byte>(0x80 | ((code >> 12) & 63));
    *to++ = static_cast<Byte>(0x80 | ((code >> 6) & 63));
    *to++ = static_cast<Byte>(0x80 | (code & 63));
  }
  return to;
}

/// Appends the bytes that the well-formed raw text stands for to the scratch and returns their count. They begin
/// where `scratchTop` stood before.
inline size_t decodeString(State& state, Position start, Position end) {
  state.scratch.reserve(state.scratchTop + static_cast<size_t>(end - start), state.scratchTop);
  const Byte* bytes = state.bytes;
  Byte* first = state.scratch.items + state.scratchTop;
  Byte* to = first;
  for (Position at = start; at < end;) {
    const Byte byte = bytes[at];
    if (byte != '\\') {
      *to++ = byte;
      at++;
    } else if (bytes[at + 1] != 'u') {
      *to++ = escapedByte(bytes[at + 1]);
      at += 2;
    } else {
      uint32_t code = static_cast<uint32_t>(readHex(bytes, at + 2, end));
      if (code >= 0xd800 && code <= 0xdfff) {
        if (isPair(bytes, at, end)) {
          code = 0x10000 + ((code - 0xd800) << 10) + static_cast<uint32_t>(readHex(bytes, at + 8, end)) - 0xdc00;
          at += ESCAPE_BYTES;
        } else {
          code = 0xfffd;
        }
      }
      at += ESCAPE_BYTES;
      to = writeCodePoint(to, code);
    }
  }
  state.scratchTop += static_cast<size_t>(to - first);
  return static_cast<size_t>(to - first);
}

}  // namespace penstock
