// The walk over a sound event by the index of its structure. It proves what the exact walk would find, member by
// member, and fills the same captures; whatever it cannot prove at once, because the event is at fault or only
// unusual (escaped or very many keys, an envelope), it leaves to the exact walk, so that no rule stands twice.
#pragma once
#include "fast-values.h"

namespace penstock {

/// The table of a node where nothing is looked for.
constexpr uint32_t NO_CELL = 0;

/// One walk. Every method is inlined into `run`, so that the place in the tokens and the level stay in registers.
class FastWalk {
 public:
  enum class End { close, unsure };

  PENSTOCK_INLINE FastWalk(State& state, const uint32_t* token)
      : state_(state), bytes_(state.bytes), token_(token), level_(state.fast.levels) {}

  PENSTOCK_INLINE End run();
  const uint32_t* token() const { return token_; }

 private:
  PENSTOCK_INLINE bool walkKey();
  PENSTOCK_INLINE bool openLevel(bool isArray);
  PENSTOCK_INLINE void closeLevel();
  PENSTOCK_INLINE bool pass(Position from, Position to);
  PENSTOCK_INLINE bool walkText(Position at, Position& valueEnd);
  PENSTOCK_INLINE bool walkScalar(Position at, Position& valueEnd);
  PENSTOCK_INLINE bool isNewKey(const Key& key, int32_t entry);
  PENSTOCK_INLINE void keep(size_t index, uint8_t flags, ValueKind kind, Position at, Position valueEnd);
  PENSTOCK_INLINE uint8_t flagsSince(const Counts& before) const;
  PENSTOCK_INLINE Counts counts() const { return {state_.spaceCount, state_.escapeCount, state_.surrogateCount}; }

