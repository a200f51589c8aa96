// Hot path: runs once a slab.
/**
 * What a worker does about repeats, slab by slab: finds them after the scan, takes them out of what is journaled, and
 * remembers the others once they are kept. An event that repeats one of the same slab shares its fate; one that
 * repeats what no journal has yet (another thread's, or one that waits for the disk) is kept as well, since dropping it could lose
 * both.
 *
 * Where processes share a window, a slab is looked at twice. `ask` looks its new ids up there, and pours those that
 * another process has kept into this process's window; then, when the answer is here or its time is over, `setAside`
 * looks as ever, in one turn with the journal's write, so that nothing that was kept meanwhile is overlooked. What is
 * kept is told to the others after that write, never before: an id that they know stands in a journal.
 */
import { assert } from '../assert.ts';
import type { Clock } from '../clock.ts';
import { SCAN_BUFFER_KEEP_BYTES } from '../limits.ts';
import { RECORD_WORDS, RecordWord, type ScanOutput } from '../scan/contract.ts';
import { FrameWord, frameRow, HeaderWord } from '../slab/layout.ts';
import { createFindings, type DedupWindow, SHARED_ID_BYTES, type SharedWindow } from './findings.ts';

/** What of a scan's lines is to be kept: the first `bytes`, which are `rows` events. */
export interface KeptLines {
  readonly bytes: number;
  readonly rows: number;
}

/** Ids of one slab that wait until their events are kept; `shared` is how others are told of them. */
export interface HeldIds {
  readonly own: BigUint64Array;
  readonly shared: Uint8Array | undefined;
}

/** What a slab asked for, to be told without being written again. */
export interface AskedIds {
  readonly key: BigUint64Array;
  readonly shared: Uint8Array;
  readonly own: BigUint64Array;
}

export class SlabRepeats {
  readonly #window: DedupWindow;
  readonly #shared: SharedWindow | undefined;
  readonly #madeSuffix: Uint8Array;
  readonly #clock: Clock;
  #findings = createFindings();

  /** `madeSuffix` is what ids end in that the scanner of this thread makes (scan/uuid.ts). */
  constructor(window: DedupWindow, madeSuffix: Uint8Array, clock: Clock, shared?: SharedWindow) {
    this.#window = window;
    this.#madeSuffix = madeSuffix;
    this.#clock = clock;
    this.#shared = shared;
  }

  /**
   * Asks the other processes for the ids of a slab that this one does not know. Resolves when those that they know are
   * in the window, or could not be asked for in time; undefined when there is nothing to ask or nobody. Never rejects.
   */
  ask(output: ScanOutput): Promise<AskedIds> | undefined {
    const shared = this.#shared;
    const key = shared?.key();
    if (shared === undefined || key === undefined) return undefined;
    this.#window.find(output, this.#madeSuffix, this.#nowMs(), this.#findings);
    if (this.#findings.freshCount === 0) return undefined;
    const asked = { key, shared: this.#writeShared(key, output), own: this.#freshIds() };
    return this.#lookUp(shared, asked);
  }

  async #lookUp(shared: SharedWindow, asked: AskedIds): Promise<AskedIds> {
    const places = await shared.look(asked.shared);
    if (places.length === 0) return asked;
    const known = new BigUint64Array(2 * places.length);
    for (let index = 0; index < places.length; index++) {
      const place = places[index]!;
      assert(2 * place < asked.own.length, 'what is known was asked for');
      known.set(asked.own.subarray(2 * place, 2 * place + 2), 2 * index);
    }
    this.#window.remember(known, places.length, this.#nowMs());
    return asked;
  }

  /**
   * Finds the repeats among the records, moves their lines behind the others, and counts them in the frames' rows. The
   * records keep their order and point to the moved lines.
   */
  setAside(words: Uint32Array, output: ScanOutput): KeptLines {
    if (this.#findings.fresh.byteLength > SCAN_BUFFER_KEEP_BYTES) this.#findings = createFindings();
    const findings = this.#findings;
    this.#window.find(output, this.#madeSuffix, this.#nowMs(), findings);
    const { repeatCount, repeats } = findings;
    if (repeatCount === 0) return { bytes: output.lineBytes, rows: output.recordCount };
    countRepeats(words, repeats, repeatCount);
    const bytes = moveBehind(output, repeats, repeatCount);
    return { bytes, rows: output.recordCount - repeatCount };
  }

  /** Remembers the ids of the slab set aside last, whose scan is `output`: its events are kept. */
  remember(output: ScanOutput, asked: AskedIds | undefined): void {
    const { fresh, freshCount } = this.#findings;
    this.#window.remember(fresh, freshCount, this.#nowMs());
    if (freshCount > 0) this.#shared?.tell(this.#sharedIds(output, asked), freshCount);
  }

  /** COPY of those ids, to be remembered later or never. */
  hold(output: ScanOutput, asked: AskedIds | undefined): HeldIds {
    return { own: this.#freshIds(), shared: this.#sharedIds(output, asked) };
  }

  /** Remembers ids that were held. */
  rememberHeld({ own, shared }: HeldIds): void {
    this.#window.remember(own, own.length / 2, this.#nowMs());
    if (own.length > 0) this.#shared?.tell(shared, own.length / 2);
  }

  /** Not the wall clock: one that is set forward would forget ids that clients are about to send again. */
  #nowMs(): number {
    return Math.floor(this.#clock.monotonicMs());
  }

  #freshIds(): BigUint64Array {
    return this.#findings.fresh.slice(0, 2 * this.#findings.freshCount);
  }

  /** Those ids as they are told; undefined when nobody can be told. What was asked for serves again where nothing has changed. */
  #sharedIds(output: ScanOutput, asked: AskedIds | undefined): Uint8Array | undefined {
    const key = this.#shared?.key();
    if (key === undefined) return undefined;
    const { fresh, freshCount } = this.#findings;
    if (asked?.key === key && asked.own.length === 2 * freshCount && isStartOf(asked.own, fresh))
      return asked.shared;
    return this.#writeShared(key, output);
  }

  #writeShared(key: BigUint64Array, output: ScanOutput): Uint8Array {
    const { freshCount } = this.#findings;
    const ids = Buffer.allocUnsafe(freshCount * SHARED_ID_BYTES);
    const count = this.#window.writeSharedIds(key, output, this.#madeSuffix, this.#findings, ids);
    assert(count === freshCount, 'every new id is written');
    return ids;
  }
}

function isStartOf(ids: BigUint64Array, all: BigUint64Array): boolean {
  const bytes = (words: BigUint64Array) => Buffer.from(words.buffer, words.byteOffset, ids.byteLength);
  return bytes(ids).equals(bytes(all));
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
