// Hot path: runs for every event where the addon is not built.
/**
 * The window in TypeScript: the specification of native/dedup/, behind the contract of findings.ts. Both may use the
 * same memory at the same time. Each Atomics.load pairs with the stores and exchanges of the same word in this file
 * and in window.h.
 */
import type { ScanOutput } from '../scan/contract.ts';
import { RECORD_WORDS, RecordWord } from '../scan/contract.ts';
import { type DedupWindow, type Findings, reserveFindings } from './findings.ts';
import {
  BUCKET_SLOTS,
  BUCKETS_PROBED_MAX,
  CLEAR_SLOTS,
  IDS_BETWEEN_LOOKS,
  LIVE_GENERATIONS,
  REGIONS,
  RegionWord,
  regionStart,
  regionWord,
  WindowWord,
} from './layout.ts';
import { createLineId, LineIdKind, readLineId } from './line-id.ts';

const NEWLINE = 0x0a;
const NO_SUFFIX = new Uint8Array(0);
const PRESENT = -1;
const FULL = -2;

/** The window over shared memory of createWindowMemory. */
export function createReferenceWindow(memory: SharedArrayBuffer): DedupWindow {
  const words = new BigUint64Array(memory);
  const key = new Uint32Array(4);
  key.set(new Uint32Array(memory, WindowWord.keyLow * 8, 4));
  const slots = Number(words[WindowWord.slots]);
  const buckets = slots / BUCKET_SLOTS;
  const capacity = Number(words[WindowWord.capacity]);
  const windowMs = Number(words[WindowWord.windowMs]);
  const id = createLineId();
  const load = (word: number) => Number(Atomics.load(words, word));
  const store = (word: number, value: number) => Atomics.store(words, word, BigInt(value));

  /** Index of the slot where the tag may go, PRESENT or FULL. */
  function probe(generation: number, place: bigint, tag: bigint): number {
    let bucket = Math.floor((Number(place >> 32n) * buckets) / 0x1_0000_0000);
    for (let probed = 0; probed < BUCKETS_PROBED_MAX; probed++) {
      const start = regionStart(generation, slots) + bucket * BUCKET_SLOTS;
      for (let slot = start; slot < start + BUCKET_SLOTS; slot++) {
        const held = Atomics.load(words, slot);
        if (held === tag) return PRESENT;
        if (held === 0n) return slot;
      }
      bucket = bucket + 1 === buckets ? 0 : bucket + 1;
    }
    return FULL;
  }

  function isRemembered(place: bigint, tag: bigint, nowMs: number): boolean {
    const newest = Math.floor(load(WindowWord.turn) / 2);
    for (let age = 0; age < LIVE_GENERATIONS && age <= newest; age++) {
      const generation = newest - age;
      if (load(regionWord(generation, RegionWord.count)) === 0) continue;
      if (load(regionWord(generation, RegionWord.lastMs)) + windowMs <= nowMs) continue;
      if (probe(generation, place, tag) === PRESENT) return true;
    }
    return false;
  }

  function insert(generation: number, place: bigint, tag: bigint): boolean {
    for (let slot = probe(generation, place, tag); slot >= 0; slot = probe(generation, place, tag)) {
      if (Atomics.compareExchange(words, slot, 0n, tag) === 0n) return true;
    }
    return false;
  }

  /** First of the slots that the caller is to clear; undefined when all are taken, or another generation has begun. */
  function claimSlots(newest: number): number | undefined {
    for (;;) {
      const claimed = Atomics.load(words, WindowWord.claimed);
      const from = Number(claimed & 0xffff_ffffn);
      if (Number(claimed >> 32n) !== newest || from >= slots) return undefined;
      const next = claimed + BigInt(CLEAR_SLOTS);
      if (Atomics.compareExchange(words, WindowWord.claimed, claimed, next) === claimed) return from;
    }
  }

  /** Clears a part of the region that comes next: a step, and so much that it is done when the newest is half full. */
  function clearNext(newest: number, count: number): void {
    const wanted = ((2 * count) / capacity) * slots;
    for (let from = claimSlots(newest); from !== undefined; ) {
      const length = Math.min(slots - from, CLEAR_SLOTS);
      const start = regionStart(newest + 1, slots) + from;
      words.fill(0n, start, start + length);
      Atomics.add(words, WindowWord.cleared, BigInt(length));
      from = from + CLEAR_SLOTS < wanted ? claimSlots(newest) : undefined;
    }
  }

  /** Begins the next generation when the newest is full or old, and its region is clear. Gives the newest. */
  function turn(nowMs: number): number {
    const word = Atomics.load(words, WindowWord.turn);
    const newest = Math.floor(Number(word) / 2);
    if ((word & 1n) !== 0n) return newest;
    const count = load(regionWord(newest, RegionWord.count));
    if (count === 0) {
      store(regionWord(newest, RegionWord.openedMs), nowMs);
      return newest;
    }
    clearNext(newest, count);
    const ageMs = nowMs - load(regionWord(newest, RegionWord.openedMs));
    if ((count < capacity && ageMs < windowMs) || load(WindowWord.cleared) < slots) return newest;
    if (Atomics.compareExchange(words, WindowWord.turn, word, word + 1n) !== word) return newest;
    store(regionWord(newest + 1, RegionWord.count), 0);
    store(regionWord(newest + 1, RegionWord.openedMs), nowMs);
    // In the first round through the regions the next one has never been used.
    const clear = newest + 2 < REGIONS ? slots : 0;
    Atomics.store(words, WindowWord.claimed, (BigInt(newest + 1) << 32n) | BigInt(clear));
    store(WindowWord.cleared, clear);
    Atomics.store(words, WindowWord.turn, word + 2n);
    return newest + 1;
  }

  function remember(fresh: BigUint64Array, count: number, nowMs: number): void {
    for (let at = 0; at < count; at += IDS_BETWEEN_LOOKS) {
      const newest = turn(nowMs);
      let added = 0;
      for (let index = at; index < Math.min(count, at + IDS_BETWEEN_LOOKS); index++) {
        if (insert(newest, fresh[2 * index]!, fresh[2 * index + 1]!)) added += 1;
      }
      store(regionWord(newest, RegionWord.lastMs), nowMs);
      Atomics.add(words, regionWord(newest, RegionWord.count), BigInt(added));
    }
  }

  return {
    name: 'reference',
    find(output: ScanOutput, madeSuffix: Uint8Array, nowMs: number, findings: Findings): void {
      const { lines, records, recordCount } = output;
      reserveFindings(findings, recordCount);
      findings.freshCount = 0;
      findings.repeatCount = 0;
      const seen = new Map<bigint, bigint>();
      for (let row = 0; row < recordCount; row++) {
        const start = records[row * RECORD_WORDS + RecordWord.lineOffset]!;
        const end = start + records[row * RECORD_WORDS + RecordWord.lineLength]!;
        if (readLineId(key, lines, start, end, madeSuffix, id) !== LineIdKind.known) continue;
        const place = id.pair[0]!;
        const tag = id.pair[1]!;
        if (seen.get(tag) === place || isRemembered(place, tag, nowMs)) {
          findings.repeats[findings.repeatCount++] = row;
          continue;
        }
        seen.set(tag, place);
        findings.fresh[2 * findings.freshCount] = place;
        findings.fresh[2 * findings.freshCount++ + 1] = tag;
      }
    },
    remember,
    rememberLines(lines: Uint8Array, nowMs: number): number {
      const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
      const pairs = new BigUint64Array(2 * IDS_BETWEEN_LOOKS);
      let total = 0;
      for (let at = 0; at < bytes.length; ) {
        let count = 0;
        let read = 0;
        while (read < IDS_BETWEEN_LOOKS && at < bytes.length) {
          const newline = bytes.indexOf(NEWLINE, at);
          const end = newline < 0 ? bytes.length : newline + 1;
          const isKnown = readLineId(key, bytes, at, end, NO_SUFFIX, id) === LineIdKind.known;
          at = end;
          if (!isKnown) continue;
          read += 1;
          if (isRemembered(id.pair[0]!, id.pair[1]!, nowMs)) continue;
          pairs.set(id.pair, 2 * count++);
        }
        remember(pairs, count, nowMs);
        total += read;
      }
      return total;
    },
  };
}
