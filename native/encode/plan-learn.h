// From a line that the parser has taken to steps of the plans (plan.h). The line is known to be sound, its keys have nodes
// and its values paths; so only the places of its values are looked for.
#pragma once
#include "half.h"

namespace penstock {

struct Learner {
  Encoder& encoder;
  Plans& plans;
  /// Where the next step begins, in the graph and in the line.
  PlaceIndex place;
  const Byte* from;
  const Byte* end;
  /// Columns without a value, which must be told, that no step has told yet: one bit each.
  uint64_t absent;
  /// Whether the plans had no room for a step.
  bool isStopped;
};

inline PlaceIndex addPlace(Plans& plans) {
  plans.places.push_back({});
  return static_cast<PlaceIndex>(plans.places.size() - 1);
}

/// A place has got its first step, or a fork: the steps that lead there say so.
inline void openStep(Plans& plans, PlanPlace& place, bool isForked) {
  place.isForked = isForked;
  for (StepIndex index = place.lastTo; index != 0; index = plans.steps[index].otherTo) {
    plans.steps[index].next = place.first;
    plans.steps[index].isForked = isForked;
  }
}

/// What the kind of a step was when it was learnt.
inline StepKind learntKind(StepKind kind) {
  return kind == StepKind::constant || kind == StepKind::dictionary ? StepKind::repeated : kind;
}

/// Goes the step that `wanted` describes by its text, kind and target, to `to` or, if that is 0, to a place of its own.
inline void learnStep(Learner& learner, PlanStep& wanted, const Byte* text, size_t textBytes, PlaceIndex to) {
  Plans& plans = learner.plans;
  uint32_t count = 0;
  StepIndex* next = &plans.places[learner.place].first;
  for (; *next != 0; next = &plans.steps[*next].other) {
    const PlanStep& step = plans.steps[*next];
    count++;
    if (step.textBytes != textBytes || learntKind(step.kind) != wanted.kind || step.path != wanted.path) continue;
    if (std::memcmp(step.text, text, textBytes) != 0) continue;
    learner.place = step.to;
    return;
  }
  if (isFull(plans) || count == NEXT_STEPS_MAX) {
    learner.isStopped = true;
    return;
  }
  const StepIndex index = static_cast<StepIndex>(plans.stepCount++);
  *next = index;
  openStep(plans, plans.places[learner.place], count > 0);
  std::memcpy(wanted.text, text, textBytes);
  wanted.textBytes = static_cast<Byte>(textBytes);
  wanted.ignored = textBytes == STEP_TEXT_BYTES ? 0 : ~uint32_t{0} << textBytes;
  wanted.from = learner.place;
  wanted.to = to != 0 ? to : addPlace(plans);
  PlanPlace& behind = plans.places[wanted.to];
  wanted.next = behind.first;
  wanted.isForked = behind.isForked;
  wanted.otherTo = behind.lastTo;
  behind.lastTo = index;
  plans.steps[index] = wanted;
  learner.place = wanted.to;
}

/// Learns the way from the last value to the one at `at`, which comes next, to the place `to`; `passedTo` is where that
/// value's first byte is, or before it where the text goes on behind what is passed.
inline void learnValue(Learner& learner, StepKind kind, void* target, uint32_t depth, const Byte* at, const Byte* passedTo,
                       PlaceIndex to) {
  const Byte* text = learner.from;
  for (; !learner.isStopped && at - text > static_cast<Position>(STEP_TEXT_BYTES); text += STEP_TEXT_BYTES) {
    // What is passed lies before the rest of the text.
    if (passedTo - text < static_cast<Position>(STEP_TEXT_BYTES)) return void(learner.isStopped = true);
    PlanStep more{};
    more.kind = StepKind::more;
    more.passed = STEP_TEXT_BYTES;
    learnStep(learner, more, text, STEP_TEXT_BYTES, 0);
  }
  size_t textBytes = static_cast<size_t>(at - text);
  for (; !learner.isStopped && learner.absent != 0; learner.absent &= learner.absent - 1) {
    const size_t column = static_cast<size_t>(__builtin_ctzll(learner.absent));
    const bool isObject = learner.encoder.columns[column].kind == BlockColumnKind::json;
    PlanStep absent{};
    absent.kind = isObject && learner.encoder.form == JsonForm::text ? StepKind::absentObject : StepKind::absentText;
    absent.passed = static_cast<Byte>(passedTo - text);
    absent.column = &learner.encoder.halves[0].columns[column];
    learnStep(learner, absent, text, textBytes, 0);
    text = at = passedTo;
    textBytes = 0;
  }
  if (learner.isStopped) return;
  PlanStep step{};
  step.kind = kind;
  step.depth = static_cast<Byte>(depth);
  step.passed = static_cast<Byte>(passedTo - text);
  step.path = static_cast<JsonPath*>(target);
  learnStep(learner, step, text, textBytes, to);
}

/// PlanPlace of the closing quote of the string at `at`.
inline const Byte* closingQuote(const Byte* at, const Byte* end) { return at + skipString(at, 1, end - at) - 1; }

inline PlaceIndex placeOf(Learner& learner, PlaceIndex& place) {
  if (place == 0) place = addPlace(learner.plans);
  return place;
}

inline const Byte* learnObject(Learner& learner, JsonColumn& column, uint32_t parent, const Byte* at, uint32_t depth);

/// The objects of the array at `at`, each from the place where such objects begin.
inline void learnElements(Learner& learner, JsonColumn& column, const Byte* at, uint32_t depth) {
  if (column.planDepth != 0 && column.planDepth != depth) return;
  column.planDepth = depth;
  const PlaceIndex start = placeOf(learner, column.nodes[0].place);
  while (!learner.isStopped && *at != ']') {
    Learner inner{learner.encoder, learner.plans, start, at + 1, learner.end, 0, false};
    inner.from = at + 1;
    at = learnObject(inner, column, 0, at + 1, depth);
    if (!inner.isStopped) learnValue(inner, StepKind::close, nullptr, 0, at, at, start);
    learner.isStopped = inner.isStopped;
  }
}

/// The value at `at` of the key that is `node`; the place behind it.
inline const Byte* learnNode(Learner& learner, JsonColumn& column, uint32_t node, const Byte* at, uint32_t depth) {
  const Byte first = *at;
  if (first == '{') return learnObject(learner, column, node, at, depth);
  if (first == 'n') return at + 4;
  JsonPath* const path = column.paths[static_cast<size_t>(column.nodes[node].path)].get();
  const PlaceIndex to = placeOf(learner, column.nodes[node].place);
  if (first == '"') {
    learnValue(learner, StepKind::string, path, depth, at + 1, at + 1, to);
    learner.from = closingQuote(at, learner.end);
    return learner.from + 1;
  }
  if (first == '[') {
    learnValue(learner, StepKind::array, path, depth + 1, at + 1, at + 1, to);
    if (at[1] == '{' && !learner.isStopped) learnElements(learner, *path->objects, at, depth + 1);
    return learner.from = at + skipBrackets(at, 0, learner.end - at);
  }
  const bool isBoolean = first == 't' || first == 'f';
  learnValue(learner, isBoolean ? StepKind::boolean : StepKind::number, path, depth, at, at, to);
  return learner.from = at + skipScalar(at, 0, learner.end - at);
}

/// The object at `at`, below the node `parent`; the place behind it.
inline const Byte* learnObject(Learner& learner, JsonColumn& column, uint32_t parent, const Byte* at, uint32_t depth) {
  for (at++; *at != '}' && !learner.isStopped; at += *at == ',' ? 1 : 0) {
    uint32_t node = column.nodes[parent].firstChild;
    while (node != 0 && !isKey(column, column.nodes[node], at + 1, learner.end)) node = column.nodes[node].nextSibling;
    if (node == 0) return void(learner.isStopped = true), at;
    at = learnNode(learner, column, node, at + 1 + column.nodes[node].keyLength, depth + 1);
  }
  return at + 1;
}

/// The value at `at` of a column; the place behind it.
inline const Byte* learnColumn(Learner& learner, uint32_t column, const Byte* at) {
  Plans& plans = learner.plans;
  Half& half = learner.encoder.halves[0];
  ColumnValues& values = half.columns[column];
  const BlockColumnKind kind = learner.encoder.columns[column].kind;
  if (kind == BlockColumnKind::json && half.form == JsonForm::paths) return learnObject(learner, values.json, 0, at, 0);
  const PlaceIndex to = placeOf(learner, plans.columnPlaces[column]);
  if (kind == BlockColumnKind::json) {
    // With its brace: what ends it is counted from there.
    learnValue(learner, StepKind::span, &values, 0, at + 1, at, to);
    return learner.from = at + skipBrackets(at, 0, learner.end - at);
  }
  if (kind == BlockColumnKind::time) {
    learnValue(learner, StepKind::time, &values, 0, at, at, to);
    return learner.from = at + TIME_BYTES;
  }
  StepKind step = StepKind::text;
  if (isIndexed(kind)) {
    step = column == learner.encoder.firstDictionary ? StepKind::firstDictionary : StepKind::repeated;
  }
  learnValue(learner, step, &values, 0, at + 1, at + 1, to);
  learner.from = closingQuote(at, learner.end);
  return learner.from + 1;
}

/// Learns the line from `at` to `end`, which the first half has taken, if the plans have credit for it.
__attribute__((noinline)) inline void learnLine(Encoder& encoder, const Byte* at, const Byte* end) {
  Plans& plans = encoder.walk.plans;
  plans.credit++;
  if (isFull(plans) || plans.credit < LEARN_COST) return;
  plans.credit -= LEARN_COST;
  if (plans.steps == nullptr) createSteps(plans);
  Learner learner{encoder, plans, 0, at, end, 0, false};
  const Half& half = encoder.halves[0];
  for (uint32_t column = 0; column < encoder.tailFrom && !learner.isStopped; column++) {
    const Text key = encoder.columns[column].key;
    const BlockColumnKind kind = encoder.columns[column].kind;
    if (hasKey(key, at, end)) at = learnColumn(learner, column, at + key.length);
    else if (kind == BlockColumnKind::text || (kind == BlockColumnKind::json && half.form != JsonForm::paths)) {
      learner.absent |= uint64_t{1} << column;
    }
  }
  if (learner.isStopped) return;
  // With the key that follows, so that the end is not taken where another column comes first.
  const Byte* behind = at + 2;
  while (behind < end && behind[-1] != ':' && *at == ',') behind++;
  learnValue(learner, StepKind::end, nullptr, 0, behind, at, 0);
}

}  // namespace penstock
