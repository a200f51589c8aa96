/**
 * The dedup window: which ids this process has kept lately, in one piece of memory that all threads share. This page
 * is its only description; native/dedup/window.h and reference.ts are its code.
 *
 * Only ids whose event is kept stand in it: a thread looks ids up, writes the new events to its journal, and then adds
 * their ids. So nothing needs to be taken back when a disk fails or a thread dies, and two threads that are given the same event
 * at the same time both keep it.
 *
 *   words of 64 bits:  header (below), then REGIONS regions of `slots` words
 *   slot               0, or the tag of an id; a slot changes from 0 to a tag (compare-and-exchange) and, when its
 *                      region is cleared, back
 *   id                 SipHash-1-3-128 over event_id, 0xff, app_id, under a key drawn at the start: a place and a tag
 *   place              bucket of BUCKET_SLOTS slots: high half of the place word × buckets / 2^32. A full bucket is
 *                      followed by the next one; a bucket that is not full ends the search
 *
 * Generations follow each other through the regions: generation g stands in region g mod REGIONS. The newest one takes
 * ids until it has `capacity` of them or is `windowMs` old; LIVE_GENERATIONS are looked at; the region that comes next is
 * cleared meanwhile, a step with each few ids. So an id is remembered until (LIVE_GENERATIONS − 1) × capacity newer
 * ones were added, or windowMs passed, whichever is first. It is not remembered longer than twice windowMs, since a
 * generation whose last id is windowMs old is not looked at: but for traffic so thin that the next region is not clear.
 *
 * What can be wrong: an event whose id has place and tag of another is dropped. A look-up compares at most some
 * LIVE_GENERATIONS × BUCKET_SLOTS tags of 64 bits: under 32 × 2^-64 = 1.7e-18, by the slots that are filled (half of
 * them) under 1e-18; at a million events a second that is one in thirty thousand years.
 */
export const LIVE_GENERATIONS = 4;
export const REGIONS = LIVE_GENERATIONS + 1;
export const BUCKET_SLOTS = 8;
/** Buckets that one id may be looked for in; an id that finds no room in them is not remembered. */
export const BUCKETS_PROBED_MAX = 32;
/** Slots that are cleared in one go: 512 KiB, some 50 µs. */
export const CLEAR_SLOTS = 65_536;
/** Ids after which a thread looks whether the newest generation is full. */
export const IDS_BETWEEN_LOOKS = 64;
/** Share of a region's slots that are filled when its generation is full. */
const FILL = 0.75;

/** Words of the header. Written when the memory is made: slots, capacity, windowMs and key; the others by any thread, atomically. */
export const WindowWord = {
  slots: 0,
  capacity: 1,
  windowMs: 2,
  keyLow: 3,
  keyHigh: 4,
  /** Twice the newest generation's number; odd while a thread begins the next. Changed by compare-and-exchange, published by a store. */
  turn: 5,
  /** Slots of the next region that threads have taken to clear, with the newest generation in the high half (compare-and-exchange), and that are clear. */
  claimed: 6,
  cleared: 7,
  /** Then RegionWord for each region. */
  regions: 8,
} as const;

/** Words of a region; times are ms since 1970. */
export const RegionWord = { count: 0, openedMs: 1, lastMs: 2 } as const;
const REGION_WORDS = 3;

/** A multiple of 64 bytes less the 16 that glibc keeps before large memory: buckets are whole cache lines there. */
export const HEADER_WORDS = 30;

/** Index of a generation's word in the header. */
export function regionWord(generation: number, word: number): number {
  return WindowWord.regions + (generation % REGIONS) * REGION_WORDS + word;
}

/** Index of the first slot of a generation's region. */
export function regionStart(generation: number, slots: number): number {
  return HEADER_WORDS + (generation % REGIONS) * slots;
}

/** Bytes of a window that remembers `idsMax` ids: 18 an id, and room for what many threads add at once. */
export function windowBytes(idsMax: number): number {
  return (HEADER_WORDS + REGIONS * slotsOf(capacityOf(idsMax))) * 8;
}

/** Shared memory for the last `idsMax` ids (at least 1), or those of `windowMs`. `key` is 16 random bytes. */
export function createWindowMemory(idsMax: number, windowMs: number, key: Uint8Array): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(windowBytes(idsMax));
  const words = new BigUint64Array(memory);
  const keyWords = new BigUint64Array(Uint8Array.from(key).buffer);
  words[WindowWord.slots] = BigInt(slotsOf(capacityOf(idsMax)));
  words[WindowWord.capacity] = BigInt(capacityOf(idsMax));
  words[WindowWord.windowMs] = BigInt(windowMs);
  words[WindowWord.claimed] = words[WindowWord.slots] ?? 0n;
  words[WindowWord.cleared] = words[WindowWord.slots] ?? 0n;
  words[WindowWord.keyLow] = keyWords[0] ?? 0n;
  words[WindowWord.keyHigh] = keyWords[1] ?? 0n;
  return memory;
}

/** What operators see of a window: ids in the generations that are looked at, and the number of the newest. */
export function measureWindow(memory: SharedArrayBuffer): { ids: number; generation: number } {
  const words = new BigUint64Array(memory, 0, HEADER_WORDS);
  const generation = Math.floor(Number(Atomics.load(words, WindowWord.turn)) / 2);
  let ids = 0;
  for (let age = 0; age < LIVE_GENERATIONS && age <= generation; age++)
    ids += Number(Atomics.load(words, regionWord(generation - age, RegionWord.count)));
  return { ids, generation };
}

function capacityOf(idsMax: number): number {
  return Math.ceil(idsMax / (LIVE_GENERATIONS - 1));
}

/** Threads look at the count between IDS_BETWEEN_LOOKS ids: so many more can be added by each of 64. */
function slotsOf(capacity: number): number {
  return Math.ceil((capacity / FILL + 64 * IDS_BETWEEN_LOOKS) / BUCKET_SLOTS) * BUCKET_SLOTS;
}
