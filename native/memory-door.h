// What JavaScript cannot know of memory, or do with it (src/memory.ts).
//
//   blockOffset(bytes)         how far the address of a byte array is behind a multiple of DIRECT_BLOCK_BYTES
//   useLargePage(bytes, index) has the system back the index-th 2 MiB of a byte array by one page; false behind the last, and
//                              where it has no such pages
//   holdMemory(bytes)          the memory of a byte array, for copyInto; the caller keeps the array as long
//   copyInto(memory, body, offset)     copies an ArrayBuffer or a byte array to `offset` of the memory; gives its first two
//                              bytes, the first the lower, 0 for a shorter one, -1 where the memory has no room for it
//   holdsText(bytes, text)     whether the text stands in the bytes; both are byte arrays, and the text has one at least
#pragma once
#include <cstring>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "elements.h"
#include "text-search.h"

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

inline napi_value holdMemoryOf(napi_env env, napi_callback_info info) {
  napi_value argument, held = nullptr;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  Elements* const memory = new (std::nothrow) Elements(elementsOf(env, argument));
  const auto destroy = [](napi_env, void* data, void*) { delete static_cast<Elements*>(data); };
  if (memory == nullptr || napi_create_external(env, memory, destroy, nullptr, &held) != napi_ok) delete memory;
  return held;
}

/// Once a body: what uWebSockets gives is taken as it is, since making a view of it costs as much as the copy.
inline napi_value copyIntoOf(napi_env env, napi_callback_info info) {
  napi_value arguments[3], value;
  size_t count = 3;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  void* held = nullptr;
  napi_get_value_external(env, arguments[0], &held);
  Elements body;
  if (napi_get_arraybuffer_info(env, arguments[1], &body.data, &body.length) != napi_ok) body = elementsOf(env, arguments[1]);
  uint32_t offset = 0;
  napi_get_value_uint32(env, arguments[2], &offset);
  const Elements* const memory = static_cast<const Elements*>(held);
  const bool fits = memory != nullptr && offset <= memory->length && body.length <= memory->length - offset;
  if (fits && body.length > 0) std::memcpy(static_cast<char*>(memory->data) + offset, body.data, body.length);
  const uint8_t* const bytes = static_cast<const uint8_t*>(body.data);
  const int32_t firstBytes = body.length < 2 ? 0 : bytes[0] | bytes[1] << 8;
  napi_create_int32(env, fits ? firstBytes : -1, &value);
  return value;
}

/// Once a body.
inline napi_value holdsTextOf(napi_env env, napi_callback_info info) {
  napi_value arguments[2], value;
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const Elements bytes = elementsOf(env, arguments[0]);
  const Elements text = elementsOf(env, arguments[1]);
  const bool holds = text.length > 0 && holdsText(static_cast<const Byte*>(bytes.data), bytes.length,
                                                  static_cast<const Byte*>(text.data), text.length);
  napi_get_boolean(env, holds, &value);
  return value;
}

template <typename Define>
void defineMemory(Define define) {
  define("blockOffset", blockOffsetOf);
  define("useLargePage", useLargePageOf);
  define("holdMemory", holdMemoryOf);
  define("copyInto", copyIntoOf);
  define("holdsText", holdsTextOf);
}

}  // namespace penstock
