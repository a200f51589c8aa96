// The dedup window in shared memory: src/dedup/layout.ts describes its words, src/dedup/reference.ts is this in
// TypeScript. Any thread may look and remember at any time; nobody waits.
#pragma once
#include "line-id.h"

namespace penstock {

/// Words of the header, in the order of src/dedup/layout.ts.
namespace window_word {
enum : uint32_t { slots, capacity, windowMs, keyLow, keyHigh, turn, claimed, cleared, regions };
enum : uint32_t { count, openedMs, lastMs, perRegion };
}
constexpr size_t WINDOW_LIVE = 4;
constexpr size_t WINDOW_REGIONS = WINDOW_LIVE + 1;
constexpr size_t WINDOW_HEADER_WORDS = 30;
constexpr size_t BUCKET_SLOTS = 8;
/// Buckets that one id may be looked for in.
constexpr size_t BUCKETS_PROBED_MAX = 32;
/// Slots that are cleared in one go, and ids after which the newest region is looked at again.
constexpr uint64_t CLEAR_SLOTS = 65'536;
constexpr size_t IDS_BETWEEN_LOOKS = 64;

struct Window {
  uint64_t* words;
  uint64_t slots, buckets;

  uint64_t load(uint32_t word) const { return __atomic_load_n(words + word, __ATOMIC_ACQUIRE); }
  void store(uint32_t word, uint64_t value) const { __atomic_store_n(words + word, value, __ATOMIC_RELEASE); }
  uint64_t add(uint32_t word, uint64_t value) const {
    return __atomic_fetch_add(words + word, value, __ATOMIC_ACQ_REL);
  }
  static uint32_t wordOf(uint64_t generation, uint32_t word) {
    return window_word::regions + static_cast<uint32_t>(generation % WINDOW_REGIONS) * window_word::perRegion + word;
  }
  uint64_t* region(uint64_t generation) const {
    return words + WINDOW_HEADER_WORDS + generation % WINDOW_REGIONS * slots;
  }
  uint64_t bucketOf(const LineId& id) const { return ((id.place >> 32) * buckets) >> 32; }
};

/// False when the memory is not what its header says.
inline bool openWindow(void* memory, size_t bytes, Window& window) {
  if (bytes < WINDOW_HEADER_WORDS * sizeof(uint64_t)) return false;
  window.words = static_cast<uint64_t*>(memory);
  window.slots = window.words[window_word::slots];
  window.buckets = window.slots / BUCKET_SLOTS;
  const size_t slotsMax = (bytes / sizeof(uint64_t) - WINDOW_HEADER_WORDS) / WINDOW_REGIONS;
  return window.slots > 0 && window.slots % BUCKET_SLOTS == 0 && window.slots <= slotsMax;
}

enum class Probe { absent, present, full };

/// Looks for the tag in one region; `empty` is the first slot that had nothing, when it is absent.
inline Probe probeRegion(const Window& window, uint64_t* region, const LineId& id, uint64_t*& empty) {
  uint64_t bucket = window.bucketOf(id);
  for (size_t probed = 0; probed < BUCKETS_PROBED_MAX; probed++) {
    uint64_t* const slots = region + bucket * BUCKET_SLOTS;
    uint32_t isTag = 0, isEmpty = 0;
    for (size_t slot = 0; slot < BUCKET_SLOTS; slot++) {
      const uint64_t held = __atomic_load_n(slots + slot, __ATOMIC_ACQUIRE);
      isTag |= static_cast<uint32_t>(held == id.tag) << slot;
      isEmpty |= static_cast<uint32_t>(held == 0) << slot;
    }
    if (isTag != 0) return Probe::present;
    if (isEmpty != 0) {
      empty = slots + __builtin_ctz(isEmpty);
      return Probe::absent;
    }
    bucket = bucket + 1 == window.buckets ? 0 : bucket + 1;
  }
  return Probe::full;
}

/// The regions that count at a time, newest first.
struct LiveRegions {
  uint64_t* regions[WINDOW_LIVE];
  size_t count;
};

inline LiveRegions liveRegions(const Window& window, int64_t nowMs) {
  LiveRegions live{{}, 0};
  const uint64_t newest = window.load(window_word::turn) / 2;
  const int64_t windowMs = static_cast<int64_t>(window.words[window_word::windowMs]);
  for (uint64_t age = 0; age < WINDOW_LIVE && age <= newest; age++) {
    const uint64_t generation = newest - age;
    if (window.load(Window::wordOf(generation, window_word::count)) == 0) continue;
    const int64_t lastMs = static_cast<int64_t>(window.load(Window::wordOf(generation, window_word::lastMs)));
    if (lastMs + windowMs > nowMs) live.regions[live.count++] = window.region(generation);
  }
  return live;
}

inline void prefetchId(const Window& window, const LiveRegions& live, const LineId& id) {
  const uint64_t offset = window.bucketOf(id) * BUCKET_SLOTS;
  for (size_t index = 0; index < live.count; index++) __builtin_prefetch(live.regions[index] + offset);
}

inline bool isRemembered(const Window& window, const LiveRegions& live, const LineId& id) {
  uint64_t* empty;
  for (size_t index = 0; index < live.count; index++) {
    if (probeRegion(window, live.regions[index], id, empty) == Probe::present) return true;
  }
  return false;
}

/// Takes the next slots to clear for the thread that calls; false when all are taken, or another generation has begun.
inline bool claimSlots(const Window& window, uint64_t newest, uint64_t& from) {
  uint64_t claimed = window.load(window_word::claimed);
  do {
    from = claimed & 0xffff'ffff;
    if (claimed >> 32 != newest || from >= window.slots) return false;
  } while (!__atomic_compare_exchange_n(window.words + window_word::claimed, &claimed, claimed + CLEAR_SLOTS, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
  return true;
}

/// Clears a part of the region that comes next: a step, and so much that it is done when the newest is half full.
inline void clearNext(const Window& window, uint64_t newest, uint64_t count) {
  const double share = 2.0 * static_cast<double>(count) / static_cast<double>(window.words[window_word::capacity]);
  const double wanted = share * static_cast<double>(window.slots);
  uint64_t from;
  do {
    if (!claimSlots(window, newest, from)) return;
    const uint64_t length = window.slots - from < CLEAR_SLOTS ? window.slots - from : CLEAR_SLOTS;
    uint64_t* const slots = window.region(newest + 1) + from;
    for (uint64_t slot = 0; slot < length; slot++) __atomic_store_n(slots + slot, uint64_t{0}, __ATOMIC_RELAXED);
    window.add(window_word::cleared, length);
  } while (static_cast<double>(from + CLEAR_SLOTS) < wanted);
}

/// Begins the next generation when the newest is full or old, and that region is clear. Returns the newest.
inline uint64_t turnWindow(const Window& window, int64_t nowMs) {
  uint64_t turn = window.load(window_word::turn);
  const uint64_t newest = turn / 2;
  // Odd while another thread begins one: what comes meanwhile goes into the generation before.
  if (turn % 2 != 0) return newest;
  const uint64_t count = window.load(Window::wordOf(newest, window_word::count));
  const uint32_t openedWord = Window::wordOf(newest, window_word::openedMs);
  if (count == 0) {
    window.store(openedWord, static_cast<uint64_t>(nowMs));
    return newest;
  }
  clearNext(window, newest, count);
  const int64_t ageMs = nowMs - static_cast<int64_t>(window.load(openedWord));
  const bool isDue = count >= window.words[window_word::capacity] ||
                     ageMs >= static_cast<int64_t>(window.words[window_word::windowMs]);
  if (!isDue || window.load(window_word::cleared) < window.slots) return newest;
  if (!__atomic_compare_exchange_n(window.words + window_word::turn, &turn, turn + 1, false, __ATOMIC_ACQ_REL,
                                   __ATOMIC_ACQUIRE)) {
    return newest;
  }
  window.store(Window::wordOf(newest + 1, window_word::count), 0);
  window.store(Window::wordOf(newest + 1, window_word::openedMs), static_cast<uint64_t>(nowMs));
  // In the first round through the regions the next one has never been used.
  const uint64_t clear = newest + 2 < WINDOW_REGIONS ? window.slots : 0;
  window.store(window_word::claimed, (newest + 1) << 32 | clear);
  window.store(window_word::cleared, clear);
  window.store(window_word::turn, turn + 2);
  return newest + 1;
}

/// Puts the tag into the region; false when it was there, or finds no room: then it is not remembered.
inline bool insertId(const Window& window, uint64_t* region, const LineId& id) {
  uint64_t* empty = nullptr;
  while (probeRegion(window, region, id, empty) == Probe::absent) {
    uint64_t held = 0;
    if (__atomic_compare_exchange_n(empty, &held, id.tag, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return true;
  }
  return false;
}

/// Adds up to IDS_BETWEEN_LOOKS ids to the newest generation.
inline void rememberSome(const Window& window, const LineId* ids, size_t count, int64_t nowMs) {
  const uint64_t newest = turnWindow(window, nowMs);
  uint64_t* const region = window.region(newest);
  for (size_t index = 0; index < count; index++) __builtin_prefetch(region + window.bucketOf(ids[index]) * BUCKET_SLOTS);
  uint64_t added = 0;
  for (size_t index = 0; index < count; index++) added += insertId(window, region, ids[index]) ? 1 : 0;
  window.store(Window::wordOf(newest, window_word::lastMs), static_cast<uint64_t>(nowMs));
  window.add(Window::wordOf(newest, window_word::count), added);
}

inline void rememberIds(const Window& window, const LineId* ids, size_t count, int64_t nowMs) {
  for (size_t at = 0; at < count; at += IDS_BETWEEN_LOOKS) {
    rememberSome(window, ids + at, count - at < IDS_BETWEEN_LOOKS ? count - at : IDS_BETWEEN_LOOKS, nowMs);
  }
}

}  // namespace penstock
