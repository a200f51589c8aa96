/**
 * One stream of the journal: what a worker appends to, and what its sinks read and let go of. Owned by one thread.
 *
 * A chunk is appended whole or not at all: when the disk fails, what was written of it is cut off again; where even
 * that fails the segment is left as it is and the next append begins another, so that the torn end is behind
 * everything that was promised. Segments of earlier starts are never written again.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { assert } from '../assert.ts';
import { encodeChunk } from './chunk.ts';
import type { Compression } from './codec.ts';
import type { Disk, DiskFile } from './disk.ts';
import { FileSyncs } from './file-syncs.ts';
import {
  CHUNK_HEADER_BYTES,
  EPOCH_BYTES,
  encodeSegmentHeader,
  headerSeed,
  SEGMENT_HEADER_BYTES,
} from './format.ts';
import { PROBE_BYTES } from './limits.ts';
import { type MetaKeeper, recoverSegments } from './recovery.ts';
import {
  type BegunChunk,
  type ChunkPlace,
  type Damage,
  emptySegment,
  keepDamaged,
  openSegment,
  type Position,
  type Segment,
} from './segment.ts';
import { Spares } from './spares.ts';

export interface StreamOptions {
  readonly disk: Disk;
  readonly dir: string;
  /** A segment that is this long is followed by another. */
  readonly segmentBytesMax: number;
  readonly compression: Compression;
  /** Bytes of segments that are kept to be written over when they are let go of (spares.ts). */
  readonly spareBytesMax: number;
  /** False where `sync` is called for single answers only: full segments that none waits for are closed at once. */
  readonly isSynced?: boolean;
  readonly onDamage: (damage: Damage) => void;
  /** Undefined where chunks carry no meta. */
  readonly meta?: MetaKeeper | undefined;
}

export class JournalStream {
  readonly #options: StreamOptions;
  readonly #epoch = randomBytes(EPOCH_BYTES).toString('hex');
  #seed = 0;
  readonly #header = Buffer.alloc(CHUNK_HEADER_BYTES);
  readonly #segments: Segment[] = [];
  readonly #spares: Spares;
  #file: DiskFile | undefined;
  #nextRow = 0;
  #bytes = 0;
  /** Whether the disk takes a chunk while the thread goes on. */
  #isWriting = false;
  /** Whether the segment ends with that chunk. */
  #isGivenUp = false;
  /** First row of the newest segment of this start, by which it is named. */
  #namedRow = -1;
  readonly #syncs: FileSyncs;

  private constructor(options: StreamOptions) {
    this.#options = options;
    this.#syncs = new FileSyncs({
      current: () => this.#file,
      syncDir: () => options.disk.syncDir(options.dir),
      // The kernel may call pages clean then that it never wrote: this file is not to be trusted further.
      onFailed: (file) => {
        if (file === this.#file && this.#isWriting) this.#isGivenUp = true;
        else if (file === this.#file) this.#endSegment();
      },
    });
    this.#spares = new Spares(options.disk, options.dir, options.spareBytesMax);
  }

  /**
   * Opens the stream in its folder, which is made when it is not there. What a crash left at the end of the last
   * segment is cut off; a last segment without one sound chunk is moved to quarantine. Both are told to `onDamage`.
   * Rejects with the system's error when the folder cannot be used.
   */
  static async open(options: StreamOptions): Promise<JournalStream> {
    const stream = new JournalStream(options);
    await stream.#recover();
    return stream;
  }

  /** Number that the next row gets. */
  get nextRow(): number {
    return this.#nextRow;
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Segments in order; VIEW, changes with every append and delete. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** Row numbers below `row` are not given out again: a cursor may know of rows that a crash took from the disk. */
  skipTo(row: number): void {
    if (row > this.#nextRow) {
      this.#endSegment();
      this.#nextRow = row;
    }
  }

  /**
   * Appends one chunk of `rows` rows. It can be read, and survives the end of this process, when the call returns;
   * a power failure only after `sync`. Throws the disk's error; nothing was appended then.
   */
  append(
    payload: readonly Uint8Array[],
    rows: number,
    timeMs: number,
    meta: Uint8Array = NO_META,
  ): ChunkPlace {
    return this.#write(this.#begin(payload, rows, timeMs, meta));
  }

  /**
   * As `append`, while the thread goes on where that is worth it: then the row numbers are given, and all that `append` says of
   * its return holds, when the promise resolves. Nothing may be appended before it has settled. Rejects with the disk's error.
   */
  appendAsync(
    payload: readonly Uint8Array[],
    rows: number,
    timeMs: number,
    meta: Uint8Array = NO_META,
  ): ChunkPlace | Promise<ChunkPlace> {
    const chunk = this.#begin(payload, rows, timeMs, meta);
    const written = chunk.file.writeAsync?.(chunk.views, chunk.segment.bytes);
    return written === undefined ? this.#write(chunk) : this.#writeAsync(chunk, written);
  }

  #write(chunk: BegunChunk): ChunkPlace {
    const { file, segment, views } = chunk;
    try {
      file.write(views, segment.bytes);
    } catch (error) {
      this.#cutBack(segment, file);
      throw error;
    }
    return this.#end(chunk);
  }

