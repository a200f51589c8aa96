// Hot path: runs once a slab.
/**
 * What a worker does about repeats, slab by slab: finds them after the scan, takes them out of what is journaled, and
 * remembers the others once they are kept. An event that repeats one of the same slab shares its fate; one that
 * repeats what no journal has yet (another thread's, or one that waits for the disk) is kept as well, since dropping it could lose
 * both.
 */
import { assert } from '../assert.ts';
import type { Clock } from '../clock.ts';
import { SCAN_BUFFER_KEEP_BYTES } from '../limits.ts';
import { RECORD_WORDS, RecordWord, type ScanOutput } from '../scan/contract.ts';
import { FrameWord, frameRow, HeaderWord } from '../slab/layout.ts';
import { createFindings, type DedupWindow } from './findings.ts';

/** What of a scan's lines is to be kept: the first `bytes`, which are `rows` events. */
export interface KeptLines {
  readonly bytes: number;
  readonly rows: number;
}

/** Ids of one slab that wait until their events are kept. */
export type HeldIds = BigUint64Array;

export class SlabRepeats {
  readonly #window: DedupWindow;
  readonly #madeSuffix: Uint8Array;
  readonly #clock: Clock;
  #findings = createFindings();

  /** `madeSuffix` is what ids end in that the scanner of this thread makes (scan/uuid.ts). */
  constructor(window: DedupWindow, madeSuffix: Uint8Array, clock: Clock) {
    this.#window = window;
    this.#madeSuffix = madeSuffix;
    this.#clock = clock;
  }

  /**
   * Finds the repeats among the records, moves their lines behind the others, and counts them in the frames' rows. The
   * records keep their order and point to the moved lines.
   */
  setAside(words: Uint32Array, output: ScanOutput): KeptLines {
    if (this.#findings.fresh.byteLength > SCAN_BUFFER_KEEP_BYTES) this.#findings = createFindings();
    const findings = this.#findings;
    this.#window.find(output, this.#madeSuffix, this.#clock.nowMs(), findings);
    const { repeatCount, repeats } = findings;
    if (repeatCount === 0) return { bytes: output.lineBytes, rows: output.recordCount };
    countRepeats(words, repeats, repeatCount);
    const bytes = moveBehind(output, repeats, repeatCount);
    return { bytes, rows: output.recordCount - repeatCount };
  }

  /** Remembers the ids of the slab set aside last: its events are kept. */
  remember(): void {
    this.#window.remember(this.#findings.fresh, this.#findings.freshCount, this.#clock.nowMs());
  }

  /** COPY of those ids, to be remembered later or never. */
  hold(): HeldIds {
    return this.#findings.fresh.slice(0, 2 * this.#findings.freshCount);
  }

  /** Remembers ids that were held. */
  rememberHeld(ids: HeldIds): void {
    this.#window.remember(ids, ids.length / 2, this.#clock.nowMs());
  }
}

function countRepeats(words: Uint32Array, repeats: Uint32Array, repeatCount: number): void {
  const frameCount = words[HeaderWord.frameCount]!;
  let next = 0;
  for (let frame = 0; frame < frameCount && next < repeatCount; frame++) {
    const row = frameRow(frame);
    const accepted = words[row + FrameWord.accepted]!;
    const end = words[row + FrameWord.recordStart]! + accepted;
    const first = next;
    // A frame without records may point anywhere.
    while (accepted > 0 && next < repeatCount && repeats[next]! < end) next++;
    words[row + FrameWord.accepted] = accepted - (next - first);
    words[row + FrameWord.duplicates] = next - first;
  }
  assert(next === repeatCount, 'a repeat is an accepted event of a frame');
}

/** Puts the lines of `repeats` behind the others; gives the bytes of the others. Lines follow each other in the order of their records. */
function moveBehind(output: ScanOutput, repeats: Uint32Array, repeatCount: number): number {
  const { lines, lineBytes, records, recordCount } = output;
  const aside = Buffer.allocUnsafe(bytesOf(records, repeats, repeatCount));
  let asideBytes = 0;
  let kept = 0;
  // Bytes from here on are not looked at yet.
  let from = 0;
  for (let index = 0; index < repeatCount; index++) {
    const at = repeats[index]! * RECORD_WORDS;
    const start = records[at + RecordWord.lineOffset]!;
    const end = start + records[at + RecordWord.lineLength]!;
    asideBytes += lines.copy(aside, asideBytes, start, end);
    if (kept !== from) lines.copyWithin(kept, from, start);
    kept += start - from;
    from = end;
  }
  lines.copyWithin(kept, from, lineBytes);
  kept += lineBytes - from;
  aside.copy(lines, kept);
  assert(kept + asideBytes === lineBytes, 'lines follow each other without gaps');
  placeLines(records, recordCount, repeats, repeatCount, kept);
  return kept;
}

function placeLines(
  records: Uint32Array,
  recordCount: number,
  repeats: Uint32Array,
  repeatCount: number,
  keptBytes: number,
): void {
  let keptOffset = 0;
  let asideOffset = keptBytes;
  let next = 0;
  for (let row = 0; row < recordCount; row++) {
    const at = row * RECORD_WORDS;
    const length = records[at + RecordWord.lineLength]!;
    if (next < repeatCount && repeats[next] === row) {
      records[at + RecordWord.lineOffset] = asideOffset;
      asideOffset += length;
      next += 1;
    } else {
      records[at + RecordWord.lineOffset] = keptOffset;
      keptOffset += length;
    }
  }
}

function bytesOf(records: Uint32Array, rows: Uint32Array, rowCount: number): number {
  let bytes = 0;
  for (let index = 0; index < rowCount; index++)
    bytes += records[rows[index]! * RECORD_WORDS + RecordWord.lineLength]!;
  return bytes;
}
