// A line, or an object of an array, by the plans: step after step while its text stands there. Ends without a place where a
// step is not known or a value is not as it should be; the parser then has the last word, and the owner takes back what came.
//
// No header of its own: plan-run.h includes it once for each instruction set.

/// Appends the string at `at`, behind its opening quote, where STEP_BYTES can be read. Returns the place of its closing quote.
PENSTOCK_STEPS_INLINE const Byte* appendShortString(Buffer& to, const Byte* at, const Byte* end) {
  Byte* const target = to.reserve(1);
  std::memcpy(target + 1, at, STEP_BYTES);
  const uint32_t ends = endsAt(at);
  if (__builtin_expect(ends == 0, 0)) return appendLongString(to, at, end);
  const uint32_t length = static_cast<uint32_t>(__builtin_ctz(ends));
  if (__builtin_expect(at[length] != '"', 0)) return appendLongString(to, at, end);
  *target = static_cast<Byte>(length);
  to.length += length + 1;
  return at + length;
}

/// The same for columns of ids, most of which are UUIDs, and longer than a step.
PENSTOCK_STEPS_INLINE const Byte* appendId(Buffer& to, const Byte* at, const Byte* end) {
  Byte* const target = to.reserve(1 + STEP_BYTES);
  std::memcpy(target + 1, at, 2 * STEP_BYTES);
  const uint64_t ends = endsAt(at) | uint64_t{endsAt(at + STEP_BYTES)} << 32;
  if (__builtin_expect(ends == 0, 0)) return appendLongString(to, at, end);
  const uint32_t length = static_cast<uint32_t>(__builtin_ctzll(ends));
  if (__builtin_expect(at[length] != '"', 0)) return appendLongString(to, at, end);
  *target = static_cast<Byte>(length);
  to.length += length + 1;
  return at + length;
}

/// The scalar at `at`; the place behind it.
PENSTOCK_STEPS_INLINE const Byte* appendScalar(JsonWalk& walk, JsonPath& path, size_t row, const Byte* at, const Byte* end) {
  if (*at > '9') {
    const bool isTrue = load32(at) == load32(reinterpret_cast<const Byte*>("true"));
    if (!isTrue && (*at != 'f' || load32(at + 1) != load32(reinterpret_cast<const Byte*>("alse")))) return nullptr;
    JsonValues* const values = beginValue(walk, path, JsonKind::boolean, row);
    if (values == nullptr) return nullptr;
    values->values.push(static_cast<Byte>(isTrue));
    return at + (isTrue ? 4 : 5);
  }
  const Number number = readNumberWide(at, end);
  if (__builtin_expect(number.kind == NumberKind::damaged, 0)) return nullptr;
  JsonValues* const values = beginValue(walk, path, static_cast<JsonKind>(number.kind), row);
  if (values == nullptr) return nullptr;
  values->values.push(number.bits);
  return number.end;
}

/// The index of the string at `at` in a dictionary, where STEP_BYTES can be read; the place of its closing quote.
PENSTOCK_STEPS_INLINE const Byte* readIndex(Encoder& encoder, Dictionary& dictionary, const Byte* at, const Byte* end,
                                         uint32_t& index) {
  const uint32_t ends = endsAt(at);
  const uint32_t length = static_cast<uint32_t>(__builtin_ctz(ends | 0x80000000));
  if (__builtin_expect(at[length] == '"', 1)) {
    index = indexOf(dictionary, at, length);
    return at + length;
  }
  at = readRepeated(dictionary, encoder.scratch, at, end, index);
  return at == nullptr ? nullptr : at - 1;
}

