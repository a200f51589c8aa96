// What JavaScript cannot know of memory, or do with it (src/memory.ts).
//
//   blockOffset(bytes)         how far the address of a byte array is behind a multiple of DIRECT_BLOCK_BYTES
//   useLargePages(bytes)       asks the system to back the array by large pages from now on; whether it will
#pragma once
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "elements.h"

namespace penstock {

/// What direct reads and writes are aligned to: a page, a multiple of every disk's own block.
constexpr uintptr_t DIRECT_BLOCK_BYTES = 4096;
constexpr uintptr_t LARGE_PAGE_BYTES = uintptr_t{1} << 21;

inline napi_value blockOffsetOf(napi_env env, napi_callback_info info) {
  napi_value argument, value;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  const uintptr_t address = reinterpret_cast<uintptr_t>(elementsOf(env, argument).data);
  napi_create_uint32(env, static_cast<uint32_t>(address % DIRECT_BLOCK_BYTES), &value);
  return value;
}

/// Bytes of the large pages that lie within an array, and where the first begins.
inline size_t largePagesOf(const Elements& bytes, uintptr_t& from) {
  const uintptr_t start = reinterpret_cast<uintptr_t>(bytes.data);
  from = (start + LARGE_PAGE_BYTES - 1) / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES;
  const uintptr_t end = (start + bytes.length) / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES;
  return end > from ? end - from : 0;
}

inline napi_value useLargePagesOf(napi_env env, napi_callback_info info) {
  napi_value argument, value;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  bool isDone = false;
#if defined(__linux__)
  uintptr_t from;
  const size_t length = largePagesOf(elementsOf(env, argument), from);
  isDone = length > 0 && madvise(reinterpret_cast<void*>(from), length, MADV_HUGEPAGE) == 0;
#endif
  napi_get_boolean(env, isDone, &value);
  return value;
}

template <typename Define>
void defineMemory(Define define) {
  define("blockOffset", blockOffsetOf);
  define("useLargePages", useLargePagesOf);
}

}  // namespace penstock
