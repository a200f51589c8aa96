// A column that repeats its values: a dictionary of the block and an index a row, the wire form of
// LowCardinality(String) (ClickHouse: SerializationLowCardinality.cpp).
//
//   UInt64 1                    version of the keys: a dictionary of its own in every block
//   UInt64 0x600 | width        additional keys follow, the dictionary is new; width of an index: 0, 1, 2 for 1, 2, 4 bytes
//   UInt64 count, then that many Strings          the first one is the empty one, the type's default
//   UInt64 rows, then an index a row
//
// Clients choose the values, so the table hashes with a secret seed. It is only asked when a small cache has not the value.
#pragma once
#include "../siphash.h"
#include "string-value.h"

namespace penstock {

/// Values that the cache holds: versions of an app and its system come to some dozens.
constexpr uint32_t CACHE_BITS = 8;

struct Dictionary {
  struct Entry {
    size_t offset, length;
  };

  /// A value by its length and both ends, which are all of it up to sixteen bytes. An empty cell has the empty text.
  struct Cached {
    uint64_t first, last;
    uint32_t length, index;
  };

  /// The Strings as they are written; the entries say where each one's bytes stand.
  Buffer keys;
  Room<Entry> entries;
  uint32_t count = 0;
  /// An index a row; 0, the empty text, before a row comes.
  Room<uint32_t> rows;
  /// Index + 1, or 0 for a free cell; at most half are taken.
  Room<uint32_t> cells;
  size_t mask = 0;
  Cached cache[1 << CACHE_BITS] = {};

  PENSTOCK_PER_VALUE bool is(uint32_t index, const Byte* bytes, size_t length) const {
    const Entry& entry = entries.items[index];
    return entry.length == length && isEqual(keys.room.items + entry.offset, bytes, length);
  }
};

inline void rehash(Dictionary& dictionary, const uint32_t seed[4], size_t cells) {
  dictionary.cells.reserve(cells, 0);
  std::memset(dictionary.cells.items, 0, cells * sizeof(uint32_t));
  dictionary.mask = cells - 1;
  for (uint32_t index = 0; index < dictionary.count; index++) {
    const Dictionary::Entry& entry = dictionary.entries.items[index];
    size_t cell = sipHash(seed, dictionary.keys.room.items + entry.offset, entry.length) & dictionary.mask;
    while (dictionary.cells.items[cell] != 0) cell = (cell + 1) & dictionary.mask;
    dictionary.cells.items[cell] = index + 1;
  }
}

/// Forgets everything but the empty text, whose index is 0.
inline void openDictionary(Dictionary& dictionary, const uint32_t seed[4]) {
  dictionary.keys.length = 0;
  dictionary.entries.reserve(1, 0);
  dictionary.keys.push(Byte{0});
  dictionary.entries.items[0] = {1, 0};
  dictionary.count = 1;
  std::memset(dictionary.cache, 0, sizeof(dictionary.cache));
  rehash(dictionary, seed, 64);
}

inline void release(Dictionary& dictionary) {
  dictionary.keys.release();
  dictionary.entries.release();
  dictionary.rows.release();
  dictionary.cells.release();
}

inline size_t heldBytes(const Dictionary& dictionary) {
  return dictionary.keys.room.capacity + dictionary.entries.capacity * sizeof(Dictionary::Entry) +
         (dictionary.rows.capacity + dictionary.cells.capacity) * sizeof(uint32_t);
}

/// Bytes of an index on the wire.
inline size_t indexBytes(const Dictionary& dictionary) {
  return dictionary.count - 1 <= UINT8_MAX ? 1 : dictionary.count - 1 <= UINT16_MAX ? 2 : 4;
}

__attribute__((noinline)) inline uint32_t findOrAdd(Dictionary& dictionary, const uint32_t seed[4], const Byte* bytes,
                                                   size_t length) {
  size_t cell = sipHash(seed, bytes, length) & dictionary.mask;
  for (; dictionary.cells.items[cell] != 0; cell = (cell + 1) & dictionary.mask) {
    const uint32_t index = dictionary.cells.items[cell] - 1;
    if (dictionary.is(index, bytes, length)) return index;
  }
  const uint32_t index = dictionary.count++;
  dictionary.cells.items[cell] = index + 1;
  dictionary.entries.reserve(dictionary.count, index);
  pushText(dictionary.keys, bytes, length);
  dictionary.entries.items[index] = {dictionary.keys.length - length, length};
  if (2 * dictionary.count > dictionary.mask) rehash(dictionary, seed, 2 * (dictionary.mask + 1));
  return index;
}

/// Bytes that can be read from a value's first byte on, however short it is.
constexpr Position VALUE_READ_BYTES = 8;

/// Index of a value, which is added where it is new.
PENSTOCK_PER_VALUE uint32_t indexOf(Dictionary& dictionary, const uint32_t seed[4], const Byte* bytes, size_t length) {
  const size_t lastAt = length > 8 ? length - 8 : 0;
  const uint64_t kept = length >= 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * length) - 1;
  const uint64_t first = load64(bytes) & kept, last = load64(bytes + lastAt) & kept;
  Dictionary::Cached& cached =
      dictionary.cache[((first ^ rotate(last, 29) ^ length) * 0x9e3779b97f4a7c15) >> (64 - CACHE_BITS)];
  const uint64_t differs = (cached.first ^ first) | (cached.last ^ last) | (cached.length ^ length);
  if (__builtin_expect(differs == 0 && (length <= 16 || dictionary.is(cached.index, bytes, length)), 1)) return cached.index;
  cached.first = first;
  cached.last = last;
  cached.length = static_cast<uint32_t>(length);
  return cached.index = findOrAdd(dictionary, seed, bytes, length);
}

}  // namespace penstock
