// The scanner over one slab of random bytes. Beside what the sanitizers see:
//
//   - a scanner that is new and one that has scanned everything before give the same bytes
//   - bodies at the very end of their memory and bodies with room behind them give the same bytes: the first are
//     walked exactly, the second by the index of their structure where that is enough
//   - the rows of records tile the lines, the rows of errors lie in their frames, the verdicts count both
//   - every line is one JSON object to a parser that is not ours
#include "fixture.h"
#include "json-witness.h"

namespace {

using namespace penstock;
using namespace penstock::fuzz;

/// More than any walk may load behind an event.
constexpr size_t SLACK_BYTES = 256;

bool isSame(const void* left, const void* right, size_t bytes) {
  return bytes == 0 || std::memcmp(left, right, bytes) == 0;
}

void checkSame(const Slab& leftSlab, const Tables& leftTables, const Slab& rightSlab, const Tables& rightTables) {
  const Output& left = leftTables.output();
  const Output& right = rightTables.output();
  check(leftSlab.words() == rightSlab.words(), "verdicts are equal");
  check(left.errorCount == right.errorCount, "as many errors");
  check(isSame(left.errors, right.errors, left.errorCount * error_word::count * 4), "errors are equal");
  check(left.lineBytes == right.lineBytes, "as many bytes of lines");
  check(isSame(left.lines, right.lines, left.lineBytes), "lines are equal");
  check(left.recordCount == right.recordCount, "as many records");
  check(isSame(left.records, right.records, left.recordCount * record_word::count * 4), "records are equal");
  check(left.surrogatesReplaced == right.surrogatesReplaced, "as many surrogates");
}

void checkLines(const Output& output) {
  size_t end = 0;
  for (size_t index = 0; index < output.recordCount; index++) {
    const uint32_t* record = output.records + index * record_word::count;
    const size_t length = record[record_word::lineLength];
    check(record[record_word::lineOffset] == end && length > 2, "records tile the lines");
    end += length;
    check(end <= output.lineBytes, "a record lies in the lines");
    const Byte* line = output.lines + end - length;
    check(line[length - 1] == '\n' && std::memchr(line, '\n', length - 1) == nullptr, "a line is one line");
    check(isJsonObject(line, length - 1), "a line is a JSON object");
  }
  check(end == output.lineBytes, "no bytes between or behind the lines");
}

void checkVerdicts(const Input& input, const Slab& slab, const State& state, const Output& output) {
  size_t records = 0, errors = 0;
  for (size_t frame = 0; frame < input.frames.size(); frame++) {
    const uint32_t* row = slab.row(frame);
    const uint32_t reason = row[frame_word::reason];
    check(row[frame_word::recordStart] == records, "records follow their frames");
    records += row[frame_word::accepted];
    size_t own = row[frame_word::rejected];
    if (reason != 0) {
      check(row[frame_word::accepted] == 0 && own == 0, "a refused frame counts nothing");
      check(reason < state.keepsDeadLetter.size(), "a reason is known");
      own = state.keepsDeadLetter[reason] ? 1 : 0;
    }
    for (; own > 0; own--, errors++) {
      check(errors < output.errorCount, "an error for each rejected event");
      const uint32_t* error = output.errors + errors * error_word::count;
      check(error[error_word::frame] == frame, "errors follow their frames");
      const uint64_t start = error[error_word::offset];
      check(start >= row[frame_word::bodyOffset], "an error begins in its frame");
      check(start + error[error_word::length] <= row[frame_word::bodyOffset] + uint64_t{row[frame_word::bodyLength]},
            "an error ends in its frame");
    }
  }
  check(records == output.recordCount && errors == output.errorCount, "verdicts count every row");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input;
  if (!readInput(data, size, input)) return 0;
  const Slab tight(input, 0);
  const Slab roomy(input, SLACK_BYTES);
  Tables first, second;
  const std::unique_ptr<State> fresh = createState();
  static const std::unique_ptr<State> used = createState();
  applyLimits(fresh->limits, input.limitsRow);
  used->limits = fresh->limits;
  first.scan(*fresh, tight);
  second.scan(*used, roomy);
  checkSame(tight, first, roomy, second);
  checkVerdicts(input, tight, *fresh, first.output());
  checkLines(first.output());
  return 0;
}
