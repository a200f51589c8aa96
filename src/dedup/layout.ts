/**
 * The dedup window: which ids this process has kept lately, in one piece of memory that all threads share. This page
 * is its only description; native/dedup/window.h and reference.ts are its code.
 *
 * Only ids whose event is kept stand in it: a thread looks ids up, writes the new events to its journal, and then adds
 * their ids. So nothing needs to be taken back when a disk fails or a thread dies, and two threads that are given the
 * same event at the same time both keep it.
 *
 *   words of 64 bits   header (WindowWord, then GenerationWord a row), then groups of GROUP_WORDS
 *   group              0–5 marks of its slots, 16 bits each · 6 the newest generation that ran over into the group
 *                      behind, plus one · 7 unused · 8–31 the tag of each slot
 *   mark               0 for an empty slot, else the low 6 bits of the generation and 10 bits of the id, which are never 0.
 *                      Changed by compare-and-exchange; the tag is stored behind it, and until then looks like another's
 *   id                 SipHash-1-3-128 over event_id, 0xff, app_id, under a key drawn at the start: a place and a tag.
 *                      Its group is the high half of the place × groups / 2^32; its mark the low 10 bits, or 1
 *
 * Generations follow each other: the newest takes ids until it has `capacity` of them or is `windowMs` old.
 * LIVE_GENERATIONS count; slots of older ones are free, and are emptied before their number comes again: a step with
 * each few ids, the whole table once in SWEEP_GENERATIONS. So an id is remembered until (LIVE_GENERATIONS − 1) ×
 * capacity newer ones were added, or windowMs passed, whichever is first; and never longer than twice windowMs, since a
 * generation whose last id is that old does not count. (One in SWEEP_GENERATIONS waits for the sweep: where less than
 * one slab came for each SWEEP_GROUPS groups in the time of a round, it is remembered longer.)
 *
 * What can be wrong: an event is dropped when another id has its group, mark and tag. A look-up compares the tags, of 64
 * bits, of at most 24 slots, and only under the same 10 bits of mark: 24 × 2^-74 = 1.3e-21. At a million events a
 * second that is one event in 25 million years.
 */
export const LIVE_GENERATIONS = 12;
/** Numbers that a mark tells apart; slots of these last ages are those of generations to come. */
export const GENERATION_NUMBERS = 64;
export const FREE_AGE_MAX = GENERATION_NUMBERS - 4;
export const SWEEP_GENERATIONS = 16;
export const GROUP_WORDS = 32;
export const GROUP_SLOTS = 24;
/** Word of a group that says how far it ran over, and the first of its tags. */
export const OVERRUN_WORD = 6;
export const TAG_WORD = 8;
/** Groups that one id may be looked for in; an id that finds no room in them is not remembered. */
export const GROUPS_PROBED_MAX = 16;
/** Groups that are swept in one go: some microseconds. */
export const SWEEP_GROUPS = 256;
/** Ids after which a thread looks whether the newest generation is full. */
export const IDS_BETWEEN_LOOKS = 64;
/** Random bytes that make a key. */
export const WINDOW_KEY_BYTES = 16;
/** Share of the slots that are live at most. With Poisson's law one group of 20 runs over at it. */
const FILL = 0.75;

/** Words of the header. Those up to keyHigh are written by who made the memory, the key again to forget all; the others by any thread, atomically. */
export const WindowWord = {
  groups: 0,
  capacity: 1,
  windowMs: 2,
  keyLow: 3,
  keyHigh: 4,
  /** Twice the newest generation's number; odd while a thread begins the next. Changed by compare-and-exchange, published by a store. */
  turn: 5,
  /** Groups that threads have taken to sweep, with the number of the round in the high half (compare-and-exchange), and that are swept. */
  claimed: 6,
  swept: 7,
  /** Then a row for each of GENERATION_ROWS. */
  generations: 8,
} as const;

/** Words of a generation's row; times are ms of a clock that only grows. */
export const GenerationWord = { count: 0, openedMs: 1, lastMs: 2 } as const;
const GENERATION_ROW_WORDS = 3;
const GENERATION_ROWS = 16;

/** 64-byte steps less the 16 bytes that glibc keeps before large memory: groups begin with a cache line there. */
const HEADER_WORDS = 62;

/** Index of a word of a generation's row. */
export function generationWord(generation: number, word: number): number {
  return WindowWord.generations + (generation % GENERATION_ROWS) * GENERATION_ROW_WORDS + word;
}

/** Index of the first word of a group. */
export function groupStart(group: number): number {
  return HEADER_WORDS + group * GROUP_WORDS;
}

/** Bytes of a window that remembers `idsMax` ids: 15.5 an id, and room for what many threads add at once. */
export function windowBytes(idsMax: number): number {
  return groupStart(groupsOf(capacityOf(idsMax))) * 8;
}

/** Shared memory for the last `idsMax` ids (at least 1), or those of `windowMs`. `key` is WINDOW_KEY_BYTES random bytes. */
export function createWindowMemory(idsMax: number, windowMs: number, key: Uint8Array): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(windowBytes(idsMax));
  const words = new BigUint64Array(memory);
  words[WindowWord.groups] = BigInt(groupsOf(capacityOf(idsMax)));
  words[WindowWord.capacity] = BigInt(capacityOf(idsMax));
  words[WindowWord.windowMs] = BigInt(windowMs);
  rekeyWindow(memory, key);
  return memory;
}

/**
 * Forgets every id: under another key none is found. Slabs that workers have in hand may still be looked up under the
 * old one; those that are handed over later are not.
 */
export function rekeyWindow(memory: SharedArrayBuffer, key: Uint8Array): void {
  new Uint8Array(memory).set(key, WindowWord.keyLow * 8);
}

/** What operators see of a window: ids in the generations that count, and the number of the newest. */
export function measureWindow(memory: SharedArrayBuffer): { ids: number; generation: number } {
  const words = new BigUint64Array(memory, 0, HEADER_WORDS);
  const generation = Math.floor(Number(Atomics.load(words, WindowWord.turn)) / 2);
  let ids = 0;
  for (let age = 0; age < LIVE_GENERATIONS && age <= generation; age++)
    ids += Number(Atomics.load(words, generationWord(generation - age, GenerationWord.count)));
  return { ids, generation };
}

function capacityOf(idsMax: number): number {
  return Math.ceil(idsMax / (LIVE_GENERATIONS - 1));
}

/** Threads look at the count between IDS_BETWEEN_LOOKS ids: so many more can be added by each of 64. */
function groupsOf(capacity: number): number {
  return Math.ceil(((capacity * LIVE_GENERATIONS) / FILL + 64 * IDS_BETWEEN_LOOKS) / GROUP_SLOTS);
}
