// Which record goes into which batch, and how long everything will be, before a byte is written: the lengths of a
// record are varints in front of it, and a batch of one partition must lie in one piece.
#pragma once
#include "../murmur2.h"
#include "../setup.h"
#include "line-fields.h"
#include "varint.h"

namespace penstock {

/// Bytes of a batch before its records: baseOffset to the count of records.
constexpr uint32_t BATCH_HEADER_BYTES = 61;
/// `length` of a text that is not there: Kafka's null, which is not the empty text.
constexpr uint32_t NULL_LENGTH = 0xffffffff;
/// Set in `offset` of a text whose bytes are not the line's: they were unescaped.
constexpr uint32_t UNESCAPED = 0x80000000;

/// Bounds of src/limits.ts and what the sink's configuration says, in the order in which TypeScript sends them.
struct BatchSetup {
  uint32_t batchBytesMax, batchRecordsMax, outputBytesMax, callRecordsMax, hasRecordHash, keyColumnCount;
  /// The first of these columns that a line has is the key.
  uint32_t keyColumns[head_column::count];
};

/// Reasons of a refusal row (src/sinks/kafka/record-batch.ts).
namespace refusal {
enum : uint32_t { damagedLine = 1, recordTooLarge = 2 };
}

/// VIEWS for the time of one call.
struct BatchSource {
  const Byte* lines;
  size_t lineBytes;
  /// Record rows of the scan, or nullptr: then lines are found by their newlines.
  const uint32_t* records;
  size_t recordCount;
  /// The next line: its row, or its offset where there are no rows. Moved forward.
  size_t next;
};

struct BatchTarget {
  uint32_t partitionCount, nullKeyPartition;
  /// Headers that every record carries behind its own: their count, and their bytes as they stand in a record.
  uint32_t headerCount;
  Text headers;
};

/// A span of the lines, or of the unescaped texts.
struct Span {
  uint32_t offset, length;
};

struct PlannedRecord {
  Span value, key, eventId, appId;
  uint32_t batch;
  /// What stands in front of the record: its bytes without this number.
  uint32_t length;
  int64_t timestampDelta;
  uint32_t offsetDelta;
};

struct PlannedBatch {
  uint32_t partition, recordCount, bytes, offset;
  int64_t firstTimestamp, maxTimestamp;
  /// Where the next record is written.
  uint32_t cursor;
};

struct Refusal {
  uint32_t reason;
  Span line;
};

struct BatchPlan {
  BatchSetup setup;
  Room<PlannedRecord> records;
  Room<PlannedBatch> batches;
  Room<Refusal> refusals;
  /// By partition: its last batch, plus one; 0 while it has none.
  Room<uint32_t> openBatches;
  Room<Byte> unescaped;
  size_t recordCount = 0, batchCount = 0, refusalCount = 0, unescapedBytes = 0, outputBytes = 0;
  /// Of the source, and of the headers, with which the plan was made.
  size_t lineBytes = 0, headerBytes = 0;
  uint32_t headerCount = 0;
};

constexpr Literal EVENT_ID_HEADER = literal("event_id");
constexpr Literal APP_ID_HEADER = literal("app_id");

inline uint32_t textBytes(uint32_t length) {
  return length == NULL_LENGTH ? 1 : varintBytes(length) + length;
}

/// Headers of a record's own: its id, and its app where the line has one.
inline uint32_t ownHeaders(Span appId) { return appId.length == NULL_LENGTH ? 1 : 2; }

inline void refuse(BatchPlan& plan, uint32_t reason, Span line) {
  plan.refusals.items[plan.refusalCount++] = {reason, line};
}

/// The span of a text's own bytes; unescapes it where it must. False for an escape that JSON does not have.
inline bool spanOf(BatchPlan& plan, const Byte* lines, const HeadText& text, Span& span) {
  if (!text.isEscaped) {
    span = {static_cast<uint32_t>(text.start - lines), static_cast<uint32_t>(text.length)};
    return true;
  }
  plan.unescaped.reserve(plan.unescapedBytes + text.length, plan.unescapedBytes);
  Byte* first = plan.unescaped.items + plan.unescapedBytes;
  const Byte* behind = unescape(text.start, text.length, first);
  if (behind == nullptr) return false;
  span = {static_cast<uint32_t>(plan.unescapedBytes) | UNESCAPED, static_cast<uint32_t>(behind - first)};
  plan.unescapedBytes += span.length;
  return true;
}

/// VIEW of a span's bytes until the next text is unescaped.
inline const Byte* bytesOf(const BatchPlan& plan, const Byte* lines, Span span) {
  return (span.offset & UNESCAPED) != 0 ? plan.unescaped.items + (span.offset & ~UNESCAPED) : lines + span.offset;
}

/// Takes the next line and its row. Returns false at the end; `isSound` is false when a row points out of the lines.
inline bool takeLine(const BatchSource& source, size_t& next, Span& line, const uint32_t*& row, bool& isSound) {
  row = nullptr;
  if (source.records != nullptr) {
    if (next >= source.recordCount) return false;
    row = source.records + next * record_word::count;
    line = {row[record_word::lineOffset], row[record_word::lineLength]};
    next++;
    isSound = static_cast<uint64_t>(line.offset) + line.length <= source.lineBytes;
    return isSound;
  }
  if (next >= source.lineBytes) return false;
  const Byte* from = source.lines + next;
  const void* newline = std::memchr(from, '\n', source.lineBytes - next);
  const size_t length =
      newline == nullptr ? source.lineBytes - next : static_cast<size_t>(static_cast<const Byte*>(newline) - from) + 1;
  line = {static_cast<uint32_t>(next), static_cast<uint32_t>(length)};
  next += length;
  return true;
}

/// Fills everything of a record that does not depend on its batch. False for a line that is damaged.
inline bool readRecord(BatchPlan& plan, const BatchSource& source, Span line, const LineFields& fields,
                       PlannedRecord& record) {
  // The newline ends the line and is no part of the value.
  record.value = {line.offset, line.length - 1};
  record.key = {0, NULL_LENGTH};
  const HeadText* head = fields.head;
  for (uint32_t index = 0; index < plan.setup.keyColumnCount; index++) {
    const HeadText& text = head[plan.setup.keyColumns[index]];
    if (!text.isThere) continue;
    if (!spanOf(plan, source.lines, text, record.key)) return false;
    break;
  }
  record.appId = {0, NULL_LENGTH};
  const HeadText& app = head[head_column::appId];
  return spanOf(plan, source.lines, head[head_column::eventId], record.eventId) &&
         (!app.isThere || spanOf(plan, source.lines, app, record.appId));
}

/// Kafka's DefaultPartitioner of Java: murmur2 of the key without its sign, modulo the partitions.
inline uint32_t choosePartition(const BatchPlan& plan, const BatchSource& source, const BatchTarget& target,
                                const PlannedRecord& record, const uint32_t* row) {
  if (record.key.length == NULL_LENGTH) return target.nullKeyPartition;
  const uint32_t hash = row != nullptr && plan.setup.hasRecordHash != 0
                            ? row[record_word::keyHash]
                            : murmur2({bytesOf(plan, source.lines, record.key), record.key.length});
  return (hash & 0x7fffffff) % target.partitionCount;
}

/// Bytes of a record behind its length, but for its two deltas.
inline uint32_t fixedRecordBytes(const PlannedRecord& record, const BatchTarget& target) {
  const uint32_t attributesBytes = 1;
  const uint32_t appBytes = record.appId.length == NULL_LENGTH ? 0
                                                               : textBytes(static_cast<uint32_t>(APP_ID_HEADER.length)) +
                                                                     textBytes(record.appId.length);
  return attributesBytes + textBytes(record.key.length) + textBytes(record.value.length) +
         varintBytes(ownHeaders(record.appId) + target.headerCount) +
         textBytes(static_cast<uint32_t>(EVENT_ID_HEADER.length)) + textBytes(record.eventId.length) + appBytes +
         static_cast<uint32_t>(target.headers.length);
}

enum class Placed { yes, tooLarge, outputFull };

/// Puts the record behind the last one of its partition, or first into a new batch where that one is full.
inline Placed placeRecord(BatchPlan& plan, const BatchTarget& target, uint32_t partition, int64_t timestamp,
                          PlannedRecord& record) {
  const BatchSetup& setup = plan.setup;
  const uint32_t fixed = fixedRecordBytes(record, target);
  const uint32_t open = plan.openBatches.items[partition];
  if (open != 0) {
    PlannedBatch& batch = plan.batches.items[open - 1];
    record.timestampDelta = timestamp - batch.firstTimestamp;
    record.offsetDelta = batch.recordCount;
    record.length = fixed + varintBytes(record.timestampDelta) + varintBytes(record.offsetDelta);
    const uint32_t bytes = varintBytes(record.length) + record.length;
    if (batch.recordCount < setup.batchRecordsMax && batch.bytes + bytes <= setup.batchBytesMax) {
      if (plan.outputBytes + bytes > setup.outputBytesMax) return Placed::outputFull;
      record.batch = open - 1;
      batch.recordCount++;
      batch.bytes += bytes;
      if (timestamp > batch.maxTimestamp) batch.maxTimestamp = timestamp;
      plan.outputBytes += bytes;
      return Placed::yes;
    }
  }
  record.timestampDelta = 0;
  record.offsetDelta = 0;
  record.length = fixed + 2;
  const uint32_t bytes = BATCH_HEADER_BYTES + varintBytes(record.length) + record.length;
  if (bytes > setup.batchBytesMax) return Placed::tooLarge;
  if (plan.outputBytes + bytes > setup.outputBytesMax) return Placed::outputFull;
  record.batch = static_cast<uint32_t>(plan.batchCount);
  plan.batches.reserve(plan.batchCount + 1, plan.batchCount);
  plan.batches.items[plan.batchCount++] = {partition, 1, bytes, 0, timestamp, timestamp, 0};
  plan.openBatches.items[partition] = static_cast<uint32_t>(plan.batchCount);
  plan.outputBytes += bytes;
  return Placed::yes;
}

/// Batches stand one behind the other, in the order in which they were begun.
inline void layOut(BatchPlan& plan) {
  uint32_t offset = 0;
  for (size_t index = 0; index < plan.batchCount; index++) {
    PlannedBatch& batch = plan.batches.items[index];
    batch.offset = offset;
    batch.cursor = offset + BATCH_HEADER_BYTES;
    offset += batch.bytes;
  }
}

inline void openPlan(BatchPlan& plan, const BatchSource& source, const BatchTarget& target) {
  plan.recordCount = plan.batchCount = plan.refusalCount = plan.unescapedBytes = plan.outputBytes = 0;
  plan.lineBytes = source.lineBytes;
  plan.headerBytes = target.headers.length;
  plan.headerCount = target.headerCount;
  plan.records.reserve(plan.setup.callRecordsMax, 0);
  plan.refusals.reserve(plan.setup.callRecordsMax, 0);
  plan.openBatches.reserve(target.partitionCount, 0);
  std::memset(plan.openBatches.items, 0, target.partitionCount * sizeof(uint32_t));
}

/// Plans from `source.next` on, until the lines end or the output or the tables are full, and moves `source.next`.
/// False, with nothing planned, when a row points out of the lines: a bug of the caller, never bad input.
inline bool planBatches(BatchPlan& plan, BatchSource& source, const BatchTarget& target) {
  openPlan(plan, source, target);
  KnownTail known;
  LineFields fields;
  Span line;
  const uint32_t* row;
  bool isSound = true;
  size_t next = source.next;
  while (plan.recordCount + plan.refusalCount < plan.setup.callRecordsMax &&
         takeLine(source, next, line, row, isSound)) {
    PlannedRecord& record = plan.records.items[plan.recordCount];
    const size_t unescapedBytes = plan.unescapedBytes;
    if (!readLineFields({source.lines + line.offset, line.length}, known, fields) ||
        !readRecord(plan, source, line, fields, record)) {
      plan.unescapedBytes = unescapedBytes;
      refuse(plan, refusal::damagedLine, line);
    } else {
      const uint32_t partition = choosePartition(plan, source, target, record, row);
      const Placed placed = placeRecord(plan, target, partition, fields.receivedMs, record);
      // The line is the next call's first.
      if (placed == Placed::outputFull) break;
      if (placed == Placed::yes) plan.recordCount++;
      else refuse(plan, refusal::recordTooLarge, line);
    }
    source.next = next;
  }
  layOut(plan);
  return isSound;
}

}  // namespace penstock