/// Runs from a place on; for a line with its encoder, for an object without. Gives where the client's columns end, or the
/// place behind the object's brace.
template <bool isLine>
PENSTOCK_STEPS_INLINE const Byte* runSteps(JsonWalk& walk, Encoder* encoder, PlaceIndex place, size_t row, const Byte* at,
                                        const Byte* end) {
  Plans& plans = walk.plans;
  const PlanStep* const steps = plans.steps;
  if (end - at < STEP_READ_BYTES) return nullptr;
  const Byte* const last = end - STEP_READ_BYTES;
  uint32_t history = 0;
  PlanStep start;
  start.next = plans.places[place].first;
  start.isForked = plans.places[place].isForked;
  start.to = place;
  const PlanStep* taken = &start;
  while (__builtin_expect(at <= last, 1)) {
    const PlanStep* step = steps + taken->next;
    if (taken->isForked) {
      StepIndex& guess = plans.guesses[(taken->to * 0x9e5u + history) % GUESSES];
      if (steps[guess].from == taken->to) step = steps + guess;
      if (!standsAt(*step, at)) {
        guess = findStep(plans, taken->to, at);
        step = steps + guess;
      }
      history = history * 31 + static_cast<uint32_t>(step - steps);
    } else if (__builtin_expect(!standsAt(*step, at), 0)) {
      return nullptr;
    }
    taken = step;
  take:
    at += taken->passed;
    switch (taken->kind) {
      case StepKind::more: break;
      case StepKind::string: {
        JsonValues* const values = beginValue(walk, *taken->path, JsonKind::string, row);
        if (values == nullptr) return nullptr;
        at = appendShortString(values->values, at, end);
        if (__builtin_expect(at == nullptr, 0)) return nullptr;
        break;
      }
      case StepKind::scalar:
        if (__builtin_expect(!canBeginScalar(*at), 0)) {
          // Its text ends before its value, and others may begin with it.
          at -= taken->passed;
          taken = steps + findStep(plans, taken->from, at);
          goto take;
        }
        at = appendScalar(walk, *taken->path, row, at, end);
        if (__builtin_expect(at == nullptr, 0)) return nullptr;
        break;
      case StepKind::array:
        at = walkArray(walk, *taken->path->owner, *taken->path, at, end, taken->depth).at;
        if (at == nullptr) return nullptr;
        break;
      case StepKind::close: return isLine ? nullptr : at;
      case StepKind::absentText:
        if (!isLine) return nullptr;
        taken->column->values.push(Byte{0});
        break;
      case StepKind::absentObject:
        if (!isLine) return nullptr;
        pushText(taken->column->values, "{}", 2);
        break;
      case StepKind::text:
        if (!isLine) return nullptr;
        at = appendId(taken->column->values, at, end);
        if (__builtin_expect(at == nullptr, 0)) return nullptr;
        break;
      case StepKind::dictionary: case StepKind::firstDictionary: {
        if (!isLine) return nullptr;
        uint32_t index = 0;
        at = readIndex(*encoder, taken->column->dictionary, at, end, index);
        if (__builtin_expect(at == nullptr, 0)) return nullptr;
        putIndex(*taken->column, row, index);
        if (taken->kind == StepKind::firstDictionary) history += index * 0x2c1u;
        break;
      }
      case StepKind::time: {
        if (!isLine) return nullptr;
        int64_t ms;
        if (__builtin_expect(!readTime(at, end, ms), 0)) return nullptr;
        putTime(*taken->column, row, ms);
        at += TIME_BYTES;
        break;
      }
      case StepKind::span:
        if (!isLine) return nullptr;
        at = appendObject(taken->column->values, at, end);
        if (at == nullptr) return nullptr;
        break;
      case StepKind::end: return isLine ? at : nullptr;
      case StepKind::none: return nullptr;
    }
  }
  return nullptr;
}

/// The columns of the row in hand that the client fills. Gives the place behind them, or null; then something may have come.
PENSTOCK_STEPS_TARGET inline const Byte* runLine(Encoder& encoder, Half& half, const Byte* at, const Byte* end) {
  if (encoder.walk.plans.steps == nullptr) return nullptr;
  return runSteps<true>(encoder.walk, &encoder, 0, half.rowCount, at, end);
}

PENSTOCK_STEPS_TARGET inline const Byte* runObject(JsonWalk& walk, JsonColumn& column, const Byte* at, const Byte* end, uint32_t depth) {
  if (column.planDepth != depth) return nullptr;
  const PlaceIndex place = column.nodes[0].place;
  const size_t changes = static_cast<size_t>(walk.logEnd - walk.log.items);
  const Byte* const behind = runSteps<false>(walk, nullptr, place, column.rowCount, at, end);
  if (behind == nullptr) takeBack(walk, changes);
  return behind;
}

