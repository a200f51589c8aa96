// A dialect's compiled program as tables: for each node a small hash table of the keys that are looked for. Built
// once per route when a scanner is made; read for every key.
#pragma once
#include "key.h"
#include "language.h"

namespace penstock {

/// What a program wants of a key in its place.
struct Wanted {
  /// The slot that its value takes, or -1, or in a plain program what `isClaimSlot` says of; the column of that slot, and its rank among the sources of the column, of
  /// which the lowest wins. Of a program that is not plain: the column that it is called like, if it is.
  int16_t slot;
  uint8_t column, rank;
  /// Whether it is called like that column; whether it is one of the event's own keys.
  bool isNamed, isRoot;
};

/// Slots of a plain program that claims look at are numbered from -2 downwards in the keys that lead to them: they fill no
/// column, and what looks for columns passes them like keys that nobody looks for.
constexpr int32_t CLAIM_SLOTS_FIRST = -2;

inline bool isClaimSlot(int32_t slot) { return slot <= CLAIM_SLOTS_FIRST; }
inline int32_t slotOfClaim(int32_t slot) { return CLAIM_SLOTS_FIRST - slot; }

/// Of a key deeper down, and of one of the event's own, that the program does not look for.
constexpr Wanted UNWANTED[] = {{-1, 0, 0, false, false}, {-1, 0, 0, false, true}};

/// A key that the program looks for.
struct Entry {
  Key key;
  Text bytes;
  Wanted wanted;
  int32_t node;
  bool isEnvelope;
};

/// Columns, one bit each, one of which must be there; the slot that is named where none is, or -1.
struct RequiredGroup {
  uint32_t columns;
  int32_t slot;
};

struct Program {
  bool isBatch;
  /// Nothing but sources without conditions, each slot for one column: `language` need not be looked at.
  bool isPlain;
  /// Events a batch when more than the setup's, else 0.
  uint32_t batchEventsMax;
  /// The dialect's name as a JSON string.
  Text dialect;
  uint32_t restColumn;
  /// The slot whose object mostly fills it, or -1.
  int32_t restSlot;
  bool hasClaims;
  uint32_t slotCount;
  std::vector<Entry> entries;
  /// By node: its first cell and the count of its cells minus one. A cell holds an entry plus 1, or 0.
  std::vector<uint32_t> nodeCells, nodeMask, cells;
  int32_t envelopeNode;
  /// By slot.
  std::vector<Wanted> slots;
  std::vector<RequiredGroup> required;
  Language language;

  /// What is wanted of a key that is `entry`, or no entry when that is -1. Copied as it stands in memory: a walk reads
  /// it at once, and would wait if it were put together.
  const Wanted& wantedOf(int32_t entry, bool isRoot) const {
    return entry < 0 ? UNWANTED[isRoot ? 1 : 0] : entries[static_cast<size_t>(entry)].wanted;
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

/// Slots and entries that a program can have: they are counted in fifteen bits. A column can have 256 sources.
constexpr size_t PROGRAM_SLOTS_MAX = INT16_MAX;

inline void readNode(SetupReader& reader, Program& program, bool isRoot) {
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
    const uint32_t slot = reader.word();
    entry.wanted = slot < program.slotCount ? program.slots[slot] : UNWANTED[0];
    entry.wanted.isRoot = isRoot;
    entry.node = static_cast<int32_t>(reader.word());
    entry.isEnvelope = reader.word() != 0;
    uint32_t cell = entry.key.hash & (cellCount - 1);
    while (program.cells[first + cell] != 0) cell = (cell + 1) & (cellCount - 1);
    program.entries.push_back(entry);
    program.cells[first + cell] = static_cast<uint32_t>(program.entries.size());
  }
}

/// The slots of a program; those of a plain one then get their columns by `assignColumns`.
inline void readSlots(SetupReader& reader, Program& program, uint32_t columnCount) {
  program.slotCount = reader.word();
  for (uint32_t slot = 0; slot < program.slotCount && reader.isSound(); slot++) {
    const uint32_t column = reader.word();
    const bool isNamed = column < columnCount;
    const uint8_t narrow = static_cast<uint8_t>(isNamed ? column : 0);
    program.slots.push_back({static_cast<int16_t>(slot), narrow, 0, isNamed, false});
    const bool isSecret = reader.word() != 0;
    program.language.slots.push_back({isSecret, reader.word() != 0});
  }
}

/// What the slots of a plain program are for.
inline void assignColumns(Program& program) {
  for (uint32_t column = 0; column < program.language.columns.size(); column++) {
    const ColumnRule& rule = program.language.columns[column];
    for (uint32_t index = rule.sourceStart; index < rule.sourceEnd; index++) {
      const int32_t slot = program.language.sources[index].slot;
      const uint32_t rank = index - rule.sourceStart;
      if (slot < 0 || static_cast<uint32_t>(slot) >= program.slotCount || rank > UINT8_MAX) continue;
      Wanted& wanted = program.slots[static_cast<size_t>(slot)];
      wanted.isNamed = wanted.isNamed && wanted.column == column;
      wanted.column = static_cast<uint8_t>(column);
      wanted.rank = static_cast<uint8_t>(rank);
    }
  }
}

/// Hides the slots of claims from what looks for columns.
inline void hideClaims(Program& program) {
  for (const std::vector<Claim>* claims : {&program.language.ipClaims, &program.language.userAgentClaims}) {
    for (const Claim& claim : *claims) {
      if (claim.slot >= program.slotCount) continue;
      program.slots[claim.slot].slot = static_cast<int16_t>(slotOfClaim(static_cast<int32_t>(claim.slot)));
    }
  }
}

/// The slot of the rest column's first source, or -1.
inline int32_t firstSlot(const Program& program) {
  if (program.restColumn >= program.language.columns.size()) return -1;
  const ColumnRule& rule = program.language.columns[program.restColumn];
  return rule.sourceStart == rule.sourceEnd ? -1 : program.language.sources[rule.sourceStart].slot;
}

/// The next program of the setup; `columnCount` columns of the client.
inline Program readProgram(SetupReader& reader, uint32_t columnCount) {
  Program program{};
  program.isBatch = reader.word() != 0;
  program.isPlain = reader.word() != 0;
  program.language.isLenient = reader.word() != 0;
  program.batchEventsMax = reader.word();
  program.dialect = reader.text();
  program.restColumn = reader.word();
  program.envelopeNode = static_cast<int32_t>(reader.word());
  readSlots(reader, program, columnCount);
  readRules(reader, program.language, columnCount);
  if (program.isPlain) assignColumns(program);
  if (program.isPlain) hideClaims(program);
  program.hasClaims = !program.language.ipClaims.empty() || !program.language.userAgentClaims.empty();
  program.restSlot = firstSlot(program);
  for (uint32_t left = reader.word(); left > 0 && reader.isSound(); left--) {
    RequiredGroup required{0, static_cast<int32_t>(reader.word())};
    for (uint32_t columns = reader.word(); columns > 0 && reader.isSound(); columns--) {
      const uint32_t column = reader.word();
      if (column < columnCount) required.columns |= uint32_t{1} << column;
    }
    program.required.push_back(required);
  }
  const int32_t nodes = static_cast<int32_t>(reader.word());
  for (int32_t node = 0; node < nodes && reader.isSound(); node++) {
    readNode(reader, program, node == 0 || node == program.envelopeNode);
  }
  return program;
}

}  // namespace penstock