  async #writeAsync(chunk: BegunChunk, written: Promise<void>): Promise<ChunkPlace> {
    const { file, segment } = chunk;
    this.#isWriting = true;
    try {
      await written;
      return this.#end(chunk);
    } catch (error) {
      this.#cutBack(segment, file);
      throw error;
    } finally {
      const endsHere = this.#isGivenUp && file === this.#file;
      this.#isWriting = this.#isGivenUp = false;
      if (endsHere) this.#endSegment();
    }
  }

  #begin(payload: readonly Uint8Array[], rows: number, timeMs: number, meta: Uint8Array): BegunChunk {
    assert(!this.#isWriting, 'one chunk is written at a time');
    const { segment, file } = this.#openSegment();
    // A row that is left out counts when one follows it: nobody is to wait for it.
    const firstRow = Math.max(this.#nextRow, segment.firstRow);
    const metas =
      segment.bytes > SEGMENT_HEADER_BYTES ? [meta] : [this.#options.meta?.snapshot() ?? NO_META, meta];
    const compression = rows === 0 ? 'none' : this.#options.compression;
    const content = { payload, metas, firstRow, rows, timeMs };
    const { views, bytes } = encodeChunk(content, compression, this.#seed, this.#header);
    return { segment, file, views, bytes, firstRow, rows, timeMs };
  }

  /** The chunk stands there: gives it its place. */
  #end({ segment, file, bytes, firstRow, rows, timeMs }: BegunChunk): ChunkPlace {
    const start = { segment: segment.name, offset: segment.bytes, row: firstRow };
    segment.isDirect = file.isDirect ?? false;
    segment.bytes += bytes;
    this.#bytes += bytes;
    this.#nextRow = firstRow + rows;
    segment.endRow = this.#nextRow;
    segment.lastTimeMs = timeMs;
    return { start, end: this.end(), epoch: this.#epoch, timeMs };
  }

  /** Writes and takes back as much as a slab may need, to see whether the disk has room again. Throws its error. */
  probe(): void {
    // What is written says it too.
    if (this.#isWriting) return;
    const { segment, file } = this.#openSegment();
    try {
      file.write([Buffer.alloc(PROBE_BYTES)], segment.bytes);
    } finally {
      this.#cutBack(segment, file);
    }
  }

  /**
   * Makes everything appended so far durable. Calls that come while a sync runs share the next one. Rejects when
   * the disk fails: what was appended since the last sync may or may not be there after a power failure.
   */
  sync(): Promise<void> {
    return this.#syncs.run();
  }

  /** The place of the oldest row that is kept. */
  start(): Position {
    const first = this.#segments[0];
    return first === undefined
      ? this.end()
      : { segment: first.name, offset: SEGMENT_HEADER_BYTES, row: first.firstRow };
  }

  /** The place behind the newest chunk. */
  end(): Position {
    const last = this.#segments.at(-1);
    return last === undefined
      ? { segment: '', offset: 0, row: this.#nextRow }
      : { segment: last.name, offset: last.bytes, row: this.#nextRow };
  }

  /** Whether all rows of the segment are below `row`, it is not the one that is written, and its meta is said again. */
  isDone(segment: Segment, row: number): boolean {
    const isWritten = this.#file !== undefined && segment === this.#segments.at(-1);
    return segment.endRow <= row && !isWritten && !this.#saysMeta(segment);
  }

  /** Deletes the segments that are done; a disk that does not let it is tried again by the next call. Gives their count. */
  deleteBefore(row: number): number {
    let count = 0;
    try {
      for (let first = this.#segments[0]; first !== undefined; first = this.#segments[0]) {
        if (!this.isDone(first, row)) break;
        this.deleteFirst(first);
        count += 1;
      }
    } catch {
      // The events are delivered; what is left of them costs room only.
    }
    return count;
  }

  /** Deletes `segment`, which must be the first; its file may be kept to be written over, unless it `isGone`. Throws the disk's error. */
  deleteFirst(segment: Segment, isGone = false): void {
    assert(segment === this.#segments[0], 'segments go in order');
    if (isGone) this.#options.disk.remove(join(this.#options.dir, segment.name));
    else this.#spares.keep(segment.name, segment.bytes);
    this.#segments.shift();
    this.#bytes -= segment.bytes;
  }

  /** Copies damaged bytes aside and tells of them; a reader that steps over them calls this. */
  quarantine(damage: Damage, bytes: Uint8Array): void {
    keepDamaged(this.#options.disk, this.#options.dir, damage, bytes);
    this.#options.onDamage(damage);
  }

  /** A file of the stream for reading. The caller closes it. */
  openForReading(name: string): DiskFile {
    return openSegment(this.#options.disk, this.#options.dir, name);
  }

  /** Closes the segment that is written, without a sync. */
  close(): void {
    this.#endSegment();
    this.#syncs.close();
  }

  async #recover(): Promise<void> {
    const { disk, dir, segmentBytesMax } = this.#options;
    disk.makeDir(dir);
    const names = disk.list(dir);
    // Their sizes count when they are written over and let go of again.
    this.#spares.adopt(names, segmentBytesMax);
    const { segments, nextRow } = await recoverSegments(this.#options, names);
    this.#segments.push(...segments);
    this.#bytes = segments.reduce((total, { bytes }) => total + bytes, 0);
    this.#nextRow = nextRow;
  }

  /** Whether nothing newer than the segment says what the meta said: behind it is none, or one without a chunk. */
  #saysMeta(segment: Segment): boolean {
    const { meta } = this.#options;
    const next = this.#segments[this.#segments.indexOf(segment) + 1];
    if (meta === undefined || (next !== undefined && next.bytes > SEGMENT_HEADER_BYTES)) return false;
    return meta.snapshot().length > 0;
  }

  #openSegment(): { segment: Segment; file: DiskFile } {
    const last = this.#segments.at(-1);
    if (this.#file !== undefined && last !== undefined && last.bytes < this.#options.segmentBytesMax) {
      return { segment: last, file: this.#file };
    }
    this.#endSegment();
    const { disk, dir } = this.#options;
    const spare = this.#spares.take();
    // A segment that has no row yet, of meta alone or given up, ends where it began: its name is taken, and so is its place.
    const firstRow = Math.max(this.#nextRow, this.#namedRow + 1, (last?.firstRow ?? -1) + 1);
    const header = { epoch: this.#epoch, firstRow, isReused: spare !== undefined };
    const segment = emptySegment(header);
    const file = disk.open(join(dir, spare ?? segment.name), true);
    try {
      file.write([encodeSegmentHeader(header)], 0);
      if (spare !== undefined) disk.rename(join(dir, spare), join(dir, segment.name));
    } catch (error) {
      file.close();
      throw error;
    }
    this.#seed = headerSeed(header);
    this.#namedRow = firstRow;
    this.#segments.push(segment);
    this.#bytes += segment.bytes;
    this.#file = file;
    this.#syncs.noteName();
    return { segment, file };
  }

  #endSegment(): void {
    const last = this.#segments.at(-1);
    if (this.#file === undefined || last === undefined) return;
    // Behind its last chunk may stand what the file held before, or fills a block up; a segment that is full ends with its own.
    if (last.isReused === true || last.isDirect === true) this.#file.truncate(last.bytes);
    this.#syncs.add(this.#file);
    this.#file = undefined;
    if (this.#options.isSynced === false && !this.#syncs.isWanted) this.#syncs.close();
  }

  /** Takes back what was written of a chunk, or leaves the segment. */
  #cutBack(segment: Segment, file: DiskFile): void {
    try {
      file.truncate(segment.bytes);
    } catch {
      this.#endSegment();
    }
  }
}

const NO_META = new Uint8Array(0);
