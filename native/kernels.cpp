// The one translation unit that reads simdjson.
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.cpp>

#include <string>

#include "kernels.h"

namespace penstock {

bool isUtf8(const unsigned char* bytes, size_t length) {
  return simdjson::validate_utf8(reinterpret_cast<const char*>(bytes), length);
}

double parseDouble(const unsigned char* first, const unsigned char* end) {
  return simdjson::internal::from_chars(reinterpret_cast<const char*>(first), reinterpret_cast<const char*>(end));
}

const char* kernelName() {
  // Never freed: the name is asked for when a scanner is made, on any thread.
  static const std::string* name = new std::string(simdjson::get_active_implementation()->name());
  return name->c_str();
}

}  // namespace penstock
