// Bytes of a column that grow while a block gathers, and what every column writes into them. Memory is kept from block
// to block; the owner gives back what one large block has grown.
#pragma once
#include "../bytes.h"
#include "../room.h"

/// For what runs per value: in a unit as large as the addon the compiler stops inlining long before it gets here.
#define PENSTOCK_PER_VALUE inline __attribute__((always_inline))

namespace penstock {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers of a block are little-endian, and written as they stand");

/// Readable and writable bytes behind every place that `reserve` made room for: copies go in steps of so many.
constexpr size_t STEP_SLACK_BYTES = 32;

/// How far ahead of what is written memory is fetched: a block gathers in more places at once, a column or path each, than a
/// processor foresees, and by the time a place comes to its next cache line that line has left the caches.
constexpr size_t AHEAD_BYTES = 256;
PENSTOCK_PER_VALUE void fetchAhead(const Byte* at, size_t bytes = AHEAD_BYTES) { __builtin_prefetch(at + bytes, 1); }

/// Bytes in use and their memory.
struct Buffer {
  Room<Byte> room;
  size_t length = 0;

  /// Makes room for `more` bytes behind those in use, and returns the place behind them.
  PENSTOCK_PER_VALUE Byte* reserve(size_t more) {
    if (__builtin_expect(length + more + STEP_SLACK_BYTES > room.capacity, 0)) grow(more);
    return room.items + length;
  }

  __attribute__((noinline)) void grow(size_t more) { room.reserve(length + more + STEP_SLACK_BYTES, length); }

  template <typename Value>
  PENSTOCK_PER_VALUE void push(Value value) {
    Byte* const to = reserve(sizeof(Value));
    fetchAhead(to);
    std::memcpy(to, &value, sizeof(Value));
    length += sizeof(Value);
  }

  void append(const void* bytes, size_t count) {
    Byte* const to = reserve(count);
    if (count > 0) std::memcpy(to, bytes, count);
    length += count;
  }

  void fill(Byte byte, size_t count) {
    std::memset(reserve(count), byte, count);
    length += count;
  }

  /// Empties it and gives its memory back.
  void release() {
    length = 0;
    room.release();
  }
};

/// Whether the spans are equal. Most are short: two loads that overlap compare each size class, and read nothing beyond.
PENSTOCK_PER_VALUE bool isEqual(const Byte* left, const Byte* right, size_t length) {
  if (length > 32) return std::memcmp(left, right, length) == 0;
  if (length >= 16) {
    const size_t last = length - 16;
    return ((load64(left) ^ load64(right)) | (load64(left + 8) ^ load64(right + 8)) |
            (load64(left + last) ^ load64(right + last)) | (load64(left + last + 8) ^ load64(right + last + 8))) == 0;
  }
  if (length >= 8) {
    const size_t last = length - 8;
    return ((load64(left) ^ load64(right)) | (load64(left + last) ^ load64(right + last))) == 0;
  }
  if (length >= 4) {
    const size_t last = length - 4;
    return ((load32(left) ^ load32(right)) | (load32(left + last) ^ load32(right + last))) == 0;
  }
  for (size_t index = 0; index < length; index++) {
    if (left[index] != right[index]) return false;
  }
  return true;
}

/// LEB128, as ClickHouse's VarUInt: seven bits a byte, the lowest first. Returns the place behind it.
inline Byte* writeVarUInt(Byte* to, uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<Byte>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<Byte>(value);
  return to;
}

constexpr size_t VAR_UINT_BYTES_MAX = 10;

inline void pushVarUInt(Buffer& buffer, uint64_t value) {
  Byte* const to = buffer.reserve(VAR_UINT_BYTES_MAX);
  buffer.length += static_cast<size_t>(writeVarUInt(to, value) - to);
}

/// A String of the format: its length, then its bytes.
inline void pushText(Buffer& buffer, const void* bytes, size_t count) {
  pushVarUInt(buffer, count);
  buffer.append(bytes, count);
}

}  // namespace penstock
