// CRC-32C (Castagnoli) as RFC 3720 uses it: polynomial 0x1edc6f41 with its bits reversed, all ones before and after.
// Kafka's record batches and the journal's chunks carry it. On x86-64 the processor's own instruction does the work,
// three chains at a time: it takes 3 cycles but starts every cycle. Elsewhere eight tables are looked up at once.
#pragma once
#include "bytes.h"
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace penstock {

constexpr uint32_t CRC32C_POLYNOMIAL = 0x82f63b78;

/// The register after one more bit, a zero.
constexpr uint32_t stepCrc32c(uint32_t crc) { return (crc & 1) != 0 ? (crc >> 1) ^ CRC32C_POLYNOMIAL : crc >> 1; }

/// `rows[n][byte]` is the register of `byte` with n zero bytes behind it.
struct Crc32cTables {
  uint32_t rows[8][256];
};

constexpr Crc32cTables makeCrc32cTables() {
  Crc32cTables tables{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int row = 0; row < 8; row++) {
      for (int bit = 0; bit < 8; bit++) crc = stepCrc32c(crc);
      tables.rows[row][byte] = crc;
    }
  }
  return tables;
}

inline constexpr Crc32cTables CRC32C_TABLES = makeCrc32cTables();

/// The register `crc` after `length` more bytes.
inline uint32_t extendCrc32cPortable(uint32_t crc, const Byte* at, size_t length) {
  const auto& rows = CRC32C_TABLES.rows;
  for (; length >= 8; length -= 8, at += 8) {
    const uint64_t word = load64(at) ^ crc;
    crc = 0;
    for (int index = 0; index < 8; index++) crc ^= rows[7 - index][(word >> (8 * index)) & 0xff];
  }
  for (; length > 0; length--, at++) crc = (crc >> 8) ^ rows[0][(crc ^ *at) & 0xff];
  return crc;
}

#if defined(__x86_64__)

/// Bytes of one of the three chains: joining them costs as much as 30 bytes of one.
constexpr size_t CRC32C_CHAIN_BYTES = 512;

/// x^bits modulo the polynomial.
constexpr uint32_t powerCrc32c(size_t bits) {
  uint32_t power = 0x80000000;
  for (size_t bit = 0; bit < bits; bit++) power = stepCrc32c(power);
  return power;
}

// A register moves over n zero bytes when it is multiplied by x^8n. A carry-less product of two reversed words stands
// one bit too far, and folding its 64 bits by the instruction multiplies by x^32, so x^(8n - 33) is what to multiply by.
constexpr uint64_t CRC32C_OVER_ONE = powerCrc32c(8 * CRC32C_CHAIN_BYTES - 33);
constexpr uint64_t CRC32C_OVER_TWO = powerCrc32c(16 * CRC32C_CHAIN_BYTES - 33);

__attribute__((target("sse4.2,pclmul"))) inline uint64_t moveCrc32c(uint64_t crc, uint64_t power) {
  const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(crc)),
                                               _mm_cvtsi64_si128(static_cast<long long>(power)), 0);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(product));
}

__attribute__((target("sse4.2,pclmul"))) inline uint32_t extendCrc32cSse42(uint32_t crc, const Byte* at,
                                                                           size_t length) {
  uint64_t first = crc;
  for (; length >= 3 * CRC32C_CHAIN_BYTES; length -= 3 * CRC32C_CHAIN_BYTES, at += 3 * CRC32C_CHAIN_BYTES) {
    uint64_t second = 0, third = 0;
    for (size_t place = 0; place < CRC32C_CHAIN_BYTES; place += 8) {
      first = _mm_crc32_u64(first, load64(at + place));
      second = _mm_crc32_u64(second, load64(at + CRC32C_CHAIN_BYTES + place));
      third = _mm_crc32_u64(third, load64(at + 2 * CRC32C_CHAIN_BYTES + place));
    }
    first = _mm_crc32_u64(0, moveCrc32c(first, CRC32C_OVER_TWO) ^ moveCrc32c(second, CRC32C_OVER_ONE)) ^ third;
  }
  for (; length >= 8; length -= 8, at += 8) first = _mm_crc32_u64(first, load64(at));
  crc = static_cast<uint32_t>(first);
  for (; length > 0; length--, at++) crc = _mm_crc32_u8(crc, *at);
  return crc;
}

#endif

using ExtendCrc32c = uint32_t (*)(uint32_t, const Byte*, size_t);

/// simdjson's `fallback`, which tests ask for by its environment variable, takes the tables too.
inline ExtendCrc32c chooseCrc32c() {
#if defined(__x86_64__)
  const bool isForced = std::strcmp(kernelName(), "fallback") == 0;
  if (!isForced && __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")) return extendCrc32cSse42;
#endif
  return extendCrc32cPortable;
}

/// CRC-32C of bytes whose predecessors have the CRC-32C `seed`; 0 where there are none.
inline uint32_t crc32c(const Byte* bytes, size_t length, uint32_t seed) {
  static const ExtendCrc32c extend = chooseCrc32c();
  return ~extend(~seed, bytes, length);
}

}  // namespace penstock
