// Canonical lines for the targets of the encoders: what the scanner makes of the bodies of an input, or the bodies
// themselves as lines, which need not be sound. Beside a scan's fields (fixture.h) an input says in byte 1:
//
//   bit 2      the bodies are lines
//   bits 3-4   the form of JSON columns: paths, text, string, paths
//   bits 5-6   the row of the encoder's bounds; each target has its own
#pragma once
#include <string>

#include "fixture.h"

namespace penstock::fuzz {

inline bool isLines(const Input& input) { return (input.variant & 1) != 0; }
inline uint32_t formOf(const Input& input) { return (input.variant >> 1 & 3) % 3; }
inline uint32_t boundsRowOf(const Input& input) { return input.variant >> 3 & 3; }

/// Lines in memory of exactly their length.
struct Lines {
  std::unique_ptr<Byte[]> bytes;
  size_t length = 0;
  /// Rows of the scan that wrote them; none where the lines are the input's own.
  std::vector<uint32_t> records;

  explicit Lines(const std::string& text)
      : bytes(copyOf(reinterpret_cast<const Byte*>(text.data()), text.size())), length(text.size()) {}
  std::string text() const { return std::string(reinterpret_cast<const char*>(bytes.get()), length); }
};

inline std::string textOf(const Byte* bytes, size_t length) {
  return length == 0 ? std::string() : std::string(reinterpret_cast<const char*>(bytes), length);
}

inline Lines scanLines(const Input& input) {
  static const std::unique_ptr<State> state = createState();
  static const Limits shipped = state->limits;
  state->limits = shipped;
  applyLimits(state->limits, input.limitsRow);
  const Slab slab(input, 0);
  Tables tables;
  tables.scan(*state, slab);
  const Output& output = tables.output();
  Lines lines(textOf(output.lines, output.lineBytes));
  lines.records.assign(output.records, output.records + output.recordCount * record_word::count);
  return lines;
}

inline Lines linesOf(const Input& input) {
  return isLines(input) ? Lines(textOf(input.bodies.bytes, input.bodies.length)) : scanLines(input);
}

/// Each line with its newline; the last one may have none.
inline std::vector<std::string> splitLines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t newline = text.find('\n', at);
    const size_t end = newline == std::string::npos ? text.size() : newline + 1;
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  return lines;
}

inline std::string joinLines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

/// The lines with a copy of one of them in between that is cut short or has one byte changed, as `choice` says.
inline std::string withDamagedLine(const std::vector<std::string>& lines, uint32_t choice) {
  std::vector<std::string> changed = lines;
  if (lines.empty()) return "";
  const size_t index = choice % lines.size();
  std::string line = lines[index];
  const size_t place = size_t{choice} * 7919 % line.size();
  if (choice % 2 == 0) line = line.substr(0, place) + "\n";
  else line[place] = "\\\"{}[]:,x0\xff\x01"[choice / 2 % 12];
  changed.insert(changed.begin() + static_cast<std::ptrdiff_t>(index), line);
  return joinLines(changed);
}

}  // namespace penstock::fuzz
