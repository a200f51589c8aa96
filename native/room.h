// Memory of a scanner's own.
#pragma once
#include <cstdlib>
#include <cstring>

namespace penstock {

/// Memory that only ever grows, to the size of the largest thing it had to hold.
template <typename Item>
struct Room {
  Item* items = nullptr;
  size_t capacity = 0;

  /// Makes room for `wanted` items; the first `kept` stay.
  void reserve(size_t wanted, size_t kept) {
    if (wanted <= capacity) return;
    const size_t size = wanted > 2 * capacity ? wanted : 2 * capacity;
    Item* grown = static_cast<Item*>(std::malloc(size * sizeof(Item)));
    // There is no event to blame and nothing to give back: the process is out of memory.
    if (grown == nullptr) std::abort();
    if (kept > 0) std::memcpy(static_cast<void*>(grown), items, kept * sizeof(Item));
    std::free(items);
    items = grown;
    capacity = size;
  }

  /// Gives the memory back.
  void release() {
    std::free(items);
    items = nullptr;
    capacity = 0;
  }

  Room() = default;
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() { release(); }
};

}  // namespace penstock
