// The rest column: the client's own object or the parts of a composed one, then the fields that no column took, then an
// envelope's fields.
#pragma once
#include "compose.h"
#include "sought-keys.h"

namespace penstock {

inline Byte* reserveField(State& state, const Capture& capture, size_t underscores, Byte* to) {
  const size_t raw = static_cast<size_t>(capture.valueEnd - capture.keyStart);
  return reserveLines(state.output, to, raw + underscores + MEMBER_BYTES);
}

inline Byte* putField(State& state, const Capture& capture, TakenNames& names, Byte* to) {
  pushKey(state, capture.keyStart, capture.keyEnd, (capture.flags & capture_flag::keyEscaped) != 0);
  const size_t underscores = takeName(state, names);
  to = reserveField(state, capture, underscores, to);
  if (to[-1] != '{') *to++ = ',';
  return putValue(state, capture, putKey(state, capture, underscores, to));
}

/// Whether a capture of an envelope is a field that goes into each of its events.
inline bool isEnvelopeField(const State& state, const Capture& capture) {
  if (!capture.wanted.isRoot) return false;
  const int32_t slot = capture.wanted.slot;
  return slot < 0 || !state.program->language.slots[static_cast<size_t>(slot)].isSecret;
}

/// Length of the envelope's fields as a line carries them, their commas included. Uses the room behind the lines.
inline size_t measureFields(State& state) {
  size_t length = 0;
  for (size_t index = 0; index < state.captureCount; index++) {
    const Capture& capture = state.captures.items[index];
    if (!isEnvelopeField(state, capture)) continue;
    Byte* const to = reserveField(state, capture, 0, state.output.lines + state.output.lineBytes);
    Byte* const end = putValue(state, capture, putKey(state, capture, 0, to));
    length += static_cast<size_t>(end - to) + (length > 0 ? 1 : 0);
  }
  return length;
}

/// Keeps an envelope's field for the rest of its events: its capture, and how a line carries it if its name is free.
inline void keepField(State& state, const Capture& capture) {
  state.isEnvelopeUnhashed |= !isPlainKey(capture);
  if (state.envelopeCount < HASHED_FIELDS_MAX) state.envelopeHashes[state.envelopeCount] = hashOfKey(state, capture);
  state.envelope.items[state.envelopeCount++] = capture;
  const size_t raw = static_cast<size_t>(capture.valueEnd - capture.keyStart);
  state.envelopeText.reserve(state.envelopeBytes + raw + MEMBER_BYTES + COPY_SLACK_BYTES, state.envelopeBytes);
  Byte* to = state.envelopeText.items + state.envelopeBytes;
  *to++ = ',';
  to = putValue(state, capture, putKey(state, capture, 0, to));
  state.envelopeBytes = static_cast<size_t>(to - state.envelopeText.items);
}

/// Pushes the keys of a well-formed object.
inline void listKeys(State& state, const Capture& object) {
  Members members(state.bytes, object.valueStart, object.valueEnd);
  for (Member member; members.next(member);) pushKey(state, member.keyStart, member.keyEnd, member.isEscaped);
}

/// As `putRest`, name by name.
__attribute__((noinline)) inline Byte* putRestByNames(State& state, uint32_t column, const Capture* own, Byte* to) {
  state.keyTop = 0;
  const size_t count = state.restCount + state.envelopeCount;
  const bool isComposed = (state.made >> column & 1) != 0;
  TakenNames names{};
  if (isComposed) {
    names = openNames(state, count + countParts(state, column));
    to = reserveLines(state.output, to, MEMBER_BYTES);
    *to++ = '{';
    to = putParts(state, column, &names, to);
    to = reserveLines(state.output, to, MEMBER_BYTES);
  } else if (own != nullptr && !isEmptyValue(state, *own)) {
    to = reserveLines(state.output, to, static_cast<size_t>(own->valueEnd - own->valueStart) + MEMBER_BYTES);
    to = putValue(state, *own, to) - 1;
    listKeys(state, *own);
    names = openNames(state, count);
  } else {
    to = reserveLines(state.output, to, MEMBER_BYTES);
    *to++ = '{';
    names = openNames(state, count);
  }
  for (size_t index = 0; index < state.restCount; index++) to = putField(state, restField(state, index), names, to);
  for (size_t index = 0; index < state.envelopeCount; index++) {
    to = putField(state, state.envelope.items[index], names, to);
  }
  *to++ = '}';
  return to;
}

/// Whether the hashes of all keys differ: those of the client's own object, which a walk has noted, of the event's fields,
/// and of the envelope's. False says nothing.
inline bool areApartByHashes(const State& state, const Capture* own) {
  if (own != nullptr && (state.restLastKey == nullptr || own != state.captures.items + state.restCapture)) return false;
  if (state.restCount > HASHED_FIELDS_MAX || state.envelopeCount > HASHED_FIELDS_MAX || state.isEnvelopeUnhashed) return false;
  const auto mayBeOwn = [&](uint32_t hash) { return own != nullptr && state.shapes.mayHave(state.restLastKey, hash); };
  for (size_t index = 0; index < state.restCount; index++) {
    const Capture& field = restField(state, index);
    if (!isPlainKey(field)) return false;
    const uint32_t hash = hashOfKey(state, field);
    for (size_t other = 0; other < state.envelopeCount; other++) {
      if (state.envelopeHashes[other] == hash) return false;
    }
    if (mayBeOwn(hash)) return false;
  }
  for (size_t index = 0; index < state.envelopeCount; index++) {
    if (mayBeOwn(state.envelopeHashes[index])) return false;
  }
  return true;
}

/// Of the keys of the memory that is learnt anew with a slab, and of an envelope, nothing is known any more.
inline void forgetApart(State& state) { std::memset(state.apart, 0, sizeof(state.apart)); }

/// The slots of the event's fields, one bit each: they say what the fields are called, as `restLastKey` says it of the keys
/// of the client's own object. 0 when either is not told.
inline uint64_t slotsOfRest(const State& state, const Capture* own) {
  if (own == nullptr || state.restLastKey == nullptr || own != state.captures.items + state.restCapture) return 0;
  uint64_t slots = 0;
  for (size_t index = 0; index < state.restCount; index++) {
    const Capture& field = restField(state, index);
    if (field.wanted.slot < 0 || static_cast<uint32_t>(field.wanted.slot) >= CHOICE_SLOTS_MAX || !isPlainKey(field)) return 0;
    slots |= uint64_t{1} << field.wanted.slot;
  }
  return slots;
}

/// Whether no field of the rest can meet a key of the client's own object or another field: seen without taking the
/// object apart, and of the same names once.
inline bool areApart(State& state, const Capture* own) {
  const uint64_t slots = slotsOfRest(state, own);
  Apart& known = state.apart[reinterpret_cast<uintptr_t>(state.restLastKey) / sizeof(KnownKey) % APART_KEPT];
  if (slots != 0 && slots == known.slots && state.restLastKey == known.lastKey) return true;
  if (__builtin_expect(areApartByHashes(state, own), 1)) {
    if (slots != 0) known = {state.restLastKey, slots};
    return true;
  }
  SoughtKeys sought;
  for (size_t index = 0; index < state.restCount; index++) {
    if (!sought.add(state, restField(state, index))) return false;
  }
  const size_t fields = sought.count;
  for (size_t index = 0; index < state.envelopeCount; index++) {
    if (!sought.add(state, state.envelope.items[index])) return false;
  }
  // The fields of one object differ; those of the event and of the envelope need not.
  for (size_t index = fields; index < sought.count; index++) {
    for (size_t other = 0; other < fields; other++) {
      if (isSame(sought.keys[index], sought.keys[other])) return false;
    }
  }
  return own == nullptr || !holds(state.bytes, own->valueStart, own->valueEnd, sought);
}

/// A field of the rest under its own name.
inline Byte* putFreeField(State& state, const Capture& capture, Byte* to) {
  to = reserveField(state, capture, 0, to);
  if (to[-1] != '{') *to++ = ',';
  if ((capture.flags & (capture_flag::valueDirty | capture_flag::apart)) == 0) {
    return copyBody(state, to, capture.keyStart - 1, capture.valueEnd);
  }
  return putValue(state, capture, putKey(state, capture, 0, to));
}

/// Writes the object of the rest column; `own` is the client's own object or null. Makes its own room.
inline Byte* putRest(State& state, uint32_t column, const Capture* own, Byte* to) {
  if (own != nullptr && isEmptyValue(state, *own)) own = nullptr;
  if ((state.made >> column & 1) != 0 || !areApart(state, own)) return putRestByNames(state, column, own, to);
  const size_t ownBytes = own == nullptr ? 0 : static_cast<size_t>(own->valueEnd - own->valueStart);
  to = reserveLines(state.output, to, ownBytes + MEMBER_BYTES);
  if (own == nullptr) *to++ = '{';
  else to = putValue(state, *own, to) - 1;
  for (size_t index = 0; index < state.restCount; index++) to = putFreeField(state, restField(state, index), to);
  to = reserveLines(state.output, to, state.envelopeBytes + MEMBER_BYTES);
  // The first comma of the envelope's fields is not behind a brace.
  const size_t comma = state.envelopeBytes > 0 && to[-1] == '{' ? 1 : 0;
  if (state.envelopeBytes > 0) to = copyWide(to, state.envelopeText.items + comma, state.envelopeBytes - comma);
  *to++ = '}';
  return to;
}

}  // namespace penstock
