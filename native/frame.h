// One frame: its shape, its events one by one, and what of it goes on when an event is at fault.
#pragma once
#include "fast-walk.h"
#include "line.h"
#include "sources.h"
#include "tail.h"

namespace penstock {

/// Bytes that a walk by the index may load behind those of the event: those of a key and of a number behind it.
constexpr Position LOOKAHEAD_BYTES = 64;

/// What `scanEvent` returns beside positions.
constexpr Position END_UNKNOWN = -1, IS_ENVELOPE = -2;

/// Appends an error row about event `index` of the frame, with `state.faultSlot` as its field, and counts it.
inline void addError(State& state, uint32_t index, uint32_t reason, Position offset, Position length) {
  uint32_t* row = addErrorRow(state.output);
  row[error_word::frame] = state.frame;
  row[error_word::index] = index;
  row[error_word::reason] = reason;
  row[error_word::field] = state.faultSlot < 0 ? FIELD_NONE : static_cast<uint32_t>(state.faultSlot);
  row[error_word::source] = state.source;
  row[error_word::offset] = static_cast<uint32_t>(offset);
  row[error_word::length] = static_cast<uint32_t>(length);
  row[error_word::count - 1] = 0;
  state.rejected++;
}

/// Takes back everything that was written since the frame began.
inline void rollBack(State& state) {
  state.output.lineBytes = state.marks.lineBytes;
  state.output.recordCount = state.marks.recordCount;
  state.output.errorCount = state.marks.errorCount;
  state.output.surrogatesReplaced = state.marks.surrogatesReplaced;
  state.idCounter = state.markIds;
  state.accepted = 0;
  state.rejected = 0;
}

/// Whether the frame's lines take the slab over its bound; a frame that began with no lines before it may.
inline bool isOverfull(const State& state) {
  return state.output.lineBytes > state.limits.linesBytesMax && state.marks.lineBytes > 0;
}

inline void acceptEvent(State& state, uint64_t surrogatesBefore) {
  writeEvent(state);
  state.accepted++;
  state.output.surrogatesReplaced += state.surrogateCount - surrogatesBefore;
}

/// Accepts or rejects the event at `at`. Returns the position behind it, END_UNKNOWN or IS_ENVELOPE.
inline Position scanEvent(State& state, Position at, uint32_t index, Position end) {
  state.end = end;
  const uint64_t surrogatesBefore = state.surrogateCount;
  Position close = walkEvent(state, at);
  uint32_t reason = 0;
  state.faultSlot = -1;
  if (close < 0) {
    reason = state.fault;
    if (reason == FAULT_ENVELOPE) return IS_ENVELOPE;
    state.isEndProved = false;
    close = skipBrackets(state.bytes, at, end);
    if (close < 0) return END_UNKNOWN;
    if (!isSpanUtf8(state, at, close)) reason = state.reasons.invalidUtf8;
  } else if (state.utf8 == Utf8::broken && !isSpanUtf8(state, at, close)) {
    reason = state.reasons.invalidUtf8;
  } else {
    reason = resolveColumns(state);
  }
  if (reason == 0) acceptEvent(state, surrogatesBefore);
  else addError(state, index, reason, at, close - at);
  return close;
}

/// Events that a frame may hold: what is configured, or what the dialect's SDKs send.
inline uint32_t batchEventsMax(const State& state) {
  const uint32_t own = state.program->batchEventsMax;
  return own > state.limits.batchEventsMax ? own : state.limits.batchEventsMax;
}

/// Position behind a value that is no object; `at` itself or -1 when nothing can be passed.
inline Position skipOther(const Byte* bytes, Position at, Position end) {
  if (bytes[at] == '[') return skipBrackets(bytes, at, end);
  if (bytes[at] == '"') return skipString(bytes, at + 1, end);
  return skipScalar(bytes, at, end);
}

/// Events between the bracket at `at` and the one that closes it; `state.end` is then behind that.
inline uint32_t scanElements(State& state, Position at, Position end) {
  const Byte* bytes = state.bytes;
  const uint32_t eventsMax = batchEventsMax(state);
  at = skipSpace(bytes, at + 1, end);
  uint32_t index = 0;
  while (at < end && (bytes[at] != ']' || index > 0)) {
    const bool isObject = bytes[at] == '{';
    // An element that cannot be passed at all is worse than one too many.
    Position close = isObject ? at + 1 : skipOther(bytes, at, end);
    if (close <= at) return state.reasons.invalidJson;
    if (index == eventsMax) return state.reasons.batchTooLarge;
    state.faultSlot = -1;
    if (isObject) {
      close = scanEvent(state, at, index, end);
    } else {
      state.isEndProved = false;
      addError(state, index, state.reasons.notAnObject, at, close - at);
    }
    if (close < 0) return state.reasons.invalidJson;
    if (isOverfull(state)) return state.reasons.overloaded;
    index++;
    at = skipSpace(bytes, close, end);
    if (at < end && bytes[at] == ']') break;
    if (at >= end || bytes[at] != ',') return state.reasons.invalidJson;
    at = skipSpace(bytes, at + 1, end);
  }
  if (at >= end) return state.reasons.invalidJson;
  state.end = at + 1;
  return 0;
}

/// Keeps the envelope's fields for the rest of its events, and the captures of its slots before the events' own.
inline void keepEnvelope(State& state) {
  state.envelope.reserve(state.captureCount, 0);
  for (size_t index = 0; index < state.captureCount; index++) {
    const Capture capture = state.captures.items[index];
    if (isEnvelopeField(state, capture)) keepField(state, capture);
    if (capture.wanted.slot < 0 || capture.kind == ValueKind::absent) continue;
    state.captures.items[state.captureBase++] = capture;
  }
}

/// Forgets the envelope before.
inline void openEnvelope(State& state) {
  state.envelopeCount = 0;
  state.envelopeBytes = 0;
  state.isEnvelopeUnhashed = false;
  state.captureBase = 0;
  state.sentAtCapture = -1;
}

/// The envelope at `at`: its own fields first, since they go into every event, then its events.
inline uint32_t scanEnvelopeOnce(State& state, Position at) {
  openEnvelope(state);
  // Its fields have to be apart too.
  forgetApart(state);
  state.end = state.frameEnd;
  state.envelopeWalked = true;
  state.arrayStart = -1;
  state.arrayEnd = -1;
  const uint64_t surrogatesBefore = state.surrogateCount;
  const Position close = walkEvent(state, at);
  state.envelopeWalked = false;
  if (state.arrayEnd < 0) return state.reasons.invalidJson;
  if (!isSpanUtf8(state, at, state.arrayStart) || !isSpanUtf8(state, state.arrayEnd, state.frameEnd)) {
    return state.reasons.invalidUtf8;
  }
  if (close < 0) return state.fault;
  if (skipSpace(state.bytes, close, state.frameEnd) != state.frameEnd) return state.reasons.trailingBytes;
  if (measureFields(state) > state.limits.envelopeFieldsBytesMax) return state.reasons.envelopeTooLarge;
  state.output.surrogatesReplaced += state.surrogateCount - surrogatesBefore;
  keepEnvelope(state);
  return scanElements(state, state.arrayStart, state.arrayEnd);
}

/// The envelope at `at`, with its fields that stand behind its events. To look for the end of these took 7 % of a scan of
/// Segment's shape, so it is guessed. The guess is proved by events that were all walked to their ends, one behind the other,
/// up to it: what lies between is then well formed. Anything else begins anew with the end that the brackets say.
inline uint32_t scanEnvelope(State& state, Position at) {
  state.isEndGuessed = true;
  state.isEndProved = true;
  const uint32_t reason = scanEnvelopeOnce(state, at);
  const bool isProved = reason == 0 && state.isEndProved && state.end == state.arrayEnd;
  if (!state.isEndGuessed || isProved) return reason;
  rollBack(state);
  state.isEndGuessed = false;
  return scanEnvelopeOnce(state, at);
}

inline void scanLine(State& state, Position start, Position end, uint32_t index) {
  state.end = end;
  state.faultSlot = -1;
  const uint64_t surrogatesBefore = state.surrogateCount;
  uint32_t reason = state.reasons.notAnObject;
  if (state.bytes[start] == '{') {
    const Position close = walkEvent(state, start);
    // Behind an event that ends before its line nothing was looked at yet.
    if ((close != end || state.utf8 == Utf8::broken) && !isSpanUtf8(state, start, end)) {
      reason = state.reasons.invalidUtf8;
    } else if (close < 0) {
      reason = state.fault;
    } else {
      reason = close == end ? resolveColumns(state) : state.reasons.trailingBytes;
    }
  }
  if (reason == 0) acceptEvent(state, surrogatesBefore);
  else addError(state, index, reason, start, end - start);
}

/// NDJSON from `at`: every line is an event or is rejected alone.
inline uint32_t scanLines(State& state, Position at) {
  const Byte* bytes = state.bytes;
  const uint32_t eventsMax = batchEventsMax(state);
  for (uint32_t index = 0;; index++) {
    // Empty lines are white space before the next one.
    const Position start = skipSpace(bytes, at, state.frameEnd);
    if (start == state.frameEnd) return 0;
    if (index == eventsMax) return state.reasons.batchTooLarge;
    const void* newline = std::memchr(bytes + start, '\n', static_cast<size_t>(state.frameEnd - start));
    const Position lineEnd = newline == nullptr ? state.frameEnd : static_cast<const Byte*>(newline) - bytes;
    Position end = lineEnd;
    while (end > start && isSpace(bytes[end - 1])) end--;
    scanLine(state, start, end, index);
    if (isOverfull(state)) return state.reasons.overloaded;
    at = lineEnd;
  }
}

inline uint32_t scanObject(State& state, Position at, bool isBatch) {
  state.envelopeSought = isBatch;
  const Position close = scanEvent(state, at, 0, state.frameEnd);
  state.envelopeSought = false;
  if (close == IS_ENVELOPE) return scanEnvelope(state, at);
  if (close == END_UNKNOWN) return state.reasons.invalidJson;
  const Position next = skipSpace(state.bytes, close, state.frameEnd);
  if (next == state.frameEnd) return 0;
  const size_t gap = static_cast<size_t>(next - close);
  if (!isBatch || std::memchr(state.bytes + close, '\n', gap) == nullptr) return state.reasons.trailingBytes;
  rollBack(state);
  return scanLines(state, at);
}

/// Scans the frame from `frameStart` to `frameEnd`. Returns 0 with `accepted` and `rejected` set, or the reason for
/// which it is refused whole; the caller then takes back what was written.
inline uint32_t scanFrame(State& state) {
  const Byte* bytes = state.bytes;
  state.utf8 = Utf8::unknown;
  openEnvelope(state);
  state.envelopeWalked = false;
  state.envelopeSought = false;
  // A walk by the index loads a few bytes more than it looks at; the end of a source is left to the exact walk.
  const Position loadable = state.sourceBytes - LOOKAHEAD_BYTES;
  state.structure.open(bytes, state.frameEnd < loadable ? state.frameEnd : loadable);
  Position at = state.frameStart;
  const bool hasMark = state.frameEnd - at >= 3 && std::memcmp(bytes + at, "\xef\xbb\xbf", 3) == 0;
  at = skipSpace(bytes, hasMark ? at + 3 : at, state.frameEnd);
  if (at == state.frameEnd) return state.reasons.emptyBody;
  const bool isBatch = state.program->isBatch;
  if (bytes[at] == '{') return scanObject(state, at, isBatch);
  if (bytes[at] != '[') return state.reasons.invalidJson;
  if (!isBatch) return state.reasons.notAnObject;
  const uint32_t reason = scanElements(state, at, state.frameEnd);
  if (reason != 0) return reason;
  return skipSpace(bytes, state.end, state.frameEnd) == state.frameEnd ? 0 : state.reasons.trailingBytes;
}

}  // namespace penstock
