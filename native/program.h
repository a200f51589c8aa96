// A dialect's compiled program as tables: for each node a small hash table of the keys that are looked for. Built
// once per route when a scanner is made; read for every key.
#pragma once
#include "key.h"
#include "setup.h"

namespace penstock {

/// What a program wants of a key in its place.
struct Wanted {
  /// The slot that its value takes, or -1.
  int16_t slot;
  /// Whether it is one of the event's own keys; whether it is called like the column of its slot.
  bool isRoot, isNamed;
};

/// A key that the program looks for.
struct Entry {
  Key key;
  Text bytes;
  int32_t slot;
  int32_t node;
  bool isEnvelope;
};

/// Columns, one bit each, one of which must be there; the slot that is named where none is, or -1.
struct RequiredGroup {
  uint32_t columns;
  int32_t slot;
};

/// What a slot is for: the column that it fills, its rank among the sources of that column, of which the lowest wins,
/// and whether its key is called like its column.
struct SlotUse {
  uint32_t column, rank;
  bool isNamed;
};

struct Program {
  bool isBatch;
  /// The dialect's name as a JSON string.
  Text dialect;
  uint32_t restColumn;
  uint32_t slotCount;
  std::vector<Entry> entries;
  /// By node: its first cell and the count of its cells minus one. A cell holds an entry plus 1, or 0.
  std::vector<uint32_t> nodeCells, nodeMask, cells;
  int32_t envelopeNode;
  std::vector<SlotUse> slots;
  std::vector<RequiredGroup> required;

  /// What is wanted of a key that is `entry`, or no entry when that is -1.
  Wanted wantedOf(int32_t entry, bool isRoot) const {
    const int32_t slot = entry < 0 ? -1 : entries[static_cast<size_t>(entry)].slot;
    return {static_cast<int16_t>(slot), isRoot, slot >= 0 && slots[static_cast<size_t>(slot)].isNamed};
  }

  /// Entry of `node` with this key, whose bytes stand at `bytes`, or -1.
  int32_t find(int32_t node, const Key& key, const Byte* bytes) const {
    return find(cells.data() + nodeCells[node], nodeMask[node], key, bytes);
  }

  /// The same, given the node's first cell and mask.
  int32_t find(const uint32_t* first, uint32_t mask, const Key& key, const Byte* bytes) const {
    for (uint32_t cell = key.hash & mask;; cell = (cell + 1) & mask) {
      const int32_t entry = static_cast<int32_t>(first[cell]) - 1;
      if (entry < 0) return -1;
      const Entry& candidate = entries[entry];
      if (!looksEqual(candidate.key, key)) continue;
      if (key.length <= KEY_EXACT_BYTES || std::memcmp(candidate.bytes.bytes, bytes, key.length) == 0) return entry;
    }
  }
};

/// Slots and entries that a program can have: they are counted in fifteen bits.
constexpr size_t PROGRAM_SLOTS_MAX = INT16_MAX;

inline void readNode(SetupReader& reader, Program& program) {
  const uint32_t keyCount = reader.word();
  uint32_t cellCount = 1;
  // A quarter full at most, so that most keys that are not looked for meet an empty cell at once.
  while (cellCount < 4 * keyCount) cellCount *= 2;
  const uint32_t first = static_cast<uint32_t>(program.cells.size());
  program.nodeCells.push_back(first);
  program.nodeMask.push_back(cellCount - 1);
  program.cells.resize(first + cellCount);
  for (uint32_t index = 0; index < keyCount; index++) {
    Entry entry{};
    entry.bytes = reader.text();
    entry.key = makeKey(entry.bytes.bytes, static_cast<uint32_t>(entry.bytes.length));
    entry.slot = static_cast<int32_t>(reader.word());
    entry.node = static_cast<int32_t>(reader.word());
    entry.isEnvelope = reader.word() != 0;
    uint32_t cell = entry.key.hash & (cellCount - 1);
    while (program.cells[first + cell] != 0) cell = (cell + 1) & (cellCount - 1);
    program.entries.push_back(entry);
    program.cells[first + cell] = static_cast<uint32_t>(program.entries.size());
  }
}

/// The next program of the setup; `columnCount` columns of the client.
inline Program readProgram(SetupReader& reader, uint32_t columnCount) {
  Program program{};
  program.isBatch = reader.word() != 0;
  program.dialect = reader.text();
  program.restColumn = reader.word();
  program.slotCount = reader.word();
  program.slots.resize(program.slotCount);
  std::vector<int32_t> bestSlot(columnCount, -1);
  for (uint32_t column = 0; column < columnCount; column++) {
    const uint32_t sources = reader.word();
    for (uint32_t rank = 0; rank < sources; rank++) {
      const uint32_t slot = reader.word();
      const bool isNamed = reader.word() != 0;
      if (slot >= program.slotCount) continue;
      program.slots[slot] = {column, rank, isNamed};
      if (rank == 0) bestSlot[column] = static_cast<int32_t>(slot);
    }
  }
  const uint32_t groups = reader.word();
  for (uint32_t group = 0; group < groups; group++) {
    const uint32_t columns = reader.word();
    RequiredGroup required{0, -1};
    for (uint32_t index = 0; index < columns; index++) {
      const uint32_t column = reader.word();
      if (column >= columnCount) continue;
      required.columns |= uint32_t{1} << column;
      if (index == 0) required.slot = bestSlot[column];
    }
    program.required.push_back(required);
  }
  const uint32_t nodes = reader.word();
  // The last node holds the envelope's own keys.
  for (uint32_t node = 0; node < nodes; node++) readNode(reader, program);
  program.envelopeNode = static_cast<int32_t>(nodes) - 1;
  return program;
}

}  // namespace penstock
