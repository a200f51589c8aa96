// What JavaScript cannot know of memory, or do with it (src/memory.ts).
//
//   blockOffset(bytes)         how far the address of a byte array is behind a multiple of DIRECT_BLOCK_BYTES
//   useLargePage(bytes, index) has the system back the index-th 2 MiB of a byte array by one page; false behind the last, and
//                              where it has no such pages
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

#if defined(__linux__)
/// Linux 6.1; headers may be older.
constexpr int COLLAPSE = 25;
#endif

inline napi_value useLargePageOf(napi_env env, napi_callback_info info) {
  napi_value arguments[2], value;
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const Elements bytes = elementsOf(env, arguments[0]);
  uint32_t index = 0;
  napi_get_value_uint32(env, arguments[1], &index);
  const uintptr_t start = reinterpret_cast<uintptr_t>(bytes.data);
  const uintptr_t page = (start + LARGE_PAGE_BYTES - 1) / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES + index * LARGE_PAGE_BYTES;
  bool isThere = page + LARGE_PAGE_BYTES <= start + bytes.length;
#if defined(__linux__)
  void* const at = reinterpret_cast<void*>(page);
  // Where it cannot be made at once, the system may still make it some time.
  isThere = isThere && madvise(at, LARGE_PAGE_BYTES, MADV_HUGEPAGE) == 0;
  if (isThere) madvise(at, LARGE_PAGE_BYTES, COLLAPSE);
#else
  isThere = false;
#endif
  napi_get_boolean(env, isThere, &value);
  return value;
}

template <typename Define>
void defineMemory(Define define) {
  define("blockOffset", blockOffsetOf);
  define("useLargePage", useLargePageOf);
}

}  // namespace penstock
