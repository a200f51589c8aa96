// The door of the record batches and of CRC-32C to JavaScript (src/sinks/kafka/record-batch-native.ts, src/crc32c.ts).
//
//   crc32c(bytes, seed)                              the CRC, of bytes behind others whose CRC is `seed`
//   createBatches(setup)                             an encoder, or undefined when the setup is not this build's
//   planBatches(encoder, counts, lines, records, headers)
//       true, or false when rows point out of the lines. `counts` is a Float64Array, in: bytes of lines, rows or -1,
//       the next line, partitions, partition of null keys, count of headers; out: the next line, records, batches,
//       refusals, bytes
//   writeBatches(encoder, lines, headers, bytes, batches, refusals)
//       true, or false when the memory is too small for the plan, or other than it was made with
//   groupLines(…)                                    lines by topic: group-lines.h
//   decodeRecords(counts, records, lines, strays)    lines of fetched records: decode.h. `counts` is a Float64Array, in:
//       records, the offset deltas that are wanted, from and up to; out: bytes of lines, lines, strays. True when the
//       records are whole
#pragma once
#include <new>

#include "../crc32c.h"
#include "../elements.h"
#include "batch-write.h"
#include "decode.h"
#include "group-lines.h"

namespace penstock {

/// Lines and headers up to here keep every sum of lengths within 31 bits; TypeScript's bounds are far below.
constexpr size_t PLAN_BYTES_MAX = size_t{1} << 28;
/// What a plan may keep from one call to the next for unescaped texts.
constexpr size_t UNESCAPED_KEEP_BYTES = 1 << 20;

inline napi_value crc32cOf(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const Elements bytes = elementsOf(env, arguments[0]);
  uint32_t seed = 0;
  napi_get_value_uint32(env, arguments[1], &seed);
  napi_value crc;
  napi_create_uint32(env, crc32c(static_cast<const Byte*>(bytes.data), bytes.length, seed), &crc);
  return crc;
}

inline bool isSound(const BatchSetup& setup) {
  if (setup.keyColumnCount > head_column::count || setup.callRecordsMax == 0 || setup.batchRecordsMax == 0) return false;
  for (const uint32_t column : setup.keyColumns) {
    if (column >= head_column::count) return false;
  }
  // Offsets are 31 bits, and a record that fits a batch must fit an empty output.
  return setup.batchBytesMax <= setup.outputBytesMax && setup.outputBytesMax < UNESCAPED;
}

inline napi_value createBatches(napi_env env, napi_callback_info info) {
  napi_value argument, encoder = nullptr;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  const Elements words = elementsOf(env, argument);
  BatchSetup setup{};
  if (words.length * sizeof(uint32_t) != sizeof(setup)) return nullptr;
  std::memcpy(&setup, words.data, sizeof(setup));
  if (!isSound(setup)) return nullptr;
  BatchPlan* plan = new (std::nothrow) BatchPlan();
  if (plan == nullptr) return nullptr;
  plan->setup = setup;
  const auto destroy = [](napi_env, void* held, void*) { delete static_cast<BatchPlan*>(held); };
  if (napi_create_external(env, plan, destroy, nullptr, &encoder) != napi_ok) delete plan;
  return encoder;
}

inline BatchPlan* planOf(napi_env env, napi_value encoder) {
  void* held = nullptr;
  napi_get_value_external(env, encoder, &held);
  return static_cast<BatchPlan*>(held);
}

inline napi_value booleanOf(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

inline napi_value planBatchesOf(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  size_t count = 5;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  BatchPlan* plan = planOf(env, arguments[0]);
  double* counts = static_cast<double*>(elementsOf(env, arguments[1]).data);
  const Elements lines = elementsOf(env, arguments[2]);
  const Elements records = elementsOf(env, arguments[3]);
  const Elements headers = elementsOf(env, arguments[4]);
  const bool hasRecords = counts[1] >= 0;
  BatchSource source{static_cast<const Byte*>(lines.data), static_cast<size_t>(counts[0]),
                     hasRecords ? static_cast<const uint32_t*>(records.data) : nullptr,
                     hasRecords ? static_cast<size_t>(counts[1]) : 0, static_cast<size_t>(counts[2])};
  const BatchTarget target{static_cast<uint32_t>(counts[3]), static_cast<uint32_t>(counts[4]),
                           static_cast<uint32_t>(counts[5]),
                           {static_cast<const Byte*>(headers.data), headers.length}};
  if (source.lineBytes > lines.length || source.lineBytes > PLAN_BYTES_MAX) return booleanOf(env, false);
  if (source.recordCount > records.length / record_word::count) return booleanOf(env, false);
  if (target.nullKeyPartition >= target.partitionCount || target.headers.length > PLAN_BYTES_MAX) {
    return booleanOf(env, false);
  }
  const bool isPlanned = planBatches(*plan, source, target);
  counts[0] = static_cast<double>(source.next);
  counts[1] = static_cast<double>(plan->recordCount);
  counts[2] = static_cast<double>(plan->batchCount);
  counts[3] = static_cast<double>(plan->refusalCount);
  counts[4] = static_cast<double>(plan->outputBytes);
  return booleanOf(env, isPlanned);
}

inline napi_value writeBatchesOf(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  size_t count = 6;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  BatchPlan* plan = planOf(env, arguments[0]);
  const Elements lines = elementsOf(env, arguments[1]);
  const Elements headers = elementsOf(env, arguments[2]);
  const Elements bytes = elementsOf(env, arguments[3]);
  const Elements batches = elementsOf(env, arguments[4]);
  const Elements refusals = elementsOf(env, arguments[5]);
  const bool fits = lines.length >= plan->lineBytes && headers.length == plan->headerBytes &&
                    bytes.length >= plan->outputBytes && batches.length >= plan->batchCount * batch_word::count &&
                    refusals.length >= plan->refusalCount * refusal_word::count;
  if (fits) {
    writeBatches(*plan, static_cast<const Byte*>(lines.data), {static_cast<const Byte*>(headers.data), headers.length},
                 {static_cast<Byte*>(bytes.data), static_cast<uint32_t*>(batches.data),
                  static_cast<uint32_t*>(refusals.data)});
  }
  // A plan is written once: its cursors have moved.
  plan->recordCount = plan->batchCount = plan->refusalCount = 0;
  if (plan->unescaped.capacity > UNESCAPED_KEEP_BYTES) plan->unescaped.release();
  return booleanOf(env, fits);
}

inline napi_value groupLinesOf(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  size_t count = 5;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const Elements lines = elementsOf(env, arguments[0]);
  bool wantsType = false, wantsApp = false;
  napi_get_value_bool(env, arguments[1], &wantsType);
  napi_get_value_bool(env, arguments[2], &wantsApp);
  const Elements sorted = elementsOf(env, arguments[3]);
  const Elements groups = elementsOf(env, arguments[4]);
  const bool fits = sorted.length >= lines.length && lines.length <= PLAN_BYTES_MAX;
  const int64_t found =
      fits ? groupLines({static_cast<const Byte*>(lines.data), lines.length}, wantsType, wantsApp,
                        static_cast<Byte*>(sorted.data), static_cast<uint32_t*>(groups.data),
                        groups.length / LINE_GROUP_WORDS)
           : -1;
  napi_value result;
  napi_create_int64(env, found, &result);
  return result;
}

inline napi_value decodeRecordsOf(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  size_t count = 4;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const Elements counts = elementsOf(env, arguments[0]);
  const Elements records = elementsOf(env, arguments[1]);
  const Elements lines = elementsOf(env, arguments[2]);
  const Elements strays = elementsOf(env, arguments[3]);
  if (counts.length < 3 || counts.data == nullptr) return booleanOf(env, false);
  double* const numbers = static_cast<double*>(counts.data);
  const DecodeSource source{{static_cast<const Byte*>(records.data), records.length},
                            numbers[0] < 0 ? 0 : static_cast<size_t>(numbers[0]),
                            static_cast<int64_t>(numbers[1]), static_cast<int64_t>(numbers[2])};
  DecodeOutput output{static_cast<Byte*>(lines.data), 0, 0, static_cast<uint32_t*>(strays.data), 0};
  const bool fits = lines.length >= records.length && strays.length / stray_word::count >= source.recordCount &&
                    source.recordCount * RECORD_BYTES_MIN <= records.length;
  const bool isWhole = fits && decodeRecords(source, output);
  numbers[0] = static_cast<double>(output.lineBytes);
  numbers[1] = static_cast<double>(output.lineCount);
  numbers[2] = static_cast<double>(output.strayCount);
  return booleanOf(env, isWhole);
}

/// Adds the functions above to what the addon exports, by `define(name, callback)`.
template <typename Define>
inline void defineRecordBatches(Define define) {
  define("crc32c", crc32cOf);
  define("createBatches", createBatches);
  define("planBatches", planBatchesOf);
  define("writeBatches", writeBatchesOf);
  define("groupLines", groupLinesOf);
  define("decodeRecords", decodeRecordsOf);
}

}  // namespace penstock
