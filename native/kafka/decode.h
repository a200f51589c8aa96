// Records of a fetched batch, decompressed, as canonical lines: src/consume/decode-contract.ts says what comes out, and
// src/consume/decode-reference.ts how. Bytes are not trusted: every read is checked against the end of its record.
#pragma once
#include "line-fields.h"

namespace penstock {

/// Words of a stray's row, and why a record is no line.
namespace stray_word {
enum : uint32_t { recordIndex, reason, count };
}
namespace stray_reason {
enum : uint32_t { tombstone = 1, notCanonical = 2 };
}
/// Bytes that the shortest record takes.
constexpr size_t RECORD_BYTES_MIN = 7;

/// Reads numbers and texts, and fails for good at the first that is not whole.
struct RecordReader {
  const Byte* at;
  const Byte* end;
  bool isWhole = true;

  /// Zigzag, at most `bytesMax` bytes.
  int64_t number(uint32_t bytesMax) {
    uint64_t value = 0;
    for (uint32_t byte = 0; byte < bytesMax && at < end; byte++) {
      const uint64_t bits = *at & 0x7f;
      value |= bits << (7 * byte);
      if (*at++ < 0x80) return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
    }
    isWhole = false;
    return 0;
  }

  int64_t varint() {
    const int64_t value = number(5);
    if (value < INT32_MIN || value > INT32_MAX) isWhole = false;
    return isWhole ? value : 0;
  }

  /// A length and as many bytes; -1 is null, and no bytes.
  int64_t skipText() {
    const int64_t length = varint();
    if (length < -1 || length > end - at) isWhole = false;
    if (isWhole && length > 0) at += length;
    return isWhole ? length : 0;
  }
};

struct DecodeSource {
  Text records;
  size_t recordCount;
  /// Offset deltas that are wanted: from, up to but not including.
  int64_t fromDelta, toDelta;
};

/// `lines` has room for as many bytes as the records, `strays` for as many rows as there are records.
struct DecodeOutput {
  Byte* lines;
  size_t lineBytes, lineCount;
  uint32_t* strays;
  size_t strayCount;
};

/// Reads one record up to its value; its headers are checked behind it. VIEW.
struct DecodedRecord {
  int64_t offsetDelta;
  /// Null where `bytes` is nullptr.
  Text value;
};

inline DecodedRecord readRecord(RecordReader& all) {
  const int64_t length = all.varint();
  if (!all.isWhole || length < 1 || length > all.end - all.at) {
    all.isWhole = false;
    return {0, {nullptr, 0}};
  }
  RecordReader record{all.at + 1, all.at + length};
  all.at += length;
  record.number(10);
  const int64_t offsetDelta = record.varint();
  record.skipText();
  const int64_t valueLength = record.skipText();
  const Text value = valueLength < 0 ? Text{nullptr, 0}
                                     : Text{record.at - valueLength, static_cast<size_t>(valueLength)};
  const int64_t headerCount = record.varint();
  if (headerCount < 0 || headerCount > (record.end - record.at) / 2) record.isWhole = false;
  for (int64_t header = 0; header < headerCount && record.isWhole; header++) {
    if (record.skipText() < 0) record.isWhole = false;
    record.skipText();
  }
  all.isWhole = record.isWhole && record.at == record.end;
  return {offsetDelta, value};
}

/// Puts the value to the end of the lines; gives 0, or why it is none.
inline uint32_t takeValue(Text value, KnownTail& known, DecodeOutput& output) {
  if (value.bytes == nullptr) return stray_reason::tombstone;
  if (value.length == 0 || std::memchr(value.bytes, '\n', value.length) != nullptr) return stray_reason::notCanonical;
  Byte* const line = output.lines + output.lineBytes;
  std::memcpy(line, value.bytes, value.length);
  line[value.length] = '\n';
  LineFields fields;
  if (!readLineFields({line, value.length + 1}, known, fields)) return stray_reason::notCanonical;
  output.lineBytes += value.length + 1;
  output.lineCount += 1;
  return 0;
}

/// Whether the bytes are just so many whole records.
inline bool decodeRecords(const DecodeSource& source, DecodeOutput& output) {
  RecordReader reader{source.records.bytes, source.records.bytes + source.records.length};
  KnownTail known;
  for (size_t index = 0; index < source.recordCount; index++) {
    const DecodedRecord record = readRecord(reader);
    if (!reader.isWhole) return false;
    if (record.offsetDelta < source.fromDelta || record.offsetDelta >= source.toDelta) continue;
    const uint32_t reason = takeValue(record.value, known, output);
    if (reason == 0) continue;
    uint32_t* const row = output.strays + output.strayCount++ * stray_word::count;
    row[stray_word::recordIndex] = static_cast<uint32_t>(index);
    row[stray_word::reason] = reason;
  }
  return reader.at == reader.end;
}

}  // namespace penstock
