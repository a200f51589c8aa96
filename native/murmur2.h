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

/// The hashes of one text with the seeds given: their chains of multiplications run beside each other.
template <size_t COUNT>
inline __attribute__((always_inline)) void murmur2Chains(Text text, uint32_t (&hashes)[COUNT]) {
  const Byte* at = text.bytes;
  const auto take = [&hashes](uint32_t word) __attribute__((always_inline)) {
    const uint32_t mixed = mixMurmur2(word);
    for (uint32_t& hash : hashes) hash = (hash * MURMUR2_MULTIPLIER) ^ mixed;
  };
  for (uint32_t& hash : hashes) hash ^= static_cast<uint32_t>(text.length);
  // Ids are mostly UUIDs, of nine words.
  for (const Byte* const pairs = at + (text.length & ~size_t{7}); at < pairs; at += 8) {
    take(load32(at));
    take(load32(at + 4));
  }
  if ((text.length & 4) != 0) {
    take(load32(at));
    at += 4;
  }
  for (uint32_t& hash : hashes) hash = finishMurmur2(hash, at, text.length & 3);
}

/// The hash with both seeds.
inline void murmur2Pair(Text text, uint32_t& kafka, uint32_t& second) {
  uint32_t hashes[2] = {MURMUR2_SEED_KAFKA, MURMUR2_SEED_SECOND};
  murmur2Chains(text, hashes);
  kafka = hashes[0];
  second = hashes[1];
}

/// The hash that Kafka takes.
inline uint32_t murmur2(Text text) {
  uint32_t hashes[1] = {MURMUR2_SEED_KAFKA};
  murmur2Chains(text, hashes);
  return hashes[0];
}

}  // namespace penstock
