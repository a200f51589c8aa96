// Where the structure of JSON stands: the places of `{}[],` outside of strings, of the quotes that open strings, and of
// the backslashes that begin escapes, found 64 bytes at a time. Colons are not among them: a quarter of all tokens, and
// each is looked at behind its key. An index begins at an event's brace, outside of
// any string, and grows piece by piece as events are walked. It is a hint and no verdict: bytes that it cannot stand
// for, a control character in a string or an escape outside of one, end it, and the exact walk decides.
#pragma once
#include "block.h"
#include "room.h"

namespace penstock {

/// Bytes that are indexed at once: their tokens stay in the nearest caches until they are walked.
constexpr Position PIECE_BYTES = 32 * 1024;
/// An event longer than this is walked exactly; its index would not fit the caches, nor any bound.
constexpr Position INDEXED_BYTES_MAX = 256 * 1024;
/// Tokens behind the last, all of one place, so that a walk may look ahead.
constexpr size_t SENTINELS = 8;

class Structure {
 public:
  /// Begins a source's span. Nothing from `limit` on is looked at.
  void open(const Byte* bytes, Position limit) {
    bytes_ = bytes;
    limit_ = limit;
    count_ = 0;
    cursor_ = 0;
    indexedTo_ = -1;
    sawHigh_ = false;
  }

  /// The token at `at`, with the tokens known behind it, or null when it cannot be had.
  const uint32_t* seek(Position at) {
    while (cursor_ < count_ && tokens_.items[cursor_] < at) cursor_++;
    if (cursor_ < count_ && tokens_.items[cursor_] == at) return tokens_.items + cursor_;
    // A new beginning: outside of a string, and behind no backslash.
    cursor_ = 0;
    count_ = 0;
    carry_ = {0, 0};
    indexedTo_ = at;
    poisoned_ = false;
    if (!extend()) return nullptr;
    return count_ > 0 && tokens_.items[0] == at ? tokens_.items : nullptr;
  }

  /// Indexes one more piece; false when there is none, or the event at the cursor is too long.
  bool extend() {
    if (poisoned_ || indexedTo_ >= limit_) return false;
    const size_t kept = count_ - cursor_;
    if (kept > 0) {
      if (indexedTo_ - tokens_.items[cursor_] > INDEXED_BYTES_MAX) return false;
      std::memmove(tokens_.items, tokens_.items + cursor_, kept * sizeof(uint32_t));
    }
    // As much again as an event has so far, so that one that is walked anew for every piece is walked twice at most.
    const Position grown = kept > 0 ? indexedTo_ - tokens_.items[0] : 0;
    const Position wanted = grown > PIECE_BYTES ? grown : PIECE_BYTES;
    cursor_ = 0;
    const Position end = limit_ - indexedTo_ > wanted ? indexedTo_ + wanted : limit_;
    tokens_.reserve(kept + static_cast<size_t>(end - indexedTo_) + BLOCK_BYTES + SENTINELS, kept);
    Piece piece{bytes_, indexedTo_, end, tokens_.items + kept, carry_, false};
    indexPiece(piece);
    carry_ = piece.carry;
    sawHigh_ |= piece.sawHigh;
    poisoned_ = piece.from < end;
    indexedTo_ = piece.from;
    count_ = static_cast<size_t>(piece.tokens - tokens_.items);
    for (size_t index = 0; index < SENTINELS; index++) piece.tokens[index] = static_cast<uint32_t>(indexedTo_);
    return true;
  }

  const uint32_t* cursor() const { return tokens_.items + cursor_; }
  /// Behind the last token.
  const uint32_t* end() const { return tokens_.items + count_; }
  void moveTo(const uint32_t* token) { cursor_ = static_cast<size_t>(token - tokens_.items); }
  /// Whether a byte beyond ASCII was seen since `open`.
  bool sawHigh() const { return sawHigh_; }

 private:
  const Byte* bytes_;
  Position limit_, indexedTo_;
  size_t count_, cursor_;
  Carry carry_;
  bool poisoned_, sawHigh_;
  Room<uint32_t> tokens_;
};

}  // namespace penstock
