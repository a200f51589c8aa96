// Writes the canonical line and the record of an event whose columns are resolved.
#pragma once
#include "claims.h"
#include "murmur2.h"
#include "rest.h"
#include "stamps.h"

namespace penstock {

/// A line that is being written: where, and the span of the body that waits to be copied to it, or -1 twice.
struct Line {
  Byte* to;
  Position runStart, runEnd;
};

/// Writes the members that wait, if any.
PENSTOCK_INLINE void flushRun(State& state, Line& line) {
  if (line.runEnd < 0) return;
  Byte* to = reserveLines(state.output, line.to, static_cast<size_t>(line.runEnd - line.runStart) + state.fixedBytes);
  // The brace of a line is written when it ends.
  *to = ',';
  line.to = copyBody(state, to + 1, line.runStart, line.runEnd);
  line.runEnd = -1;
}

/// Whether a member stands in the body byte for byte as its column's does in a line.
inline bool isVerbatim(const Capture& capture) {
  using namespace capture_flag;
  return capture.wanted.isNamed && (capture.flags & (valueDirty | keyEscaped | keyDirty | apart)) == 0;
}

/// Writes the member of a column that must be cleaned, or whose key is called otherwise.
__attribute__((noinline)) inline Byte* putCleanMember(State& state, uint32_t column, const Capture& capture, Byte* to) {
  const size_t length = static_cast<size_t>(capture.valueEnd - capture.valueStart);
  to = reserveLines(state.output, to, length + state.fixedBytes);
  return putValue(state, capture, putText(to, state.columns[column].key));
}

/// Whether the value alone stands in the body as a line carries it.
inline bool isValueVerbatim(const Capture& capture) {
  return (capture.flags & (capture_flag::valueDirty | capture_flag::bare)) == 0;
}

/// Writes the member of a column, or lets it wait: members that the client sent as a line carries them, one behind
/// the other, are copied as one run. Room for all that is fixed is kept behind every value.
PENSTOCK_INLINE void putCaptured(State& state, uint32_t column, const Capture& capture, Line& line) {
  if (!isVerbatim(capture)) {
    flushRun(state, line);
    if (__builtin_expect(!isValueVerbatim(capture), 0)) {
      line.to = putCleanMember(state, column, capture, line.to);
      return;
    }
    const size_t length = static_cast<size_t>(capture.valueEnd - capture.valueStart);
    Byte* const to = reserveLines(state.output, line.to, length + state.fixedBytes);
    line.to = copyBody(state, putText(to, state.columns[column].key), capture.valueStart, capture.valueEnd);
    return;
  }
  const Position start = capture.keyStart - 1;
  // One byte between a value and a key can only be the comma.
  if (start != line.runEnd + 1) {
    flushRun(state, line);
    line.runStart = start;
  }
  line.runEnd = capture.valueEnd;
}

/// A text of the scanner's own as the value of a column.
template <typename WriteText>
PENSTOCK_INLINE void putOwn(State& state, uint32_t column, Line& line, WriteText writeText) {
  flushRun(state, line);
  Byte* to = putText(line.to, state.columns[column].key);
  *to++ = '"';
  to = writeText(to);
  *to++ = '"';
  line.to = to;
}

PENSTOCK_INLINE void putEventId(State& state, Line& line) {
  const Capture* winner = winnerOf(state, state.eventIdColumn);
  if (winner != nullptr) return putCaptured(state, state.eventIdColumn, *winner, line);
  putOwn(state, state.eventIdColumn, line, [&state](Byte* to) { return writeUuid(state, to); });
}

/// Whether a time that was parsed is spelt as lines spell it: half of the SDKs send just that.
inline bool isCanonicalTime(const State& state, const Capture& capture) {
  if (capture.valueEnd - capture.valueStart != TIMESTAMP_TEXT_BYTES + 2) return false;
  if ((capture.flags & capture_flag::valueEscaped) != 0) return false;
  // With these in their places no other spelling has this length.
  const Byte* value = state.bytes + capture.valueStart;
  return value[0] == '"' && value[11] == 'T' && value[20] == '.' && value[24] == 'Z';
}

PENSTOCK_INLINE void putTime(State& state, Line& line) {
  const Capture* winner = winnerOf(state, state.timestampColumn);
  const bool isMoved = (state.made >> state.timestampColumn & 1) != 0;
  if (winner != nullptr && !isMoved && isCanonicalTime(state, *winner)) {
    return putCaptured(state, state.timestampColumn, *winner, line);
  }
  putOwn(state, state.timestampColumn, line, [&state](Byte* to) { return writeTimestamp(to, state.eventMs); });
}

PENSTOCK_INLINE void putApp(State& state, Line& line) {
  const Text member = state.apps[state.app].member;
  flushRun(state, line);
  line.to = putText(reserveLines(state.output, line.to, member.length + state.fixedBytes), member);
}

/// The rest column, whose object takes fields that no column took.
__attribute__((noinline)) inline Byte* putRestColumn(State& state, Byte* to) {
  const uint32_t column = state.program->restColumn;
  to = putRest(state, column, winnerOf(state, column), putText(to, state.columns[column].key));
  return reserveLines(state.output, to, state.fixedBytes);
}

/// A column that is no capture of the client's: a constant, or an object of parts, which may turn out empty.
__attribute__((noinline)) inline Byte* putMade(State& state, uint32_t column, Byte* const to) {
  const Language& language = state.program->language;
  const ColumnRule& rule = language.columns[column];
  Byte* const value = putText(to, state.columns[column].key);
  if (rule.partStart == rule.partEnd) {
    const Text constant = language.sources[state.constantSource[column]].constant;
    Byte* const room = reserveLines(state.output, value, constant.length + state.fixedBytes);
    return putText(room, constant);
  }
  const size_t lineBytes = static_cast<size_t>(to - state.output.lines);
  Byte* const end = putComposed(state, column, value);
  if (end[-1] == '{') return state.output.lines + lineBytes;
  return reserveLines(state.output, end, state.fixedBytes);
}

/// What the partition follows from: device_id, else user_id, else nothing.
inline Text partitionKey(State& state) {
  for (const uint32_t column : {state.deviceColumn, state.userColumn}) {
    if ((state.filled >> column & 1) != 0) return textOf(state, *state.winner[column]);
  }
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
  const Capture* id = winnerOf(state, state.eventIdColumn);
  const size_t idOffset = lineOffset + state.columns[state.eventIdColumn].key.length + 1;
  const Text made{state.output.lines + idOffset, static_cast<size_t>(UUID_BYTES)};
  const Text text = id != nullptr ? textOf(state, *id) : made;
  murmur2Pair(text, record[record_word::idHashLow], record[record_word::idHashHigh]);
}

/// Appends the line and the record of the event just resolved.
inline void writeEvent(State& state) {
  const size_t lineOffset = state.output.lineBytes;
  Line line{reserveLines(state.output, state.output.lines + lineOffset, state.fixedBytes), -1, -1};
  putEventId(state, line);
  // Columns that are put by what they carry, one bit each; the others are put if they carry something.
  const uint32_t app = state.app > 0 ? uint32_t{1} << state.appColumn : 0;
  const uint32_t time = uint32_t{1} << state.timestampColumn;
  const uint32_t rest = state.restCount + state.envelopeCount > 0 ? uint32_t{1} << state.program->restColumn : 0;
  const uint32_t special = state.made | app | time | rest;
  uint32_t left = (state.filled | special) & ~(uint32_t{1} << state.eventIdColumn);
  for (; left != 0; left &= left - 1) {
    const uint32_t bit = left & (~left + 1);
    const uint32_t column = static_cast<uint32_t>(__builtin_ctz(left));
    if (__builtin_expect((bit & special) == 0, 1)) {
      putCaptured(state, column, *state.winner[column], line);
    } else if (bit == rest) {
      flushRun(state, line);
      line.to = putRestColumn(state, line.to);
    } else if (bit == time) {
      putTime(state, line);
    } else if (bit == app) {
      putApp(state, line);
    } else {
      flushRun(state, line);
      line.to = putMade(state, column, line.to);
    }
  }
  flushRun(state, line);
  size_t tailStart = state.tailStart;
  if (__builtin_expect(state.claimed != 0, 0)) {
    line.to = putClaims(state, line.to);
    tailStart = state.tailServerStart;
  }
  const size_t tailBytes = state.tailBytes - tailStart;
  Byte* to = reserveLines(state.output, line.to, tailBytes);
  to = copyWide(to, state.tail.items + tailStart, tailBytes);
  state.output.lines[lineOffset] = '{';
  state.output.lineBytes = static_cast<size_t>(to - state.output.lines);
  writeRecord(state, lineOffset);
}

}  // namespace penstock
