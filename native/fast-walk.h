// The walk over a sound event by the index of its structure and the keys of events before. It proves what the exact
// walk would find, member by member, and fills the same captures; whatever it cannot prove at once, because the event
// is at fault or only unusual (escaped or very many keys, an envelope), it leaves to the exact walk, so that no rule
// stands twice.
#pragma once
#include "fast-values.h"

namespace penstock {

/// One walk. Every method that sound events need is inlined into `run`, so that the place in the tokens, in the trie
/// of keys and in the levels stay in registers.
class FastWalk {
 public:
  enum class End { close, unsure };

  PENSTOCK_INLINE FastWalk(State& state, const uint32_t* token)
      : state_(&state), bytes_(state.bytes), token_(token), level_(state.fast.levels) {}

  PENSTOCK_INLINE End run();
  const uint32_t* token() const { return token_; }

 private:
  PENSTOCK_INLINE bool walkKey();
  static FastWalk walkOtherKey(FastWalk walk);
  Position proveKey();
  bool isNewKey(const Key& key, int32_t entry);
  void compareKeys();
  KnownKey* describe(KnownKey* key, uint32_t hash, int32_t entry);
  PENSTOCK_INLINE bool openLevel(bool isArray, bool isMember);
  PENSTOCK_INLINE void closeLevel();
  PENSTOCK_INLINE bool pass(Position from, Position to);
  PENSTOCK_INLINE Position passSpaces(Position at);
  PENSTOCK_INLINE bool walkText(Position at);
  PENSTOCK_INLINE bool walkScalar(Position at);
  static Position endSpacedText(State& state, Position at, Position end);
  static Position endUnusualScalar(State& state, Position at, Position end);
  PENSTOCK_INLINE size_t openCapture();
  PENSTOCK_INLINE void closeCapture(size_t index, uint8_t flags, ValueKind kind, Position at);
  PENSTOCK_INLINE uint8_t flagsSince(const Counts& before) const;
  PENSTOCK_INLINE Counts counts() const { return {state_->spaceCount, state_->escapeCount, state_->surrogateCount}; }
  PENSTOCK_INLINE uint32_t depth() const { return static_cast<uint32_t>(level_ - state_->fast.levels); }

