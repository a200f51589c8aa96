// Blocks of 64 bytes by AVX-512 and AVX2. The functions carry their instruction set with them, so that the rest of the
// scanner runs on any x86-64; `indexPiece` asks for simdjson's choice once a process.
#pragma once
#include <immintrin.h>

#include "block.h"
#include "kernels.h"

// GCC 12 warns of the undefined registers that its own intrinsics begin with.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define PENSTOCK_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,pclmul,bmi,popcnt")))
#define PENSTOCK_AVX2 __attribute__((target("avx2,pclmul,bmi,popcnt")))

namespace penstock {

// By the low four bits of a byte: the operator that has them, when 0x20 is set in both. A control character may pass
// for one; no walk takes it, since it compares the byte.
#define PENSTOCK_OPERATORS 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{', ',', '}', 0, 0

/// As `prefixXorPortable`: a product without carries by a word of ones.
__attribute__((target("pclmul"))) inline uint64_t prefixXorProduct(uint64_t bits) {
  const __m128i word = _mm_set_epi64x(0, static_cast<long long>(bits));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(word, _mm_set1_epi8(-1), 0)));
}

PENSTOCK_AVX512 inline void indexAvx512(Piece& piece) {
  const __m512i operators = _mm512_broadcast_i32x4(_mm_setr_epi8(PENSTOCK_OPERATORS));
  const __m512i counting = _mm512_set_epi8(
      63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36,
      35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7,
      6, 5, 4, 3, 2, 1, 0);
  Byte last[BLOCK_BYTES];
  // In registers: what is written to the tokens could lie in `piece`, for all the compiler knows.
  Piece left = piece;
  for (; left.from < left.end; left.from += BLOCK_BYTES) {
    const __m512i block = _mm512_loadu_si512(nextBlock(left, last));
    const __m512i folded = _mm512_or_si512(block, _mm512_set1_epi8(0x20));
    const Masks masks{_mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8('"')),
                      _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8('\\')),
                      _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(operators, block), folded),
                      _mm512_cmplt_epu8_mask(block, _mm512_set1_epi8(0x20)), _mm512_movepi8_mask(block)};
    const Escapes escapes = findEscapes(masks.backslashes, left.carry);
    const uint64_t quotes = masks.quotes & ~escapes.escaped;
    const uint64_t inString = prefixXorProduct(quotes) ^ left.carry.inString;
    if (__builtin_expect(((masks.low & inString) | (escapes.begins & ~inString)) != 0, 0)) break;
    left.carry.inString = static_cast<uint64_t>(static_cast<int64_t>(inString) >> 63);
    left.sawHigh |= masks.high != 0;
    const uint64_t tokens = (masks.operators & ~inString) | (quotes & inString) | escapes.begins;

    const __m512i places = _mm512_maskz_compress_epi8(tokens, counting);
    const __m512i place = _mm512_set1_epi32(static_cast<int>(left.from));
    const int count = __builtin_popcountll(tokens);
    const auto store = [&](int part, __m128i sixteen) __attribute__((always_inline, target("avx512f"))) {
      _mm512_storeu_si512(left.tokens + 16 * part, _mm512_add_epi32(_mm512_cvtepu8_epi32(sixteen), place));
    };
    store(0, _mm512_castsi512_si128(places));
    if (__builtin_expect(count > 16, 0)) {
      store(1, _mm512_extracti32x4_epi32(places, 1));
      store(2, _mm512_extracti32x4_epi32(places, 2));
      store(3, _mm512_extracti32x4_epi32(places, 3));
    }
    left.tokens += count;
  }
  closePiece(piece, left);
}

PENSTOCK_AVX2 inline uint64_t bitsOf(__m256i first, __m256i second) {
  const uint32_t low = static_cast<uint32_t>(_mm256_movemask_epi8(first));
  return low | static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(second))) << 32;
}

PENSTOCK_AVX2 inline uint64_t bitsOfEqual(__m256i first, __m256i second, char byte) {
  const __m256i wanted = _mm256_set1_epi8(byte);
  return bitsOf(_mm256_cmpeq_epi8(first, wanted), _mm256_cmpeq_epi8(second, wanted));
}

PENSTOCK_AVX2 inline Masks masksAvx2(const Byte* bytes) {
  const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 32));
  const __m256i operators = _mm256_setr_epi8(PENSTOCK_OPERATORS, PENSTOCK_OPERATORS);
  const __m256i fold = _mm256_set1_epi8(0x20);
  const __m256i lowMax = _mm256_set1_epi8(0x1f);
  return {bitsOfEqual(first, second, '"'), bitsOfEqual(first, second, '\\'),
          bitsOf(_mm256_cmpeq_epi8(_mm256_shuffle_epi8(operators, first), _mm256_or_si256(first, fold)),
                 _mm256_cmpeq_epi8(_mm256_shuffle_epi8(operators, second), _mm256_or_si256(second, fold))),
          bitsOf(_mm256_cmpeq_epi8(_mm256_min_epu8(first, lowMax), first),
                 _mm256_cmpeq_epi8(_mm256_min_epu8(second, lowMax), second)),
          bitsOf(first, second)};
}

// A macro, since neither a lambda nor a template would have the instruction set of the function around it.
PENSTOCK_AVX2 inline void indexAvx2(Piece& piece) { PENSTOCK_INDEX_BLOCKS(piece, masksAvx2, prefixXorProduct); }

using IndexPiece = void (*)(Piece&);

inline IndexPiece chooseIndex() {
  const char* name = kernelName();
  if (std::strcmp(name, "icelake") == 0) return indexAvx512;
  if (std::strcmp(name, "haswell") == 0) return indexAvx2;
  return indexPortable;
}

inline void indexPiece(Piece& piece) {
  static const IndexPiece index = chooseIndex();
  index(piece);
}

}  // namespace penstock

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
