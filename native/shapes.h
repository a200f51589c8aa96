// The sequences of keys that events had before. An SDK sends the same keys in the same order again and again, so the
// key that followed the last time is tried first: when its raw text, `"key":`, stands there, one comparison proves its
// quotes, its colon, that it has no escape, what the program wants of it, and that it is no duplicate, since all keys on
// a path differ. It is the idea of V8's hidden classes (https://v8.dev/blog/fast-properties), with texts for names.
//
// Known keys form a trie: behind each key, and at the start of the object or of the objects of an array that is its
// value, a list of keys that were met there. The trie is a hint: a key that it does not know is proved by the tables
// of the program and then learnt. It is bounded three times, so that no client can fill memory or time with it:
// KNOWN_KEYS_MAX keys, of which KEYS_LEARNT_MAX can be new in a slab, and NEXT_KEYS_MAX in a list, of which the one
// not used for longest makes room. A full trie is forgotten between two slabs; what is in use is learnt again at once.
#pragma once
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "program.h"
#include "room.h"

#define PENSTOCK_INLINE inline __attribute__((always_inline))

namespace penstock {

/// Place of a known key in the trie's memory.
using KeyIndex = uint16_t;

/// Half a megabyte of a scanner's own: some four hundred kinds of events of twenty keys.
constexpr size_t KNOWN_KEYS_MAX = 8192;
/// To learn a key takes some five hundred instructions, to scan a slab of 900 KB some eight million.
constexpr size_t KEYS_LEARNT_MAX = 512;
/// Keys that are tried in one place. With eight instead, events whose keys come in random order take 2 % longer, and the
/// usual ones gain nothing.
constexpr uint32_t NEXT_KEYS_MAX = 4;
/// Each program has a root of its own among them.
constexpr uint32_t PROGRAMS_MAX = 256;
/// Keys of an object that are looked at for one that may be among them; objects with more are taken apart.
constexpr uint32_t KEYS_TRACED_MAX = 32;
/// Bytes of `"key":` that are compared; a longer key is never known.
constexpr Position KEY_TEXT_BYTES = 32;

/// One cache line. Entry, node and what is wanted are the program's for the key in this place, or -1.
struct alignas(64) KnownKey {
  /// `"key":` and zeros.
  Byte text[KEY_TEXT_BYTES];
  /// One bit for each byte that is not compared.
  uint32_t ignored;
  uint32_t hash;
  int32_t node;
  int16_t entry;
  Wanted wanted;
  /// First keys to try: behind this one; in the object that is its value; in the objects of the array that is.
  KeyIndex after, inside, element;
  /// Another key to try in its place; and the key before it in its object. 0 is none.
  KeyIndex other, before;
  uint8_t textBytes;
  /// Whether its value is captured.
  bool isCaptured;
};
static_assert(sizeof(KnownKey) == 64, "one cache line");

/// Whether the text of `key` stands at `from`, where KEY_TEXT_BYTES can be read. Few keys have more than thirteen bytes,
/// and which have is the same from event to event: not to compare the upper half is 2 % of a scan.
PENSTOCK_INLINE bool standsAt(const KnownKey& key, const Byte* from) {
#if defined(__SSE2__)
  const __m128i* const words = reinterpret_cast<const __m128i*>(from);
  const __m128i* const text = reinterpret_cast<const __m128i*>(key.text);
  const __m128i low = _mm_cmpeq_epi8(_mm_loadu_si128(words), _mm_load_si128(text));
  uint32_t equal = static_cast<uint32_t>(_mm_movemask_epi8(low)) | 0xffff0000;
  if (__builtin_expect(key.textBytes > 16, 0)) {
    const __m128i high = _mm_cmpeq_epi8(_mm_loadu_si128(words + 1), _mm_load_si128(text + 1));
    equal &= static_cast<uint32_t>(_mm_movemask_epi8(high)) << 16 | 0xffff;
  }
  return (equal | key.ignored) == 0xffffffff;
#else
  return std::memcmp(from, key.text, key.textBytes) == 0;
#endif
}

class Shapes {
 public:
  /// Makes the memory; each of `programs` has a trie of its own.
  void create(size_t programs) {
    programs_ = programs;
    memory_.reserve(KNOWN_KEYS_MAX * sizeof(KnownKey) + alignof(KnownKey), 0);
    const size_t offset = reinterpret_cast<uintptr_t>(memory_.items) % alignof(KnownKey);
    keys_ = reinterpret_cast<KnownKey*>(memory_.items + (alignof(KnownKey) - offset));
    forget();
  }

