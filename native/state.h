// Everything that a scanner keeps while it scans, in one plain object that its free functions share: the native twin
// of src/scan/reference/state.ts. One state belongs to one scanner and thus to one thread; nothing in it outlives a
// slab but buffers.
#pragma once
#include "address-text.h"
#include "output.h"
#include "program.h"
#include "shapes.h"
#include "structure.h"

namespace penstock {

/// `valueDirty`, `keyDirty`: cannot be copied as it stands (space, surrogates).
/// `apart`: there is more than a colon between the key's quote and the value, or the key is not the column's. `used`: a
/// column took it. `bare`: the value is a text without quotes, the inside of a string or a number.
namespace capture_flag {
enum : uint8_t {
  valueDirty = 1,
  valueEscaped = 2,
  keyEscaped = 4,
  keyDirty = 8,
  apart = 32,
  used = 64,
  bare = 128
};
}

/// A member of the event's root, or a value deeper down that fills a slot. Offsets count in the source; the key's
/// are those of its raw text between the quotes, the value's include quotes and braces.
struct Capture {
  int32_t keyStart, keyEnd, valueStart, valueEnd;
  Wanted wanted;
  ValueKind kind;
  uint8_t flags;
};

/// A key on the stack. `start` is an offset in the body, or its complement (~) in the scratch for a key that had to
/// be unescaped.
struct StackedKey {
  Key key;
  Position start;
};

/// Levels that a fast walk can keep; deeper events are walked exactly.
constexpr uint32_t FAST_DEPTH_MAX = 64;
/// Keys of one object that a fast walk compares, and entries that it notes as seen.
constexpr uint32_t FAST_KEYS_MAX = 64;

/// Running counts of the state where a value began.
struct Counts {
  uint64_t spaces, escapes, surrogates;
};

/// One object or array that is open.
struct Level {
  /// The key whose value it is, or in whose array it is an element; and the program's node of it, or -1.
  KnownKey* holder;
  int32_t node;
  bool isArray, isElement;
  /// Its capture, or null; and the counts where it began.
  Capture* capture;
  Counts counts;
  /// Whether its keys are compared by their hashes, from `keyBase` on, and one bit for each of 64 classes of these.
  bool isCompared;
  uint32_t keyBase;
  uint64_t classes;
};

/// Slots that a word has a bit for; programs with more choose anew for every event.
constexpr uint32_t CHOICE_SLOTS_MAX = 64;
/// Choices that are remembered. A client that sends ever other slots pays what all did without.
constexpr size_t CHOICES = 256;

/// Which source of each column comes into question first, and which parts do, where the same slots have values and the same
/// guards hold (sources.h).
struct Choice {
  const Program* program;
  uint64_t slots;
  uint32_t guards, parts;
  bool hasApp;
  uint32_t count;
  /// A column, its source, and the slot of that where its value is taken as it is, or -1.
  struct Pick {
    uint32_t column, source;
    int32_t slot;
  } picks[COLUMNS_MAX];
};

/// Fields of the rest, of an event or of its envelope, that are compared by their hashes.
constexpr size_t HASHED_FIELDS_MAX = 8;

/// Slots, one bit each, whose names are none of an object's keys, and the last key of that, as KnownKey or null.
struct Apart {
  const KnownKey* lastKey;
  uint64_t slots;
};
/// Objects of which that is kept: a power of two.
constexpr size_t APART_KEPT = 16;

/// What a fast walk keeps (fast-walk.h).
struct FastRoom {
  Level levels[FAST_DEPTH_MAX + 2];
  /// Keys of the open objects that are compared; and one bit for each of the program's entries that were met.
  uint32_t hashes[FAST_DEPTH_MAX * FAST_KEYS_MAX];
  uint32_t hashTop;
  uint64_t seenEntries;
  /// The key passed last where that one is not known. Nothing is learnt behind it or in it.
  KnownKey unknown;
};

enum class Utf8 : uint8_t { unknown, valid, broken };

/// Faults that are no reasons, of the walk: they steer the frame loop. 0 is none.
constexpr uint32_t FAULT_ENVELOPE = 0xffffffff;

struct State {
  // What stays the same.
  Limits limits;
  Reasons reasons;
  std::vector<bool> keepsDeadLetter;
  std::vector<Column> columns;
  uint32_t eventIdColumn, appColumn, deviceColumn, userColumn, timestampColumn;
  /// Room for every key of the columns, the quotes of texts, an id and a time.
  size_t fixedBytes;
  std::vector<Program> programs;
  /// By a frame row's `app`; 0 is open mode.
  std::vector<App> apps;
  /// By a frame row's `transport`: `,"transport":"name"}` and a newline.
  std::vector<Text> transportEnds;
  uint32_t hashSeed[4];
  uint32_t nodeHigh, nodeLow;
  Room<uint32_t> setupWords;
  Room<Byte> setupBytes;

