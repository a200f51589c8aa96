// What lines carry that no client wrote: times in their one text form, and UUIDv7 of the scanner's id source
// (src/scan/uuid.ts). Writers return the place behind what they wrote, where the caller has made room.
#pragma once
#include "state.h"

namespace penstock {

/// Bytes of `YYYY-MM-DDThh:mm:ss.mmmZ`.
constexpr Position TIMESTAMP_TEXT_BYTES = 24;
constexpr Position UUID_BYTES = 36;

/// The texts of 0 to 99, one behind the other: a load instead of a division a pair.
struct PairTexts {
  Byte bytes[200];
};

constexpr PairTexts makePairTexts() {
  PairTexts texts{};
  for (uint32_t value = 0; value < 100; value++) {
    texts.bytes[2 * value] = static_cast<Byte>('0' + value / 10);
    texts.bytes[2 * value + 1] = static_cast<Byte>('0' + value % 10);
  }
  return texts;
}

constexpr PairTexts PAIR_TEXTS = makePairTexts();

inline Byte* writePair(Byte* to, uint32_t value) {
  std::memcpy(to, PAIR_TEXTS.bytes + 2 * value, 2);
  return to + 2;
}

/// `YYYY-MM-DD` of a day counted from 1970: years are taken to begin in March, so that a leap day ends one.
inline Byte* writeDate(Byte* to, uint32_t day) {
  const uint32_t shifted = day + 719'468;
  const uint32_t era = shifted / 146'097;
  const uint32_t dayOfEra = shifted - era * 146'097;
  const uint32_t yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36'524 - dayOfEra / 146'096) / 365;
  const uint32_t dayOfYear = dayOfEra - (yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100);
  const uint32_t shiftedMonth = (5 * dayOfYear + 2) / 153;
  const uint32_t month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const uint32_t year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  to = writePair(to, year / 100);
  to = writePair(to, year % 100);
  *to++ = '-';
  to = writePair(to, month);
  *to++ = '-';
  return writePair(to, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1);
}

/// The canonical text of `ms`, which lies in the years 1970 to 9999.
inline Byte* writeTimestamp(Byte* to, double ms) {
  const uint64_t whole = static_cast<uint64_t>(ms);
  const uint32_t time = static_cast<uint32_t>(whole % 86'400'000);
  const uint32_t seconds = time / 1000;
  const uint32_t millis = time % 1000;
  to = writeDate(to, static_cast<uint32_t>(whole / 86'400'000));
  *to++ = 'T';
  to = writePair(to, seconds / 3600);
  *to++ = ':';
  to = writePair(to, seconds / 60 % 60);
  *to++ = ':';
  to = writePair(to, seconds % 60);
  *to++ = '.';
  *to++ = static_cast<Byte>('0' + millis / 100);
  to = writePair(to, millis % 100);
  *to++ = 'Z';
  return to;
}

inline Byte* writeHex(Byte* to, uint32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    *to++ = static_cast<Byte>("0123456789abcdef"[(value >> shift) & 15]);
  }
  return to;
}

/// The next id; 12 bits of counter stand in rand_a, the next 20 at the top of rand_b behind the two variant bits.
inline Byte* writeUuid(State& state, Byte* to) {
  const uint32_t counter = state.idCounter++;
  const uint64_t now = static_cast<uint64_t>(state.receivedMs);
  const uint32_t low = counter & 0xfffff;
  to = writeHex(to, static_cast<uint32_t>(now >> 16), 8);
  *to++ = '-';
  to = writeHex(to, static_cast<uint32_t>(now & 0xffff), 4);
  *to++ = '-';
  to = writeHex(to, 0x7000 | (counter >> 20), 4);
  *to++ = '-';
  to = writeHex(to, 0x8000 | (low >> 6), 4);
  *to++ = '-';
  to = writeHex(to, ((low & 0x3f) << 10) | state.nodeHigh, 4);
  return writeHex(to, state.nodeLow, 8);
}

}  // namespace penstock