  /// To be called before each slab.
  void openSlab() {
    if (count_ == KNOWN_KEYS_MAX) forget();
    learnable_ = KNOWN_KEYS_MAX - count_ < KEYS_LEARNT_MAX ? KNOWN_KEYS_MAX - count_ : KEYS_LEARNT_MAX;
  }

  KnownKey* at(KeyIndex index) { return keys_ + index; }
  /// Stands for the key whose value is the event, by program.
  KnownKey* root(size_t program) { return keys_ + 1 + program; }

  /// The key of the list at `place` that stands at `from`; it becomes the first. Null if none.
  KnownKey* find(KeyIndex* place, const Byte* from) {
    KnownKey* first = at(*place);
    return *place != 0 && standsAt(*first, from) ? first : findOther(place, from);
  }

  /// The key of the list at `place`, but not its first, that stands at `from`; it becomes the first. Null if none.
  __attribute__((noinline)) KnownKey* findOther(KeyIndex* place, const Byte* from) {
    KeyIndex* link = place;
    for (KnownKey* key = at(*link); key->other != 0;) {
      link = &key->other;
      key = at(*link);
      if (!standsAt(*key, from)) continue;
      const KeyIndex found = *link;
      *link = key->other;
      key->other = *place;
      *place = found;
      return key;
    }
    return nullptr;
  }

  /// A new key, the first to try at `place`; null when it cannot be learnt. `text` is `"key":`. The caller fills in
  /// what the program wants of it.
  KnownKey* learn(KeyIndex* place, const KnownKey* before, const Byte* text, Position textBytes) {
    if (textBytes > KEY_TEXT_BYTES || learnable_ == 0) return nullptr;
    learnable_--;
    cutLast(place);
    KnownKey* key = keys_ + count_;
    std::memset(static_cast<void*>(key), 0, sizeof(KnownKey));
    std::memcpy(key->text, text, static_cast<size_t>(textBytes));
    key->textBytes = static_cast<uint8_t>(textBytes);
    key->ignored = textBytes == KEY_TEXT_BYTES ? 0 : ~uint32_t{0} << textBytes;
    key->before = before == nullptr ? KeyIndex{0} : static_cast<KeyIndex>(before - keys_);
    key->other = *place;
    *place = static_cast<KeyIndex>(count_++);
    return key;
  }

  /// Whether a key with that hash may be one of an object whose last key is `last`, as far as the path back to its first
  /// tells within KEYS_TRACED_MAX steps.
  bool mayHave(const KnownKey* last, uint32_t hash) const {
    for (uint32_t traced = 0; traced < KEYS_TRACED_MAX; traced++) {
      if (last->hash == hash) return true;
      if (last->before == 0) return false;
      last = keys_ + last->before;
    }
    return true;
  }

 private:
  void forget() {
    count_ = 1 + programs_;
    std::memset(static_cast<void*>(keys_), 0, count_ * sizeof(KnownKey));
    // None: no token is followed by this, and even if it were, nothing is proved by a text of no bytes.
    std::memset(keys_[0].text, 1, KEY_TEXT_BYTES);
  }

  /// Makes room in a full list.
  void cutLast(KeyIndex* place) {
    KeyIndex* link = place;
    for (uint32_t tried = 0; *link != 0; link = &at(*link)->other) {
      if (++tried == NEXT_KEYS_MAX) *link = 0;
      if (*link == 0) return;
    }
  }

  Room<Byte> memory_;
  KnownKey* keys_;
  size_t programs_, count_, learnable_;
};

}  // namespace penstock
