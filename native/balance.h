// Where a bracket is closed, 64 bytes at a time: what skip.h finds byte by byte, for the arrays of envelopes and for
// the rest of events at fault. Brackets count alike whatever their kind. A block whose closing brackets are fewer than
// the open ones cannot hold the last of them, so that mostly four counts of bits are all that 64 bytes cost.
#pragma once
#include "block.h"

namespace penstock {

/// What `findClose` returns beside positions: none before the end; an escape outside of a string, which is no escape
/// there, so that the caller must look byte by byte.
constexpr Position NOT_CLOSED = -1, NOT_DECIDED = -2;

/// One bit for each byte of a block of that kind.
struct Brackets {
  uint64_t quotes, backslashes, opens, closes;
};

/// The balance so far.
struct Balance {
  Carry carry;
  size_t depth;
};

/// Counts the brackets of a block that are outside of strings. Returns the place behind the last closing one, or 0 when it
/// is not in it.
inline Position countBrackets(uint64_t opens, uint64_t closes, size_t& depth) {
  const size_t closeCount = static_cast<size_t>(__builtin_popcountll(closes));
  if (depth > closeCount) {
    depth += static_cast<size_t>(__builtin_popcountll(opens)) - closeCount;
    return 0;
  }
  for (; closes != 0; closes &= closes - 1) {
    const int place = __builtin_ctzll(closes);
    const uint64_t before = opens & ((uint64_t{1} << place) - 1);
    depth += static_cast<size_t>(__builtin_popcountll(before));
    opens ^= before;
    if (--depth == 0) return place + 1;
  }
  depth += static_cast<size_t>(__builtin_popcountll(opens));
  return 0;
}

/// Counts a block in. Returns the place behind the last closing bracket in it, 0 when it is not in it, or NOT_DECIDED.
template <typename PrefixXor>
inline Position countBlock(const Brackets& block, Balance& balance, PrefixXor prefixXor) {
  const Escapes escapes = findEscapes(block.backslashes, balance.carry);
  const uint64_t inString = prefixXor(block.quotes & ~escapes.escaped) ^ balance.carry.inString;
  if ((escapes.begins & ~inString) != 0) return NOT_DECIDED;
  balance.carry.inString = static_cast<uint64_t>(static_cast<int64_t>(inString) >> 63);
  return countBrackets(block.opens & ~inString, block.closes & ~inString, balance.depth);
}

/// Counts the blocks from the bracket at `at`; what is left of the last is taken as spaces.
template <typename CountBytes>
inline Position eachBalance(const Byte* bytes, Position at, Position end, CountBytes countBytes) {
  Balance balance{{0, 0}, 0};
  Byte last[BLOCK_BYTES];
  for (; at < end; at += BLOCK_BYTES) {
    const Byte* block = bytes + at;
    if (end - at < BLOCK_BYTES) {
      std::memset(last, ' ', sizeof(last));
      std::memcpy(last, block, static_cast<size_t>(end - at));
      block = last;
    }
    const Position place = countBytes(block, balance);
    if (place != 0) return place < 0 ? NOT_DECIDED : at + place;
  }
  return NOT_CLOSED;
}

inline Position findClosePortable(const Byte*, Position, Position) { return NOT_DECIDED; }

#if defined(__x86_64__)

PENSTOCK_AVX2 inline uint64_t bitsOfFolded(__m256i first, __m256i second, char byte) {
  const __m256i fold = _mm256_set1_epi8(0x20);
  return bitsOfEqual(_mm256_or_si256(first, fold), _mm256_or_si256(second, fold), byte);
}

PENSTOCK_AVX2 inline Position countAvx2(const Byte* bytes, Balance& balance) {
  const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 32));
  const Brackets block{bitsOfEqual(first, second, '"'), bitsOfEqual(first, second, '\\'),
                       bitsOfFolded(first, second, '{'), bitsOfFolded(first, second, '}')};
  return countBlock(block, balance, prefixXorProduct);
}

PENSTOCK_AVX2 inline Position findCloseAvx2(const Byte* bytes, Position at, Position end) {
  return eachBalance(bytes, at, end, countAvx2);
}

PENSTOCK_AVX512 inline Position countAvx512(const Byte* bytes, Balance& balance) {
  const __m512i block = _mm512_loadu_si512(bytes);
  const __m512i folded = _mm512_or_si512(block, _mm512_set1_epi8(0x20));
  const Brackets brackets{_mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8('"')),
                          _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8('\\')),
                          _mm512_cmpeq_epi8_mask(folded, _mm512_set1_epi8('{')),
                          _mm512_cmpeq_epi8_mask(folded, _mm512_set1_epi8('}'))};
  return countBlock(brackets, balance, prefixXorProduct);
}

PENSTOCK_AVX512 inline Position findCloseAvx512(const Byte* bytes, Position at, Position end) {
  return eachBalance(bytes, at, end, countAvx512);
}

using FindClose = Position (*)(const Byte*, Position, Position);

inline FindClose chooseFindClose() {
  const IndexPiece index = chooseIndex();
  return index == indexAvx512 ? findCloseAvx512 : index == indexAvx2 ? findCloseAvx2 : findClosePortable;
}

inline Position findClose(const Byte* bytes, Position at, Position end) {
  static const FindClose find = chooseFindClose();
  return find(bytes, at, end);
}

#else

inline Position findClose(const Byte* bytes, Position at, Position end) { return findClosePortable(bytes, at, end); }

#endif

}  // namespace penstock
