#define SIMDJSON_EXCEPTIONS 0
#include "json-witness.h"

#include <simdjson.h>

namespace penstock::fuzz {

bool isJsonObject(const unsigned char* bytes, size_t length) {
  static simdjson::dom::parser parser;
  simdjson::dom::element element;
  const auto error = parser.parse(reinterpret_cast<const char*>(bytes), length).get(element);
  return error == simdjson::SUCCESS && element.is_object();
}

}  // namespace penstock::fuzz
