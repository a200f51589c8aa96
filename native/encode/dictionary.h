// A column that repeats its values: a dictionary of the block and an index a row, the wire form of
// LowCardinality(String) (ClickHouse: SerializationLowCardinality.cpp).
//
//   UInt64 1                    version of the keys: a dictionary of its own in every block
//   UInt64 0x600 | width        additional keys follow, the dictionary is new; width of an index: 0, 1, 2 for 1, 2, 4 bytes
//   UInt64 count, then that many Strings          the first one is the empty one, the type's default
//   UInt64 rows, then an index a row
//
// Clients choose the values, so the table hashes with a secret seed.
#pragma once
#include "../siphash.h"
#include "string-value.h"

namespace penstock {

struct Dictionary {
  /// A value by its length and both ends, which are all of it up to sixteen bytes; the rest stands in the keys. A free cell
  /// has the empty text, whose index is 0.
  struct Cell {
    uint64_t first, last;
    uint32_t length, index;
  };

  /// Where the bytes of a value stand in the keys.
  struct Entry {
    size_t offset, length;
  };

  /// The Strings as they are written.
  Buffer keys;
  Room<Entry> entries;
  uint32_t count = 0;
  /// An index a row; 0, the empty text, before a row comes.
  Room<uint32_t> rows;
  /// At most half are taken.
  Room<Cell> cells;
  size_t mask = 0;
  uint64_t seed[2];
};

/// Bytes that can be read from a value's first byte on, however short it is.
constexpr Position VALUE_READ_BYTES = 8;

/// What a cell has of a value.
PENSTOCK_PER_VALUE Dictionary::Cell cellOf(const Byte* bytes, size_t length) {
  const size_t lastAt = length > 8 ? length - 8 : 0;
  const uint64_t kept = length >= 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * length) - 1;
  return {load64(bytes) & kept, load64(bytes + lastAt) & kept, static_cast<uint32_t>(length), 0};
}

/// The two halves of a product, folded: no bit of it says anything of the values to one who does not know the seed.
PENSTOCK_PER_VALUE uint64_t foldedProduct(uint64_t left, uint64_t right) {
  const unsigned __int128 product = static_cast<unsigned __int128>(left) * right;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

PENSTOCK_PER_VALUE uint64_t hashOf(const Dictionary& dictionary, const Dictionary::Cell& cell, const Byte* bytes) {
  if (__builtin_expect(cell.length > 16, 0)) {
    const uint32_t seed[4] = {static_cast<uint32_t>(dictionary.seed[0]), static_cast<uint32_t>(dictionary.seed[0] >> 32),
                              static_cast<uint32_t>(dictionary.seed[1]), static_cast<uint32_t>(dictionary.seed[1] >> 32)};
    return sipHash(seed, bytes, cell.length);
  }
  return foldedProduct(cell.first ^ dictionary.seed[0], cell.last ^ cell.length ^ dictionary.seed[1]);
}

inline void rehash(Dictionary& dictionary, size_t cells) {
  dictionary.cells.reserve(cells, 0);
  std::memset(dictionary.cells.items, 0, cells * sizeof(Dictionary::Cell));
  dictionary.mask = cells - 1;
  for (uint32_t index = 1; index < dictionary.count; index++) {
    const Dictionary::Entry& entry = dictionary.entries.items[index];
    const Byte* const bytes = dictionary.keys.room.items + entry.offset;
    Dictionary::Cell added = cellOf(bytes, entry.length);
    added.index = index;
    size_t cell = hashOf(dictionary, added, bytes) & dictionary.mask;
    while (dictionary.cells.items[cell].index != 0) cell = (cell + 1) & dictionary.mask;
    dictionary.cells.items[cell] = added;
  }
}

/// Forgets everything but the empty text, whose index is 0.
inline void openDictionary(Dictionary& dictionary, const uint32_t seed[4]) {
  for (size_t half = 0; half < 2; half++) dictionary.seed[half] = seed[2 * half] | uint64_t{seed[2 * half + 1]} << 32;
  dictionary.keys.length = 0;
  dictionary.entries.reserve(1, 0);
  dictionary.keys.push(Byte{0});
  dictionary.entries.items[0] = {1, 0};
  dictionary.count = 1;
  rehash(dictionary, 64);
}

inline void release(Dictionary& dictionary) {
  dictionary.keys.release();
  dictionary.entries.release();
  dictionary.rows.release();
  dictionary.cells.release();
}

inline size_t heldBytes(const Dictionary& dictionary) {
  return dictionary.keys.room.capacity + dictionary.entries.capacity * sizeof(Dictionary::Entry) +
         dictionary.rows.capacity * sizeof(uint32_t) + dictionary.cells.capacity * sizeof(Dictionary::Cell);
}

/// Bytes of an index on the wire.
inline size_t indexBytes(const Dictionary& dictionary) {
  return dictionary.count - 1 <= UINT8_MAX ? 1 : dictionary.count - 1 <= UINT16_MAX ? 2 : 4;
}

/// Adds a value whose place is the free cell. Its index.
__attribute__((noinline)) inline uint32_t addValue(Dictionary& dictionary, Dictionary::Cell& cell, Dictionary::Cell value,
                                                   const Byte* bytes) {
  const uint32_t index = dictionary.count++;
  value.index = index;
  cell = value;
  dictionary.entries.reserve(dictionary.count, index);
  pushText(dictionary.keys, bytes, value.length);
  dictionary.entries.items[index] = {dictionary.keys.length - value.length, value.length};
  if (2 * size_t{dictionary.count} > dictionary.mask) rehash(dictionary, 2 * (dictionary.mask + 1));
  return index;
}

/// Index of a value, which is added where it is new.
PENSTOCK_PER_VALUE uint32_t indexOf(Dictionary& dictionary, const Byte* bytes, size_t length) {
  if (__builtin_expect(length == 0, 0)) return 0;
  const Dictionary::Cell value = cellOf(bytes, length);
  for (size_t place = hashOf(dictionary, value, bytes);; place++) {
    Dictionary::Cell& cell = dictionary.cells.items[place & dictionary.mask];
    const uint64_t differs = (cell.first ^ value.first) | (cell.last ^ value.last) | (cell.length ^ value.length);
    if (__builtin_expect(differs == 0, 1)) {
      if (length <= 16) return cell.index;
      const Dictionary::Entry& entry = dictionary.entries.items[cell.index];
      if (isEqual(dictionary.keys.room.items + entry.offset, bytes, length)) return cell.index;
    }
    if (cell.index == 0) return addValue(dictionary, cell, value, bytes);
  }
}

}  // namespace penstock
