// From captures to columns: which source wins, whether it fits its column, and which fields are left for the rest.
#pragma once
#include "keys.h"
#include "timestamps.h"

namespace penstock {

/// The most that one byte of text can take as an escape: `\u0041`.
constexpr size_t ESCAPE_BYTES_MAX = 6;

/// The unescaped inside of a captured string. VIEW until the next text is decoded.
inline Text textOf(State& state, const Capture& capture) {
  const Position start = capture.valueStart + 1;
  const Position end = capture.valueEnd - 1;
  if ((capture.flags & capture_flag::valueEscaped) == 0) {
    return {state.bytes + start, static_cast<size_t>(end - start)};
  }
  const size_t top = state.scratchTop;
  const size_t length = decodeString(state, start, end);
  state.scratchTop = top;
  return {state.scratch.items + top, length};
}

inline uint32_t checkText(State& state, const Column& column, const Capture& capture) {
  size_t length = static_cast<size_t>(capture.valueEnd - capture.valueStart) - 2;
  if ((capture.flags & capture_flag::valueEscaped) != 0) {
    if (length > column.bytesMax * ESCAPE_BYTES_MAX) return state.reasons.invalidLength;
    length = textOf(state, capture).length;
  }
  return length < column.bytesMin || length > column.bytesMax ? state.reasons.invalidLength : 0;
}

inline uint32_t checkTimestamp(State& state, const Capture& capture) {
  Text text{state.bytes + capture.valueStart, static_cast<size_t>(capture.valueEnd - capture.valueStart)};
  if (capture.kind == ValueKind::string) text = textOf(state, capture);
  const double ms = parseTimestamp(text.bytes, 0, static_cast<Position>(text.length));
  if (std::isnan(ms)) return state.reasons.invalidTimestamp;
  if (ms < state.limits.timestampMsMin || ms >= state.limits.timestampMsEnd) {
    return state.reasons.timestampOutOfRange;
  }
  state.eventMs = ms;
  return 0;
}

inline uint32_t checkColumn(State& state, const Column& column, const Capture& capture) {
  switch (column.kind) {
    case ColumnKind::text:
      return capture.kind == ValueKind::string ? checkText(state, column, capture) : state.reasons.invalidType;
    case ColumnKind::timestamp:
      if (capture.kind != ValueKind::string && capture.kind != ValueKind::number) return state.reasons.invalidType;
      return checkTimestamp(state, capture);
    default:
      return capture.kind == ValueKind::object ? 0 : state.reasons.invalidType;
  }
}

inline int32_t firstPresent(const State& state, uint32_t column) {
  const Program& program = *state.program;
  const uint32_t end = program.columnFirst[column + 1];
  for (uint32_t index = program.columnFirst[column]; index < end; index++) {
    const int32_t capture = state.slotCapture[program.columnSlots[index]];
    if (capture >= 0) return capture;
  }
  return -1;
}

/// Whether a capture is `""`, or an object without members.
inline bool isEmptyValue(const State& state, const Capture& capture) {
  const Position start = capture.valueStart;
  const Position end = capture.valueEnd;
  if (state.bytes[start] == '"') return end - start == 2;
  return skipSpace(state.bytes, start + 1, end) == end - 1;
}

inline bool hasOneOf(const State& state, const std::vector<uint32_t>& columns) {
  for (const uint32_t column : columns) {
    if (column == state.appColumn && state.app > 0) return true;
    const int32_t capture = state.winner[column];
    if (capture < 0) continue;
    const bool mayBeEmpty = column != state.deviceColumn && column != state.userColumn;
    if (mayBeEmpty || !isEmptyValue(state, state.captures.items[capture])) return true;
  }
  return false;
}

/// Whether a captured value is the name of the write key's app.
inline bool isOwnApp(State& state, const Capture& capture) {
  if (capture.kind != ValueKind::string) return false;
  const Text text = textOf(state, capture);
  const Text name = state.apps[state.app].name;
  return name.length == text.length && std::memcmp(name.bytes, text.bytes, text.length) == 0;
}

/// Marks the members of the root that no column took; a null under a name that the dialect knows is just absent.
inline void markRest(State& state) {
  state.restCount = 0;
  for (size_t index = 0; index < state.captureCount; index++) {
    Capture& capture = state.captures.items[index];
    if (!capture.isRoot) continue;
    if (capture.slot >= 0) {
      if (capture.kind == ValueKind::absent) continue;
      const uint32_t column = state.program->slotColumn[static_cast<size_t>(capture.slot)];
      if (state.winner[column] == static_cast<int32_t>(index)) continue;
      if (column == state.appColumn && state.app > 0 && isOwnApp(state, capture)) continue;
    }
    capture.flags |= capture_flag::rest;
    state.restCount++;
  }
}

/// Chooses and checks the columns of the event just walked. Returns its reason, with `state.faultSlot`, or 0. Sets
/// `winner`, `eventMs` and the captures' rest flags. With a write key `app_id` is the key's and has no winner.
inline uint32_t resolveColumns(State& state) {
  const Program& program = *state.program;
  state.eventMs = state.receivedMs;
  state.present = 0;
  for (uint32_t column = 0; column < state.columns.size(); column++) {
    const int32_t winner = column == state.appColumn && state.app > 0 ? -1 : firstPresent(state, column);
    state.winner[column] = winner;
    state.present |= static_cast<uint32_t>(winner >= 0) << column;
  }
  // By the bits: which columns are there differs from event to event, and a branch on each would be guessed wrong.
  for (uint32_t left = state.present; left != 0; left &= left - 1) {
    const uint32_t column = static_cast<uint32_t>(__builtin_ctz(left));
    const int32_t winner = state.winner[column];
    const uint32_t reason = checkColumn(state, state.columns[column], state.captures.items[winner]);
    if (reason != 0) {
      state.faultSlot = state.captures.items[winner].slot;
      return reason;
    }
  }
  for (const std::vector<uint32_t>& group : program.required) {
    if (hasOneOf(state, group)) continue;
    const uint32_t first = program.columnFirst[group[0]];
    const bool hasSlot = first < program.columnFirst[group[0] + 1];
    state.faultSlot = hasSlot ? static_cast<int32_t>(program.columnSlots[first]) : -1;
    return state.reasons.missingField;
  }
  markRest(state);
  return 0;
}

}  // namespace penstock
