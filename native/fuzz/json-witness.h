// A JSON parser that is not ours, as a witness: simdjson's DOM parser. Behind a function, so that its five megabytes
// are compiled once for all targets.
#pragma once
#include <cstddef>

namespace penstock::fuzz {

/// Whether the bytes are one JSON object and nothing else, in UTF-8.
bool isJsonObject(const unsigned char* bytes, size_t length);

}  // namespace penstock::fuzz
