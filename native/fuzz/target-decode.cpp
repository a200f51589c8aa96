// Records of fetched batches, sound and damaged, into canonical lines (kafka/decode.h). Beside what the sanitizers see in memory
// that ends where records, lines and strays end:
//
//   - lines end with a newline each, and have no other; strays stand in the order of the records
//   - records that are written from lines give each line back, or a stray for it; a wanted range gives the lines in it alone
//   - bytes behind the records, or records that are missing, are found
#include "../kafka/decode.h"
#include "../kafka/varint.h"
#include "lines.h"

namespace {

using namespace penstock;
using namespace penstock::fuzz;

struct Decoded {
  bool isWhole;
  std::string lines;
  size_t lineCount;
  std::vector<uint32_t> strays;
};

Decoded decode(const std::string& records, size_t count, int64_t from, int64_t to) {
  if (count * RECORD_BYTES_MIN > records.size()) return {false, {}, 0, {}};
  const std::unique_ptr<Byte[]> bytes = copyOf(reinterpret_cast<const Byte*>(records.data()), records.size());
  const std::unique_ptr<Byte[]> lines(new Byte[records.size()]);
  const std::unique_ptr<uint32_t[]> strays(new uint32_t[count * stray_word::count]);
  DecodeOutput output{lines.get(), 0, 0, strays.get(), 0};
  const bool isWhole = decodeRecords({{bytes.get(), records.size()}, count, from, to}, output);
  check(output.lineBytes <= records.size() && output.strayCount <= count, "what comes out fits");
  return {isWhole, textOf(lines.get(), output.lineBytes), output.lineCount,
          std::vector<uint32_t>(strays.get(), strays.get() + output.strayCount * stray_word::count)};
}

void checkShape(const Decoded& decoded) {
  size_t newlines = 0;
  for (const char letter : decoded.lines) newlines += letter == '\n';
  check(newlines == decoded.lineCount, "each line has its newline");
  check(decoded.lines.empty() || decoded.lines.back() == '\n', "the last one too");
  for (size_t at = stray_word::count; at < decoded.strays.size(); at += stray_word::count) {
    check(decoded.strays[at - stray_word::count] < decoded.strays[at], "strays are in order");
  }
}

void appendVarint(std::string& to, int64_t value) {
  Byte bytes[10];
  to.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(writeVarint(bytes, value) - bytes));
}

/// A record with a key, the value and a header.
void appendRecord(std::string& to, size_t index, const std::string& value) {
  std::string record(1, '\0');
  appendVarint(record, static_cast<int64_t>(index) - 3);
  appendVarint(record, static_cast<int64_t>(index));
  appendVarint(record, index % 2 == 0 ? -1 : 1);
  if (index % 2 == 1) record += 'k';
  appendVarint(record, static_cast<int64_t>(value.size()));
  record += value;
  appendVarint(record, 1);
  appendVarint(record, 1);
  record += 'h';
  appendVarint(record, -1);
  appendVarint(to, static_cast<int64_t>(record.size()));
  to += record;
}

/// Values of the lines of an input as records, whole and in part.
void checkWritten(const std::vector<std::string>& values) {
  std::string records;
  for (size_t index = 0; index < values.size(); index++) appendRecord(records, index, values[index]);
  const size_t count = values.size();
  const Decoded all = decode(records, count, 0, static_cast<int64_t>(count));
  check(all.isWhole, "records that were written are whole");
  checkShape(all);
  check(all.lineCount + all.strays.size() / stray_word::count == count, "each record is a line or a stray");
  check(!decode(records + '\0', count, 0, 1).isWhole, "a byte behind the records is found");
  if (count == 0) return;
  check(!decode(records, count - 1, 0, 1).isWhole, "a record behind the last is found");
  check(!decode(records.substr(0, records.size() - 1), count, 0, 1).isWhole, "a cut record is found");
  const auto middle = static_cast<int64_t>(count / 2);
  const Decoded first = decode(records, count, 0, middle);
  const Decoded second = decode(records, count, middle, static_cast<int64_t>(count));
  check(first.lines + second.lines == all.lines, "two ranges give the lines of both");
  check(first.strays.size() + second.strays.size() == all.strays.size(), "and the strays");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size >= 3) {
    const std::string records(reinterpret_cast<const char*>(data + 3), size - 3);
    const Decoded raw = decode(records, data[0] % 64, data[1] % 8, data[2] % 64);
    if (raw.isWhole) checkShape(raw);
  }
  Input input;
  if (!readInput(data, size, input)) return 0;
  std::vector<std::string> values = splitLines(linesOf(input).text());
  for (std::string& value : values) {
    if (!value.empty() && value.back() == '\n') value.pop_back();
  }
  if (values.size() > 64) values.resize(64);
  checkWritten(values);
  return 0;
}
