// What a record needs of a canonical line (src/scan/contract.ts), without parsing it: the texts at its head and
// `received_at` at its tail. What lies between is not looked at. The twin of src/sinks/kafka/line-fields.ts.
#pragma once
#include "../room.h"
#include "../strings.h"
#include "../timestamps.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace penstock {

/// Text columns at the head of a line, in its order.
namespace head_column {
enum : uint32_t { eventId, eventType, appId, deviceId, userId, sessionId, count };
}
/// A dialect need not ask for an app in open mode, nor for a type; an id every line has.
constexpr uint32_t HEAD_COLUMNS_REQUIRED = head_column::eventId + 1;

struct Literal {
  const char* text;
  size_t length;
};

template <size_t size>
constexpr Literal literal(const char (&text)[size]) {
  return {text, size - 1};
}

/// What stands before each text; the quote behind it is taken with it.
constexpr Literal HEAD_KEYS[head_column::count] = {
    literal("{\"event_id\":\""),   literal(",\"event_type\":\""), literal(",\"app_id\":\""),
    literal(",\"device_id\":\""), literal(",\"user_id\":\""),    literal(",\"session_id\":\"")};
constexpr Literal HEAD_END = literal(",\"timestamp\":\"");
constexpr Literal RECEIVED_KEY = literal(",\"received_at\":\"");
constexpr Literal DIALECT_KEY = literal(",\"dialect\":\"");
constexpr Literal TRANSPORT_KEY = literal(",\"transport\":\"");
constexpr Literal LINE_END = literal("\"}\n");
/// `YYYY-MM-DDThh:mm:ss.mmmZ`
constexpr size_t RECEIVED_BYTES = 24;

/// The inside of a string as the line carries it. VIEW of the line.
struct HeadText {
  const Byte* start;
  size_t length;
  bool isThere, isEscaped;
};

struct LineFields {
  HeadText head[head_column::count];
  int64_t receivedMs;
};

/// A tail that was read once: lines of one frame end in the same bytes. VIEW of the lines.
struct KnownTail {
  Text bytes{nullptr, 0};
  int64_t receivedMs = 0;
};

inline bool startsWith(const Byte* at, const Byte* end, Literal wanted) {
  return static_cast<size_t>(end - at) >= wanted.length && std::memcmp(at, wanted.text, wanted.length) == 0;
}

/// The place of the next quote or backslash, or `end`.
inline const Byte* findQuoteOrEscape(const Byte* at, const Byte* end) {
#if defined(__x86_64__)
  const __m128i quotes = _mm_set1_epi8('"'), escapes = _mm_set1_epi8('\\');
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int found = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, quotes), _mm_cmpeq_epi8(bytes, escapes)));
    if (found != 0) return at + __builtin_ctz(static_cast<unsigned>(found));
  }
#endif
  while (at < end && *at != '"' && *at != '\\') at++;
  return at;
}

/// Reads the inside of the string at `at` and returns the place behind its quote, or nullptr when it has none.
inline const Byte* readHeadText(const Byte* at, const Byte* end, HeadText& text) {
  text = {at, 0, true, false};
  for (;;) {
    at = findQuoteOrEscape(at, end);
    if (at >= end) return nullptr;
    if (*at == '"') break;
    text.isEscaped = true;
    if (end - at < 2) return nullptr;
    at += 2;
  }
  text.length = static_cast<size_t>(at - text.start);
  return at + 1;
}