  State* state_;
  const Byte* bytes_;
  /// The token that was passed last.
  const uint32_t* token_;
  /// The level that is open.
  Level* level_;
  /// The key passed last, and where to look for the next one of its object.
  KnownKey* key_ = nullptr;
  KeyIndex* place_ = nullptr;
  /// The quotes of that key; the value behind it; where a value that was walked ends.
  Position keyStart_ = 0, keyEnd_ = 0, value_ = 0, valueEnd_ = 0;
  uint32_t hashTop_ = 0;
  uint64_t seenEntries_ = 0;
};

/// Whether nothing or only white space stands between; white space is counted.
PENSTOCK_INLINE bool FastWalk::pass(Position from, Position to) {
  if (__builtin_expect(from == to, 1)) return true;
  if (from > to || skipSpace(bytes_, from, to) != to) return false;
  state_->spaceCount++;
  return true;
}

/// Where a value begins whose colon, comma or bracket is the token passed last and ends before `at`.
PENSTOCK_INLINE Position FastWalk::passSpaces(Position at) {
  if (__builtin_expect(bytes_[at] > ' ', 1)) return at;
  const Position start = skipSpace(bytes_, at, token_[1]);
  state_->spaceCount += start > at;
  return start;
}

/// What became of a value since `before`, as flags of its capture.
PENSTOCK_INLINE uint8_t FastWalk::flagsSince(const Counts& before) const {
  uint8_t flags = 0;
  if (state_->spaceCount != before.spaces || state_->surrogateCount != before.surrogates) {
    flags |= capture_flag::valueDirty;
  }
  if (state_->escapeCount != before.escapes) flags |= capture_flag::valueEscaped;
  return flags;
}

/// Begins the capture of the key passed last and returns its index. Written in its place, member by member: a copy of what was just written
/// would wait for it.
PENSTOCK_INLINE size_t FastWalk::openCapture() {
  state_->captures.reserve(state_->captureCount + 1, state_->captureCount);
  const size_t index = state_->captureCount++;
  Capture& capture = state_->captures.items[index];
  capture.keyStart = static_cast<int32_t>(keyStart_ + 1);
  capture.keyEnd = static_cast<int32_t>(keyEnd_);
  capture.slot = key_->slot;
  capture.isRoot = key_->isOfRoot;
  return index;
}

/// The value of a captured member was walked.
PENSTOCK_INLINE void FastWalk::closeCapture(size_t index, uint8_t flags, ValueKind kind, Position at) {
  Capture& capture = state_->captures.items[index];
  capture.valueStart = static_cast<int32_t>(at);
  capture.valueEnd = static_cast<int32_t>(valueEnd_);
  capture.kind = kind;
  capture.flags = flags;
}

/// A key and its colon; the token passed last is the brace or comma before it.
PENSTOCK_INLINE bool FastWalk::walkKey() {
  const Position quote = token_[1];
  if (!pass(token_[0] + 1, quote)) return false;
  keyStart_ = quote;
  KnownKey* key = state_->shapes.at(*place_);
  if (__builtin_expect(standsAt(*key, bytes_ + quote), 1)) {
    key_ = key;
    value_ = quote + key->textBytes;
    keyEnd_ = value_ - 2;
  } else {
    *this = walkOtherKey(*this);
    if (value_ < 0) return false;
  }
  place_ = &key_->after;
  token_ += 2;
  value_ = passSpaces(value_);
  return true;
}

/// The keys of the open object so far go where the next ones are compared with them.
inline void FastWalk::compareKeys() {
  level_->isCompared = true;
  level_->keyBase = hashTop_;
  level_->classes = 0;
  // Behind a key the path leads back to the first of its object.
  if (place_ != &key_->after) return;
  uint32_t count = 0;
  for (const KnownKey* key = key_; count < FAST_KEYS_MAX; key = state_->shapes.at(key->before)) {
    if (key->entry >= 0 && key->entry < static_cast<int32_t>(FAST_KEYS_MAX)) {
      seenEntries_ |= uint64_t{1} << key->entry;
    } else {
      level_->classes |= uint64_t{1} << (key->hash & 63);
      state_->fast.hashes[hashTop_++] = key->hash;
      count++;
    }
    if (key->before == 0) break;
  }
}

/// Whether the key is surely the first of its name in its object.
inline bool FastWalk::isNewKey(const Key& key, int32_t entry) {
  if (entry >= 0 && entry < static_cast<int32_t>(FAST_KEYS_MAX)) {
    // Each node's object stands once in an event, so that its entries do.
    const uint64_t bit = uint64_t{1} << entry;
    if ((seenEntries_ & bit) != 0) return false;
    seenEntries_ |= bit;
    return true;
  }
  const uint64_t bit = uint64_t{1} << (key.hash & 63);
  if ((level_->classes & bit) != 0) {
    for (uint32_t index = level_->keyBase; index < hashTop_; index++) {
      if (state_->fast.hashes[index] == key.hash) return false;
    }
  }
  level_->classes |= bit;
  if (hashTop_ - level_->keyBase >= FAST_KEYS_MAX) return false;
  state_->fast.hashes[hashTop_++] = key.hash;
  return true;
}

/// Notes what the program wants of a key in the open object.
inline KnownKey* FastWalk::describe(KnownKey* key, uint32_t hash, int32_t entry) {
  key->hash = hash;
  key->entry = static_cast<int16_t>(entry);
  key->slot = -1;
  key->node = -1;
  if (entry >= 0) {
    const Entry& wanted = state_->program->entries[static_cast<size_t>(entry)];
    key->slot = static_cast<int16_t>(wanted.slot);
    key->node = wanted.node;
  }
  key->isOfRoot = depth() == ROOT_DEPTH;
  key->isCaptured = key->isOfRoot || key->slot >= 0;
  return key;
}

/// A key that is not the one expected, at `keyStart_`: another one that is known, or one that the tables prove. Takes
/// and returns a copy, so that the walk itself can live in registers. Sets `key_`, `keyEnd_` and `value_`, -1 when unsure.
__attribute__((noinline)) inline FastWalk FastWalk::walkOtherKey(FastWalk walk) {
  KnownKey* other = nullptr;
  if (!walk.level_->isCompared) other = walk.state_->shapes.findOther(walk.place_, walk.bytes_ + walk.keyStart_);
  if (other == nullptr) {
    walk.value_ = walk.proveKey();
  } else {
    walk.key_ = other;
    walk.value_ = walk.keyStart_ + other->textBytes;
    walk.keyEnd_ = walk.value_ - 2;
  }
  return walk;
}

/// Proves the key at `keyStart_` by the tables and learns it if it may. Returns the place behind its colon, or -1.
inline Position FastWalk::proveKey() {
  const Position quote = keyStart_;
  const bool wasCompared = level_->isCompared;
  if (!wasCompared) compareKeys();
  const Position colon = token_[2];
  if (bytes_[quote] != '"' || bytes_[colon] != ':') return -1;
  Position keyEnd = colon - 1;
  while (keyEnd > quote && isSpace(bytes_[keyEnd])) keyEnd--;
  if (keyEnd <= quote || bytes_[keyEnd] != '"') return -1;
  const Key key = makeKeyWide(bytes_ + quote + 1, static_cast<uint32_t>(keyEnd - quote - 1));
  const int32_t node = level_->node;
  const int32_t entry = node < 0 ? -1 : state_->program->find(node, key, bytes_ + quote + 1);
  if (!isNewKey(key, entry)) return -1;
  const bool isEnvelope = entry >= 0 && state_->program->entries[static_cast<size_t>(entry)].isEnvelope;
  if (isEnvelope && state_->envelopeSought) return -1;
  keyEnd_ = keyEnd;
  // Neither behind a key that is not known, nor near the end of the index, whose tokens may be none.
  const bool isLearnable = !wasCompared && !isEnvelope && keyEnd + 1 == colon && entry <= INT16_MAX &&
                           level_->holder != &state_->fast.unknown && token_ + 2 < state_->structure.end();
  KnownKey* learnt = nullptr;
  if (isLearnable) {
    const KnownKey* before = place_ == &key_->after ? key_ : nullptr;
    learnt = state_->shapes.learn(place_, before, bytes_ + quote, colon + 1 - quote);
  }
  if (learnt != nullptr) {
    level_->isCompared = false;
    hashTop_ = level_->keyBase;
  }
  key_ = describe(learnt != nullptr ? learnt : &state_->fast.unknown, key.hash, entry);
  return colon + 1;
}

/// The string at `at`, whose quote is the token behind the one passed last.
PENSTOCK_INLINE bool FastWalk::walkText(Position at) {
  if (__builtin_expect(bytes_[token_[2]] == '\\', 0)) {
    const uint32_t* behind = passEscapes(*state_, token_);
    if (behind == nullptr) return false;
    token_ = behind;
  }
  token_ += 2;
  valueEnd_ = *token_;
  if (__builtin_expect(bytes_[valueEnd_ - 1] != '"', 0)) valueEnd_ = endSpacedText(*state_, at, valueEnd_);
  return valueEnd_ - 1 > at;
}

/// The end of a string with white space between its quote and `end`; `at` when it has none.
__attribute__((noinline)) inline Position FastWalk::endSpacedText(State& state, Position at, Position end) {
  while (end > at && isSpace(state.bytes[end - 1])) end--;
  state.spaceCount++;
  return end > at && state.bytes[end - 1] == '"' ? end : at;
}

/// The number or word at `at`, up to the next token.
PENSTOCK_INLINE bool FastWalk::walkScalar(Position at) {
  token_++;
  valueEnd_ = *token_;
  const Byte* bytes = bytes_ + at;
  const Position length = valueEnd_ - at;
  if (__builtin_expect(bytes[0] <= '9' ? isPlainNumber(bytes, length) : isWord(bytes, length), 1)) return true;
  valueEnd_ = endUnusualScalar(*state_, at, valueEnd_);
  return valueEnd_ > at;
}

/// The end of what may also be a long number, one with an exponent, or have white space between itself and `end`; `at`
/// when it is none.
__attribute__((noinline)) inline Position FastWalk::endUnusualScalar(State& state, Position at, Position end) {
  const Position bound = end;
  while (end > at && isSpace(state.bytes[end - 1])) end--;
  if (end <= at) return at;
  state.spaceCount += end < bound;
  return isWord(state.bytes + at, end - at) || isNumber(state, at, end) ? end : at;
}

/// The object or array whose bracket was passed last: the value of the key passed last, or an element.
PENSTOCK_INLINE bool FastWalk::openLevel(bool isArray, bool isMember) {
  if (depth() >= state_->limits.depthMax) return false;
  level_++;
  level_->holder = key_;
  level_->node = isMember ? key_->node : -1;
  level_->isArray = isArray;
  level_->isCompared = false;
  level_->isCaptured = isMember && key_->isCaptured;
  place_ = isMember ? &key_->inside : &key_->element;
  return true;
}

/// The bracket at the token passed last closes the level.
PENSTOCK_INLINE void FastWalk::closeLevel() {
  Level& level = *level_--;
  key_ = level.holder;
  place_ = &key_->after;
  if (level.isCompared) hashTop_ = level.keyBase;
  if (level.isCaptured) {
    valueEnd_ = static_cast<Position>(*token_) + 1;
    const ValueKind kind = level.isArray ? ValueKind::array : ValueKind::object;
    closeCapture(level.capture, flagsSince(level.counts), kind, level.start);
  }
}

/// The event whose brace is at the token; at `close` the token passed last is the brace that closes it.
PENSTOCK_INLINE FastWalk::End FastWalk::run() {
  key_ = state_->shapes.root(static_cast<size_t>(state_->program - state_->programs.data()));
  openLevel(false, true);

object:
  // White space that was passed and is then passed again is counted twice, which is as good as once.
  if (bytes_[token_[1]] == '}' && pass(token_[0] + 1, token_[1])) {
    token_++;
    goto close;
  }

member: {
  if (!walkKey()) return End::unsure;
  const Position at = value_;
  const Byte first = bytes_[at];
  if (first == '"') {
    const Counts before = counts();
    if (!walkText(at)) return End::unsure;
    if (key_->isCaptured) closeCapture(openCapture(), flagsSince(before), ValueKind::string, at);
  } else if (first == '{' || first == '[') {
    if (token_[1] != at) return End::unsure;
    token_++;
    if (!openLevel(first == '[', true)) return End::unsure;
    if (level_->isCaptured) {
      level_->capture = openCapture();
      level_->start = static_cast<uint32_t>(at);
      level_->counts = counts();
    }
    if (first == '[') goto array;
    goto object;
  } else {
    if (!walkScalar(at)) return End::unsure;
    if (key_->isCaptured) closeCapture(openCapture(), 0, kindOf(first), at);
  }
}

memberEnd:
  if (bytes_[*token_] == ',') goto member;
  if (bytes_[*token_] == '}') goto close;
  return End::unsure;

array:
  if (bytes_[token_[1]] == ']' && pass(token_[0] + 1, token_[1])) {
    token_++;
    goto close;
  }

element: {
  const Position at = passSpaces(static_cast<Position>(token_[0]) + 1);
  const Byte first = bytes_[at];
  if (first == '"') {
    if (token_[1] != at || !walkText(at)) return End::unsure;
  } else if (first == '{' || first == '[') {
    if (token_[1] != at) return End::unsure;
    token_++;
    if (!openLevel(first == '[', false)) return End::unsure;
    if (first == '[') goto array;
    goto object;
  } else {
    if (!walkScalar(at)) return End::unsure;
  }
}

elementEnd:
  if (bytes_[*token_] == ',') goto element;
  if (bytes_[*token_] != ']') return End::unsure;

close:
  closeLevel();
  if (depth() == 0) return End::close;
  token_++;
  if (!pass(static_cast<Position>(token_[-1]) + 1, *token_)) return End::unsure;
  if (level_->isArray) goto elementEnd;
  goto memberEnd;
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
      // A key is two tokens at least: with fewer there cannot be too many keys.
      const bool mayHaveKeys = walk.token() - token < 2 * static_cast<ptrdiff_t>(state.limits.eventKeysMax);
      if (close > state.end || !mayHaveKeys) break;
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
