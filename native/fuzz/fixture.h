// What every fuzz target shares: a scanner's state from the setup that TypeScript sends, one input read as a slab,
// and an output whose tables are as small as they can be. All memory is of the exact size and from malloc, so that
// AddressSanitizer sees the first byte beyond it.
//
// An input is 4 bytes of head, an address, a user agent, and bodies; test/fuzz/native-input.ts writes it:
//
//   byte 0   route % 8 + 8 * (app % 3) + 24 * transport
//   byte 1   bits 0-1 which limits (`applyLimits`); bits 2-6 for the targets of the encoders (lines.h); bit 7: the bodies
//            are split at bytes FRAME_SPLIT
//   byte 2   bits 0-1 bytes of the address: 0, 4, 16, 7; bits 2-7 bytes of the user agent
//   byte 3   seconds between the slab's base time and each frame
#pragma once
#include <cstdio>
#include <memory>
#include <vector>

#include "../create.h"
#include "setup-words.h"

namespace penstock::fuzz {

/// Stands in no UTF-8, so that a body loses nothing by it.
constexpr Byte FRAME_SPLIT = 0xfe;
constexpr size_t HEAD_BYTES = 4;
constexpr size_t FRAMES_MAX = 8;
/// Programs and apps of the setup (test/fuzz/native-seeds.ts).
constexpr uint32_t ROUTES = 8, APPS = 3;
constexpr uint32_t SLAB_SOURCE = 0, ARENA_SOURCE = 1;
/// 2025-06-09T12:30:15.250Z, as in the tests of the scanner.
constexpr double BASE_TIME_MS = 1749472215250.0;

/// Ends the process with what was expected; libFuzzer then keeps the input.
[[noreturn]] inline void failCheck(const char* expectation) {
  std::fprintf(stderr, "fuzz: does not hold: %s\n", expectation);
  std::abort();
}

inline void check(bool holds, const char* expectation) {
  if (!holds) failCheck(expectation);
}

/// A copy of exactly `length` bytes.
inline std::unique_ptr<Byte[]> copyOf(const Byte* bytes, size_t length) {
  std::unique_ptr<Byte[]> copy(new Byte[length]);
  if (length > 0) std::memcpy(copy.get(), bytes, length);
  return copy;
}

/// Bounds that small inputs can reach. Row 0 is what is shipped, but for the events of a batch.
inline void applyLimits(Limits& limits, uint32_t row) {
  limits.batchEventsMax = row == 1 ? 1 : 4;
  if (row == 2) {
    limits.keysComparedMax = 3;
    limits.eventKeysMax = 12;
    limits.depthMax = 5;
  }
  if (row == 3) {
    limits.envelopeFieldsBytesMax = 40;
    limits.linesBytesMax = 600;
  }
}

/// A new scanner with the programs of the tests.
inline std::unique_ptr<State> createState() {
  std::unique_ptr<State> state(new State());
  const bool isRead = readSetup(*state, SETUP_WORDS, sizeof(SETUP_WORDS) / sizeof(uint32_t), SETUP_BYTES,
                                sizeof(SETUP_BYTES));
  check(isRead, "the setup is this build's");
  return state;
}

/// One input as a slab.
struct Input {
  uint32_t route = 0, app = 0, transport = 0, limitsRow = 0, variant = 0, deltaMs = 0;
  /// VIEWS of the input.
  Text address{nullptr, 0}, userAgent{nullptr, 0}, bodies{nullptr, 0};
  /// Offsets in `bodies`.
  std::vector<std::pair<size_t, size_t>> frames;
};

inline Text takeText(const Byte*& from, size_t& left, size_t wanted) {
  const Text text{from, wanted < left ? wanted : left};
  from += text.length;
  left -= text.length;
  return text;
}

/// Reads an input; false when it is shorter than its head.
inline bool readInput(const Byte* data, size_t size, Input& input) {
  if (size < HEAD_BYTES) return false;
  input.route = data[0] % ROUTES;
  input.app = data[0] / ROUTES % APPS;
  input.transport = data[0] / (ROUTES * APPS) % 2;
  input.limitsRow = data[1] & 3;
  input.variant = data[1] >> 2 & 31;
  input.deltaMs = data[3] * 1000u;
  const size_t addressBytes[] = {0, 4, 16, 7};
  const Byte* from = data + HEAD_BYTES;
  size_t left = size - HEAD_BYTES;
  input.address = takeText(from, left, addressBytes[data[2] & 3]);
  input.userAgent = takeText(from, left, data[2] >> 2);
  input.bodies = {from, left};
  size_t start = 0;
  while ((data[1] & 0x80) != 0 && input.frames.size() + 1 < FRAMES_MAX) {
    const void* split = left == start ? nullptr : std::memchr(from + start, FRAME_SPLIT, left - start);
    if (split == nullptr) break;
    const size_t at = static_cast<size_t>(static_cast<const Byte*>(split) - from);
    input.frames.emplace_back(start, at - start);
    start = at + 1;
  }
  input.frames.emplace_back(start, left - start);
  return true;
}

/// The slab of an input, with `slack` bytes that belong to nobody behind its bodies.
class Slab {
 public:
  Slab(const Input& input, size_t slack)
      : words_((SLAB_HEADER_WORDS + input.frames.size() * frame_word::count), 0),
        arena_(new Byte[input.bodies.length + slack]),
        ends_(new Byte[input.address.length + input.userAgent.length]) {
    if (input.bodies.length > 0) std::memcpy(arena_.get(), input.bodies.bytes, input.bodies.length);
    // Nothing that is read behind a body may change what comes of it.
    for (size_t index = 0; index < slack; index++) arena_[input.bodies.length + index] = "\"}\\]{ ,:"[index % 8];
    copyText(copyText(ends_.get(), input.address), input.userAgent);
    words_[0] = static_cast<uint32_t>(input.frames.size());
    uint32_t* row = words_.data() + SLAB_HEADER_WORDS;
    for (const auto& [offset, length] : input.frames) {
      row[frame_word::source] = ARENA_SOURCE;
      row[frame_word::bodyOffset] = static_cast<uint32_t>(offset);
      row[frame_word::bodyLength] = static_cast<uint32_t>(length);
      row[frame_word::route] = input.route;
      row[frame_word::app] = input.app;
      row[frame_word::transport] = input.transport;
      row[frame_word::receivedDeltaMs] = input.deltaMs;
      row[frame_word::addressLength] = static_cast<uint32_t>(input.address.length);
      row[frame_word::userAgentOffset] = static_cast<uint32_t>(input.address.length);
      row[frame_word::userAgentLength] = static_cast<uint32_t>(input.userAgent.length);
      row += frame_word::count;
    }
    job_ = {words_.data(), words_.size(), BASE_TIME_MS, {}};
    job_.sources[SLAB_SOURCE] = {ends_.get(), input.address.length + input.userAgent.length};
    job_.sources[ARENA_SOURCE] = {arena_.get(), input.bodies.length + slack};
  }

