// SipHash-1-3 with a secret key: the hash of sets whose keys a client chooses, so that none can make them collide.
#pragma once
#include "bytes.h"

namespace penstock {

inline uint64_t rotate(uint64_t word, int bits) { return (word << bits) | (word >> (64 - bits)); }

inline void sipRound(uint64_t v[4]) {
  v[0] += v[1];
  v[1] = rotate(v[1], 13) ^ v[0];
  v[0] = rotate(v[0], 32);
  v[2] += v[3];
  v[3] = rotate(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = rotate(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = rotate(v[1], 17) ^ v[2];
  v[2] = rotate(v[2], 32);
}

inline uint64_t sipHash(const uint32_t seed[4], const Byte* bytes, size_t length) {
  const uint64_t low = seed[0] | static_cast<uint64_t>(seed[1]) << 32;
  const uint64_t high = seed[2] | static_cast<uint64_t>(seed[3]) << 32;
  uint64_t v[4] = {low ^ 0x736f6d6570736575, high ^ 0x646f72616e646f6d, low ^ 0x6c7967656e657261,
                   high ^ 0x7465646279746573};
  size_t at = 0;
  for (; at + 8 <= length; at += 8) {
    const uint64_t word = load64(bytes + at);
    v[3] ^= word;
    sipRound(v);
    v[0] ^= word;
  }
  uint64_t last = static_cast<uint64_t>(length) << 56;
  std::memcpy(&last, bytes + at, length - at);
  v[3] ^= last;
  sipRound(v);
  v[0] ^= last;
  v[2] ^= 0xff;
  for (int round = 0; round < 3; round++) sipRound(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

}  // namespace penstock
