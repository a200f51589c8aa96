// The sources of a program's columns: which of them wins, the time that follows from it, and the parts that are there.
// The twin of src/scan/reference/sources.ts; plain programs take the shorter way of columns.h.
#pragma once
#include "columns.h"
#include "literals.h"

namespace penstock {

/// A source that does not apply to the value, as if that were absent.
constexpr uint32_t PASSED_OVER = 0xffffffff;

/// A value that may fill a column; of a text what stands between its quotes, or of it what is left.
struct Fit {
  uint32_t reason;
  Position start, end;
};

/// Fills `slotCapture` from the captures of the event and of its envelope. Returns one bit for each of the first
/// CHOICE_SLOTS_MAX slots that has a value.
inline uint64_t fillSlots(State& state) {
  const size_t slots = state.program->slotCount;
  std::memset(state.slotCapture.items, 0xff, slots * sizeof(int32_t));
  uint64_t filled = 0;
  for (size_t index = 0; index < state.captureCount; index++) {
    const Capture& capture = state.captures.items[index];
    if (capture.wanted.slot < 0 || capture.kind == ValueKind::absent) continue;
    state.slotCapture.items[capture.wanted.slot] = static_cast<int32_t>(index);
    filled |= uint64_t{1} << (capture.wanted.slot % CHOICE_SLOTS_MAX);
  }
  return filled;
}

inline Fit fitText(State& state, const Column& column, const SourceRule& source, const Capture& capture) {
  const bool isLenient = state.program->language.isLenient;
  const bool isString = capture.kind == ValueKind::string;
  if (!isString && !(isLenient && capture.kind == ValueKind::number)) {
    return {source.after.length > 0 ? PASSED_OVER : state.reasons.invalidType, 0, 0};
  }
  const Position quote = isString ? 1 : 0;
  Position start = capture.valueStart + quote;
  const Position end = capture.valueEnd - quote;
  const Text raw{state.bytes + start, static_cast<size_t>(end - start)};
  if (source.after.length > 0) {
    if (!beginsWith(raw, source.after)) return {PASSED_OVER, 0, 0};
    start += static_cast<Position>(source.after.length);
  } else if (source.unless.length > 0 && beginsWith(raw, source.unless)) {
    return {PASSED_OVER, 0, 0};
  }
  size_t length = static_cast<size_t>(end - start);
  if ((capture.flags & capture_flag::valueEscaped) != 0) {
    if (length > column.bytesMax * ESCAPE_BYTES_MAX) return {state.reasons.invalidLength, 0, 0};
    length = insideOf(state, start, end, true).length;
  }
  if (length < column.bytesMin || length > column.bytesMax) return {state.reasons.invalidLength, 0, 0};
  return {isLenient && start == end ? PASSED_OVER : 0, start, end};
}

inline Fit fitSource(State& state, const Column& column, const SourceRule& source, const Capture& capture) {
  if (column.kind == ColumnKind::text) return fitText(state, column, source, capture);
  return {checkColumn(state, column, capture), 0, 0};
}

/// Lets a capture fill the column; of a number or a text that was cut, a new one that holds the inside alone.
inline void takeSource(State& state, uint32_t column, const SourceRule& source, int32_t index, const Fit& fit) {
  const uint32_t bit = uint32_t{1} << column;
  const Capture& origin = state.captures.items[index];
  state.origin[column] = index;
  state.winner[column] = state.captures.items + index;
  state.present |= bit;
  state.taken |= bit;
  const bool isText = state.columns[column].kind == ColumnKind::text;
  // A time is written whatever it is; of objects `filled` says whether they are.
  if (isText ? fit.end > fit.start : !isEmptyValue(state, origin)) state.filled |= bit;
  const bool isOther = origin.wanted.isNamed && origin.wanted.column != column;
  const bool isBare = isText && (source.after.length > 0 || origin.kind == ValueKind::number);
  if (!isOther && !isBare) return;
  // A copy, since the capture may fill the column that is called like it too.
  Capture capture = origin;
  capture.flags |= capture_flag::apart;
  capture.wanted.isRoot = false;
  if (isBare) {
    capture.flags |= capture_flag::bare;
    capture.valueStart = static_cast<int32_t>(fit.start);
    capture.valueEnd = static_cast<int32_t>(fit.end);
    capture.kind = ValueKind::string;
  }
  Capture* const made = state.captures.items + state.captureCount++;
  *made = capture;
  state.winner[column] = made;
}

/// Whether the source can win: its guards hold, and it is a constant or its slot has a value.
inline bool applies(const State& state, const SourceRule& source) {
  if ((state.heldGuards & source.guards) != source.guards) return false;
  return source.slot < 0 || state.slotCapture.items[source.slot] >= 0;
}

/// Finds the source that wins the column, from the one at `first` on. Returns the reason for which the event is refused, with
/// `faultSlot`, or 0.
inline uint32_t chooseSource(State& state, uint32_t column, uint32_t first) {
  const Language& language = state.program->language;
  const ColumnRule& rule = language.columns[column];
  for (uint32_t index = first; index < rule.sourceEnd; index++) {
    const SourceRule& source = language.sources[index];
    if (!applies(state, source)) continue;
    if (source.slot < 0) {
      state.present |= uint32_t{1} << column;
      state.made |= uint32_t{1} << column;
      state.constantSource[column] = index;
      return 0;
    }
    const int32_t capture = state.slotCapture.items[source.slot];
    const Fit fit = fitSource(state, state.columns[column], source, state.captures.items[capture]);
    if (fit.reason == 0) {
      takeSource(state, column, source, capture, fit);
      if (column == state.timestampColumn) state.isTimeExact = source.isExact;
      return 0;
    }
    if (fit.reason == PASSED_OVER || language.isLenient) continue;
    state.faultSlot = source.slot;
    return fit.reason;
  }
  return 0;
}

/// Whether a value of the source fills the column as it stands, if it fits. A path that is called like another column asks
/// for a copy, and so do texts of which a part is taken; of which path a slot is, is the same in every event.
inline bool isTakenAsItIs(const State& state, uint32_t column, const SourceRule& source) {
  if (source.slot < 0 || source.after.length + source.unless.length > 0) return false;
  const Wanted& wanted = state.captures.items[state.slotCapture.items[source.slot]].wanted;
  return !wanted.isNamed || wanted.column == column;
}

/// Finds what sources and parts come into question for an event as the one in hand.
__attribute__((noinline)) inline void learnChoice(const State& state, Choice& choice) {
  const Language& language = state.program->language;
  choice.count = 0;
  for (uint32_t column = 0; column < state.columns.size(); column++) {
    if (column == state.appColumn && state.app > 0) continue;
    const ColumnRule& rule = language.columns[column];
    uint32_t index = rule.sourceStart;
    while (index < rule.sourceEnd && !applies(state, language.sources[index])) index++;
    if (index == rule.sourceEnd) continue;
    const SourceRule& source = language.sources[index];
    choice.picks[choice.count++] = {column, index, isTakenAsItIs(state, column, source) ? source.slot : -1};
  }
  choice.parts = 0;
  for (uint32_t index = 0; index < language.parts.size(); index++) {
    const Part& part = language.parts[index];
    const bool isHeld = (state.heldGuards & part.guards) == part.guards;
    if (isHeld && state.slotCapture.items[part.slot] >= 0) choice.parts |= uint32_t{1} << index;
  }
}

/// The choice for an event whose `slots` have values. Which sources come into question follows from these, the guards, and
/// whether there is a write key, and is the same from event to event of an SDK.
inline const Choice& choiceOf(State& state, uint64_t slots) {
  const bool hasApp = state.app > 0;
  uint64_t mixed = (slots ^ reinterpret_cast<uintptr_t>(state.program)) * 0x9e3779b97f4a7c15;
  mixed ^= (mixed >> 32) + state.heldGuards;
  Choice& choice = state.choices.items[(mixed ^ (mixed >> 7)) % CHOICES];
  const bool isKnown = choice.program == state.program && choice.slots == slots && choice.guards == state.heldGuards &&
                       choice.hasApp == hasApp;
  // Slots beyond the bits could be others than those that were there.
  if (__builtin_expect(isKnown && state.program->slotCount <= CHOICE_SLOTS_MAX, 1)) return choice;
  choice.program = state.program;
  choice.slots = slots;
  choice.guards = state.heldGuards;
  choice.hasApp = hasApp;
  learnChoice(state, choice);
  return choice;
}

/// Lets the sources of a choice win that surely fit, and finds the winners of the other columns. Returns a reason as
/// `chooseSource` does.
inline uint32_t takeChoice(State& state, const Choice& choice) {
  const Column* const columns = state.columns.data();
  uint32_t plain = 0;
  for (uint32_t index = 0; index < choice.count; index++) {
    const Choice::Pick& pick = choice.picks[index];
    if (pick.slot >= 0) {
      const int32_t place = state.slotCapture.items[pick.slot];
      Capture* const capture = state.captures.items + place;
      // An empty value is passed over, or leaves its column empty.
      const bool isFilled = capture->valueEnd - capture->valueStart > 2;
      if (isPlainlyRight(columns[pick.column], *capture) && isFilled) {
        state.winner[pick.column] = capture;
        capture->flags |= capture_flag::used;
        plain |= uint32_t{1} << pick.column;
        continue;
      }
    }
    const uint32_t reason = chooseSource(state, pick.column, pick.source);
    if (reason != 0) return reason;
  }
  state.present |= plain;
  state.filled |= plain;
  return 0;
}

/// The time that a captured value says, when it is one in range; else NOT_A_TIME.
inline double timeOf(State& state, const Capture& capture) {
  const double eventMs = state.eventMs;
  const uint32_t reason = checkColumn(state, state.columns[state.timestampColumn], capture);
  const double ms = state.eventMs;
  state.eventMs = eventMs;
  return reason == 0 ? ms : NOT_A_TIME;
}

/// The time of sending; that of an envelope is read once a frame.
inline double sentAtOf(State& state) {
  for (const uint32_t slot : state.program->language.sentAtSlots) {
    const int32_t index = state.slotCapture.items[slot];
    if (index < 0) continue;
    if (index == state.sentAtCapture) return state.sentAtMs;
    const double sentMs = timeOf(state, state.captures.items[index]);
    if (std::isnan(sentMs)) continue;
    if (static_cast<size_t>(index) < state.captureBase) {
      state.sentAtCapture = index;
      state.sentAtMs = sentMs;
    }
    return sentMs;
  }
  return NOT_A_TIME;
}

/// Corrects the client's time by how far its clock is off, and lets the time of arrival stand in for one far ahead.
inline void settleTime(State& state) {
  const uint32_t bit = uint32_t{1} << state.timestampColumn;
  const Limits& limits = state.limits;
  if ((state.present & bit) == 0) return;
  if (!state.isTimeExact) {
    const double skewMs = state.receivedMs - sentAtOf(state);
    const double movedMs = state.eventMs + skewMs;
    // Every comparison with NaN is false: without a time of sending nothing is corrected.
    if (std::fabs(skewMs) > limits.skewDeadZoneMs && movedMs >= limits.timestampMsMin &&
        movedMs < limits.timestampMsEnd) {
      state.eventMs = movedMs;
      state.made |= bit;
    }
  }
  if (state.program->language.isLenient && state.eventMs > state.receivedMs + limits.eventFutureMsMax) {
    state.eventMs = state.receivedMs;
    state.present &= ~bit;
    state.filled &= ~bit;
    state.made &= ~bit;
    state.taken &= ~bit;
  }
}

/// Those of the parts that are there, as bits; their columns are made of them, and what they take whole is marked as used.
inline uint32_t useParts(State& state, uint32_t parts) {
  uint32_t active = 0;
  for (; parts != 0; parts &= parts - 1) {
    const uint32_t index = static_cast<uint32_t>(__builtin_ctz(parts));
    const Part& part = state.program->language.parts[index];
    Capture& capture = state.captures.items[state.slotCapture.items[part.slot]];
    if (part.isEach && capture.kind != ValueKind::object) continue;
    active |= uint32_t{1} << index;
    state.made |= uint32_t{1} << part.column;
    if (part.usesUp) capture.flags |= capture_flag::used;
  }
  return active;
}

/// Lists the members of the root that no column took; a null under a name that the dialect knows is just absent.
inline void listUnused(State& state) {
  const Language& language = state.program->language;
  state.restFields.reserve(state.captureCount, 0);
  for (size_t index = state.captureBase; index < state.captureCount; index++) {
    const Capture& capture = state.captures.items[index];
    if (!capture.wanted.isRoot || (capture.flags & capture_flag::used) != 0) continue;
    if (capture.wanted.slot >= 0) {
      if (capture.kind == ValueKind::absent) continue;
      const SlotRule& slot = language.slots[static_cast<size_t>(capture.wanted.slot)];
      if (slot.isSecret || (slot.isAppSource && state.app > 0 && isOwnApp(state, capture))) continue;
    }
    state.restFields.items[state.restCount++] = static_cast<uint32_t>(index);
  }
}

/// As `resolvePlain`, by all that a program can say.
__attribute__((noinline)) inline uint32_t resolveBySources(State& state) {
  const Language& language = state.program->language;
  state.eventMs = state.receivedMs;
  state.present = state.filled = state.made = state.taken = 0;
  state.claimed = 0;
  state.isTimeExact = false;
  // Room for a copy a column, so that winners stay where they are.
  state.captures.reserve(state.captureCount + state.columns.size(), state.captureCount);
  const uint64_t slots = fillSlots(state);
  state.heldGuards = holdGuards(state);
  const Choice& choice = choiceOf(state, slots);
  const uint32_t fault = takeChoice(state, choice);
  if (fault != 0) return fault;
  settleTime(state);
  for (uint32_t left = state.taken; left != 0; left &= left - 1) {
    state.captures.items[state.origin[__builtin_ctz(left)]].flags |= capture_flag::used;
  }
  state.activeParts = useParts(state, choice.parts);
  const uint32_t direct = language.directGuards;
  state.tailStart = (state.heldGuards & direct) == direct ? 0 : state.tailServerStart;
  const uint32_t reason = checkRequired(state);
  if (reason != 0) return reason;
  if (state.program->hasClaims) chooseClaims(state);
  state.restCount = 0;
  listUnused(state);
  return 0;
}

/// Chooses and checks the columns of the event just walked. Returns its reason, with `state.faultSlot`, or 0. Sets
/// `winner`, `present`, `filled`, `made`, `eventMs`, `claimed` and the fields of the rest.
inline uint32_t resolveColumns(State& state) {
  return state.program->isPlain ? resolvePlain(state) : resolveBySources(state);
}

}  // namespace penstock
