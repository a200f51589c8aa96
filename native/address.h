// Peer addresses as text: dotted quads, RFC 5952 for IPv6, and IPv4 within IPv6 (::ffff:a.b.c.d) as a dotted quad.
#pragma once
#include "bytes.h"

namespace penstock {

/// The longest: eight groups of four digits and seven colons.
constexpr size_t ADDRESS_TEXT_BYTES_MAX = 39;

inline uint32_t groupAt(const Byte* bytes, int group) {
  return static_cast<uint32_t>(bytes[2 * group]) << 8 | bytes[2 * group + 1];
}

inline bool isMapped(const Byte* bytes) {
  for (int group = 0; group < 5; group++) {
    if (groupAt(bytes, group) != 0) return false;
  }
  return groupAt(bytes, 5) == 0xffff;
}

inline Byte* writeGroup(Byte* to, uint32_t value) {
  bool isLeading = true;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const uint32_t digit = (value >> shift) & 15;
    if (isLeading && digit == 0 && shift > 0) continue;
    isLeading = false;
    *to++ = static_cast<Byte>("0123456789abcdef"[digit]);
  }
  return to;
}

inline Byte* writeQuad(Byte* to, const Byte* bytes) {
  for (int part = 0; part < 4; part++) {
    const uint32_t value = bytes[part];
    if (part > 0) *to++ = '.';
    if (value >= 100) *to++ = static_cast<Byte>('0' + value / 100);
    if (value >= 10) *to++ = static_cast<Byte>('0' + value / 10 % 10);
    *to++ = static_cast<Byte>('0' + value % 10);
  }
  return to;
}

/// Writes the text of 4 or 16 bytes; returns the place behind it.
inline Byte* writeAddress(Byte* to, const Byte* bytes, size_t length) {
  if (length == 4) return writeQuad(to, bytes);
  if (isMapped(bytes)) return writeQuad(to, bytes + 12);
  // The first of the longest runs of two zero groups or more is left out.
  int bestStart = -1, bestLength = 1, start = -1;
  for (int group = 0; group <= 8; group++) {
    if (group < 8 && groupAt(bytes, group) == 0) {
      if (start < 0) start = group;
    } else if (start >= 0) {
      if (group - start > bestLength) {
        bestStart = start;
        bestLength = group - start;
      }
      start = -1;
    }
  }
  for (int group = 0; group < 8; group++) {
    if (group == bestStart) {
      *to++ = ':';
      if (group == 0) *to++ = ':';
      group += bestLength - 1;
      continue;
    }
    to = writeGroup(to, groupAt(bytes, group));
    if (group < 7) *to++ = ':';
  }
  return to;
}

}  // namespace penstock
