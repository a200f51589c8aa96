// The walk over a sound event by the index of its structure. It proves what the exact walk would find, member by
// member, and fills the same captures; whatever it cannot prove at once, because the event is at fault or only
// unusual (escaped or very many keys, an envelope), it leaves to the exact walk, so that no rule stands twice.
#pragma once
#include "walk.h"

namespace penstock {

/// Levels that a fast walk can keep; deeper events are walked exactly.
constexpr uint32_t FAST_DEPTH_MAX = 64;
/// Keys of one object that a fast walk compares, and entries that it notes as seen.
constexpr uint32_t FAST_KEYS_MAX = 64;

/// Running counts of the state where a value began.
struct Counts {
  uint64_t spaces, escapes, surrogates;
};

/// One object or array that is open.
struct Level {
  uint32_t keyBase;
  int32_t node;
  /// One bit for each of 64 classes of hashes of the keys so far.
  uint64_t classes;
  bool isArray;
  /// Whether its capture is kept when it closes.
  bool isCaptured;
  Capture capture;
  Counts counts;
};

class FastWalk {
 public:
  enum class End { close, unsure };

  FastWalk(State& state, const uint32_t* token) : state_(state), bytes_(state.bytes), token_(token) {}

  End run();
  const uint32_t* token() const { return token_; }

 private:
  bool walkKey();
  bool openLevel(bool isArray);
  void closeLevel();
  bool pass(Position from, Position to);
  bool walkText(Position at, Position& valueEnd);
  Position passEscapes(Position at);
  bool walkScalar(Position at, Position& valueEnd);
  bool isNumber(Position at, Position end);
  bool isNewKey(const Key& key, int32_t entry, Level& level);
  void keep(Capture& capture, const Counts& counts, ValueKind kind, Position at, Position valueEnd);
  Counts counts() const { return {state_.spaceCount, state_.escapeCount, state_.surrogateCount}; }

