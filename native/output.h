// Where lines, records and error rows go. The memory is the caller's; the caller also makes it larger, so that what
// a slab has grown belongs to JavaScript's heap and is given back by its collector.
#pragma once
#include "setup.h"

namespace penstock {

enum class Table : uint32_t { lines, records, errors };

struct Output {
  Byte* lines;
  size_t linesCapacity, lineBytes;
  uint32_t* records;
  size_t recordsCapacity, recordCount;
  uint32_t* errors;
  size_t errorsCapacity, errorCount;
  uint64_t surrogatesReplaced;

  /// Gives `bytes` bytes of which the first `kept` hold what `table` held. Does not return without.
  Byte* (*grow)(void* context, Table table, const void* from, size_t kept, size_t bytes);
  void* context;
};

struct Marks {
  size_t lineBytes, recordCount, errorCount;
  uint64_t surrogatesReplaced;
};

inline size_t larger(size_t left, size_t right) { return left > right ? left : right; }

__attribute__((noinline)) inline Byte* growLines(Output& output, size_t used, size_t wanted) {
  const size_t capacity = larger(wanted, 2 * output.linesCapacity);
  output.lines = output.grow(output.context, Table::lines, output.lines, used, capacity);
  output.linesCapacity = capacity;
  return output.lines + used;
}

/// Makes room for `more` bytes at `to` of the lines, and the slack of a wide copy behind them; those before it are kept.
/// Returns the same place, which may have moved.
inline __attribute__((always_inline)) Byte* reserveLines(Output& output, Byte* to, size_t more) {
  const size_t used = static_cast<size_t>(to - output.lines);
  const size_t wanted = used + more + COPY_SLACK_BYTES;
  return __builtin_expect(wanted <= output.linesCapacity, 1) ? to : growLines(output, used, wanted);
}

/// A new row behind the records. The caller fills it.
inline uint32_t* addRecord(Output& output) {
  if (output.recordCount == output.recordsCapacity) {
    const size_t capacity = larger(1, 2 * output.recordsCapacity);
    const size_t rowBytes = record_word::count * sizeof(uint32_t);
    output.records = reinterpret_cast<uint32_t*>(output.grow(
        output.context, Table::records, output.records, output.recordCount * rowBytes, capacity * rowBytes));
    output.recordsCapacity = capacity;
  }
  return output.records + record_word::count * output.recordCount++;
}

/// A new row behind the errors. The caller fills it.
inline uint32_t* addErrorRow(Output& output) {
  if (output.errorCount == output.errorsCapacity) {
    const size_t capacity = larger(1, 2 * output.errorsCapacity);
    const size_t rowBytes = error_word::count * sizeof(uint32_t);
    output.errors = reinterpret_cast<uint32_t*>(
        output.grow(output.context, Table::errors, output.errors, output.errorCount * rowBytes, capacity * rowBytes));
    output.errorsCapacity = capacity;
  }
  return output.errors + error_word::count * output.errorCount++;
}

}  // namespace penstock
