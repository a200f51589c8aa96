// The dedup window in shared memory: src/dedup/layout.ts describes its words, src/dedup/reference.ts is this in
// TypeScript. Any thread may look and remember at any time; nobody waits.
#pragma once
#include "line-id.h"

namespace penstock {

/// Words of the header, in the order of src/dedup/layout.ts.
namespace window_word {
enum : uint32_t { groups, capacity, windowMs, keyLow, keyHigh, turn, claimed, swept, generations };
enum : uint32_t { count, openedMs, lastMs, perGeneration };
}
constexpr size_t WINDOW_HEADER_WORDS = 62;
/// Generations that the header has words for, and that a mark tells apart.
constexpr uint64_t GENERATION_ROWS = 16;
constexpr uint64_t GENERATION_NUMBERS = 64;
constexpr uint64_t LIVE_GENERATIONS = 12;
/// Slots of older generations are free, but for the numbers that generations to come will have.
constexpr uint64_t FREE_AGE_MAX = GENERATION_NUMBERS - 4;
/// Generations in which the whole table is swept once.
constexpr uint64_t SWEEP_GENERATIONS = 16;
constexpr size_t GROUP_WORDS = 32;
constexpr size_t GROUP_SLOTS = 24;
/// In a group: marks in its first words, then how far it ran over, then a word that is not used, then the tags.
constexpr size_t MARK_WORDS = GROUP_SLOTS / 4;
constexpr size_t OVERRUN_WORD = MARK_WORDS;
constexpr size_t TAG_WORD = 8;
/// Groups that one id may be looked for in.
constexpr size_t GROUPS_PROBED_MAX = 16;
/// Groups that are swept in one go, and ids after which the newest generation is looked at again.
constexpr uint64_t SWEEP_GROUPS = 256;
constexpr size_t IDS_BETWEEN_LOOKS = 64;

struct Window {
  uint64_t* words;
  uint64_t groups;

