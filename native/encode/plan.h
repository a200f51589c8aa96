// What lines had between their values, remembered: a line of a shape that came before is proved and put into its columns
// by comparing these texts, without looking at keys, commas or braces one by one.
//
// A step is the text from behind one value to the first byte of the next (`","device_id":"`, `},"context":{"locale":"`;
// keys that are null and empty objects leave nothing and are part of it) and what to do with that value. A place is
// where a step begins: behind the value of one column or one JSON key. So the steps are edges of a graph, and every way
// through it is a line that the parser (encoder.h, json-walk.h) would take; what it refuses beyond that, a path with two
// values, is checked by value. Objects in arrays have places of their own, and steps to the brace that closes them.
//
// Most places have one step. Where there are several, the one taken last after the same steps since the line's start, and
// with the same first dictionary value (the type of the event), is tried first.
//
// The graph is a hint: a line that it does not know is parsed and then learnt (plan-learn.h). It is bounded, so that no
// client can fill memory or time with it: STEPS_MAX steps, NEXT_STEPS_MAX at a place, and credit for learning. A full one is
// forgotten with its block, and all are when columns lose the paths that they point to.
#pragma once
#include <vector>

#include "buffer.h"

namespace penstock {

struct JsonPath;
struct ColumnValues;

using StepIndex = uint16_t;
using PlaceIndex = uint16_t;

/// 256 KiB; a kind of event has some twenty steps, and shares many with others.
constexpr size_t STEPS_MAX = 4096;
/// A step leads to one place at most; some places are made for steps that then find no room.
constexpr size_t PLACES_MAX = 2 * STEPS_MAX;
static_assert(PLACES_MAX + STEPS_MAX <= UINT16_MAX, "a place has an index");
/// Steps that are tried in one place, besides the one that is guessed: behind the brace of `event_data` may come the first
/// property of any kind of event. They are compared one by one, so a client could make each value wait for all of them.
constexpr uint32_t NEXT_STEPS_MAX = 128;
constexpr size_t STEP_TEXT_BYTES = 32;
/// Of two bytes each. A tracking plan of 60 kinds of events has some thousand places with a past of their own,
/// which in 1,024 took each other's.
constexpr size_t GUESSES = 4096;
/// What may be read behind the start of a step: its text, and the first look at its value.
constexpr Position STEP_READ_BYTES = 96;
/// To learn a line takes as long as two or three of them; one in LEARN_COST that were known pays for it.
constexpr uint32_t LEARN_COST = 16, LEARN_CREDIT_MAX = 1024;

enum class StepKind : uint8_t {
  /// Cannot be taken.
  none,
  /// More text follows in the next step.
  more,
  /// A column has no value: the empty text, and the empty object.
  absentText, absentObject,
  // Values of columns. One that repeats itself begins as `repeated`, is `constant` while it is what it was the first time,
  // and `dictionary` as soon as it is something else.
  text, repeated, constant, dictionary, firstDictionary, time, span,
  // Values of JSON keys.
  string, number, boolean, array,
  /// The end of the object of an array; and of the columns that the client fills.
  close, end
};

/// One cache line.
struct alignas(64) PlanStep {
  Byte text[STEP_TEXT_BYTES];
  /// One bit for each byte that is not compared.
  uint32_t ignored;
  /// What its place `to` has: the first step that begins there, and whether there are others.
  StepIndex next;
  bool isForked;
  StepKind kind;
  /// Bytes of the text that are passed, and all of them.
  Byte passed, textBytes;
  union {
    /// Objects and arrays around the value.
    Byte depth;
    /// Of `constant`: the value's index in the dictionary of the block.
    Byte index;
  };
  /// Of `constant`, and of `repeated` once it has had one: bytes of the value, which stands behind the text with its closing
  /// quote; and what `ignored` is with both.
  Byte valueBytes;
  /// Where it begins and where it leads.
  PlaceIndex from, to;
  /// Another one that begins there, and another one that leads there, or 0.
  StepIndex other, otherTo;
  uint32_t valueIgnored;
  /// Where the value goes, by kind.
  union {
    JsonPath* path;
    ColumnValues* column;
  };
};
static_assert(sizeof(PlanStep) == 64, "one cache line");

struct PlanPlace {
  /// The first step that begins here, and the last learnt that leads here; or 0.
  StepIndex first = 0, lastTo = 0;
  /// Whether several steps begin here.
  bool isForked = false;
};

/// The month of the last time, and its first day in days since 1970: times of a stream are mostly of one month.
struct Months {
  uint64_t month = UINT64_MAX;
  int64_t firstDay = 0;
};

struct Plans {
  Room<Byte> memory;
  PlanStep* steps = nullptr;
  size_t stepCount = 0;
  std::vector<PlanPlace> places;
  /// By column, where plans go on behind it. PlanPlace 0 is the start of a line.
  PlaceIndex columnPlaces[256] = {};
  StepIndex guesses[GUESSES] = {};
  uint32_t credit = LEARN_CREDIT_MAX;
  Months months;
};

inline bool isFull(const Plans& plans) { return plans.stepCount >= STEPS_MAX || plans.places.size() >= PLACES_MAX; }

/// Forgets all steps. Whoever has noted a place must forget it, too.
inline void forgetSteps(Plans& plans) {
  plans.stepCount = plans.steps == nullptr ? 0 : 1;
  plans.places.assign(1, PlanPlace{});
  std::memset(plans.columnPlaces, 0, sizeof(plans.columnPlaces));
  std::memset(plans.guesses, 0, sizeof(plans.guesses));
}

/// Makes the memory. PlanStep 0 cannot be taken: its text has all bits and stands nowhere.
__attribute__((noinline)) inline void createSteps(Plans& plans) {
  plans.memory.reserve(STEPS_MAX * sizeof(PlanStep) + alignof(PlanStep), 0);
  const size_t offset = reinterpret_cast<uintptr_t>(plans.memory.items) % alignof(PlanStep);
  plans.steps = reinterpret_cast<PlanStep*>(plans.memory.items + (alignof(PlanStep) - offset));
  plans.steps[0] = PlanStep{};
  forgetSteps(plans);
}

/// Values that were constant are looked up once in the dictionaries of a new block.
inline void forgetIndexes(Plans& plans) {
  for (size_t index = 0; index < plans.stepCount; index++) {
    if (plans.steps[index].kind == StepKind::constant) plans.steps[index].kind = StepKind::repeated;
  }
}

/// Whether the value of a step can begin with that byte. The texts of numbers and booleans end before their value.
PENSTOCK_PER_VALUE bool canBegin(StepKind kind, Byte first) {
  if (kind == StepKind::number) return isDigit(first) || first == '-';
  return kind != StepKind::boolean || first == 't' || first == 'f';
}

}  // namespace penstock
