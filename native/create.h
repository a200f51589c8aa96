// Makes a scanner's state of what src/scan/native-setup.ts sends. The order of reading is the order of that file.
#pragma once
#include "scan.h"

namespace penstock {

inline bool hasLayout(SetupReader& reader) {
  for (const uint32_t expected : LAYOUT) {
    if (reader.word() != expected) return false;
  }
  return true;
}

inline void readLimits(SetupReader& reader, State& state) {
  Limits& limits = state.limits;
  for (uint32_t* limit : {&limits.depthMax, &limits.eventKeysMax, &limits.keysComparedMax,
                          &limits.envelopeFieldsBytesMax, &limits.linesBytesMax, &limits.bufferKeepBytes,
                          &limits.batchEventsMax, &limits.skewDeadZoneMs, &limits.eventFutureMsMax,
                          &limits.userAgentBytesMax}) {
    *limit = reader.word();
  }
  limits.timestampMsMin = reader.wide();
  limits.timestampMsEnd = reader.wide();
}

inline void readClaimPrivacy(SetupReader& reader, ClaimPrivacy& privacy) {
  privacy.ipv4BytesKept = reader.word();
  privacy.ipv6BytesKept = reader.word();
  privacy.keepsUserAgent = reader.word() != 0;
}

inline void readReasons(SetupReader& reader, State& state) {
  uint32_t words[sizeof(Reasons) / sizeof(uint32_t)];
  for (uint32_t& word : words) word = reader.word();
  std::memcpy(&state.reasons, words, sizeof(Reasons));
  state.keepsDeadLetter.resize(reader.word() & 0xffff);
  for (size_t reason = 0; reason < state.keepsDeadLetter.size(); reason++) {
    state.keepsDeadLetter[reason] = reader.word() != 0;
  }
}

/// What of a column's values can be told by kind and length alone.
inline void setPlainForm(Column& column) {
  if (column.kind == ColumnKind::text && column.bytesMin <= column.bytesMax) {
    column.plainKind = ValueKind::string;
    column.bytesSpan = column.bytesMax - column.bytesMin;
  } else if (column.kind == ColumnKind::object) {
    column.plainKind = ValueKind::object;
    column.bytesMin = 0;
    column.bytesSpan = UINT32_MAX;
  } else {
    column.plainKind = ValueKind::absent;
  }
}

inline void readColumns(SetupReader& reader, State& state) {
  const uint32_t count = reader.word() & 0xffff;
  state.fixedBytes = 64;
  for (uint32_t index = 0; index < count; index++) {
    Column column{};
    column.kind = static_cast<ColumnKind>(reader.word());
    column.bytesMin = reader.word();
    column.bytesMax = reader.word();
    setPlainForm(column);
    column.key = reader.text();
    state.fixedBytes += column.key.length + 2;
    state.columns.push_back(column);
  }
  for (uint32_t* column : {&state.eventIdColumn, &state.appColumn, &state.deviceColumn, &state.userColumn,
                           &state.timestampColumn}) {
    *column = reader.word();
  }
}

/// Fills a zeroed state; false when the setup and this build do not belong together.
inline bool readSetup(State& state, const uint32_t* words, size_t wordCount, const Byte* bytes, size_t byteCount) {
  state.setupWords.reserve(wordCount + 1, 0);
  // Texts are copied wide.
  state.setupBytes.reserve(byteCount + COPY_SLACK_BYTES, 0);
  std::memcpy(state.setupWords.items, words, wordCount * sizeof(uint32_t));
  std::memcpy(state.setupBytes.items, bytes, byteCount);
  SetupReader reader(state.setupWords.items, wordCount, state.setupBytes.items, byteCount);
  if (!hasLayout(reader)) return false;
  readLimits(reader, state);
  readClaimPrivacy(reader, state.claimPrivacy);
  for (uint32_t& seed : state.hashSeed) seed = reader.word();
  state.nodeHigh = reader.word();
  state.nodeLow = reader.word();
  readReasons(reader, state);
  readColumns(reader, state);
  const uint32_t transports = reader.word() & 0xffff;
  for (uint32_t index = 0; index < transports; index++) state.transportEnds.push_back(reader.text());
  const uint32_t apps = reader.word();
  for (uint32_t index = 0; index < apps; index++) {
    const Text name = reader.text();
    state.apps.push_back({name, reader.text()});
  }
  const uint32_t programs = reader.word() & 0xffff;
  for (uint32_t index = 0; index < programs; index++) {
    state.programs.push_back(readProgram(reader, static_cast<uint32_t>(state.columns.size())));
  }
  if (!reader.isDone() || state.columns.size() > COLUMNS_MAX || programs > PROGRAMS_MAX) return false;
  if (state.claimPrivacy.ipv4BytesKept > 4 || state.claimPrivacy.ipv6BytesKept > ADDRESS_BYTES_MAX) return false;
  size_t slots = 0;
  for (const Program& program : state.programs) {
    slots = larger(slots, program.slotCount);
    if (!isSound(program.language)) return false;
    if (program.slotCount > PROGRAM_SLOTS_MAX || program.entries.size() > PROGRAM_SLOTS_MAX) return false;
  }
  state.slotCapture.reserve(slots + 1, 0);
  state.choices.reserve(CHOICES, 0);
  std::memset(static_cast<void*>(state.choices.items), 0, CHOICES * sizeof(Choice));
  state.shapes.create(programs);
  return true;
}

}  // namespace penstock
