// Writes the canonical line and the record of an event whose columns are resolved.
#pragma once
#include "murmur2.h"
#include "rest.h"
#include "stamps.h"

namespace penstock {

/// Writes the members that wait, if any.
inline Byte* flushRun(State& state, Byte* to) {
  if (state.runEnd < 0) return to;
  const size_t length = static_cast<size_t>(state.runEnd - state.runStart);
  state.runEnd = -1;
  to = reserveLines(state.output, to, length + state.fixedBytes);
  *to = to == state.output.lines + state.output.lineBytes ? '{' : ',';
  return copyBytes(to + 1, state.bytes + state.runStart, length);
}

/// Whether a member stands in the body byte for byte as its column's does in a line.
inline bool isVerbatim(const State& state, const Capture& capture) {
  constexpr uint8_t mask = capture_flag::valueDirty | capture_flag::keyEscaped | capture_flag::keyDirty;
  if ((capture.flags & mask) != 0) return false;
  if (state.program->slotIsNamed[static_cast<size_t>(capture.slot)] == 0) return false;
  // A quote and a colon between key and value, and nothing else.
  return capture.valueStart - capture.keyEnd == 2;
}

/// Writes the member of a column, or lets it wait: members that the client sent as a line carries them, one behind
/// the other, are copied as one run. Room for all that is fixed is kept behind every value.
inline Byte* putCaptured(State& state, uint32_t column, const Capture& capture, Byte* to) {
  if (!isVerbatim(state, capture)) {
    to = flushRun(state, to);
    const size_t length = static_cast<size_t>(capture.valueEnd - capture.valueStart);
    to = reserveLines(state.output, to, length + state.fixedBytes);
    return putValue(state, capture, copyText(to, state.columns[column].key));
  }
  const Position start = capture.keyStart - 1;
  if (state.runEnd >= 0 && start == state.runEnd + 1 && state.bytes[state.runEnd] == ',') {
    state.runEnd = capture.valueEnd;
    return to;
  }
  to = flushRun(state, to);
  state.runStart = start;
  state.runEnd = capture.valueEnd;
  return to;
}

inline Byte* putEventId(State& state, Byte* to) {
  const int32_t winner = state.winner[state.eventIdColumn];
  if (winner >= 0) return putCaptured(state, state.eventIdColumn, state.captures.items[winner], to);
  to = copyText(to, state.columns[state.eventIdColumn].key);
  *to++ = '"';
  to = writeUuid(state, to);
  *to++ = '"';
  return to;
}

/// Whether a time that was parsed is spelt as lines spell it: half of the SDKs send just that.
inline bool isCanonicalTime(const State& state, const Capture& capture) {
  if (capture.valueEnd - capture.valueStart != TIMESTAMP_TEXT_BYTES + 2) return false;
  if ((capture.flags & capture_flag::valueEscaped) != 0) return false;
  // With these in their places no other spelling has this length.
  const Byte* value = state.bytes + capture.valueStart;
  return value[0] == '"' && value[11] == 'T' && value[20] == '.' && value[24] == 'Z';
}

inline Byte* putTime(State& state, Byte* to) {
  const int32_t winner = state.winner[state.timestampColumn];
  if (winner >= 0 && isCanonicalTime(state, state.captures.items[winner])) {
    return putCaptured(state, state.timestampColumn, state.captures.items[winner], to);
  }
  to = copyText(flushRun(state, to), state.columns[state.timestampColumn].key);
  *to++ = '"';
  to = writeTimestamp(to, state.eventMs);
  *to++ = '"';
  return to;
}

inline Byte* putApp(State& state, Byte* to) {
  const Text member = state.apps[state.app].member;
  to = reserveLines(state.output, flushRun(state, to), member.length + state.fixedBytes);
  return copyText(to, member);
}

inline Byte* putColumn(State& state, uint32_t column, Byte* to) {
  const int32_t winner = state.winner[column];
  const Capture* capture = winner < 0 ? nullptr : state.captures.items + winner;
  if (column == state.program->restColumn && state.restCount + state.envelopeCount > 0) {
    to = putRest(state, capture, copyText(flushRun(state, to), state.columns[column].key));
    return reserveLines(state.output, to, state.fixedBytes);
  }
  if (capture == nullptr || isEmptyValue(state, *capture)) return to;
  return putCaptured(state, column, *capture, to);
}

/// What the partition follows from: device_id, else user_id, else nothing.
inline Text partitionKey(State& state) {
  const int32_t device = state.winner[state.deviceColumn];
  if (device >= 0 && !isEmptyValue(state, state.captures.items[device])) {
    return textOf(state, state.captures.items[device]);
  }
  const int32_t user = state.winner[state.userColumn];
  if (user >= 0) return textOf(state, state.captures.items[user]);
  return {state.bytes, 0};
}

inline void writeRecord(State& state, size_t lineOffset) {
  uint32_t* record = addRecord(state.output);
  const size_t lineLength = state.output.lineBytes - lineOffset;
  record[record_word::lineOffset] = static_cast<uint32_t>(lineOffset);
  record[record_word::lineLength] = static_cast<uint32_t>(lineLength);
  record[record_word::keyHash] = murmur2(partitionKey(state));
  record[record_word::app] = state.app;
  std::memcpy(record + record_word::timestampMs, &state.eventMs, sizeof(double));
  const int32_t id = state.winner[state.eventIdColumn];
  const size_t idOffset = lineOffset + state.columns[state.eventIdColumn].key.length + 1;
  const Text made{state.output.lines + idOffset, static_cast<size_t>(UUID_BYTES)};
  const Text text = id >= 0 ? textOf(state, state.captures.items[id]) : made;
  murmur2Pair(text, record[record_word::idHashLow], record[record_word::idHashHigh]);
}

/// Appends the line and the record of the event just resolved.
inline void writeEvent(State& state) {
  const size_t lineOffset = state.output.lineBytes;
  state.runStart = -1;
  state.runEnd = -1;
  Byte* to = reserveLines(state.output, state.output.lines + lineOffset, state.fixedBytes);
  to = putEventId(state, to);
  uint32_t left = state.present | uint32_t{1} << state.timestampColumn;
  if (state.app > 0) left |= uint32_t{1} << state.appColumn;
  if (state.restCount + state.envelopeCount > 0) left |= uint32_t{1} << state.program->restColumn;
  for (left &= ~(uint32_t{1} << state.eventIdColumn); left != 0; left &= left - 1) {
    const uint32_t column = static_cast<uint32_t>(__builtin_ctz(left));
    if (column == state.appColumn && state.app > 0) to = putApp(state, to);
    else if (column == state.timestampColumn) to = putTime(state, to);
    else to = putColumn(state, column, to);
  }
  to = reserveLines(state.output, flushRun(state, to), state.tailBytes);
  to = copyBytes(to, state.tail.items, state.tailBytes);
  state.output.lineBytes = static_cast<size_t>(to - state.output.lines);
  writeRecord(state, lineOffset);
}

}  // namespace penstock
