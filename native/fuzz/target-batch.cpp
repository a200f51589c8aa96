// Canonical lines, sound and damaged, into Kafka's record batches. Beside what the sanitizers see in memory that ends
// where the lines, the batches and the tables end:
//
//   - what is written fills what was planned, and a reader that shares nothing with the encoder finds it well formed
//   - every line is the value of one record, or in one refusal row; lines of a partition keep their order
//   - lines alone and lines with their record rows give the same bytes; so do one call and many, but for where batches end
//   - a line that is refused changes nothing: without it the records are the same; lines of the scanner are not refused
//     as damaged
#include "../crc32c.h"
#include "../kafka/batch-write.h"
#include "batch-reader.h"
#include "lines.h"

namespace {

using namespace penstock;
using namespace penstock::fuzz;

constexpr uint32_t PARTITIONS = 3, NULL_KEY_PARTITION = 1;
/// One header, as it stands in a record: `h` = `v`.
constexpr Byte HEADERS[] = {2, 'h', 2, 'v'};
constexpr uint32_t LARGE = 1 << 20;

/// Shipped bounds in little; batches of few records; calls of few lines; batches that large lines do not fit.
constexpr BatchSetup BOUNDS[] = {
    {LARGE, LARGE, LARGE, 4096, 1, 2, {head_column::deviceId, head_column::userId}},
    {600, 2, LARGE, 4096, 1, 2, {head_column::deviceId, head_column::userId}},
    {900, 100, 1200, 2, 0, 2, {head_column::userId, head_column::appId}},
    {300, 100, 700, 3, 0, 6, {5, 4, 3, 2, 1, 0}},
};

struct Encoded {
  /// Bytes and rows of all calls, one behind the other.
  std::string bytes;
  /// Records of a partition in their order.
  std::vector<std::vector<ReadRecord>> records{PARTITIONS};
  /// Where each line that was refused begins, and why.
  std::vector<std::pair<size_t, uint32_t>> refused;
  size_t recordCount = 0;
};

void readCall(const BatchPlan& plan, const BatchOutput& output, Encoded& encoded) {
  size_t offset = 0;
  for (size_t index = 0; index < plan.batchCount; index++) {
    const uint32_t* row = output.batches + index * batch_word::count;
    check(row[batch_word::offset] == offset, "batches tile the bytes");
    check(row[batch_word::length] <= plan.outputBytes - offset, "a batch lies in the bytes");
    check(row[batch_word::length] <= plan.setup.batchBytesMax, "a batch is within its bound");
    offset += row[batch_word::length];
    // In memory of its own length, so that no batch is read by the help of the next.
    const std::unique_ptr<Byte[]> exact = copyOf(output.bytes + row[batch_word::offset], row[batch_word::length]);
    const ReadBatch batch = BatchReader(exact.get(), row[batch_word::length]).read();
    check(batch.records.size() == row[batch_word::recordCount], "a row counts its records");
    check(batch.records.size() <= plan.setup.batchRecordsMax, "a batch has no more records than it may");
    double times[2];
    std::memcpy(times, row + batch_word::firstTimestampMs, sizeof(times));
    check(times[0] == static_cast<double>(batch.firstTimestampMs) && times[1] == static_cast<double>(batch.maxTimestampMs),
          "a row has the times of its batch");
    const uint32_t partition = row[batch_word::partition];
    check(partition < PARTITIONS, "a partition is one of the topic's");
    for (const ReadRecord& record : batch.records) {
      const Text key{reinterpret_cast<const Byte*>(record.key.data()), record.key.size()};
      const uint32_t chosen = record.hasKey ? (murmur2(key) & 0x7fffffff) % PARTITIONS : NULL_KEY_PARTITION;
      check(partition == chosen, "a record is in the partition of its key");
      encoded.records[partition].push_back(record);
    }
    encoded.recordCount += batch.records.size();
  }
  check(offset == plan.outputBytes, "what is written fills what was planned");
}

Encoded encode(BatchPlan& plan, const Lines& lines, const BatchSetup& setup, bool hasRows) {
  plan.setup = setup;
  const std::unique_ptr<Byte[]> headers = copyOf(HEADERS, sizeof(HEADERS));
  const BatchTarget target{PARTITIONS, NULL_KEY_PARTITION, 1, {headers.get(), sizeof(HEADERS)}};
  const size_t rowCount = lines.records.size() / record_word::count;
  const size_t rowBytes = lines.records.size() * sizeof(uint32_t);
  std::unique_ptr<uint32_t[]> rows(new uint32_t[lines.records.size()]);
  if (rowBytes > 0) std::memcpy(rows.get(), lines.records.data(), rowBytes);
  BatchSource source{lines.bytes.get(), lines.length, hasRows ? rows.get() : nullptr, hasRows ? rowCount : 0, 0};
  Encoded encoded;
  for (const size_t end = hasRows ? rowCount : lines.length; source.next < end;) {
    const size_t before = source.next;
    check(planBatches(plan, source, target), "sound rows are planned");
    check(source.next > before, "a call moves on");
    check(plan.recordCount + plan.refusalCount <= setup.callRecordsMax, "a call has no more lines than it may");
    check(plan.outputBytes <= setup.outputBytesMax, "a call gives no more bytes than it may");
    const std::unique_ptr<Byte[]> bytes(new Byte[plan.outputBytes]);
    const std::unique_ptr<uint32_t[]> batches(new uint32_t[plan.batchCount * batch_word::count]());
    const std::unique_ptr<uint32_t[]> refusals(new uint32_t[plan.refusalCount * refusal_word::count]);
    // What was not written is seen in the comparisons.
    if (plan.outputBytes > 0) std::memset(bytes.get(), 0xa5, plan.outputBytes);
    const BatchOutput output{bytes.get(), batches.get(), refusals.get()};
    writeBatches(plan, lines.bytes.get(), target.headers, output);
    readCall(plan, output, encoded);
    encoded.bytes += textOf(bytes.get(), plan.outputBytes);
    for (size_t index = 0; index < plan.refusalCount; index++) {
      const uint32_t* row = refusals.get() + index * refusal_word::count;
      encoded.refused.emplace_back(row[refusal_word::lineOffset], row[refusal_word::reason]);
    }
  }
  return encoded;
}

/// Every line, in its order, is the next record of a partition or the next refusal. The lines that are records.
std::vector<std::string> checkLinesAreThere(const Encoded& encoded, const std::vector<std::string>& lines) {
  std::vector<size_t> next(PARTITIONS, 0);
  std::vector<std::string> sound;
  size_t offset = 0, refusal = 0;
  for (const std::string& line : lines) {
    if (refusal < encoded.refused.size() && encoded.refused[refusal].first == offset) {
      refusal++;
    } else {
      sound.push_back(line);
      const std::string value = line.substr(0, line.size() - 1);
      bool isThere = false;
      for (uint32_t partition = 0; partition < PARTITIONS && !isThere; partition++) {
        const std::vector<ReadRecord>& records = encoded.records[partition];
        isThere = next[partition] < records.size() && records[next[partition]].value == value;
        if (isThere) next[partition]++;
      }
      check(isThere, "a line that is not refused is the next record of its partition");
    }
    offset += line.size();
  }
  check(refusal == encoded.refused.size() && sound.size() == encoded.recordCount, "every line is once in what comes out");
  return sound;
}

void checkHeaders(const Encoded& encoded) {
  for (const auto& records : encoded.records) {
    for (const ReadRecord& record : records) {
      const auto& headers = record.headers;
      check(headers.size() == 2 || headers.size() == 3, "two headers, or three with an app");
      check(headers.front().first == "event_id", "the first header is the id");
      check(headers.size() == 2 || headers[1].first == "app_id", "the second header is the app");
      check(headers.back() == std::pair<std::string, std::string>("h", "v"), "the last header is the target's");
    }
  }
}

void checkBatches(const Lines& lines, const BatchSetup& setup) {
  static BatchPlan used;
  BatchPlan fresh;
  const Encoded encoded = encode(fresh, lines, setup, false);
  check(encoded.bytes == encode(used, lines, setup, false).bytes, "a used plan gives the same bytes");
  checkHeaders(encoded);
  const std::vector<std::string> sound = checkLinesAreThere(encoded, splitLines(lines.text()));
  BatchPlan clean;
  const Encoded without = encode(clean, Lines(joinLines(sound)), setup, false);
  check(without.refused.empty(), "lines that were taken are taken again");
  check(without.records == encoded.records, "a line that is refused leaves no trace");
  // In one call, and in batches of any size: the same records where none is too large for its batch.
  BatchSetup large = setup;
  large.batchBytesMax = large.batchRecordsMax = large.outputBytesMax = LARGE;
  large.callRecordsMax = 4096;
  check(encode(clean, Lines(joinLines(sound)), large, false).records == encoded.records, "calls and batches split nothing");
}

void checkCrc(const Byte* bytes, size_t length, size_t split) {
  split = std::min(split, length);
  const uint32_t whole = crc32c(bytes, length, 0);
  check(whole == crc32c(bytes + split, length - split, crc32c(bytes, split, 0)), "a CRC goes on from a part's");
  check(whole == ~extendCrc32cPortable(~uint32_t{0}, bytes, length), "both CRCs are equal");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input;
  if (!readInput(data, size, input)) return 0;
  const BatchSetup& setup = BOUNDS[boundsRowOf(input)];
  const Lines lines = linesOf(input);
  checkCrc(lines.bytes.get(), lines.length, data[3] * 5u);
  if (isLines(input)) {
    checkBatches(lines, setup);
    return 0;
  }
  BatchPlan plan, other;
  const Encoded alone = encode(plan, lines, setup, false);
  const Encoded withRows = encode(other, lines, setup, true);
  check(alone.bytes == withRows.bytes && alone.refused == withRows.refused, "lines alone give what their rows give");
  for (const auto& [offset, reason] : alone.refused) {
    check(reason == refusal::recordTooLarge, "lines of the scanner are sound");
  }
  checkBatches(Lines(withDamagedLine(splitLines(lines.text()), data[3] * 256u + data[2])), setup);
  return 0;
}
