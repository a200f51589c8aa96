// Addresses from text, as bytes in network order: dotted quads of decimal numbers without leading zeros, and the forms of
// IPv6 in RFC 4291, section 2.2, in letters of either case. No ports, no zones, no networks. The twin of
// src/scan/reference/address-text.ts.
#pragma once
#include "address.h"

namespace penstock {

/// The longest: six groups of four digits and a dotted quad.
constexpr size_t ADDRESS_INPUT_BYTES_MAX = 45;
/// Bytes of an address, of either kind, at most.
constexpr size_t ADDRESS_BYTES_MAX = 16;

inline int32_t hexDigit(Byte byte) {
  if (isDigit(byte)) return byte - '0';
  const Byte lower = byte | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

inline bool readQuad(const Byte* at, const Byte* end, Byte* target) {
  for (int part = 0; part < 4; part++) {
    if (part > 0 && (at >= end || *at++ != '.')) return false;
    const Byte* const first = at;
    uint32_t value = 0;
    while (at < end && at < first + 3 && isDigit(*at)) value = value * 10 + *at++ - '0';
    if (at == first || value > 255 || (*first == '0' && at > first + 1)) return false;
    target[part] = static_cast<Byte>(value);
  }
  return at == end;
}

inline bool readGroups(const Byte* at, const Byte* end, Byte* target) {
  size_t to = 0;
  /// Where in `target` `::` stands, or none.
  size_t gap = SIZE_MAX;
  if (*at == ':') {
    if (at + 1 >= end || at[1] != ':') return false;
    gap = 0;
    at += 2;
  }
  while (at < end) {
    const Byte* const first = at;
    uint32_t value = 0;
    for (; at < end && at < first + 4; at++) {
      const int32_t digit = hexDigit(*at);
      if (digit < 0) break;
      value = value << 4 | static_cast<uint32_t>(digit);
    }
    if (at < end && *at == '.') {
      if (to > 12 || !readQuad(first, end, target + to)) return false;
      to += 4;
      break;
    }
    if (at == first || to == ADDRESS_BYTES_MAX) return false;
    target[to++] = static_cast<Byte>(value >> 8);
    target[to++] = static_cast<Byte>(value);
    if (at == end) break;
    // Behind a colon more must follow, if only the second one of `::`.
    if (*at++ != ':' || at == end) return false;
    if (*at != ':') continue;
    if (gap != SIZE_MAX) return false;
    gap = to;
    at++;
  }
  if (gap == SIZE_MAX) return to == ADDRESS_BYTES_MAX;
  // `::` stands for one group of zeros at least.
  if (to == ADDRESS_BYTES_MAX) return false;
  const size_t behind = to - gap;
  std::memmove(target + ADDRESS_BYTES_MAX - behind, target + gap, behind);
  std::memset(target + gap, 0, ADDRESS_BYTES_MAX - to);
  return true;
}

/// Reads a text into the first bytes of `target`, which has room for 16. Returns their count, 4 or 16, also 4 for IPv4 within
/// IPv6 (::ffff:a.b.c.d); 0 when the text is no address, and `target` is then whatever it is.
inline size_t readAddress(Text text, Byte* target) {
  const Byte* const end = text.bytes + text.length;
  if (std::memchr(text.bytes, ':', text.length) == nullptr) return readQuad(text.bytes, end, target) ? 4 : 0;
  if (!readGroups(text.bytes, end, target)) return 0;
  if (!isMapped(target)) return 16;
  std::memmove(target, target + 12, 4);
  return 4;
}

}  // namespace penstock
