// What Node-API tells about a typed array that JavaScript passed.
#pragma once
#include <node_api.h>

#include <cstddef>

namespace penstock {

/// The elements of a typed array. VIEW for the time of one call.
struct Elements {
  void* data = nullptr;
  size_t length = 0;
};

/// Empty for a value that is no typed array.
inline Elements elementsOf(napi_env env, napi_value value) {
  Elements elements;
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, value, &type, &elements.length, &elements.data, nullptr, nullptr) != napi_ok) {
    return {};
  }
  return elements;
}

}  // namespace penstock
