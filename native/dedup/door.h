// The door of the dedup window to JavaScript (src/dedup/native.ts). `memory` is a BigUint64Array over the window's shared memory.
//
//   findRepeats(memory, lines, records, recordCount, made, nowMs, fresh, repeats, places, counts)
//       true, or false when a record points out of the lines or a table is too small. `fresh` is a BigUint64Array of two words an id,
//       `repeats` one, `places` twice as many, a power of two, all 0; `made` is empty or MADE_SUFFIX_BYTES long.
//       `counts` is a Uint32Array, out: new ids, repeats
//   rememberIds(memory, ids, count, nowMs)            true, or false when the memory is no window
//   rememberLines(memory, lines, nowMs)               lines whose ids are remembered now; -1 when the memory is no window
//   writeSharedIds(key, lines, records, recordCount, made, repeats, repeatCount, to)
//       ids written to the bytes `to`; -1 when it has no room for them, a record points out of the lines or a table is too small. `key` is a BigUint64Array of two words, `repeats` what findRepeats gave
#pragma once
#include "../elements.h"
#include "shared.h"
#include "slab.h"

namespace penstock {

inline bool windowOf(napi_env env, napi_value value, Window& window) {
  const Elements memory = elementsOf(env, value);
  return memory.data != nullptr && openWindow(memory.data, memory.length * sizeof(uint64_t), window);
}

inline napi_value truth(napi_env env, bool is) {
  napi_value value;
  napi_get_boolean(env, is, &value);
  return value;
}

inline napi_value findRepeatsOf(napi_env env, napi_callback_info info) {
  napi_value arguments[10];
  size_t count = 10;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Window window{};
  if (!windowOf(env, arguments[0], window)) return truth(env, false);
  const Elements lines = elementsOf(env, arguments[1]);
  const Elements records = elementsOf(env, arguments[2]);
  uint32_t recordCount = 0;
  napi_get_value_uint32(env, arguments[3], &recordCount);
  const Elements made = elementsOf(env, arguments[4]);
  int64_t nowMs = 0;
  napi_get_value_int64(env, arguments[5], &nowMs);
  const Elements fresh = elementsOf(env, arguments[6]);
  const Elements repeats = elementsOf(env, arguments[7]);
  const Elements places = elementsOf(env, arguments[8]);
  const Elements counts = elementsOf(env, arguments[9]);
  const size_t wanted = recordCount;
  if (records.length / record_word::count < wanted || fresh.length / 2 < wanted || repeats.length < wanted ||
      places.length < 2 * wanted || places.length == 0 || (places.length & (places.length - 1)) != 0 || counts.length < 2 ||
      (made.length != 0 && made.length != MADE_SUFFIX_BYTES)) {
    return truth(env, false);
  }
  SlabIds found{static_cast<LineId*>(fresh.data), 0, static_cast<uint32_t*>(repeats.data), 0,
                static_cast<uint32_t*>(places.data), places.length - 1};
  const bool isDone = findRepeats(window, {static_cast<const Byte*>(lines.data), lines.length},
                                  static_cast<const uint32_t*>(records.data), wanted,
                                  made.length == 0 ? nullptr : static_cast<const Byte*>(made.data), nowMs, found);
  uint32_t* out = static_cast<uint32_t*>(counts.data);
  out[0] = static_cast<uint32_t>(found.freshCount);
  out[1] = static_cast<uint32_t>(found.repeatCount);
  return truth(env, isDone);
}

inline napi_value rememberIdsOf(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  size_t count = 4;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Window window{};
  const Elements ids = elementsOf(env, arguments[1]);
  uint32_t idCount = 0;
  napi_get_value_uint32(env, arguments[2], &idCount);
  int64_t nowMs = 0;
  napi_get_value_int64(env, arguments[3], &nowMs);
  if (!windowOf(env, arguments[0], window) || ids.length / 2 < idCount) return truth(env, false);
  rememberIds(window, static_cast<const LineId*>(ids.data), idCount, nowMs);
  return truth(env, true);
}

inline napi_value rememberLinesOf(napi_env env, napi_callback_info info) {
  napi_value arguments[3], value;
  size_t count = 3;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Window window{};
  const Elements lines = elementsOf(env, arguments[1]);
  int64_t nowMs = 0;
  napi_get_value_int64(env, arguments[2], &nowMs);
  const bool isWindow = windowOf(env, arguments[0], window);
  const Text text{static_cast<const Byte*>(lines.data), lines.length};
  napi_create_double(env, isWindow ? static_cast<double>(rememberLines(window, text, nowMs)) : -1, &value);
  return value;
}

inline napi_value writeSharedIdsOf(napi_env env, napi_callback_info info) {
  napi_value arguments[8], value;
  size_t count = 8;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const Elements key = elementsOf(env, arguments[0]);
  const Elements lines = elementsOf(env, arguments[1]);
  const Elements records = elementsOf(env, arguments[2]);
  uint32_t recordCount = 0, repeatCount = 0;
  napi_get_value_uint32(env, arguments[3], &recordCount);
  const Elements made = elementsOf(env, arguments[4]);
  const Elements repeats = elementsOf(env, arguments[5]);
  napi_get_value_uint32(env, arguments[6], &repeatCount);
  const Elements to = elementsOf(env, arguments[7]);
  const bool isSound = key.length == 2 && records.length / record_word::count >= recordCount && repeats.length >= repeatCount &&
                       (made.length == 0 || made.length == MADE_SUFFIX_BYTES);
  const Text text{static_cast<const Byte*>(lines.data), lines.length};
  const int64_t written =
      isSound ? writeSharedIds(static_cast<const uint64_t*>(key.data), text, static_cast<const uint32_t*>(records.data),
                               recordCount, made.length == 0 ? nullptr : static_cast<const Byte*>(made.data),
                               static_cast<const uint32_t*>(repeats.data), repeatCount, static_cast<Byte*>(to.data),
                               to.length / SHARED_ID_BYTES)
              : -1;
  napi_create_double(env, static_cast<double>(written), &value);
  return value;
}

template <typename Define>
void defineDedup(Define define) {
  define("findRepeats", findRepeatsOf);
  define("rememberIds", rememberIdsOf);
  define("rememberLines", rememberLinesOf);
  define("writeSharedIds", writeSharedIdsOf);
}

}  // namespace penstock
