// What an event says of its own address and user agent: which claim wins, and what stands in the line for it. The twin of
// src/scan/reference/claims.ts. Nothing here runs where programs have no claims.
#pragma once
#include "address-text.h"
#include "canonical.h"
#include "literals.h"
#include "tail.h"

namespace penstock {

/// Bits of `State::claimed`.
namespace claimed_bit {
enum : uint32_t { ip = 1, userAgent = 2 };
}

/// Room for both keys, the quotes, the braces and an address.
constexpr size_t CLAIMS_FIXED_BYTES = 32 + ADDRESS_TEXT_BYTES_MAX;

/// The unescaped inside of a captured string, where that can have `bytesMax` bytes at most; longer than these else.
inline Text claimedText(State& state, const Capture& capture, size_t bytesMax) {
  const Position start = capture.valueStart + 1, end = capture.valueEnd - 1;
  const size_t rawBytes = static_cast<size_t>(end - start);
  if (rawBytes > bytesMax * ESCAPE_BYTES) return {state.bytes + start, rawBytes};
  return insideOf(state, start, end, (capture.flags & capture_flag::valueEscaped) != 0);
}

/// Whether the text is an address, which is then `claimedAddress`.
inline bool fitsAddress(State& state, const Capture& capture) {
  const Text text = claimedText(state, capture, ADDRESS_INPUT_BYTES_MAX);
  if (text.length > ADDRESS_INPUT_BYTES_MAX) return false;
  state.claimedAddressBytes = readAddress(text, state.claimedAddress);
  return state.claimedAddressBytes > 0;
}

inline bool fitsUserAgent(State& state, const Capture& capture) {
  const size_t bytesMax = state.limits.userAgentBytesMax;
  const size_t length = claimedText(state, capture, bytesMax).length;
  return length > 0 && length <= bytesMax;
}

/// The capture of the first claim that fits, marked as used, or null.
template <typename Fits>
inline const Capture* chooseClaim(State& state, const std::vector<Claim>& claims, uint32_t bit, Fits fits) {
  for (const Claim& claim : claims) {
    const int32_t index = state.slotCapture.items[claim.slot];
    if (index < 0 || (state.heldGuards & claim.guards) != claim.guards) continue;
    Capture& capture = state.captures.items[index];
    if (capture.kind != ValueKind::string || !fits(state, capture)) continue;
    capture.flags |= capture_flag::used;
    state.claimed |= bit;
    return &capture;
  }
  return nullptr;
}

/// Finds what the event just resolved says of itself. Sets `claimed`, and what of it is to be written. The caller has filled
/// `slotCapture` for the slots of claims, and `heldGuards`.
__attribute__((noinline)) inline void chooseClaims(State& state) {
  const Language& language = state.program->language;
  const ClaimPrivacy& privacy = state.claimPrivacy;
  if (chooseClaim(state, language.ipClaims, claimed_bit::ip, fitsAddress) != nullptr) {
    const size_t bytesKept = state.claimedAddressBytes == 4 ? privacy.ipv4BytesKept : privacy.ipv6BytesKept;
    std::memset(state.claimedAddress + bytesKept, 0, ADDRESS_BYTES_MAX - bytesKept);
    if (bytesKept == 0) state.claimedAddressBytes = 0;
  }
  const Capture* agent = chooseClaim(state, language.userAgentClaims, claimed_bit::userAgent, fitsUserAgent);
  state.claimedAgent = privacy.keepsUserAgent ? agent : nullptr;
}

/// The same for a plain program, whose slots are not filled otherwise.
__attribute__((noinline)) inline void choosePlainClaims(State& state) {
  std::memset(state.slotCapture.items, 0xff, state.program->slotCount * sizeof(int32_t));
  bool isAny = false;
  for (size_t index = 0; index < state.captureCount; index++) {
    const Capture& capture = state.captures.items[index];
    if (!isClaimSlot(capture.wanted.slot) || capture.kind == ValueKind::absent) continue;
    state.slotCapture.items[slotOfClaim(capture.wanted.slot)] = static_cast<int32_t>(index);
    isAny = true;
  }
  if (isAny) chooseClaims(state);
}

/// Copies bytes of the tail from `start` to `end`.
inline Byte* putTail(const State& state, size_t start, size_t end, Byte* to) {
  return copyBytes(to, state.tail.items + start, end - start);
}

/// Writes ip and user agent of an event that says one of them at least: the other one is the connection's, if that is the
/// event's own. Returns the place behind them, where the tail goes on from `tailServerStart`.
__attribute__((noinline)) inline Byte* putClaims(State& state, Byte* to) {
  const Capture* const agent = state.claimedAgent;
  const size_t agentBytes = agent == nullptr ? 0 : static_cast<size_t>(agent->valueEnd - agent->valueStart);
  to = reserveLines(state.output, to, CLAIMS_FIXED_BYTES + state.tailServerStart + agentBytes);
  const size_t tailStart = state.tailStart, agentStart = state.tailAgentStart;
  if ((state.claimed & claimed_bit::ip) == 0) {
    to = putTail(state, tailStart < agentStart ? tailStart : agentStart, agentStart, to);
  } else if (state.claimedAddressBytes > 0) {
    to = putWord(to, ",\"ip\":\"");
    to = writeAddress(to, state.claimedAddress, state.claimedAddressBytes);
    *to++ = '"';
  }
  if ((state.claimed & claimed_bit::userAgent) == 0) {
    to = putTail(state, larger(tailStart, agentStart), state.tailServerStart, to);
  } else if (agent != nullptr) {
    to = putValue(state, *agent, putWord(to, ",\"user_agent\":"));
  }
  return to;
}

}  // namespace penstock