  State& state_;
  const Byte* bytes_;
  /// The token that was passed last.
  const uint32_t* token_;
  uint32_t depth_ = 0;
  uint32_t keyTop_ = 0;
  uint64_t seenEntries_ = 0;
  /// The member whose value comes next.
  Capture capture_{};
  bool isCaptured_ = false;
  int32_t node_ = -1;
  Level levels_[FAST_DEPTH_MAX + 1];
  uint32_t hashes_[FAST_DEPTH_MAX * FAST_KEYS_MAX];
};

/// Whether nothing or only white space stands between; white space is counted.
inline bool FastWalk::pass(Position from, Position to) {
  if (__builtin_expect(from == to, 1)) return true;
  if (from > to || skipSpace(bytes_, from, to) != to) return false;
  state_.spaceCount++;
  return true;
}

/// A value that was walked, of a member that is captured.
inline void FastWalk::keep(Capture& capture, const Counts& before, ValueKind kind, Position at, Position valueEnd) {
  if (state_.spaceCount != before.spaces || state_.surrogateCount != before.surrogates) {
    capture.flags |= capture_flag::valueDirty;
  }
  if (state_.escapeCount != before.escapes) capture.flags |= capture_flag::valueEscaped;
  capture.kind = kind;
  capture.valueStart = static_cast<int32_t>(at);
  capture.valueEnd = static_cast<int32_t>(valueEnd);
  addCapture(state_, capture);
}

/// Whether the key is surely the first of its name in its object.
inline bool FastWalk::isNewKey(const Key& key, int32_t entry, Level& level) {
  if (entry >= 0 && entry < static_cast<int32_t>(FAST_KEYS_MAX)) {
    // Each node's object stands once in an event, so that its entries do.
    const uint64_t bit = uint64_t{1} << entry;
    if ((seenEntries_ & bit) != 0) return false;
    seenEntries_ |= bit;
    return true;
  }
  const uint64_t bit = uint64_t{1} << (key.hash & 63);
  if ((level.classes & bit) != 0) {
    for (uint32_t index = level.keyBase; index < keyTop_; index++) {
      if (hashes_[index] == key.hash) return false;
    }
  }
  level.classes |= bit;
  if (keyTop_ - level.keyBase >= FAST_KEYS_MAX) return false;
  hashes_[keyTop_++] = key.hash;
  return true;
}

/// A key and its colon; the token passed last is the brace or comma before it.
inline bool FastWalk::walkKey() {
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
  Level& level = levels_[depth_];
  const Key key = makeKeyWide(bytes_ + quote + 1, static_cast<uint32_t>(keyEnd - quote - 1));
  const int32_t entryIndex = level.node < 0 ? -1 : state_.program->find(level.node, key, bytes_ + quote + 1);
  if (!isNewKey(key, entryIndex, level) || ++state_.keyCount >= state_.limits.eventKeysMax) return false;
  token_ += 2;
  isCaptured_ = depth_ == ROOT_DEPTH;
  node_ = -1;
  if (entryIndex < 0 && !isCaptured_) return true;
  capture_.slot = -1;
  if (entryIndex >= 0) {
    const Entry& entry = state_.program->entries[static_cast<size_t>(entryIndex)];
    if (entry.isEnvelope && state_.envelopeSought) return false;
    capture_.slot = entry.slot;
    node_ = entry.node;
    isCaptured_ |= entry.slot >= 0;
  }
  capture_.keyStart = static_cast<int32_t>(quote + 1);
  capture_.keyEnd = static_cast<int32_t>(keyEnd);
  capture_.flags = 0;
  capture_.isRoot = depth_ == ROOT_DEPTH;
  return true;
}

/// Position of the token behind the escapes of the string whose quote is at `token_[1]`; -1 for a bad one.
inline Position FastWalk::passEscapes(Position at) {
  while (bytes_[at] == '\\') {
    const Position next = passEscape(state_, at);
    if (next < 0 || token_ + 2 >= state_.structure.end()) return -1;
    // The second half of a pair is passed with the first.
    do token_++;
    while (token_[2] < next && token_ + 2 < state_.structure.end());
    at = token_[2];
  }
  return at;
}

inline bool FastWalk::walkText(Position at, Position& valueEnd) {
  Position next = token_[2];
  if (__builtin_expect(bytes_[next] == '\\', 0)) {
    next = passEscapes(next);
    if (next < 0) return false;
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

/// Whether `at` to `end` is a number that fits; unusual ones are asked of the exact walk's rules.
inline bool FastWalk::isNumber(Position at, Position end) {
  Position digits = at;
  while (digits < end && isDigit(bytes_[digits])) digits++;
  if (digits == end && digits - at <= DIGITS_SAFE && digits > at && (bytes_[at] != '0' || digits - at == 1)) return true;
  const Position bound = state_.end;
  state_.end = end;
  const Position numberEnd = scanNumber(state_, at);
  state_.end = bound;
  return numberEnd == end;
}

inline bool FastWalk::walkScalar(Position at, Position& valueEnd) {
  Position end = token_[1];
  while (end > at && isSpace(bytes_[end - 1])) end--;
  valueEnd = end;
  switch (bytes_[at]) {
    case 't': return end - at == 4 && std::memcmp(bytes_ + at, "true", 4) == 0;
    case 'n': return end - at == 4 && std::memcmp(bytes_ + at, "null", 4) == 0;
    case 'f': return end - at == 5 && std::memcmp(bytes_ + at, "false", 5) == 0;
    default: return end > at && isNumber(at, end);
  }
}

/// The object or array whose bracket is the next token; one without members is closed at once.
inline bool FastWalk::openLevel(bool isArray) {
  if (depth_ >= state_.limits.depthMax) return false;
  Level& level = levels_[++depth_];
  level.keyBase = keyTop_;
  level.node = isArray ? -1 : node_;
  level.classes = 0;
  level.isArray = isArray;
  level.isCaptured = isCaptured_;
  level.counts = counts();
  if (isCaptured_) {
    level.capture = capture_;
    level.capture.valueStart = static_cast<int32_t>(*token_);
  }
  return true;
}

/// The bracket at the token passed last closes the level.
inline void FastWalk::closeLevel() {
  Level& level = levels_[depth_--];
  keyTop_ = level.keyBase;
  if (level.isCaptured) {
    const ValueKind kind = level.isArray ? ValueKind::array : ValueKind::object;
    keep(level.capture, level.counts, kind, level.capture.valueStart, static_cast<Position>(*token_) + 1);
  }
}

/// The event whose brace is at the token; at `close` the token passed last is the brace that closes it.
inline FastWalk::End FastWalk::run() {
  node_ = 0;
  openLevel(false);
  goto opened;

opened: {
  const Position next = token_[1];
  const bool isArray = levels_[depth_].isArray;
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
  if (levels_[depth_].isArray) {
    isCaptured_ = false;
    node_ = -1;
  }
  const Byte first = bytes_[at];
  Position valueEnd;
  if (first == '"') {
    const Counts before = counts();
    if (token_[1] != at || !walkText(at, valueEnd)) return End::unsure;
    if (isCaptured_) keep(capture_, before, ValueKind::string, at, valueEnd);
  } else if (first == '{' || first == '[') {
    if (token_[1] != at) return End::unsure;
    token_++;
    if (!openLevel(first == '[')) return End::unsure;
    goto opened;
  } else {
    const Counts before = counts();
    if (!walkScalar(at, valueEnd)) return End::unsure;
    if (isCaptured_) keep(capture_, before, kindOf(first), at, valueEnd);
  }
  token_++;
  if (!pass(valueEnd, *token_)) return End::unsure;
}

terminator:
  if (bytes_[*token_] == ',') {
    if (levels_[depth_].isArray) goto value;
    goto key;
  }
  if (bytes_[*token_] != (levels_[depth_].isArray ? ']' : '}')) return End::unsure;

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
