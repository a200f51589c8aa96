// murmur2 with 32 bits as Kafka's Java client computes it, so that keyed events land in the partitions a Java
// producer would choose.
#pragma once
#include "bytes.h"

namespace penstock {

/// Seed of Kafka's default partitioner.
constexpr uint32_t MURMUR2_SEED_KAFKA = 0x9747b28c;
/// A second, independent hash of event ids: the fraction of the square root of two.
constexpr uint32_t MURMUR2_SEED_SECOND = 0x6a09e667;

constexpr uint32_t MURMUR2_MULTIPLIER = 0x5bd1e995;

/// The last one to three bytes, and the final mix.
inline uint32_t finishMurmur2(uint32_t hash, const Byte* at, size_t left) {
  if (left > 0) {
    if (left == 3) hash ^= static_cast<uint32_t>(at[2]) << 16;
    if (left >= 2) hash ^= static_cast<uint32_t>(at[1]) << 8;
    hash = (hash ^ at[0]) * MURMUR2_MULTIPLIER;
  }
  hash = (hash ^ (hash >> 13)) * MURMUR2_MULTIPLIER;
  return hash ^ (hash >> 15);
}

/// A word of the text as it goes into a hash.
inline uint32_t mixMurmur2(uint32_t word) {
  word *= MURMUR2_MULTIPLIER;
  return (word ^ (word >> 24)) * MURMUR2_MULTIPLIER;
}

/// The hash with both seeds: the chains of multiplications run beside each other.
inline void murmur2Pair(Text text, uint32_t& kafka, uint32_t& second) {
  const uint32_t length = static_cast<uint32_t>(text.length);
  uint32_t first = MURMUR2_SEED_KAFKA ^ length, other = MURMUR2_SEED_SECOND ^ length;
  const Byte* at = text.bytes;
  const Byte* const words = at + (length & ~3u);
  for (; at < words; at += 4) {
    const uint32_t word = mixMurmur2(load32(at));
    first = (first * MURMUR2_MULTIPLIER) ^ word;
    other = (other * MURMUR2_MULTIPLIER) ^ word;
  }
  kafka = finishMurmur2(first, at, length & 3);
  second = finishMurmur2(other, at, length & 3);
}

/// The hash that Kafka takes.
inline uint32_t murmur2(Text text) {
  uint32_t kafka, second;
  murmur2Pair(text, kafka, second);
  return kafka;
}

}  // namespace penstock
