// The index of 64 bytes as bit masks, one bit a byte. What differs between instruction sets is how the masks are made
// and how their bits become places (block-avx512.h, block-avx2.h, and the portable form here); simdjson's choice for
// the machine says which of them runs.
#pragma once
#include "bytes.h"

namespace penstock {

constexpr Position BLOCK_BYTES = 64;

/// What a block hands to the next: all bits when it ends inside a string, 1 when its last byte begins an escape.
struct Carry {
  uint64_t inString, escape;
};

/// A span to index. `from` ends at `end`, or at the block that cannot be indexed; `tokens` behind the last token.
struct Piece {
  const Byte* bytes;
  Position from, end;
  uint32_t* tokens;
  Carry carry;
  bool sawHigh;
};

/// One bit for each byte of a block of that kind. `low` are control characters, `high` those beyond ASCII.
struct Masks {
  uint64_t quotes, backslashes, operators, low, high;
};

/// Backslashes that begin an escape, and the bytes behind them, by carrying through runs of backslashes.
struct Escapes {
  uint64_t begins, escaped;
};

inline Escapes findEscapes(uint64_t backslashes, Carry& carry) {
  if (backslashes == 0) {
    const uint64_t escaped = carry.escape;
    carry.escape = 0;
    return {0, escaped};
  }
  constexpr uint64_t odd = 0xaaaaaaaaaaaaaaaa;
  const uint64_t candidates = backslashes & ~carry.escape;
  const uint64_t beginsAndEnds = (((candidates << 1) | odd) - candidates) ^ odd;
  const Escapes escapes{beginsAndEnds & backslashes, beginsAndEnds ^ (backslashes | carry.escape)};
  carry.escape = escapes.begins >> 63;
  return escapes;
}

/// The tokens of a block, or ~0 when it cannot be indexed: no block has a token at every byte, since none follows
/// the brace or quote before it without a partner. `prefixXor` sets every bit from an odd set bit to the next.
template <typename PrefixXor>
inline bool findTokens(const Masks& masks, Carry& carry, PrefixXor prefixXor, uint64_t& tokens) {
  Carry next = carry;
  const Escapes escapes = findEscapes(masks.backslashes, next);
  const uint64_t quotes = masks.quotes & ~escapes.escaped;
  const uint64_t inString = prefixXor(quotes) ^ carry.inString;
  if (((masks.low & inString) | (escapes.begins & ~inString)) != 0) return false;
  next.inString = static_cast<uint64_t>(static_cast<int64_t>(inString) >> 63);
  carry = next;
  tokens = (masks.operators & ~inString) | (quotes & inString) | escapes.begins;
  return true;
}

/// The next block of a piece; one that is not whole is copied to `last`, with spaces behind it.
inline const Byte* nextBlock(const Piece& piece, Byte (&last)[BLOCK_BYTES]) {
  const Byte* const block = piece.bytes + piece.from;
  if (__builtin_expect(piece.end - piece.from >= BLOCK_BYTES, 1)) return block;
  std::memset(last, ' ', sizeof(last));
  std::memcpy(last, block, static_cast<size_t>(piece.end - piece.from));
  return last;
}

/// Takes what was indexed, up to the end of the piece.
inline void closePiece(Piece& piece, const Piece& indexed) {
  piece = indexed;
  if (piece.from > piece.end) piece.from = piece.end;
}

/// The places of the set bits, eight at a time: most blocks have more than eight tokens, few more than sixteen.
inline uint32_t* writeTokens(uint32_t* to, uint64_t tokens, uint32_t place) {
  uint32_t* const end = to + __builtin_popcountll(tokens);
  while (to < end) {
    for (int index = 0; index < 8; index++) {
      // What is written behind the last token is written over.
      to[index] = place + static_cast<uint32_t>(tokens == 0 ? 0 : __builtin_ctzll(tokens));
      tokens &= tokens - 1;
    }
    to += 8;
  }
  return end;
}

inline uint64_t prefixXorPortable(uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

inline Masks masksPortable(const Byte* bytes) {
  Masks masks{};
  for (int index = 0; index < BLOCK_BYTES; index++) {
    const Byte byte = bytes[index];
    const uint64_t bit = uint64_t{1} << index;
    const Byte folded = byte | 0x20;
    if (byte == '"') masks.quotes |= bit;
    else if (byte == '\\') masks.backslashes |= bit;
    else if (folded == '{' || folded == '}' || byte == ',') masks.operators |= bit;
    else if (byte < 0x20) masks.low |= bit;
    else if (byte >= 0x80) masks.high |= bit;
  }
  return masks;
}

/// Indexes blocks up to one that cannot be; the same text for each instruction set, with its `masksOf` and `prefixXor`.
#define PENSTOCK_INDEX_BLOCKS(piece, masksOf, prefixXor)                                \
  Byte last[BLOCK_BYTES];                                                               \
  /* In registers: what is written to the tokens could lie in it, for all the compiler knows. */ \
  Piece left = piece;                                                                   \
  for (; left.from < left.end; left.from += BLOCK_BYTES) {                              \
    const Masks masks = masksOf(nextBlock(left, last));                                 \
    uint64_t tokens;                                                                    \
    if (!findTokens(masks, left.carry, prefixXor, tokens)) break;                       \
    left.sawHigh |= masks.high != 0;                                                    \
    left.tokens = writeTokens(left.tokens, tokens, static_cast<uint32_t>(left.from));   \
  }                                                                                     \
  closePiece(piece, left)

inline void indexPortable(Piece& piece) { PENSTOCK_INDEX_BLOCKS(piece, masksPortable, prefixXorPortable); }

}  // namespace penstock

#if defined(__x86_64__)
#include "block-x86.h"
#else
namespace penstock {
inline void indexPiece(Piece& piece) { indexPortable(piece); }
}  // namespace penstock
#endif
