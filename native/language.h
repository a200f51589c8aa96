// What a program says beyond plain sources (src/dialects/program.ts): guards, conditions of sources, parts of composed
// objects, times of sending, secrets. Guards and parts are counted in the bits of a word; what depends on guards
// applies when all those bits are held.
#pragma once
#include <vector>

#include "setup.h"

namespace penstock {

/// What a value is compared with: the unescaped bytes of a text, or the spelling of a number or word of JSON.
struct ValueLiteral {
  bool isText;
  Text bytes;
};
using ValueLiterals = std::vector<ValueLiteral>;

struct Guard {
  uint32_t slot;
  /// It holds when the value is none of the literals, instead of when it is one.
  bool isNegated;
  /// An absent value is one of the literals.
  bool matchesAbsent;
  ValueLiterals literals;
};

struct SourceRule {
  /// Slot that is looked at, or -1 for a constant, whose JSON text is `constant`.
  int32_t slot;
  uint32_t guards;
  Text constant;
  /// Raw bytes with which a text must begin, and which are then cut off; or with which none may begin.
  Text after, unless;
  /// A time that is not corrected.
  bool isExact;
};

/// A key, or how keys begin.
struct KeyPattern {
  Text bytes;
  bool isPrefix;
};

struct KeyRename {
  Text from, to;
};

struct Part {
  uint32_t slot, guards;
  /// The column that it is a part of.
  uint32_t column;
  /// The members of the value instead of the value itself.
  bool isEach;
  /// Takes all of the value, so that its field need not go to the rest column.
  bool usesUp;
  /// Key of a member, or what stands before the keys of each.
  Text key;
  /// Of `each`: keys that are taken (none is all), values that are not, and keys that get another name.
  std::vector<KeyPattern> patterns;
  ValueLiterals dropped;
  std::vector<KeyRename> renames;
};

/// A slot that may hold an event's own address or user agent.
struct Claim {
  uint32_t slot, guards;
};

/// Sources of a column and the parts of which it is composed, as ranges of the program's.
struct ColumnRule {
  uint32_t sourceStart, sourceEnd, partStart, partEnd;
  /// The parts once more, one bit each.
  uint32_t partBits;
  /// Two keys of the parts can be the same.
  bool mayCollide;
};

struct SlotRule {
  bool isSecret, isAppSource;
};

struct Language {
  bool isLenient;
  std::vector<SlotRule> slots;
  std::vector<Guard> guards;
  std::vector<SourceRule> sources;
  std::vector<ColumnRule> columns;
  std::vector<Part> parts;
  std::vector<uint32_t> sentAtSlots;
  /// The guards under which address and user agent are the connection's.
  uint32_t directGuards;
  /// Where the event's own ones stand, best first.
  std::vector<Claim> ipClaims, userAgentClaims;
};

/// Bits of guards and of parts.
constexpr size_t PROGRAM_BITS_MAX = 32;

inline ValueLiterals readValueLiterals(SetupReader& reader) {
  ValueLiterals literals;
  for (uint32_t left = reader.word(); left > 0 && reader.isSound(); left--) {
    const bool isText = reader.word() != 0;
    literals.push_back({isText, reader.text()});
  }
  return literals;
}

inline Part readPart(SetupReader& reader) {
  Part part{};
  part.slot = reader.word();
  part.guards = reader.word();
  part.isEach = reader.word() != 0;
  part.usesUp = reader.word() != 0;
  part.key = reader.text();
  for (uint32_t left = reader.word(); left > 0 && reader.isSound(); left--) {
    const Text bytes = reader.text();
    part.patterns.push_back({bytes, reader.word() != 0});
  }
  part.dropped = readValueLiterals(reader);
  for (uint32_t left = reader.word(); left > 0 && reader.isSound(); left--) {
    const Text from = reader.text();
    part.renames.push_back({from, reader.text()});
  }
  return part;
}

inline SourceRule readSource(SetupReader& reader) {
  SourceRule source{};
  source.slot = static_cast<int32_t>(reader.word());
  source.guards = reader.word();
  source.constant = reader.text();
  source.after = reader.text();
  source.unless = reader.text();
  source.isExact = reader.word() != 0;
  return source;
}

inline std::vector<Claim> readClaims(SetupReader& reader) {
  std::vector<Claim> claims;
  for (uint32_t left = reader.word(); left > 0 && reader.isSound(); left--) {
    const uint32_t slot = reader.word();
    claims.push_back({slot, reader.word()});
  }
  return claims;
}

/// The guards, columns, parts, times and claims of a program, in the order of native-setup.ts.
inline void readRules(SetupReader& reader, Language& language, uint32_t columnCount) {
  for (uint32_t left = reader.word(); left > 0 && reader.isSound(); left--) {
    Guard guard{};
    guard.slot = reader.word();
    guard.isNegated = reader.word() != 0;
    guard.matchesAbsent = reader.word() != 0;
    guard.literals = readValueLiterals(reader);
    language.guards.push_back(guard);
  }
  for (uint32_t column = 0; column < columnCount; column++) {
    ColumnRule rule{};
    rule.sourceStart = static_cast<uint32_t>(language.sources.size());
    for (uint32_t left = reader.word(); left > 0 && reader.isSound(); left--) {
      language.sources.push_back(readSource(reader));
    }
    rule.sourceEnd = static_cast<uint32_t>(language.sources.size());
    rule.partStart = reader.word();
    rule.partEnd = reader.word();
    rule.mayCollide = reader.word() != 0;
    language.columns.push_back(rule);
  }
  for (uint32_t left = reader.word(); left > 0 && reader.isSound(); left--) language.parts.push_back(readPart(reader));
  for (uint32_t column = 0; column < language.columns.size(); column++) {
    ColumnRule& rule = language.columns[column];
    for (uint32_t part = rule.partStart; part < rule.partEnd && part < language.parts.size(); part++) {
      language.parts[part].column = column;
      rule.partBits |= uint32_t{1} << part % PROGRAM_BITS_MAX;
    }
  }
  for (uint32_t left = reader.word(); left > 0 && reader.isSound(); left--) {
    language.sentAtSlots.push_back(reader.word());
  }
  language.directGuards = reader.word();
  language.ipClaims = readClaims(reader);
  language.userAgentClaims = readClaims(reader);
}

/// Whether every slot, part and bit that is named is there.
inline bool isSound(const Language& language) {
  const size_t slots = language.slots.size(), parts = language.parts.size();
  if (language.guards.size() > PROGRAM_BITS_MAX || parts > PROGRAM_BITS_MAX) return false;
  for (const Guard& guard : language.guards) {
    if (guard.slot >= slots) return false;
  }
  for (const SourceRule& source : language.sources) {
    if (source.slot >= 0 && static_cast<size_t>(source.slot) >= slots) return false;
  }
  for (const Part& part : language.parts) {
    if (part.slot >= slots) return false;
  }
  for (const ColumnRule& rule : language.columns) {
    if (rule.partStart > rule.partEnd || rule.partEnd > parts) return false;
  }
  for (const uint32_t slot : language.sentAtSlots) {
    if (slot >= slots) return false;
  }
  for (const std::vector<Claim>* claims : {&language.ipClaims, &language.userAgentClaims}) {
    for (const Claim& claim : *claims) {
      if (claim.slot >= slots) return false;
    }
  }
  return true;
}

}  // namespace penstock
