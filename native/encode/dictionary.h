// A column that repeats its values: a dictionary of the block and an index a row, the wire form of
// LowCardinality(String) (ClickHouse: SerializationLowCardinality.cpp).
//
//   UInt64 1                    version of the keys: a dictionary of its own in every block
//   UInt64 0x600 | width        additional keys follow, the dictionary is new; width of an index: 0, 1, 2 for 1, 2, 4 bytes
//   UInt64 count, then that many Strings          the first one is the empty one, the type's default
//   UInt64 rows, then an index a row
//
// Clients choose the values, so the table hashes with a secret seed. It is only asked when neither the value of the row
// before nor a small cache has it.
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

  /// The Strings as they are written; the entries say where each one's bytes stand.
  Buffer keys;
  Room<Entry> entries;
  uint32_t count = 0;
  /// An index a row.
  Room<uint32_t> rows;
  size_t rowCount = 0;
  /// Index + 1, or 0 for a free cell; at most half are taken.
  Room<uint32_t> cells;
  size_t mask = 0;
  uint32_t last = 0;
  uint32_t cache[1 << CACHE_BITS] = {};

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
  dictionary.rowCount = 0;
  dictionary.last = 0;
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

/// A place in the cache, by the length and the bytes of both ends: cheap, and only ever a guess.
PENSTOCK_PER_VALUE size_t cachePlace(const Byte* bytes, size_t length) {
  uint64_t first = 0, last = 0;
  if (length >= 8) {
    first = load64(bytes);
    last = load64(bytes + length - 8);
  } else if (length >= 4) {
    first = load32(bytes);
    last = load32(bytes + length - 4);
  } else {
    for (size_t index = 0; index < length; index++) first = first << 8 | bytes[index];
  }
  return ((first ^ rotate(last, 29) ^ length) * 0x9e3779b97f4a7c15) >> (64 - CACHE_BITS);
}

__attribute__((noinline)) inline void growRows(Dictionary& dictionary) {
  dictionary.rows.reserve(dictionary.rowCount + 1, dictionary.rowCount);
}

PENSTOCK_PER_VALUE void addRow(Dictionary& dictionary, uint32_t index) {
  if (__builtin_expect(dictionary.rowCount == dictionary.rows.capacity, 0)) growRows(dictionary);
  dictionary.rows.items[dictionary.rowCount++] = index;
  dictionary.last = index;
}

PENSTOCK_PER_VALUE void addRow(Dictionary& dictionary, const uint32_t seed[4], const Byte* bytes,
                               size_t length) {
  if (dictionary.is(dictionary.last, bytes, length)) return addRow(dictionary, dictionary.last);
  uint32_t& guess = dictionary.cache[cachePlace(bytes, length)];
  if (!dictionary.is(guess, bytes, length)) guess = findOrAdd(dictionary, seed, bytes, length);
  addRow(dictionary, guess);
}

}  // namespace penstock