  State& state_;
  const Byte* bytes_;
  /// The token that was passed last.
  const uint32_t* token_;
  /// The level that is open, and the count of those.
  Level* level_;
  uint32_t depth_ = 0;
  uint32_t keyTop_ = 0;
  uint64_t seenEntries_ = 0;
  /// The member whose value comes next.
  size_t capture_ = 0;
  bool isCaptured_ = false;
  int32_t node_ = -1;
};

/// Whether nothing or only white space stands between; white space is counted.
PENSTOCK_INLINE bool FastWalk::pass(Position from, Position to) {
  if (__builtin_expect(from == to, 1)) return true;
  if (from > to || skipSpace(bytes_, from, to) != to) return false;
  state_.spaceCount++;
  return true;
}

/// The value of a member that is captured was walked; `flags` are those that it adds.
PENSTOCK_INLINE void FastWalk::keep(size_t index, uint8_t flags, ValueKind kind, Position at, Position valueEnd) {
  Capture& capture = state_.captures.items[index];
  capture.valueStart = static_cast<int32_t>(at);
  capture.valueEnd = static_cast<int32_t>(valueEnd);
  capture.kind = kind;
  capture.flags |= flags;
  if (capture.slot >= 0 && kind != ValueKind::absent) {
    state_.slotCapture[static_cast<size_t>(capture.slot)] = static_cast<int32_t>(index);
  }
}

/// What became of a value since `before`, as flags of its capture.
PENSTOCK_INLINE uint8_t FastWalk::flagsSince(const Counts& before) const {
  uint8_t flags = 0;
  if (state_.spaceCount != before.spaces || state_.surrogateCount != before.surrogates) {
    flags |= capture_flag::valueDirty;
  }
  if (state_.escapeCount != before.escapes) flags |= capture_flag::valueEscaped;
  return flags;
}

/// Whether the key is surely the first of its name in its object.
PENSTOCK_INLINE bool FastWalk::isNewKey(const Key& key, int32_t entry) {
  if (entry >= 0 && entry < static_cast<int32_t>(FAST_KEYS_MAX)) {
    // Each node's object stands once in an event, so that its entries do.
    const uint64_t bit = uint64_t{1} << entry;
    if ((seenEntries_ & bit) != 0) return false;
    seenEntries_ |= bit;
    return true;
  }
  const uint64_t bit = uint64_t{1} << (key.hash & 63);
  if ((level_->classes & bit) != 0) {
    for (uint32_t index = level_->keyBase; index < keyTop_; index++) {
      if (state_.fast.hashes[index] == key.hash) return false;
    }
  }
  level_->classes |= bit;
  if (keyTop_ - level_->keyBase >= FAST_KEYS_MAX) return false;
  state_.fast.hashes[keyTop_++] = key.hash;
  return true;
}

/// A key and its colon; the token passed last is the brace or comma before it.
PENSTOCK_INLINE bool FastWalk::walkKey() {
  const Position quote = token_[1];
  const Position colon = token_[2];
  if (bytes_[quote] != '"' || bytes_[colon] != ':' || !pass(token_[0] + 1, quote)) return false;
  Position keyEnd = colon - 1;
  if (__builtin_expect(bytes_[keyEnd] != '"', 0)) {
    while (keyEnd > quote && isSpace(bytes_[keyEnd])) keyEnd--;
    if (bytes_[keyEnd] != '"') return false;
    state_.spaceCount++;
  }
  if (keyEnd <= quote) return false;
  const Key key = makeKeyWide(bytes_ + quote + 1, static_cast<uint32_t>(keyEnd - quote - 1));
  const int32_t entryIndex = state_.program->find(level_->cells, level_->mask, key, bytes_ + quote + 1);
  if (!isNewKey(key, entryIndex) || ++state_.keyCount >= state_.limits.eventKeysMax) return false;
  token_ += 2;
  isCaptured_ = depth_ == ROOT_DEPTH;
  node_ = -1;
  if (entryIndex < 0 && !isCaptured_) return true;
  int32_t slot = -1;
  if (entryIndex >= 0) {
    const Entry& entry = state_.program->entries[static_cast<size_t>(entryIndex)];
    if (entry.isEnvelope && state_.envelopeSought) return false;
    slot = entry.slot;
    node_ = entry.node;
    isCaptured_ |= entry.slot >= 0;
  }
  if (!isCaptured_) return true;
  // Written in its place, member by member: a copy of what was just written would wait for it.
  state_.captures.reserve(state_.captureCount + 1, state_.captureCount);
  capture_ = state_.captureCount++;
  Capture& capture = state_.captures.items[capture_];
  capture.keyStart = static_cast<int32_t>(quote + 1);
  capture.keyEnd = static_cast<int32_t>(keyEnd);
  capture.slot = slot;
  capture.flags = 0;
  capture.isRoot = depth_ == ROOT_DEPTH;
  return true;
}

PENSTOCK_INLINE bool FastWalk::walkText(Position at, Position& valueEnd) {
  Position next = token_[2];
  if (__builtin_expect(bytes_[next] == '\\', 0)) {
    const uint32_t* behind = passEscapes(state_, token_);
    if (behind == nullptr) return false;
    token_ = behind;
    next = token_[2];
  }
  Position close = next - 1;
  if (__builtin_expect(bytes_[close] != '"', 0)) {
    while (close > at && isSpace(bytes_[close])) close--;
    if (bytes_[close] != '"') return false;
  }
  if (close <= at) return false;
  valueEnd = close + 1;
  token_ += 1;
  return true;
}

PENSTOCK_INLINE bool FastWalk::walkScalar(Position at, Position& valueEnd) {
  Position end = token_[1];
  while (end > at && isSpace(bytes_[end - 1])) end--;
  valueEnd = end;
  switch (bytes_[at]) {
    case 't': return end - at == 4 && std::memcmp(bytes_ + at, "true", 4) == 0;
    case 'n': return end - at == 4 && std::memcmp(bytes_ + at, "null", 4) == 0;
    case 'f': return end - at == 5 && std::memcmp(bytes_ + at, "false", 5) == 0;
    default: return end > at && isNumber(state_, at, end);
  }
}

/// The object or array whose bracket was passed last.
PENSTOCK_INLINE bool FastWalk::openLevel(bool isArray) {
  if (depth_ >= state_.limits.depthMax) return false;
  depth_++;
  level_++;
  level_->keyBase = keyTop_;
  level_->cells = node_ < 0 ? &NO_CELL : state_.program->cells.data() + state_.program->nodeCells[node_];
  level_->mask = node_ < 0 ? 0 : state_.program->nodeMask[node_];
  level_->classes = 0;
  level_->isArray = isArray;
  level_->isCaptured = isCaptured_;
  if (isCaptured_) {
    level_->counts = counts();
    level_->capture = capture_;
    level_->start = *token_;
  }
  return true;
}

/// The bracket at the token passed last closes the level.
PENSTOCK_INLINE void FastWalk::closeLevel() {
  Level& level = *level_--;
  depth_--;
  keyTop_ = level.keyBase;
  if (level.isCaptured) {
    const ValueKind kind = level.isArray ? ValueKind::array : ValueKind::object;
    keep(level.capture, flagsSince(level.counts), kind, level.start, static_cast<Position>(*token_) + 1);
  }
}

/// The event whose brace is at the token; at `close` the token passed last is the brace that closes it.
PENSTOCK_INLINE FastWalk::End FastWalk::run() {
  node_ = 0;
  openLevel(false);
  goto opened;

opened: {
  const Position next = token_[1];
  const bool isArray = level_->isArray;
  if (bytes_[next] == (isArray ? ']' : '}') && pass(token_[0] + 1, next)) {
    token_++;
    goto close;
  }
  // White space that was passed and is then passed again is counted twice, which is as good as once.
  if (isArray) goto value;
  goto key;
}

key:
  if (!walkKey()) return End::unsure;

value: {
  // The token passed last is the colon, comma or bracket before the value.
  Position at = token_[0] + 1;
  if (__builtin_expect(bytes_[at] <= ' ', 0)) {
    const Position start = skipSpace(bytes_, at, token_[1]);
    state_.spaceCount += start > at;
    at = start;
  }
  if (level_->isArray) {
    isCaptured_ = false;
    node_ = -1;
  }
  const Byte first = bytes_[at];
  Position valueEnd;
  if (first == '"') {
    const Counts before = counts();
    if (token_[1] != at || !walkText(at, valueEnd)) return End::unsure;
    if (isCaptured_) keep(capture_, flagsSince(before), ValueKind::string, at, valueEnd);
  } else if (first == '{' || first == '[') {
    if (token_[1] != at) return End::unsure;
    token_++;
    if (!openLevel(first == '[')) return End::unsure;
    goto opened;
  } else {
    if (!walkScalar(at, valueEnd)) return End::unsure;
    if (isCaptured_) keep(capture_, 0, kindOf(first), at, valueEnd);
  }
  token_++;
  if (!pass(valueEnd, *token_)) return End::unsure;
}

terminator:
  if (bytes_[*token_] == ',') {
    if (level_->isArray) goto value;
    goto key;
  }
  if (bytes_[*token_] != (level_->isArray ? ']' : '}')) return End::unsure;

close:
  closeLevel();
  if (depth_ == 0) return End::close;
  token_++;
  if (!pass(static_cast<Position>(token_[-1]) + 1, *token_)) return End::unsure;
  goto terminator;
}

/// Walks the event at `at` as `walkEventExactly` does, by the index where that is enough.
inline Position walkEvent(State& state, Position at) {
  if (state.envelopeWalked || state.limits.depthMax > FAST_DEPTH_MAX) return walkEventExactly(state, at);
  Structure& structure = state.structure;
  const uint32_t* token = structure.seek(at);
  const Counts before{state.spaceCount, state.escapeCount, state.surrogateCount};
  while (token != nullptr) {
    openWalk(state);
    FastWalk walk(state, token);
    const FastWalk::End end = walk.run();
    // Near the end of the tokens a doubt may only mean that the event goes on.
    const bool isCut = walk.token() + SENTINELS / 2 >= structure.end();
    if (end == FastWalk::End::close && walk.token() < structure.end()) {
      const Position close = static_cast<Position>(*walk.token()) + 1;
      if (close > state.end) break;
      structure.moveTo(walk.token() + 1);
      if (structure.sawHigh() && state.utf8 == Utf8::unknown) checkFrameUtf8(state);
      return close;
    }
    state.spaceCount = before.spaces;
    state.escapeCount = before.escapes;
    state.surrogateCount = before.surrogates;
    if (!isCut || !structure.extend()) break;
    token = structure.cursor();
  }
  state.surrogateCount = before.surrogates;
  return walkEventExactly(state, at);
}

}  // namespace penstock
