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
  FREE_AGE_MAX,
  GENERATION_NUMBERS,
  GenerationWord,
  GROUP_SLOTS,
  GROUPS_PROBED_MAX,
  generationWord,
  groupStart,
  IDS_BETWEEN_LOOKS,
  LIVE_GENERATIONS,
  OVERRUN_WORD,
  SWEEP_GENERATIONS,
  SWEEP_GROUPS,
  TAG_WORD,
  WindowWord,
} from './layout.ts';
import { createLineId, LineIdKind, readLineId } from './line-id.ts';
import { writeSharedIds } from './shared-ids.ts';

const NEWLINE = 0x0a;
const NO_SUFFIX = new Uint8Array(0);
const NONE = -1;
const MARKS_PER_WORD = 4;

/** The window over shared memory of createWindowMemory. */
export function createReferenceWindow(memory: SharedArrayBuffer): DedupWindow {
  const words = new BigUint64Array(memory);
  const marks = new Uint16Array(memory);
  const key = new Uint32Array(memory, WindowWord.keyLow * 8, 4);
  const groups = Number(words[WindowWord.groups]);
  const capacity = Number(words[WindowWord.capacity]);
  const windowMs = Number(words[WindowWord.windowMs]);
  const id = createLineId();
  const load = (word: number) => Number(Atomics.load(words, word));
  const store = (word: number, value: number) => Atomics.store(words, word, BigInt(value));
  const newestGeneration = () => Math.floor(load(WindowWord.turn) / 2);
  const groupOf = (place: bigint) => Math.floor((Number(place >> 32n) * groups) / 0x1_0000_0000);
  const behind = (group: number) => (group + 1 === groups ? 0 : group + 1);

  /** Whether a generation counts at that time. */
  function isLive(generation: number, nowMs: number): boolean {
    if (load(generationWord(generation, GenerationWord.count)) === 0) return false;
    return load(generationWord(generation, GenerationWord.lastMs)) + windowMs > nowMs;
  }

  function isRemembered(place: bigint, tag: bigint, nowMs: number): boolean {
    const newest = newestGeneration();
    const wanted = markOf(place);
    let group = groupOf(place);
    for (let probed = 0; probed < GROUPS_PROBED_MAX; probed++) {
      const start = groupStart(group);
      for (let slot = 0; slot < GROUP_SLOTS; slot++) {
        const mark = Atomics.load(marks, start * MARKS_PER_WORD + slot);
        if ((mark & ~(GENERATION_NUMBERS - 1)) !== wanted) continue;
        const age = ageOf(newest, mark);
        if (age >= LIVE_GENERATIONS || age > newest || !isLive(newest - age, nowMs)) continue;
        if (Atomics.load(words, start + TAG_WORD + slot) === tag) return true;
      }
      const overrun = load(start + OVERRUN_WORD);
      if (overrun === 0 || overrun + LIVE_GENERATIONS <= newest + 1) return false;
      group = behind(group);
    }
    return false;
  }

  /** Index of the word of a slot that is taken in the group: an empty one, else a free one; NONE when there is none. */
  function takeSlot(group: number, newest: number, mark: number): number {
    const start = groupStart(group);
    for (const takesFree of [false, true]) {
      for (let slot = 0; slot < GROUP_SLOTS; slot++) {
        const at = start * MARKS_PER_WORD + slot;
        const held = Atomics.load(marks, at);
        if (held !== 0 && !(takesFree && isFree(newest, held))) continue;
        if (Atomics.compareExchange(marks, at, held, mark) === held) return start + TAG_WORD + slot;
      }
    }
    return NONE;
  }

  function noteOverrun(group: number, newest: number): void {
    const word = groupStart(group) + OVERRUN_WORD;
    for (let held = Atomics.load(words, word); held < BigInt(newest + 1); held = Atomics.load(words, word))
      Atomics.compareExchange(words, word, held, BigInt(newest + 1));
  }

  function insert(place: bigint, tag: bigint, newest: number): boolean {
    const mark = markOf(place) | (newest % GENERATION_NUMBERS);
    let group = groupOf(place);
    for (let probed = 0; probed < GROUPS_PROBED_MAX; probed++) {
      const word = takeSlot(group, newest, mark);
      if (word !== NONE) {
        Atomics.store(words, word, tag);
        return true;
      }
      noteOverrun(group, newest);
      group = behind(group);
    }
    return false;
  }

  /** First of the groups that the caller is to sweep; NONE when all are taken, or another round has begun. */
  function claimGroups(round: number): number {
    for (;;) {
      const claimed = Atomics.load(words, WindowWord.claimed);
      const from = Number(claimed & 0xffff_ffffn);
      if (Number(claimed >> 32n) !== round || from >= groups) return NONE;
      const next = claimed + BigInt(SWEEP_GROUPS);
      if (Atomics.compareExchange(words, WindowWord.claimed, claimed, next) === claimed) return from;
    }
  }

  /** Sweeps a part of the table: a step, and so much that a round is done in half of its generations. */
  function sweep(newest: number, count: number): void {
    const generations = (newest % SWEEP_GENERATIONS) + count / capacity;
    const wanted = ((generations * 2) / SWEEP_GENERATIONS) * groups;
    const round = Math.floor(newest / SWEEP_GENERATIONS);
    for (let from = claimGroups(round); from !== NONE; ) {
      const end = Math.min(from + SWEEP_GROUPS, groups);
      for (let group = from; group < end; group++) sweepGroup(groupStart(group) * MARKS_PER_WORD, newest);
      Atomics.add(words, WindowWord.swept, BigInt(end - from));
      from = from + SWEEP_GROUPS < wanted ? claimGroups(round) : NONE;
    }
  }

  function sweepGroup(start: number, newest: number): void {
    for (let at = start; at < start + GROUP_SLOTS; at++) {
      const mark = Atomics.load(marks, at);
      if (mark !== 0 && isFree(newest, mark)) Atomics.compareExchange(marks, at, mark, 0);
    }
  }

  /** Begins the next generation when the newest is full or old, and the round of sweeping that ends with it is done. Gives the newest. */
  function turn(nowMs: number): number {
    const word = Atomics.load(words, WindowWord.turn);
    const newest = Math.floor(Number(word) / 2);
    if ((word & 1n) !== 0n) return newest;
    const count = load(generationWord(newest, GenerationWord.count));
    if (count === 0) {
      store(generationWord(newest, GenerationWord.openedMs), nowMs);
      return newest;
    }
    sweep(newest, count);
    const ageMs = nowMs - load(generationWord(newest, GenerationWord.openedMs));
    const isDue = count >= capacity || ageMs >= windowMs;
    const endsRound = (newest + 1) % SWEEP_GENERATIONS === 0;
    if (!isDue || (endsRound && load(WindowWord.swept) < groups)) return newest;
    if (Atomics.compareExchange(words, WindowWord.turn, word, word + 1n) !== word) return newest;
    store(generationWord(newest + 1, GenerationWord.count), 0);
    store(generationWord(newest + 1, GenerationWord.openedMs), nowMs);
    if (endsRound) {
      const round = Math.floor((newest + 1) / SWEEP_GENERATIONS);
      Atomics.store(words, WindowWord.claimed, BigInt(round) << 32n);
      store(WindowWord.swept, 0);
    }
    Atomics.store(words, WindowWord.turn, word + 2n);
    return newest + 1;
  }

  function remember(fresh: BigUint64Array, count: number, nowMs: number): void {
    for (let at = 0; at < count; at += IDS_BETWEEN_LOOKS) {
      const newest = turn(nowMs);
      let added = 0;
      for (let index = at; index < Math.min(count, at + IDS_BETWEEN_LOOKS); index++) {
        if (insert(fresh[2 * index]!, fresh[2 * index + 1]!, newest)) added += 1;
      }
      store(generationWord(newest, GenerationWord.lastMs), nowMs);
      Atomics.add(words, generationWord(newest, GenerationWord.count), BigInt(added));
    }
  }

  function find(output: ScanOutput, madeSuffix: Uint8Array, nowMs: number, findings: Findings): void {
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
  }

  function rememberLines(lines: Uint8Array, nowMs: number): number {
    const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
    const pairs = new BigUint64Array(2 * IDS_BETWEEN_LOOKS);
    let total = 0;
    for (let at = 0; at < bytes.length; ) {
      let count = 0;
      let read = 0;
      while (read < IDS_BETWEEN_LOOKS && at < bytes.length) {
        const newline = bytes.indexOf(NEWLINE, at);
        const end = newline < 0 ? bytes.length : newline + 1;
        const kind = readLineId(key, bytes, at, end, NO_SUFFIX, id);
        at = end;
        if (kind !== LineIdKind.known) continue;
        read += 1;
        if (!isRemembered(id.pair[0]!, id.pair[1]!, nowMs)) pairs.set(id.pair, 2 * count++);
      }
      remember(pairs, count, nowMs);
      total += read;
    }
    return total;
  }

  return { name: 'reference', find, remember, rememberLines, writeSharedIds };
}

/** The part of a mark that is the id's, in its upper bits; never 0. */
function markOf(place: bigint): number {
  return (Number(place & 0x3ffn) || 1) * GENERATION_NUMBERS;
}

/** How many generations ago the one of a mark was the newest, as far as its six bits tell. */
function ageOf(newest: number, mark: number): number {
  return (newest - mark) & (GENERATION_NUMBERS - 1);
}

/** Whether a slot may be taken while `newest` is the newest generation. */
function isFree(newest: number, mark: number): boolean {
  const age = ageOf(newest, mark);
  return age >= LIVE_GENERATIONS && age <= FREE_AGE_MAX;
}
