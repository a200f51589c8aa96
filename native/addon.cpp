// The door to JavaScript, in plain Node-API: nothing here depends on a Node release.
//
//   kernel()                                          name of the instruction set that simdjson chose
//   create(setupWords, setupBytes)                    a scanner, or undefined when the setup is not this build's
//   scan(scanner, output, counts, words, baseTimeMs, source0, source1, lines, records, errors)
//       true, or false when the slab contradicts itself. `counts` is a Float64Array of the id counter in, and of
//       id counter, line bytes, records, errors and surrogates out. A table that had to grow is set on `output`.
//   crc32c, createBatches, planBatches, writeBatches  see kafka/door.h
//   createBlock, appendBlock, measureBlock, takeBlock  see encode/door.h
//   findRepeats, rememberIds, rememberLines            see dedup/door.h
//   blockOffset, useLargePage, holdMemory, copyInto, holdsText   see memory-door.h
//
// The one translation unit of the scanner: its stages are headers, so that the compiler sees through all of them.
#include <node_api.h>

#include <new>

#include "create.h"
#include "dedup/door.h"
#include "elements.h"
#include "encode/door.h"
#include "kafka/door.h"
#include "memory-door.h"

namespace {

using penstock::Byte;
using penstock::Elements;
using penstock::elementsOf;
using penstock::State;
using penstock::Table;

napi_value undefined(napi_env env) {
  napi_value value;
  napi_get_undefined(env, &value);
  return value;
}

napi_value kernel(napi_env env, napi_callback_info) {
  napi_value name;
  napi_create_string_utf8(env, penstock::kernelName(), NAPI_AUTO_LENGTH, &name);
  return name;
}

void destroy(napi_env, void* state, void*) { delete static_cast<State*>(state); }

napi_value create(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const Elements words = elementsOf(env, arguments[0]);
  const Elements bytes = elementsOf(env, arguments[1]);
  State* state = new (std::nothrow) State();
  if (state == nullptr) return undefined(env);
  const bool isRead = penstock::readSetup(*state, static_cast<const uint32_t*>(words.data), words.length,
                                          static_cast<const Byte*>(bytes.data), bytes.length);
  napi_value scanner;
  if (!isRead || napi_create_external(env, state, destroy, nullptr, &scanner) != napi_ok) {
    delete state;
    return undefined(env);
  }
  return scanner;
}

/// What a table's growth needs of the call in hand.
struct Call {
  napi_env env;
  napi_value output;
};

/// A larger table of JavaScript's own, set on the output at once; the old one lives as long as the call.
Byte* grow(void* context, Table table, const void* from, size_t kept, size_t bytes) {
  const Call* call = static_cast<const Call*>(context);
  napi_env env = call->env;
  const char* const names[] = {"lines", "records", "errors"};
  napi_value value;
  void* data = nullptr;
  napi_status status;
  if (table == Table::lines) {
    status = napi_create_buffer(env, bytes, &data, &value);
  } else {
    napi_value memory;
    status = napi_create_arraybuffer(env, bytes, &data, &memory);
    if (status == napi_ok) status = napi_create_typedarray(env, napi_uint32_array, bytes / 4, memory, 0, &value);
  }
  if (status == napi_ok) {
    status = napi_set_named_property(env, call->output, names[static_cast<uint32_t>(table)], value);
  }
  // Half a slab cannot be answered for, and a process without memory for it is at its end.
  if (status != napi_ok) napi_fatal_error("penstock", NAPI_AUTO_LENGTH, "no memory for a slab", NAPI_AUTO_LENGTH);
  if (kept > 0) std::memcpy(data, from, kept);
  return static_cast<Byte*>(data);
}

napi_value scan(napi_env env, napi_callback_info info) {
  napi_value arguments[10];
  size_t count = 10;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  void* held = nullptr;
  napi_get_value_external(env, arguments[0], &held);
  State* state = static_cast<State*>(held);
  Call call{env, arguments[1]};
  double* counts = static_cast<double*>(elementsOf(env, arguments[2]).data);
  const Elements words = elementsOf(env, arguments[3]);
  const Elements first = elementsOf(env, arguments[5]);
  const Elements second = elementsOf(env, arguments[6]);
  const Elements lines = elementsOf(env, arguments[7]);
  const Elements records = elementsOf(env, arguments[8]);
  const Elements errors = elementsOf(env, arguments[9]);

  penstock::Job job{static_cast<uint32_t*>(words.data), words.length, 0,
                    {{static_cast<const Byte*>(first.data), first.length},
                     {static_cast<const Byte*>(second.data), second.length}}};
  napi_get_value_double(env, arguments[4], &job.baseTimeMs);
  state->output = {static_cast<Byte*>(lines.data), lines.length, 0,
                   static_cast<uint32_t*>(records.data), records.length / penstock::record_word::count, 0,
                   static_cast<uint32_t*>(errors.data), errors.length / penstock::error_word::count, 0,
                   0, grow, &call};
  state->idCounter = static_cast<uint32_t>(counts[0]);
  const bool isDone = penstock::scanSlab(*state, job);
  const penstock::Output& output = state->output;
  counts[0] = state->idCounter;
  counts[1] = static_cast<double>(output.lineBytes);
  counts[2] = static_cast<double>(output.recordCount);
  counts[3] = static_cast<double>(output.errorCount);
  counts[4] = static_cast<double>(output.surrogatesReplaced);
  napi_value done;
  napi_get_boolean(env, isDone, &done);
  return done;
}

void define(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

}  // namespace

NAPI_MODULE_INIT() {
  define(env, exports, "kernel", kernel);
  define(env, exports, "create", create);
  define(env, exports, "scan", scan);
  penstock::defineRecordBatches(
      [&](const char* name, napi_callback callback) { define(env, exports, name, callback); });
  penstock::defineBlocks([&](const char* name, napi_callback callback) { define(env, exports, name, callback); });
  penstock::defineDedup([&](const char* name, napi_callback callback) { define(env, exports, name, callback); });
  penstock::defineMemory([&](const char* name, napi_callback callback) { define(env, exports, name, callback); });
  return exports;
}
