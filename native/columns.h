// From captures to columns: which source wins, whether it fits its column, and which fields are left for the rest.
#pragma once
#include "claims.h"
#include "keys.h"
#include "timestamps.h"

namespace penstock {

/// The most that one byte of text can take as an escape: `\u0041`.
constexpr size_t ESCAPE_BYTES_MAX = 6;

/// The unescaped inside of a captured string. VIEW until the next text is decoded.
inline Text textOf(State& state, const Capture& capture) {
  const Position quote = (capture.flags & capture_flag::bare) == 0 ? 1 : 0;
  const Position start = capture.valueStart + quote;
  const Position end = capture.valueEnd - quote;
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

/// Whether `checkColumn` surely finds no fault: most values need no look at more than their kind and their length. Of
/// one expression, since branches on values differ from column to column.
inline bool isPlainlyRight(const Column& column, const Capture& capture) {
  const uint32_t inside = static_cast<uint32_t>(capture.valueEnd - capture.valueStart) - 2;
  const uint32_t isUsual = (capture.flags & ~(capture_flag::apart | capture_flag::used)) == 0;
  const uint32_t isOfKind = capture.kind == column.plainKind;
  const uint32_t fits = inside - column.bytesMin <= column.bytesSpan;
  return (isUsual & isOfKind & fits) != 0;
}

/// `bit` or 0, without a branch.
inline uint32_t bitIf(bool condition, uint32_t bit) { return (0 - static_cast<uint32_t>(condition)) & bit; }

/// Finds each column's winner, and which of these can be told to be right at once; returns the others, one bit each.
/// With a write key `app_id` is the key's and has no winner.
inline uint32_t chooseSources(State& state) {
  const Column* const columns = state.columns.data();
  const Capture* const end = state.captures.items + state.captureCount;
  uint32_t present = 0, filled = 0, doubtful = 0;
  for (const Capture* capture = state.captures.items; capture < end; capture++) {
    if (capture->wanted.slot < 0 || capture->kind == ValueKind::absent) continue;
    const uint32_t column = capture->wanted.column;
    const uint32_t bit = uint32_t{1} << column;
    if (__builtin_expect((present & bit) != 0, 0)) {
      if (state.winner[column]->wanted.rank < capture->wanted.rank) continue;
      filled &= ~bit;
      doubtful &= ~bit;
    }
    present |= bit;
    state.winner[column] = capture;
    // Without white space in it only what has nothing inside is empty.
    filled |= bitIf(capture->valueEnd - capture->valueStart > 2, bit);
    doubtful |= bitIf(!isPlainlyRight(columns[column], *capture), bit);
  }
  const uint32_t own = state.app > 0 ? ~(uint32_t{1} << state.appColumn) : ~uint32_t{0};
  state.present = present & own;
  state.filled = filled & own;
  return doubtful & own;
}

/// The capture that fills a column, or null.
inline const Capture* winnerOf(const State& state, uint32_t column) {
  return (state.present >> column & 1) == 0 ? nullptr : state.winner[column];
}

/// Whether a capture is `""`, or an object without members. No number that a column takes has two bytes.
inline bool isEmptyValue(const State& state, const Capture& capture) {
  const Position length = capture.valueEnd - capture.valueStart;
  if (length <= 2) return true;
  if (capture.kind != ValueKind::object || !isSpace(state.bytes[capture.valueStart + 1])) return false;
  return skipSpace(state.bytes, capture.valueStart + 1, capture.valueEnd) == capture.valueEnd - 1;
}

/// Whether one of the columns is there; an empty text does not count as device_id or user_id.
inline bool hasOneOf(const State& state, uint32_t columns) {
  const uint32_t ids = uint32_t{1} << state.deviceColumn | uint32_t{1} << state.userColumn;
  const uint32_t app = state.app > 0 ? uint32_t{1} << state.appColumn : 0;
  return (columns & (app | (state.present & ~ids) | state.filled)) != 0;
}

/// Whether a captured value is the name of the write key's app.
inline bool isOwnApp(State& state, const Capture& capture) {
  if (capture.kind != ValueKind::string) return false;
  const Text text = textOf(state, capture);
  const Text name = state.apps[state.app].name;
  return name.length == text.length && std::memcmp(name.bytes, text.bytes, text.length) == 0;
}

inline const Capture& restField(const State& state, size_t index) {
  return state.captures.items[state.restFields.items[index]];
}

/// Lists the members of the root that no column took; a null under a name that the dialect knows is just absent.
inline void listRest(State& state) {
  state.restFields.reserve(state.captureCount, 0);
  for (size_t index = state.captureBase; index < state.captureCount; index++) {
    const Capture& capture = state.captures.items[index];
    if (!capture.wanted.isRoot || (capture.flags & capture_flag::used) != 0) continue;
    if (capture.wanted.slot != -1 && capture.kind == ValueKind::absent) continue;
    if (capture.wanted.slot >= 0) {
      const uint32_t column = capture.wanted.column;
      if (winnerOf(state, column) == &capture) continue;
      if (column == state.appColumn && state.app > 0 && isOwnApp(state, capture)) continue;
    }
    state.restFields.items[state.restCount++] = static_cast<uint32_t>(index);
  }
}

/// The reason for which an event without a required column is refused, with `faultSlot`, or 0.
inline uint32_t checkRequired(State& state) {
  for (const RequiredGroup& group : state.program->required) {
    if (hasOneOf(state, group.columns)) continue;
    state.faultSlot = group.slot;
    return state.reasons.missingField;
  }
  return 0;
}

/// Of a plain program: chooses and checks the columns of the event just walked. Returns its reason, with
/// `state.faultSlot`, or 0. Sets `winner`, `present`, `filled`, `made`, `eventMs`, `claimed` and the fields of the rest.
inline uint32_t resolvePlain(State& state) {
  state.eventMs = state.receivedMs;
  state.made = 0;
  state.claimed = 0;
  uint32_t doubtful = chooseSources(state);
  for (; doubtful != 0; doubtful &= doubtful - 1) {
    const uint32_t column = static_cast<uint32_t>(__builtin_ctz(doubtful));
    const Capture& capture = *state.winner[column];
    const uint32_t reason = checkColumn(state, state.columns[column], capture);
    if (reason != 0) {
      state.faultSlot = capture.wanted.slot;
      return reason;
    }
    if (isEmptyValue(state, capture)) state.filled &= ~(uint32_t{1} << column);
  }
  const uint32_t reason = checkRequired(state);
  if (reason != 0) return reason;
  state.restCount = 0;
  // Nearly always every capture is a winner.
  if (countBits(state.present) == state.captureCount) return 0;
  if (state.program->hasClaims) choosePlainClaims(state);
  listRest(state);
  return 0;
}

}  // namespace penstock
