// A line, or an object of an array, by the plans: step after step while its text stands there. Ends without a place where a
// step is not known or a value is not as it should be; the parser then has the last word, and the owner takes back what came.
//
// What every step touches is held in locals: bytes that are written could lie in any of it, for all the compiler knows.
//
// No header of its own: plan-run.h includes it once for each instruction set.

/// Appends the string at `at`, behind its opening quote, where STEP_BYTES can be read. Returns the place of its closing quote.
PENSTOCK_STEPS_INLINE const Byte* appendShortString(const EndMarks& marks, Buffer& to, const Byte* at, const Byte* end) {
  Byte* const target = to.reserve(1);
  fetchAhead(target);
  std::memcpy(target + 1, at, STEP_BYTES);
  const uint32_t ends = endsAt(marks, at);
  if (__builtin_expect(ends == 0, 0)) return appendLongString(to, at, end);
  const uint32_t length = static_cast<uint32_t>(__builtin_ctz(ends));
  if (__builtin_expect(at[length] != '"', 0)) return appendLongString(to, at, end);
  *target = static_cast<Byte>(length);
  to.length += length + 1;
  return at + length;
}

/// The same for columns of ids, most of which are UUIDs, and longer than a step.
PENSTOCK_STEPS_INLINE const Byte* appendId(const EndMarks& marks, Buffer& to, const Byte* at, const Byte* end) {
  Byte* const target = to.reserve(1 + STEP_BYTES);
  fetchAhead(target);
  std::memcpy(target + 1, at, 2 * STEP_BYTES);
  const uint64_t ends = endsAtBoth(marks, at);
  if (__builtin_expect(ends == 0, 0)) return appendLongString(to, at, end);
  const uint32_t length = static_cast<uint32_t>(__builtin_ctzll(ends));
  if (__builtin_expect(at[length] != '"', 0)) return appendLongString(to, at, end);
  *target = static_cast<Byte>(length);
  to.length += length + 1;
  return at + length;
}

/// The index of the string at `at` in the dictionary of a step's column, where STEP_BYTES can be read; the place of its
/// closing quote. Remembers the value where it has been the same so far.
PENSTOCK_STEPS_INLINE const Byte* readIndex(const EndMarks& marks, Encoder& encoder, PlanStep& step, const Byte* at,
                                         const Byte* end, uint32_t& index) {
  Dictionary& dictionary = step.column->dictionary;
  const uint32_t ends = endsAt(marks, at);
  const uint32_t length = static_cast<uint32_t>(__builtin_ctz(ends | 0x80000000));
  if (__builtin_expect(at[length] != '"', 0)) {
    at = readRepeated(dictionary, encoder.scratch, at, end, index);
    if (step.kind == StepKind::repeated) step.kind = StepKind::dictionary;
    return at == nullptr ? nullptr : at - 1;
  }
  index = indexOf(dictionary, at, length);
  if (__builtin_expect(step.kind == StepKind::repeated, 0)) rememberValue(step, at, length, index);
  return at + length;
}

/// The step of a place whose text stands at `at`, where STEP_TEXT_BYTES can be read; 0 when none does.
__attribute__((noinline)) PENSTOCK_STEPS_TARGET inline StepIndex findStep(const Plans& plans, PlaceIndex place, const Byte* at) {
  for (StepIndex index = plans.places[place].first; index != 0; index = plans.steps[index].other) {
    const PlanStep& step = plans.steps[index];
    if ((equalAt(step, at) | step.ignored) == UINT32_MAX && canBegin(step.kind, at[step.passed])) return index;
  }
  return 0;
}

/// Begins a value in the row, and logs it behind `log`. As `beginValue` of json-log.h.
PENSTOCK_STEPS_INLINE JsonValues* beginStep(JsonWalk& walk, JsonChange*& log, JsonPath& path, JsonKind kind, size_t row) {
  const size_t index = static_cast<size_t>(kind);
  const uint32_t gap = static_cast<uint32_t>(row) - path.rowsEnd;
  const bool isPlain = path.placeCount > row && gap < ENTRY_FAR && path.place[index] == path.lastPlace;
  if (__builtin_expect(!isPlain || log == walk.logRoomEnd, 0)) {
    walk.logEnd = log;
    JsonValues* const values = beginRareValue(walk, path, kind, row);
    log = walk.logEnd;
    return values;
  }
  Byte* const entry = path.entriesEnd;
  fetchAhead(entry, ENTRIES_AHEAD);
  JsonValues& values = path.values[index];
  path.rowsEnd = static_cast<uint32_t>(row) + 1;
  path.entriesEnd = entry + 1;
  log->path = &path;
  log->valueBytes = static_cast<uint32_t>(values.values.length);
  log++;
  *entry = static_cast<Byte>(gap);
  return &values;
}

