// The end of a canonical line, which is the same for every event of a frame: the columns that the server fills.
#pragma once
#include "address.h"
#include "stamps.h"
#include "user-agent.h"

namespace penstock {

/// Room for every constant text of this file, the address and the time.
constexpr size_t TAIL_FIXED_BYTES = 128 + ADDRESS_TEXT_BYTES_MAX + TIMESTAMP_TEXT_BYTES + COPY_SLACK_BYTES;

template <size_t Size>
inline Byte* putWord(Byte* to, const char (&word)[Size]) {
  return copyBytes(to, reinterpret_cast<const Byte*>(word), Size - 1);
}

/// Builds `state.tail` for the frame at `row`. `slab` holds the address and the user agent.
inline void buildTail(State& state, const uint32_t* row, const Byte* slab) {
  const size_t agentBytes = row[frame_word::userAgentLength];
  const Text dialect = state.program->dialect;
  const Text transport = state.transportEnds[row[frame_word::transport]];
  state.tail.reserve(
      TAIL_FIXED_BYTES + dialect.length + transport.length + agentBytes * USER_AGENT_GROWTH_MAX, 0);
  Byte* to = state.tail.items;
  const size_t addressBytes = row[frame_word::addressLength];
  if (addressBytes == 4 || addressBytes == 16) {
    to = putWord(to, ",\"ip\":\"");
    to = writeAddress(to, slab + row[frame_word::addressOffset], addressBytes);
    *to++ = '"';
  }
  state.tailAgentStart = static_cast<size_t>(to - state.tail.items);
  if (agentBytes > 0) {
    to = putWord(to, ",\"user_agent\":\"");
    to = writeUserAgent(to, {slab + row[frame_word::userAgentOffset], agentBytes});
    *to++ = '"';
  }
  state.tailStart = 0;
  state.tailServerStart = static_cast<size_t>(to - state.tail.items);
  to = putWord(to, ",\"received_at\":\"");
  to = writeTimestamp(to, state.receivedMs);
  to = putWord(to, "\",\"dialect\":");
  to = copyText(to, dialect);
  to = copyText(to, transport);
  state.tailBytes = static_cast<size_t>(to - state.tail.items);
}

}  // namespace penstock
