// The members of an object that is known to be well formed, one by one.
#pragma once
#include "skip.h"

namespace penstock {

inline Position skipValue(const Byte* bytes, Position at, Position end) {
  if (bytes[at] == '"') return skipString(bytes, at + 1, end);
  if (bytes[at] == '{' || bytes[at] == '[') return skipBrackets(bytes, at, end);
  return skipScalar(bytes, at, end);
}

/// A member: its key's raw text between the quotes, whether that has an escape, and its value.
struct Member {
  Position keyStart, keyEnd, valueStart, valueEnd;
  bool isEscaped;
};

/// Reads the members of the object from `at` to `end`, one a call.
class Members {
 public:
  Members(const Byte* bytes, Position at, Position end) : bytes_(bytes), end_(end) {
    at = skipSpace(bytes, at + 1, end);
    at_ = bytes[at] == '"' ? at : -1;
  }

  /// False behind the last one.
  bool next(Member& member) {
    if (at_ < 0) return false;
    member.keyStart = at_ + 1;
    member.keyEnd = skipString(bytes_, at_ + 1, end_) - 1;
    // In a well-formed object it is there; the compiler cannot know.
    if (member.keyEnd < member.keyStart) return false;
    const size_t length = static_cast<size_t>(member.keyEnd - member.keyStart);
    member.isEscaped = std::memchr(bytes_ + member.keyStart, '\\', length) != nullptr;
    const Position colon = skipSpace(bytes_, member.keyEnd + 1, end_);
    member.valueStart = skipSpace(bytes_, colon + 1, end_);
    member.valueEnd = skipValue(bytes_, member.valueStart, end_);
    const Position comma = skipSpace(bytes_, member.valueEnd, end_);
    at_ = bytes_[comma] == ',' ? skipSpace(bytes_, comma + 1, end_) : -1;
    return true;
  }

 private:
  const Byte* bytes_;
  Position end_, at_;
};

}  // namespace penstock