/// Runs from a place on; for a line with its encoder, for an object without. Gives where the client's columns end, or the
/// place behind the object's brace.
template <bool isLine>
PENSTOCK_STEPS_INLINE const Byte* runSteps(JsonWalk& walk, Encoder* encoder, PlaceIndex place, size_t row, const Byte* at,
                                        const Byte* end) {
  Plans& plans = walk.plans;
  PlanStep* const steps = plans.steps;
  if (end - at < STEP_READ_BYTES) return nullptr;
  const Byte* const last = end - STEP_READ_BYTES;
  const EndMarks marks = endMarks();
  JsonChange* log = walk.logEnd;
  uint32_t history = 0;
  PlanStep start;
  start.next = plans.places[place].first;
  start.isForked = plans.places[place].isForked;
  start.to = place;
  PlanStep* step = &start;
  while (__builtin_expect(at <= last, 1)) {
    uint32_t equal;
    if (step->isForked) {
      place = step->to;
      StepIndex& guess = plans.guesses[(place * 0x9e5u + history) % GUESSES];
      step = steps + guess;
      equal = equalAt(*step, at);
      if (__builtin_expect(step->from != place || (equal | step->ignored) != UINT32_MAX, 0)) {
        guess = findStep(plans, place, at);
        step = steps + guess;
        equal = ~step->ignored;
      }
      history = history * 5 + guess;
    } else {
      step = steps + step->next;
      equal = equalAt(*step, at);
      if (__builtin_expect((equal | step->ignored) != UINT32_MAX, 0)) break;
    }
  take:
    at += step->passed;
    switch (step->kind) {
      case StepKind::more: continue;
      case StepKind::string: {
        JsonValues* const values = beginStep(walk, log, *step->path, JsonKind::string, row);
        if (__builtin_expect(values == nullptr, 0)) goto failed;
        at = appendShortString(marks, values->values, at, end);
        break;
      }
      case StepKind::number: {
        const Number number = readNumberAt(at, end);
        if (__builtin_expect(number.kind == NumberKind::damaged, 0)) goto other;
        JsonValues* const values = beginStep(walk, log, *step->path, static_cast<JsonKind>(number.kind), row);
        if (__builtin_expect(values == nullptr, 0)) goto failed;
        values->values.push(number.bits);
        at = number.end;
        continue;
      }
      case StepKind::boolean: {
        const bool isTrue = load32(at) == load32(reinterpret_cast<const Byte*>("true"));
        if (!isTrue && (*at != 'f' || load32(at + 1) != load32(reinterpret_cast<const Byte*>("alse")))) goto other;
        JsonValues* const values = beginStep(walk, log, *step->path, JsonKind::boolean, row);
        if (__builtin_expect(values == nullptr, 0)) goto failed;
        values->values.push(static_cast<Byte>(isTrue));
        at += isTrue ? 4 : 5;
        continue;
      }
      case StepKind::array:
        walk.logEnd = log;
        step->path->owner->rowCount = row;
        at = walkArray(walk, *step->path->owner, *step->path, at, end, step->depth).at;
        log = walk.logEnd;
        break;
      case StepKind::close:
        if (isLine) goto failed;
        walk.logEnd = log;
        return at;
      case StepKind::absentText:
        if (!isLine) goto failed;
        step->column->values.push(Byte{0});
        continue;
      case StepKind::absentObject:
        if (!isLine) goto failed;
        // A length and two braces.
        std::memcpy(step->column->values.reserve(3), "\2{}", 3);
        step->column->values.length += 3;
        continue;
      case StepKind::text:
        if (!isLine) goto failed;
        at = appendId(marks, step->column->values, at, end);
        break;
      case StepKind::constant:
        if (!isLine) goto failed;
        if (__builtin_expect((equal | step->valueIgnored) == UINT32_MAX, 1)) {
          putIndex(*step->column, row, step->index);
          at += step->valueBytes;
          continue;
        }
        step->kind = StepKind::repeated;
        [[fallthrough]];
      case StepKind::repeated: case StepKind::dictionary: case StepKind::firstDictionary: {
        if (!isLine) goto failed;
        uint32_t index = 0;
        at = readIndex(marks, *encoder, *step, at, end, index);
        putIndex(*step->column, row, index);
        if (step->kind == StepKind::firstDictionary) history += index * 0x2c1u;
        break;
      }
      case StepKind::time: {
        if (!isLine) goto failed;
        int64_t ms;
        if (__builtin_expect(!readTimeAt(plans.months, at, end, ms), 0)) goto failed;
        putTime(*step->column, row, ms);
        at += TIME_BYTES;
        continue;
      }
      case StepKind::span:
        if (!isLine) goto failed;
        at = appendSpan(step->column->values, at, end);
        break;
      case StepKind::end:
        walk.logEnd = log;
        return isLine ? at : nullptr;
      case StepKind::none: goto failed;
      default: __builtin_unreachable();
    }
    if (__builtin_expect(at == nullptr, 0)) break;
    continue;
  other:
    // Its text ends before its value, and others may begin with it; unless the value is one of its kind, and damaged.
    if (canBegin(step->kind, *at)) break;
    at -= step->passed;
    step = steps + findStep(plans, step->from, at);
    equal = ~step->ignored;
    goto take;
  }
failed:
  walk.logEnd = log;
  return nullptr;
}

/// The row in hand.
PENSTOCK_STEPS_TARGET inline Ran runLine(Encoder& encoder, Half& half, const Byte* at, const Byte* end) {
  if (encoder.walk.plans.steps == nullptr) return {nullptr, false};
  at = runSteps<true>(encoder.walk, &encoder, 0, half.rowCount, at, end);
  if (__builtin_expect(at == nullptr, 0)) return {nullptr, false};
  const size_t tailBytes = half.tail.length;
  const bool isWhole = tailBytes > 0 && static_cast<size_t>(end - at) >= tailBytes &&
                       isSameTail(at, half.tail.room.items, tailBytes);
  return {isWhole ? at + tailBytes : at, isWhole};
}

PENSTOCK_STEPS_TARGET inline const Byte* runObject(JsonWalk& walk, JsonColumn& column, const Byte* at, const Byte* end,
                                                   uint32_t depth) {
  if (column.planDepth != depth) return nullptr;
  const PlaceIndex place = column.nodes[0].place;
  const size_t changes = static_cast<size_t>(walk.logEnd - walk.log.items);
  const Byte* const behind = runSteps<false>(walk, nullptr, place, column.rowCount, at, end);
  if (behind == nullptr) takeBack(walk, changes);
  return behind;
}
