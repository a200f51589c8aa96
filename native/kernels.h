// What the scanner takes from simdjson, behind plain functions: its header is five megabytes, and the compiler
// should read it once a release of the package, not once a change here. Implemented in kernels.cpp.
#pragma once
#include <cstddef>

namespace penstock {

/// Whether the bytes are UTF-8, by the best kernel of the machine.
bool isUtf8(const unsigned char* bytes, size_t length);

/// The double nearest to a JSON number; infinite beyond the doubles, as Number() in JavaScript.
double parseDouble(const unsigned char* first, const unsigned char* end);

/// simdjson's choice for this machine: icelake, haswell, westmere, arm64, fallback …
const char* kernelName();

}  // namespace penstock