/// Milliseconds since 1970 of a time as lines spell it; false for every other spelling.
inline bool readReceived(const Byte* at, int64_t& ms) {
  if (at[4] != '-' || at[7] != '-' || at[10] != 'T' || at[13] != ':' || at[16] != ':' || at[19] != '.' ||
      at[23] != 'Z') {
    return false;
  }
  for (const int digit : {0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 22}) {
    if (!isDigit(at[digit])) return false;
  }
  const int64_t year = readPair(at, 0) * 100 + readPair(at, 2);
  const int64_t month = readPair(at, 5), day = readPair(at, 8);
  const int64_t hour = readPair(at, 11), minute = readPair(at, 14), second = readPair(at, 17);
  const bool isLeap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return false;
  if (day < 1 || day > DAYS_IN_MONTH[month - 1] + (isLeap && month == 2 ? 1 : 0)) return false;
  const int64_t leapYearsTo = year == 0 ? 0 : (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1;
  const int64_t days = year * 365 + leapYearsTo + DAYS_BEFORE_MONTH[month - 1] + (isLeap && month > 2 ? 1 : 0) + day - 1;
  // 719,528 days lie between 1 January of the year 0 and of 1970.
  ms = (days - 719'528) * MS_PER_DAY + (hour * 60 + minute) * MS_PER_MINUTE + second * 1000 +
       (at[20] - '0') * 100 + readPair(at, 21);
  return true;
}

/// The place of the key before the plain text that ends at `end`, or nullptr when `key` is not what stands there.
inline const Byte* findKeyBefore(const Byte* start, const Byte* end, Literal key) {
  const Byte* at = end;
  while (at > start && at[-1] != '"') at--;
  if (static_cast<size_t>(at - start) < key.length || std::memcmp(at - key.length, key.text, key.length) != 0) {
    return nullptr;
  }
  for (const Byte* byte = at; byte < end; byte++) {
    if (*byte == '\\') return nullptr;
  }
  return at - key.length;
}

/// Reads the tail of the line that ends at `end`, from the back; its head ends at `start`.
inline bool readTail(const Byte* start, const Byte* end, KnownTail& known) {
  const size_t length = known.bytes.length;
  if (length > 0 && static_cast<size_t>(end - start) >= length &&
      std::memcmp(end - length, known.bytes.bytes, length) == 0) {
    return true;
  }
  if (static_cast<size_t>(end - start) < LINE_END.length || !startsWith(end - LINE_END.length, end, LINE_END)) {
    return false;
  }
  const Byte* at = findKeyBefore(start, end - LINE_END.length, TRANSPORT_KEY);
  // The byte before a key is the quote that ends the text before it.
  if (at == nullptr || at == start || at[-1] != '"') return false;
  at = findKeyBefore(start, at - 1, DIALECT_KEY);
  if (at == nullptr || at == start || at[-1] != '"') return false;
  at--;
  if (static_cast<size_t>(at - start) < RECEIVED_BYTES + RECEIVED_KEY.length) return false;
  at -= RECEIVED_BYTES + RECEIVED_KEY.length;
  int64_t ms;
  if (!startsWith(at, end, RECEIVED_KEY) || !readReceived(at + RECEIVED_KEY.length, ms)) return false;
  known = {{at, static_cast<size_t>(end - at)}, ms};
  return true;
}

/// Reads the fields of a line, its newline included. False when head or tail are not those of a canonical line.
inline bool readLineFields(Text line, KnownTail& known, LineFields& fields) {
  const Byte* at = line.bytes;
  const Byte* const end = at + line.length;
  for (uint32_t column = 0; column < head_column::count; column++) {
    if (!startsWith(at, end, HEAD_KEYS[column])) {
      if (column < HEAD_COLUMNS_REQUIRED) return false;
      fields.head[column].isThere = false;
      continue;
    }
    at = readHeadText(at + HEAD_KEYS[column].length, end, fields.head[column]);
    if (at == nullptr) return false;
  }
  if (!startsWith(at, end, HEAD_END) || !readTail(at, end, known)) return false;
  fields.receivedMs = known.receivedMs;
  return true;
}

/// Writes the bytes that an escaped text stands for, at most as many; returns the place behind them, or nullptr for
/// an escape that JSON does not have. A lone surrogate stands for U+FFFD, as in the scanner.
inline Byte* unescape(const Byte* bytes, size_t length, Byte* to) {
  const Position end = static_cast<Position>(length);
  for (Position at = 0; at < end;) {
    if (bytes[at] != '\\') {
      *to++ = bytes[at++];
      continue;
    }
    if (at + 1 >= end) return nullptr;
    if (bytes[at + 1] != 'u') {
      const Byte byte = escapedByte(bytes[at + 1]);
      if (byte == 0) return nullptr;
      *to++ = byte;
      at += 2;
      continue;
    }
    const int32_t unit = readHex(bytes, at + 2, end);
    if (unit < 0) return nullptr;
    uint32_t code = static_cast<uint32_t>(unit);
    if (isPair(bytes, at, end)) {
      code = 0x10000 + ((code - 0xd800) << 10) + static_cast<uint32_t>(readHex(bytes, at + 8, end)) - 0xdc00;
      at += ESCAPE_BYTES;
    } else if (code >= 0xd800 && code <= 0xdfff) {
      code = 0xfffd;
    }
    at += ESCAPE_BYTES;
    to = writeCodePoint(to, code);
  }
  return to;
}

}  // namespace penstock
