// Numbers as Kafka's record format writes them (Kafka protocol guide, "Record Batch"): varint and varlong are zigzag,
// seven bits a byte, the lowest first; the fields of a batch header are big-endian.
#pragma once
#include "../bytes.h"

namespace penstock {

/// 0, -1, 1, -2 … become 0, 1, 2, 3 …; the same for varint and varlong.
inline uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

inline uint32_t varintBytes(int64_t value) {
  const uint32_t bits = 64 - static_cast<uint32_t>(__builtin_clzll(zigzag(value) | 1));
  return (bits + 6) / 7;
}

/// Returns the place behind.
inline Byte* writeVarint(Byte* to, int64_t value) {
  uint64_t left = zigzag(value);
  for (; left >= 0x80; left >>= 7) *to++ = static_cast<Byte>(left | 0x80);
  *to++ = static_cast<Byte>(left);
  return to;
}

inline Byte* writeBig16(Byte* to, uint16_t value) {
  const uint16_t word = __builtin_bswap16(value);
  std::memcpy(to, &word, 2);
  return to + 2;
}

inline Byte* writeBig32(Byte* to, uint32_t value) {
  const uint32_t word = __builtin_bswap32(value);
  std::memcpy(to, &word, 4);
  return to + 4;
}

inline Byte* writeBig64(Byte* to, uint64_t value) {
  const uint64_t word = __builtin_bswap64(value);
  std::memcpy(to, &word, 8);
  return to + 8;
}

}  // namespace penstock