  const Job& job() const { return job_; }
  /// Row of a frame, with its verdict once it was scanned.
  const uint32_t* row(size_t frame) const { return job_.words + SLAB_HEADER_WORDS + frame * frame_word::count; }
  const std::vector<uint32_t>& words() const { return words_; }

 private:
  std::vector<uint32_t> words_;
  std::unique_ptr<Byte[]> arena_, ends_;
  Job job_{};
};

/// Tables that begin with nothing in them. A table that has grown is freed at once, so that whoever still looks at
/// the old one is caught.
class Tables {
 public:
  Tables() { output_ = {take(Table::lines, 0), 0, 0, words(Table::records), 0, 0, words(Table::errors), 0, 0, 0, grow, this}; }
  const Output& output() const { return output_; }

  /// Scans the slab into these tables with `state`.
  void scan(State& state, const Slab& slab) {
    state.output = output_;
    state.idCounter = 7;
    check(scanSlab(state, slab.job()), "a sound slab is scanned");
    output_ = state.output;
  }

 private:
  Byte* take(Table table, size_t bytes) {
    auto& memory = memory_[static_cast<size_t>(table)];
    memory.reset(new Byte[bytes]);
    return memory.get();
  }

  uint32_t* words(Table table) { return reinterpret_cast<uint32_t*>(take(table, 0)); }

  static Byte* grow(void* context, Table table, const void* from, size_t kept, size_t bytes) {
    auto& memory = static_cast<Tables*>(context)->memory_[static_cast<size_t>(table)];
    std::unique_ptr<Byte[]> grown(new Byte[bytes]);
    if (kept > 0) std::memcpy(grown.get(), from, kept);
    memory = std::move(grown);
    return memory.get();
  }

  std::unique_ptr<Byte[]> memory_[3];
  Output output_;
};

}  // namespace penstock::fuzz
