// A key as numbers: its length and its outer eight bytes decide keys of up to sixteen bytes exactly, and a hash of
// them finds its place in tables. Longer keys that agree in all of it are compared byte by byte.
#pragma once
#include "bytes.h"

namespace penstock {

struct Key {
  uint64_t head, last;
  uint32_t length;
  uint32_t hash;
};

inline uint32_t hashKey(uint64_t head, uint64_t last, uint32_t length) {
  uint64_t mixed = (head ^ (static_cast<uint64_t>(length) << 56)) * 0x9e3779b97f4a7c15;
  mixed ^= last * 0xc2b2ae3d27d4eb4f;
  mixed ^= mixed >> 29;
  mixed *= 0xbf58476d1ce4e5b9;
  return static_cast<uint32_t>(mixed >> 32);
}

/// The first `length` bytes of a word as loaded, the others 0.
inline uint64_t keepBytes(uint64_t word, uint32_t length) {
  return length >= 8 ? word : word & ((uint64_t{1} << (8 * length)) - 1);
}

/// The key of `length` bytes at `from`. Reads no byte beside them.
inline Key makeKey(const Byte* from, uint32_t length) {
  Key key{0, 0, length, 0};
  if (length >= 8) {
    key.head = load64(from);
    key.last = load64(from + length - 8);
  } else {
    std::memcpy(&key.head, from, length);
    key.last = key.head;
  }
  key.hash = hashKey(key.head, key.last, length);
  return key;
}

/// The same, reading eight bytes in any case: no branch on the length, which the processor cannot foresee.
inline Key makeKeyWide(const Byte* from, uint32_t length) {
  const uint32_t tail = length > 8 ? length - 8 : 0;
  Key key{keepBytes(load64(from), length), keepBytes(load64(from + tail), length), length, 0};
  key.hash = hashKey(key.head, key.last, length);
  return key;
}

/// Whether two keys agree in everything but, when they are longer than sixteen bytes, the bytes between.
inline bool looksEqual(const Key& left, const Key& right) {
  return left.head == right.head && left.last == right.last && left.length == right.length;
}

constexpr uint32_t KEY_EXACT_BYTES = 16;

}  // namespace penstock
