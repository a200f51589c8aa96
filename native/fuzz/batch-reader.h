// A reader of Kafka's record batches (Kafka protocol guide, "Record Batch", magic 2) that shares nothing with what
// writes them. Ends the process where a batch does not follow the format or is not as an unsealed one is.
#pragma once
#include <algorithm>
#include <string>

#include "fixture.h"

namespace penstock::fuzz {

struct ReadRecord {
  bool hasKey = false;
  std::string key, value;
  std::vector<std::pair<std::string, std::string>> headers;
  int64_t timestampMs = 0;
};

inline bool operator==(const ReadRecord& left, const ReadRecord& right) {
  return left.hasKey == right.hasKey && left.key == right.key && left.value == right.value &&
         left.headers == right.headers && left.timestampMs == right.timestampMs;
}

struct ReadBatch {
  std::vector<ReadRecord> records;
  int64_t firstTimestampMs = 0, maxTimestampMs = 0;
};

class BatchReader {
 public:
  /// VIEW of one batch.
  BatchReader(const Byte* bytes, size_t length) : bytes_(bytes), end_(length) {}

  ReadBatch read() {
    ReadBatch batch;
    check(readBig(8) == 0, "a base offset of 0");
    check(readBig(4) == static_cast<int64_t>(end_) - 12, "a batch is as long as it says");
    check(readBig(4) == -1, "no leader epoch");
    check(readBig(1) == 2, "magic 2");
    check(readBig(4) == 0, "no CRC");
    check(readBig(2) == 0, "no attributes");
    const int64_t lastOffsetDelta = readBig(4);
    batch.firstTimestampMs = readBig(8);
    batch.maxTimestampMs = readBig(8);
    check(readBig(8) == -1 && readBig(2) == -1 && readBig(4) == -1, "no producer");
    const int64_t count = readBig(4);
    check(count > 0 && lastOffsetDelta == count - 1, "as many records as offsets");
    int64_t latestMs = INT64_MIN;
    for (int64_t index = 0; index < count; index++) {
      batch.records.push_back(readRecord(index, batch.firstTimestampMs));
      latestMs = std::max(latestMs, batch.records.back().timestampMs);
    }
    check(at_ == end_, "nothing stands behind the records");
    check(batch.records[0].timestampMs == batch.firstTimestampMs, "the first record is at the first time");
    check(latestMs == batch.maxTimestampMs, "the latest record is at the latest time");
    return batch;
  }

 private:
  Byte next() {
    check(at_ < end_, "a batch ends where it says");
    return bytes_[at_++];
  }

  int64_t readBig(size_t width) {
    uint64_t value = 0;
    for (size_t index = 0; index < width; index++) value = value << 8 | next();
    const size_t unused = 64 - 8 * width;
    return static_cast<int64_t>(value << unused) >> unused;
  }

  int64_t readVarint() {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
      const uint64_t byte = next();
      value |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      check(shift == 0 || byte != 0, "a varint is as short as it can be");
      return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
    }
    failCheck("a varint ends");
  }

  std::string readText(int64_t length) {
    check(length >= 0 && static_cast<uint64_t>(length) <= end_ - at_, "a text lies in its batch");
    at_ += static_cast<size_t>(length);
    return std::string(reinterpret_cast<const char*>(bytes_ + at_ - length), static_cast<size_t>(length));
  }

  ReadRecord readRecord(int64_t index, int64_t firstMs) {
    ReadRecord record;
    const int64_t length = readVarint();
    check(length > 0 && static_cast<uint64_t>(length) <= end_ - at_, "a record lies in its batch");
    const size_t recordEnd = at_ + static_cast<size_t>(length);
    check(next() == 0, "a record has no attributes");
    record.timestampMs = firstMs + readVarint();
    check(readVarint() == index, "offsets count up");
    const int64_t keyLength = readVarint();
    record.hasKey = keyLength != -1;
    if (record.hasKey) record.key = readText(keyLength);
    record.value = readText(readVarint());
    const int64_t headerCount = readVarint();
    for (int64_t header = 0; header < headerCount; header++) {
      std::string name = readText(readVarint());
      std::string value = readText(readVarint());
      record.headers.emplace_back(std::move(name), std::move(value));
    }
    check(at_ == recordEnd, "a record is as long as it says");
    return record;
  }

  const Byte* bytes_;
  size_t end_, at_ = 0;
};

}  // namespace penstock::fuzz
