// What stays the same from slab to slab, as src/scan/native-setup.ts sends it: one list of 32-bit words and one run
// of bytes, read in the order of that file. No bound or reason number is written here a second time; `LAYOUT`
// mirrors words of shared memory and is compared with what TypeScript says before a scanner is made.
#pragma once
#include <vector>

#include "bytes.h"

namespace penstock {

/// Words of a frame row (src/slab/layout.ts).
namespace frame_word {
enum : uint32_t {
  source, bodyOffset, bodyLength, route, app, encoding, transport, receivedDeltaMs,
  addressOffset, addressLength, userAgentOffset, userAgentLength, reason, accepted, rejected, recordStart, duplicates, key, count
};
}
/// Words of a record and of an error row (src/scan/contract.ts).
namespace record_word {
enum : uint32_t { lineOffset, lineLength, keyHash, app, timestampMs, idHashLow = 6, idHashHigh, count };
}
namespace error_word {
enum : uint32_t { frame, index, reason, field, source, offset, length, count = 8 };
}
constexpr uint32_t SLAB_HEADER_WORDS = 8;
constexpr uint32_t FIELD_NONE = 0xffffffff;

/// In the order in which native-setup.ts lists what it was built with.
constexpr uint32_t LAYOUT[] = {
    SLAB_HEADER_WORDS,         frame_word::count,          frame_word::source,       frame_word::bodyOffset,
    frame_word::bodyLength,    frame_word::route,          frame_word::app,          frame_word::transport,
    frame_word::receivedDeltaMs, frame_word::addressOffset, frame_word::addressLength, frame_word::userAgentOffset,
    frame_word::userAgentLength, frame_word::reason,       frame_word::accepted,     frame_word::rejected,
    frame_word::recordStart,   record_word::count,         record_word::lineOffset,  record_word::lineLength,
    record_word::keyHash,      record_word::app,           record_word::timestampMs, record_word::idHashLow,
    record_word::idHashHigh,   error_word::count,          error_word::frame,        error_word::index,
    error_word::reason,        error_word::field,          error_word::source,       error_word::offset,
    error_word::length,        FIELD_NONE};

/// Numbers of the reasons that a scan can give (src/outcome.ts).
struct Reasons {
  uint32_t emptyBody, batchTooLarge, overloaded, invalidJson, invalidUtf8, trailingBytes, tooDeep, tooManyKeys,
      duplicateKey, numberOutOfRange, notAnObject, envelopeTooLarge, missingField, invalidType, invalidLength,
      invalidTimestamp, timestampOutOfRange;
};
static_assert(sizeof(Reasons) % sizeof(uint32_t) == 0, "read as a row of words");

/// Bounds of src/limits.ts, src/event.ts and the configuration.
struct Limits {
  uint32_t depthMax, eventKeysMax, keysComparedMax, envelopeFieldsBytesMax, linesBytesMax, bufferKeepBytes,
      batchEventsMax, skewDeadZoneMs, eventFutureMsMax, userAgentBytesMax;
  double timestampMsMin, timestampMsEnd;
};

/// What is written of an address and a user agent that an event says of itself: leading bytes, of 0 nothing.
struct ClaimPrivacy {
  uint32_t ipv4BytesKept, ipv6BytesKept;
  bool keepsUserAgent;
};

/// What a captured value is. `absent` is JSON's null.
enum class ValueKind : uint8_t { absent, string, number, object, array, boolean };

enum class ColumnKind : uint32_t { text, timestamp, object };

/// Columns are counted in the bits of a word.
constexpr uint32_t COLUMNS_MAX = 32;

struct Column {
  ColumnKind kind;
  uint32_t bytesMin, bytesMax;
  /// A value of this kind and of `bytesMin` to `bytesMin + bytesSpan` bytes inside of its quotes or braces is right if
  /// it has nothing unusual; `absent` where every value must be looked at.
  ValueKind plainKind;
  uint32_t bytesSpan;
  /// What stands before the value in a line: `,"name":`, and `{"name":` for the first.
  Text key;
};

struct App {
  Text name;
  /// The whole member of a line: `,"app_id":"name"`.
  Text member;
};

/// Words and bytes read from front to back.
class SetupReader {
 public:
  SetupReader(const uint32_t* words, size_t wordCount, const Byte* bytes, size_t byteCount)
      : words_(words), wordsLeft_(wordCount), bytes_(bytes), bytesLeft_(byteCount) {}

  uint32_t word() {
    if (wordsLeft_ == 0) return fail();
    wordsLeft_--;
    return *words_++;
  }

  /// A whole number of up to 53 bits: upper word, lower word.
  double wide() {
    const double upper = word();
    return upper * 4294967296.0 + word();
  }

  /// A VIEW into the run of bytes.
  Text text() {
    const size_t length = word();
    if (length > bytesLeft_) return {bytes_, fail()};
    const Text text{bytes_, length};
    bytes_ += length;
    bytesLeft_ -= length;
    return text;
  }

  /// Whether everything was there so far.
  bool isSound() const { return !failed_; }

  /// Whether everything was there and nothing is left.
  bool isDone() const { return !failed_ && wordsLeft_ == 0 && bytesLeft_ == 0; }

 private:
  uint32_t fail() {
    failed_ = true;
    return 0;
  }

  const uint32_t* words_;
  size_t wordsLeft_;
  const Byte* bytes_;
  size_t bytesLeft_;
  bool failed_ = false;
};

}  // namespace penstock
