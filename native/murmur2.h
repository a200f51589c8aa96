// murmur2 with 32 bits as Kafka's Java client computes it, so that keyed events land in the partitions a Java
// producer would choose.
#pragma once
#include "bytes.h"

namespace penstock {

/// Seed of Kafka's default partitioner.
constexpr uint32_t MURMUR2_SEED_KAFKA = 0x9747b28c;
/// A second, independent hash of event ids: the fraction of the square root of two.
constexpr uint32_t MURMUR2_SEED_SECOND = 0x6a09e667;

inline uint32_t murmur2(Text text, uint32_t seed) {
  constexpr uint32_t multiplier = 0x5bd1e995;
  uint32_t hash = seed ^ static_cast<uint32_t>(text.length);
  const Byte* at = text.bytes;
  size_t left = text.length;
  for (; left >= 4; left -= 4, at += 4) {
    uint32_t word = load32(at) * multiplier;
    word = (word ^ (word >> 24)) * multiplier;
    hash = (hash * multiplier) ^ word;
  }
  if (left > 0) {
    if (left == 3) hash ^= static_cast<uint32_t>(at[2]) << 16;
    if (left >= 2) hash ^= static_cast<uint32_t>(at[1]) << 8;
    hash = (hash ^ at[0]) * multiplier;
  }
  hash = (hash ^ (hash >> 13)) * multiplier;
  return hash ^ (hash >> 15);
}

}  // namespace penstock
