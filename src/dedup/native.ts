// Hot path: a few calls a slab.
/** The window in C++ (native/dedup/), behind the contract of findings.ts. */
import { assert } from '../assert.ts';
import { DEDUP_LARGE_PAGES_IDS_MIN } from '../limits.ts';
import { useLargePage } from '../memory.ts';
import { loadNativeAddon } from '../native-addon.ts';
import type { ScanOutput } from '../scan/contract.ts';
import { type DedupWindow, type Findings, reserveFindings } from './findings.ts';

interface Addon {
  findRepeats(
    memory: BigUint64Array,
    lines: Uint8Array,
    records: Uint32Array,
    recordCount: number,
    madeSuffix: Uint8Array,
    nowMs: number,
    fresh: BigUint64Array,
    repeats: Uint32Array,
    places: Uint32Array,
    counts: Uint32Array,
  ): boolean;
  rememberIds(memory: BigUint64Array, ids: BigUint64Array, count: number, nowMs: number): boolean;
  rememberLines(memory: BigUint64Array, lines: Uint8Array, nowMs: number): number;
  writeSharedIds(
    key: BigUint64Array,
    lines: Uint8Array,
    records: Uint32Array,
    recordCount: number,
    madeSuffix: Uint8Array,
    repeats: Uint32Array,
    repeatCount: number,
    target: Uint8Array,
  ): number;
}

const addon = loadNativeAddon<Addon>();

/** Undefined where the addon is not built. */
export function createNativeWindow(memory: SharedArrayBuffer): DedupWindow | undefined {
  if (addon === undefined) return undefined;
  const { findRepeats, rememberIds, rememberLines, writeSharedIds } = addon;
  const words = new BigUint64Array(memory);
  const counts = new Uint32Array(2);
  let places: Uint32Array = new Uint32Array(0);
  let rememberedIds = 0;
  /** The next large page to be had; undefined when there is none. */
  let largePage: number | undefined = 0;
  return {
    name: 'native',
    find(output: ScanOutput, madeSuffix: Uint8Array, nowMs: number, findings: Findings): void {
      const { lines, lineBytes, records, recordCount } = output;
      reserveFindings(findings, recordCount);
      places = emptyPlaces(places, recordCount);
      const isDone = findRepeats(
        words,
        lines.subarray(0, lineBytes),
        records,
        recordCount,
        madeSuffix,
        nowMs,
        findings.fresh,
        findings.repeats,
        places,
        counts,
      );
      assert(isDone, 'a slab’s records lie within its lines');
      findings.freshCount = counts[0]!;
      findings.repeatCount = counts[1]!;
    },
    remember(fresh: BigUint64Array, count: number, nowMs: number): void {
      assert(rememberIds(words, fresh, count, nowMs), 'ids are as many as they are counted');
      rememberedIds += count;
      if (largePage === undefined || rememberedIds < DEDUP_LARGE_PAGES_IDS_MIN) return;
      largePage = useLargePage(memory, largePage) ? largePage + 1 : undefined;
    },
    rememberLines(lines: Uint8Array, nowMs: number): number {
      const count = rememberLines(words, lines, nowMs);
      assert(count >= 0, 'the memory is a window');
      return count;
    },
    writeSharedIds(key, output, madeSuffix, { repeats, repeatCount }, target): number {
      const { lines, lineBytes, records, recordCount } = output;
      const count = writeSharedIds(
        key,
        lines.subarray(0, lineBytes),
        records,
        recordCount,
        madeSuffix,
        repeats,
        repeatCount,
        target,
      );
      assert(count >= 0, 'new ids of a slab fit the room that was made for them');
      return count;
    },
  };
}

/** A table of zeros for the new ids of one slab, at most half of which are filled; `places` again where it is as large. */
function emptyPlaces(places: Uint32Array, recordCount: number): Uint32Array {
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(2 * recordCount, 2)));
  return places.length < wanted ? new Uint32Array(wanted) : places.subarray(0, wanted).fill(0);
}
