// Writes the record batches of a plan. Format: Kafka protocol guide, "Record Batch" (magic 2, KIP-98):
//
//   baseOffset int64 · batchLength int32, of what follows · partitionLeaderEpoch int32 · magic int8 · crc uint32 ·
//   attributes int16 · lastOffsetDelta int32 · baseTimestamp int64 · maxTimestamp int64 · producerId int64 ·
//   producerEpoch int16 · baseSequence int32 · recordCount int32 · records
//
//   record: length varint · attributes int8 · timestampDelta varlong · offsetDelta varint · key · value ·
//           headerCount varint · headers of a name and a value each; all of these a varint length and its bytes
#pragma once
#include "batch-plan.h"

namespace penstock {

/// Words of a batch row and of a refusal row (src/sinks/kafka/record-batch.ts).
namespace batch_word {
enum : uint32_t { partition, offset, length, recordCount, firstTimestampMs, maxTimestampMs = 6, count = 8 };
}
namespace refusal_word {
enum : uint32_t { reason, lineOffset, lineLength, count = 4 };
}

constexpr Byte BATCH_MAGIC = 2;
/// Bytes of a batch that its length does not count: base offset and the length itself.
constexpr uint32_t BATCH_LENGTH_END = 12;

/// Memory of the caller, large enough for the plan.
struct BatchOutput {
  Byte* bytes;
  uint32_t* batches;
  uint32_t* refusals;
};

inline Byte* writeText(Byte* to, const Byte* bytes, uint32_t length) {
  if (length == NULL_LENGTH) return writeVarint(to, -1);
  return copyBytes(writeVarint(to, length), bytes, length);
}

inline Byte* writeLiteral(Byte* to, Literal text) {
  return writeText(to, reinterpret_cast<const Byte*>(text.text), static_cast<uint32_t>(text.length));
}

inline Byte* writeRecord(const BatchPlan& plan, const PlannedRecord& record, const Byte* lines, Text headers,
                         Byte* to) {
  to = writeVarint(to, record.length);
  // Attributes of a record: none are defined.
  *to++ = 0;
  to = writeVarint(to, record.timestampDelta);
  to = writeVarint(to, record.offsetDelta);
  to = writeText(to, bytesOf(plan, lines, record.key), record.key.length);
  to = writeText(to, lines + record.value.offset, record.value.length);
  to = writeVarint(to, ownHeaders(record.appId) + plan.headerCount);
  to = writeText(writeLiteral(to, EVENT_ID_HEADER), bytesOf(plan, lines, record.eventId), record.eventId.length);
  if (record.appId.length != NULL_LENGTH) {
    to = writeText(writeLiteral(to, APP_ID_HEADER), bytesOf(plan, lines, record.appId), record.appId.length);
  }
  return copyText(to, headers);
}

/// The header as it stands before a producer seals the batch: no CRC, no producer, uncompressed, timestamps CreateTime.
inline void writeBatchHeader(const PlannedBatch& batch, Byte* to) {
  to = writeBig64(to, 0);
  to = writeBig32(to, batch.bytes - BATCH_LENGTH_END);
  // As the Java producer: the epoch is the broker's to fill in.
  to = writeBig32(to, 0xffffffff);
  *to++ = BATCH_MAGIC;
  to = writeBig32(to, 0);
  to = writeBig16(to, 0);
  to = writeBig32(to, batch.recordCount - 1);
  to = writeBig64(to, static_cast<uint64_t>(batch.firstTimestamp));
  to = writeBig64(to, static_cast<uint64_t>(batch.maxTimestamp));
  to = writeBig64(to, ~uint64_t{0});
  to = writeBig16(to, 0xffff);
  to = writeBig32(to, 0xffffffff);
  writeBig32(to, batch.recordCount);
}

inline void writeBatchRow(const PlannedBatch& batch, uint32_t* row) {
  row[batch_word::partition] = batch.partition;
  row[batch_word::offset] = batch.offset;
  row[batch_word::length] = batch.bytes;
  row[batch_word::recordCount] = batch.recordCount;
  const double times[] = {static_cast<double>(batch.firstTimestamp), static_cast<double>(batch.maxTimestamp)};
  std::memcpy(row + batch_word::firstTimestampMs, &times[0], sizeof(double));
  std::memcpy(row + batch_word::maxTimestampMs, &times[1], sizeof(double));
}

/// Writes what was planned. `lines` and `headers` are those of the plan.
inline void writeBatches(BatchPlan& plan, const Byte* lines, Text headers, const BatchOutput& output) {
  for (size_t index = 0; index < plan.recordCount; index++) {
    const PlannedRecord& record = plan.records.items[index];
    PlannedBatch& batch = plan.batches.items[record.batch];
    Byte* const end = writeRecord(plan, record, lines, headers, output.bytes + batch.cursor);
    batch.cursor = static_cast<uint32_t>(end - output.bytes);
  }
  for (size_t index = 0; index < plan.batchCount; index++) {
    const PlannedBatch& batch = plan.batches.items[index];
    writeBatchHeader(batch, output.bytes + batch.offset);
    writeBatchRow(batch, output.batches + index * batch_word::count);
  }
  for (size_t index = 0; index < plan.refusalCount; index++) {
    const Refusal& refused = plan.refusals.items[index];
    uint32_t* row = output.refusals + index * refusal_word::count;
    row[refusal_word::reason] = refused.reason;
    row[refusal_word::lineOffset] = refused.line.offset;
    row[refusal_word::lineLength] = refused.line.length;
    row[refusal_word::count - 1] = 0;
  }
}

}  // namespace penstock