  // The body: VIEWS for the time of one scan. `end` is where the current walk must stop.
  const Byte* bytes;
  Position sourceBytes;
  uint32_t source;
  Position end, frameStart, frameEnd;
  Utf8 utf8;
  Structure structure;

  // The walk of one event.
  const Program* program;
  uint32_t fault;
  int32_t faultSlot;
  /// A root key of the envelope's with an array ends the walk with FAULT_ENVELOPE.
  bool envelopeSought;
  /// The object walked is the envelope itself: its array is skipped and noted.
  bool envelopeWalked;
  Position arrayStart, arrayEnd;
  /// `arrayEnd` is a guess, which the events have to prove; and whether each of them could be walked to its end.
  bool isEndGuessed, isEndProved;
  /// Keys of the event so far; and the stack of keys of the objects that are open.
  uint32_t keyCount;
  size_t keyTop;
  Room<StackedKey> keys;
  FastRoom fast;
  Shapes shapes;
  /// Cells of the sets of open objects with many keys, one behind the other.
  Room<uint32_t> keyCells;
  size_t keyCellsTop;
  /// Running counts; a span in which they did not move can be copied as it stands.
  uint64_t spaceCount, escapeCount, surrogateCount;
  Room<Capture> captures;
  size_t captureCount;
  /// Place of the capture that fills `program->restSlot`, and the last key of its object; null where one of its keys is not
  /// known.
  size_t restCapture;
  const KnownKey* restLastKey;
  /// What was seen of names since the slab or the last envelope began (rest.h).
  Apart apart[APART_KEPT];
  /// The first captures are those of the envelope's slots, kept over the events of a frame.
  size_t captureBase;
  /// Captures of the envelope's own fields that go into each of its events.
  Room<Capture> envelope;
  size_t envelopeCount;
  /// The hashes of their keys; and whether there is a key that its bytes do not tell.
  uint32_t envelopeHashes[HASHED_FIELDS_MAX];
  bool isEnvelopeUnhashed;
  /// How a line carries them, a comma before each.
  Room<Byte> envelopeText;
  size_t envelopeBytes;
  /// By column: the winning capture, where the column has one.
  const Capture* winner[COLUMNS_MAX];
  /// One bit for each column that has a winner, and for each whose winner is more than `""` or `{}`.
  uint32_t present, filled;
  /// Columns that are no capture of the client's, one bit each: constants, with their sources, composed objects, and a
  /// time that was moved.
  uint32_t made;
  uint32_t constantSource[COLUMNS_MAX];
  /// By slot: its capture, or -1. Only of programs that are not plain, as what follows.
  Room<int32_t> slotCapture;
  Room<Choice> choices;
  /// Columns whose winner was not taken as it is, one bit each, and by column the capture that it is or was made of.
  uint32_t taken;
  int32_t origin[COLUMNS_MAX];
  /// Which of the envelope's captures said when it was sent, or -1, and what it said.
  int32_t sentAtCapture;
  double sentAtMs;
  /// The guards that hold and the parts that are there, as bits.
  uint32_t heldGuards, activeParts;
  /// The time that won is not to be corrected.
  bool isTimeExact;
  /// Captures of the event that go to the rest column, `restCount` of them, by their places.
  Room<uint32_t> restFields;
  size_t restCount;
  /// Names of the rest column that are taken (rest.h).
  Room<struct TakenName> takenNames;
  Room<uint32_t> takenCells;
  /// Unescaped texts of the current event.
  Room<Byte> scratch;
  size_t scratchTop;

  // The frame's constants.
  uint32_t app, frame;
  double receivedMs, eventMs;
  /// The end of each line of the frame: ip, user agent, received_at, dialect, transport, brace, newline.
  Room<Byte> tail;
  size_t tailBytes;
  /// Where the tail of the next line begins; and where it does when address and user agent are not the connection's.
  size_t tailStart, tailServerStart;
  /// Where the user agent begins in it.
  size_t tailAgentStart;

  // What the event says of itself (claims.h): what of it stands before the connection's, as bits; its address, of which 0
  // bytes are written as nothing, and its user agent, or null.
  ClaimPrivacy claimPrivacy;
  uint32_t claimed;
  size_t claimedAddressBytes;
  Byte claimedAddress[ADDRESS_BYTES_MAX];
  const Capture* claimedAgent;

  // The output, and what it and the id source held when the frame began; a refused frame goes back to it.
  Output output;
  uint32_t idCounter;
  uint32_t accepted, rejected;
  Marks marks;
  uint32_t markIds;
};

/// Notes `reason` as the fault of the walk and returns -1, which every walking function hands up.
inline Position fail(State& state, uint32_t reason) {
  state.fault = reason;
  return -1;
}

}  // namespace penstock
