// A header's bytes as the inside of a JSON string: each maximal ill-formed sequence becomes U+FFFD as in the WHATWG's
// decoder, and what is left is escaped as JSON.stringify does.
#pragma once
#include "bytes.h"

namespace penstock {

/// A control character grows to `\u00XX`.
constexpr size_t USER_AGENT_GROWTH_MAX = 6;

/// Bytes of the well-formed sequence at `at`, or minus those of the maximal ill-formed one.
inline Position sequenceLength(const Byte* at, const Byte* end) {
  const Byte lead = *at;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const Position length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The second byte is bounded further where a sequence would be too long, a surrogate, or beyond U+10FFFF.
  Byte lower = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  Byte upper = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  for (Position index = 1; index < length; index++) {
    if (at + index >= end || at[index] < lower || at[index] > upper) return -index;
    lower = 0x80;
    upper = 0xbf;
  }
  return length;
}

inline Byte* writeEscaped(Byte* to, Byte byte) {
  *to++ = '\\';
  switch (byte) {
    case '"': case '\\': *to++ = byte; return to;
    case '\b': *to++ = 'b'; return to;
    case '\f': *to++ = 'f'; return to;
    case '\n': *to++ = 'n'; return to;
    case '\r': *to++ = 'r'; return to;
    case '\t': *to++ = 't'; return to;
    default: break;
  }
  std::memcpy(to, "u00", 3);
  to[3] = static_cast<Byte>("01"[byte >> 4]);
  to[4] = static_cast<Byte>("0123456789abcdef"[byte & 15]);
  return to + 5;
}

/// Writes the header without quotes around it; returns the place behind it.
inline Byte* writeUserAgent(Byte* to, Text agent) {
  const Byte* const end = agent.bytes + agent.length;
  for (const Byte* at = agent.bytes; at < end;) {
    if (*at < 0x20 || *at == '"' || *at == '\\') {
      to = writeEscaped(to, *at++);
      continue;
    }
    const Position length = sequenceLength(at, end);
    if (length > 0) {
      for (const Byte* last = at + length; at < last;) *to++ = *at++;
    } else {
      std::memcpy(to, "\xef\xbf\xbd", 3);
      to += 3;
      at -= length;
    }
  }
  return to;
}

}  // namespace penstock