  uint64_t load(uint32_t word) const { return __atomic_load_n(words + word, __ATOMIC_ACQUIRE); }
  void store(uint32_t word, uint64_t value) const { __atomic_store_n(words + word, value, __ATOMIC_RELEASE); }
  uint64_t add(uint32_t word, uint64_t value) const {
    return __atomic_fetch_add(words + word, value, __ATOMIC_ACQ_REL);
  }
  static uint32_t wordOf(uint64_t generation, uint32_t word) {
    return window_word::generations + static_cast<uint32_t>(generation % GENERATION_ROWS) * window_word::perGeneration +
           word;
  }
  uint64_t* group(uint64_t index) const { return words + WINDOW_HEADER_WORDS + index * GROUP_WORDS; }
  uint64_t groupOf(const LineId& id) const { return ((id.place >> 32) * groups) >> 32; }
  uint64_t behind(uint64_t index) const { return index + 1 == groups ? 0 : index + 1; }
};

/// False when the memory is not what its header says.
inline bool openWindow(void* memory, size_t bytes, Window& window) {
  if (bytes < WINDOW_HEADER_WORDS * sizeof(uint64_t)) return false;
  window.words = static_cast<uint64_t*>(memory);
  window.groups = window.words[window_word::groups];
  return window.groups > 0 && window.groups <= (bytes / sizeof(uint64_t) - WINDOW_HEADER_WORDS) / GROUP_WORDS;
}

/// The part of a mark that is the id's, in its upper bits; never 0.
inline uint16_t markOf(const LineId& id) {
  const uint32_t bits = static_cast<uint32_t>(id.place) & 0x3ff;
  return static_cast<uint16_t>((bits == 0 ? 1 : bits) << 6);
}

/// How many generations ago the one of a mark was the newest, as far as its six bits tell.
inline uint32_t ageOf(uint64_t newest, uint16_t mark) { return static_cast<uint32_t>(newest - mark) % GENERATION_NUMBERS; }

/// Whether a slot may be taken while `newest` is the newest generation.
inline bool isFree(uint64_t newest, uint16_t mark) {
  const uint32_t age = ageOf(newest, mark);
  return mark == 0 || (age >= LIVE_GENERATIONS && age <= FREE_AGE_MAX);
}

/// Bit g of the result: whether generations whose mark has number g count at that time.
inline uint64_t liveGenerations(const Window& window, int64_t nowMs) {
  const uint64_t newest = window.load(window_word::turn) / 2;
  const int64_t windowMs = static_cast<int64_t>(window.words[window_word::windowMs]);
  uint64_t live = 0;
  for (uint64_t age = 0; age < LIVE_GENERATIONS && age <= newest; age++) {
    const uint64_t generation = newest - age;
    if (window.load(Window::wordOf(generation, window_word::count)) == 0) continue;
    const int64_t lastMs = static_cast<int64_t>(window.load(Window::wordOf(generation, window_word::lastMs)));
    if (lastMs + windowMs > nowMs) live |= uint64_t{1} << generation % GENERATION_NUMBERS;
  }
  return live;
}

inline void prefetchMarks(const Window& window, const LineId& id) { __builtin_prefetch(window.group(window.groupOf(id))); }

/// Whether one of four slots holds the id. A lane of `lanes` is 0 where the mark is the id's, and seldom elsewhere.
inline bool holdsTag(const uint64_t* group, size_t word, uint64_t lanes, uint64_t live, const LineId& id) {
  uint64_t zeros = (lanes - 0x0001'0001'0001'0001) & ~lanes & 0x8000'8000'8000'8000;
  for (; zeros != 0; zeros &= zeros - 1) {
    const size_t lane = static_cast<size_t>(__builtin_ctzll(zeros)) / 16;
    const uint64_t marks = __atomic_load_n(group + word, __ATOMIC_ACQUIRE);
    const bool isLive = (live >> (marks >> 16 * lane & 63) & 1) != 0;
    if (isLive && __atomic_load_n(group + TAG_WORD + 4 * word + lane, __ATOMIC_ACQUIRE) == id.tag) return true;
  }
  return false;
}

/// Whether an id stands in a generation of `live`.
inline bool isRemembered(const Window& window, uint64_t live, const LineId& id) {
  const uint64_t pattern = uint64_t{markOf(id)} * 0x0001'0001'0001'0001;
  uint64_t index = window.groupOf(id);
  for (size_t probed = 0; probed < GROUPS_PROBED_MAX; probed++) {
    const uint64_t* const group = window.group(index);
    for (size_t word = 0; word < MARK_WORDS; word++) {
      const uint64_t lanes = (__atomic_load_n(group + word, __ATOMIC_ACQUIRE) & 0xffc0'ffc0'ffc0'ffc0) ^ pattern;
      if (__builtin_expect(holdsTag(group, word, lanes, live, id), 0)) return true;
    }
    // The newest generation that ran over into the group behind, plus one; old ones stay until they are overwritten.
    const uint64_t overrun = __atomic_load_n(group + OVERRUN_WORD, __ATOMIC_ACQUIRE);
    if (__builtin_expect(overrun == 0, 1)) return false;
    const uint64_t newest = window.load(window_word::turn) / 2;
    if (overrun + LIVE_GENERATIONS <= newest + 1) return false;
    index = window.behind(index);
  }
  return false;
}

/// Takes the next groups to sweep for the thread that calls; false when all are taken, or another round has begun.
inline bool claimGroups(const Window& window, uint64_t round, uint64_t& from) {
  uint64_t claimed = window.load(window_word::claimed);
  do {
    from = claimed & 0xffff'ffff;
    if (claimed >> 32 != round || from >= window.groups) return false;
  } while (!__atomic_compare_exchange_n(window.words + window_word::claimed, &claimed, claimed + SWEEP_GROUPS, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
  return true;
}

inline void sweepGroup(uint64_t* group, uint64_t newest) {
  uint16_t* const marks = reinterpret_cast<uint16_t*>(group);
  for (size_t slot = 0; slot < GROUP_SLOTS; slot++) {
    uint16_t mark = __atomic_load_n(marks + slot, __ATOMIC_ACQUIRE);
    if (mark == 0 || !isFree(newest, mark)) continue;
    __atomic_compare_exchange_n(marks + slot, &mark, uint16_t{0}, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  }
}

/// Sweeps a part of the table: a step, and so much that a round is done in half of its generations.
inline void sweep(const Window& window, uint64_t newest, uint64_t count) {
  const double capacity = static_cast<double>(window.words[window_word::capacity]);
  const double generations = static_cast<double>(newest % SWEEP_GENERATIONS) + static_cast<double>(count) / capacity;
  const double wanted = generations * 2 / SWEEP_GENERATIONS * static_cast<double>(window.groups);
  uint64_t from;
  do {
    if (!claimGroups(window, newest / SWEEP_GENERATIONS, from)) return;
    const uint64_t end = window.groups - from < SWEEP_GROUPS ? window.groups : from + SWEEP_GROUPS;
    for (uint64_t index = from; index < end; index++) sweepGroup(window.group(index), newest);
    window.add(window_word::swept, end - from);
  } while (static_cast<double>(from + SWEEP_GROUPS) < wanted);
}

/// Begins the next generation when the newest is full or old, and the round of sweeping that ends with it is done. Returns
/// the newest.
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
  sweep(window, newest, count);
  const int64_t ageMs = nowMs - static_cast<int64_t>(window.load(openedWord));
  const bool isDue = count >= window.words[window_word::capacity] ||
                     ageMs >= static_cast<int64_t>(window.words[window_word::windowMs]);
  const bool endsRound = (newest + 1) % SWEEP_GENERATIONS == 0;
  if (!isDue || (endsRound && window.load(window_word::swept) < window.groups)) return newest;
  if (!__atomic_compare_exchange_n(window.words + window_word::turn, &turn, turn + 1, false, __ATOMIC_ACQ_REL,
                                   __ATOMIC_ACQUIRE)) {
    return newest;
  }
  window.store(Window::wordOf(newest + 1, window_word::count), 0);
  window.store(Window::wordOf(newest + 1, window_word::openedMs), static_cast<uint64_t>(nowMs));
  if (endsRound) {
    window.store(window_word::claimed, (newest + 1) / SWEEP_GENERATIONS << 32);
    window.store(window_word::swept, 0);
  }
  window.store(window_word::turn, turn + 2);
  return newest + 1;
}

/// Puts the mark of an id at the place of `held`; false when another thread was quicker.
inline bool takeSlot(uint64_t* group, size_t slot, uint16_t held, uint64_t newest, const LineId& id) {
  const uint16_t mark = static_cast<uint16_t>(markOf(id) | (newest % GENERATION_NUMBERS));
  return __atomic_compare_exchange_n(reinterpret_cast<uint16_t*>(group) + slot, &held, mark, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE);
}

/// Takes an empty slot of the group, else one of a generation that is over. Where its tag goes, or nullptr when there is none.
inline uint64_t* takeSlotOf(uint64_t* group, uint64_t newest, const LineId& id) {
  for (size_t word = 0; word < MARK_WORDS; word++) {
    const uint64_t marks = __atomic_load_n(group + word, __ATOMIC_ACQUIRE);
    const uint64_t zeros = (marks - 0x0001'0001'0001'0001) & ~marks & 0x8000'8000'8000'8000;
    if (zeros == 0) continue;
    // The lowest lane that is said to be zero is zero.
    const size_t slot = 4 * word + static_cast<size_t>(__builtin_ctzll(zeros)) / 16;
    if (takeSlot(group, slot, 0, newest, id)) return group + TAG_WORD + slot;
  }
  const uint16_t* const marks = reinterpret_cast<const uint16_t*>(group);
  for (size_t slot = 0; slot < GROUP_SLOTS; slot++) {
    const uint16_t held = __atomic_load_n(marks + slot, __ATOMIC_ACQUIRE);
    if (isFree(newest, held) && takeSlot(group, slot, held, newest, id)) return group + TAG_WORD + slot;
  }
  return nullptr;
}

/// Says in the group that ids of the generation stand behind it.
inline void noteOverrun(uint64_t* group, uint64_t newest) {
  uint64_t overrun = __atomic_load_n(group + OVERRUN_WORD, __ATOMIC_ACQUIRE);
  while (overrun < newest + 1 && !__atomic_compare_exchange_n(group + OVERRUN_WORD, &overrun, newest + 1, false,
                                                              __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
  }
}

/// Finds a place for the id's tag; nullptr when there is no room: then it is not remembered.
inline uint64_t* placeOf(const Window& window, uint64_t newest, const LineId& id) {
  uint64_t index = window.groupOf(id);
  for (size_t probed = 0; probed < GROUPS_PROBED_MAX; probed++) {
    uint64_t* const group = window.group(index);
    uint64_t* const place = takeSlotOf(group, newest, id);
    if (place != nullptr) return place;
    noteOverrun(group, newest);
    index = window.behind(index);
  }
  return nullptr;
}

/// Adds ids that the window does not hold to the newest generation.
inline void rememberIds(const Window& window, const LineId* ids, size_t count, int64_t nowMs) {
  for (size_t from = 0; from < count; from += IDS_BETWEEN_LOOKS) {
    const size_t end = count - from < IDS_BETWEEN_LOOKS ? count : from + IDS_BETWEEN_LOOKS;
    const uint64_t newest = turnWindow(window, nowMs);
    for (size_t index = from; index < end; index++) prefetchMarks(window, ids[index]);
    // All marks, then all tags: an exchange waits for the stores before it, and tags go where no core has looked yet.
    uint64_t* places[IDS_BETWEEN_LOOKS];
    for (size_t index = from; index < end; index++) places[index - from] = placeOf(window, newest, ids[index]);
    uint64_t added = 0;
    for (size_t index = from; index < end; index++) {
      uint64_t* const place = places[index - from];
      if (place == nullptr) continue;
      __atomic_store_n(place, ids[index].tag, __ATOMIC_RELEASE);
      added++;
    }
    window.store(Window::wordOf(newest, window_word::lastMs), static_cast<uint64_t>(nowMs));
    window.add(Window::wordOf(newest, window_word::count), added);
  }
}

}  // namespace penstock
