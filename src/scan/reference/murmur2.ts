// Hot path.
/** murmur2 with 32 bits as Kafka's Java client computes it, so that keyed events land in the partitions a Java producer would choose. */

/** Seed of Kafka's default partitioner. */
export const MURMUR2_SEED_KAFKA = 0x9747b28c;
/** A second, independent hash of event ids: the fraction of the square root of two. */
export const MURMUR2_SEED_SECOND = 0x6a09e667;

const MULTIPLIER = 0x5bd1e995;

/** The hash of `length` bytes at `start`, as a signed 32-bit integer. `view` covers `bytes` from its first byte. */
export function murmur2(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  length: number,
  seed: number,
): number {
  let hash = seed ^ length;
  let at = start;
  const end = start + length;
  for (; at + 4 <= end; at += 4) {
    let word = Math.imul(view.getInt32(at, true), MULTIPLIER);
    word = Math.imul(word ^ (word >>> 24), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  const left = end - at;
  if (left > 0) {
    if (left === 3) hash ^= bytes[at + 2]! << 16;
    if (left >= 2) hash ^= bytes[at + 1]! << 8;
    hash = Math.imul(hash ^ bytes[at]!, MULTIPLIER);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}
