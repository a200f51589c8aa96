/**
 * Reads a stream's chunks in order, from any place up to the newest. What is damaged is stepped over, put aside and
 * told, never silently: the rows that were in it are missing from what `next` gives.
 */
import { crc32c } from '../crc32c.ts';
import { alignedBuffer, BLOCK_BYTES } from '../memory.ts';
import { decompress } from './codec.ts';
import { headBytes, wholeBlocks } from './direct.ts';
import type { DiskFile } from './disk.ts';
import {
  bodyBytes,
  CHUNK_HEADER_BYTES,
  type ChunkHeader,
  decodeChunkHeader,
  decodeSegmentHeader,
  findChunk,
  headerSeed,
  SEGMENT_HEADER_BYTES,
} from './format.ts';
import type { Position, Segment } from './segment.ts';
import type { JournalStream } from './stream.ts';

/** Bytes read at once; many small chunks then cost one read. */
const READ_BYTES = 1024 * 1024;

/** What a reader needs of a stream: one that is written, or one as it lies on the disk (frozen.ts). */
export type ReadSource = Pick<JournalStream, 'segments' | 'openForReading' | 'quarantine'>;

export interface Chunk extends ChunkHeader {
  readonly epoch: string;
  /** VIEWS, valid until the next call of `next`. */
  readonly meta: Buffer;
  readonly payload: Buffer;
}

export class StreamReader {
  readonly #stream: ReadSource;
  #segment: Segment | undefined;
  #file: DiskFile | undefined;
  #seed = 0;
  #offset = 0;
  #row: number;
  /** Bytes of the segment from `#windowStart`. */
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  #windowBytes = 0;

  /** A reader at `position`, which `stream.start()`, `stream.end()` or a reader's `position` gave. */
  constructor(stream: ReadSource, position: Position) {
    this.#stream = stream;
    this.#row = position.row;
    this.#segment = stream.segments.find(({ name }) => name === position.segment);
    this.#offset = this.#segment === undefined ? 0 : position.offset;
  }

  /** Behind the chunk that `next` gave last. */
  get position(): Position {
    return { segment: this.#segment?.name ?? '', offset: this.#offset, row: this.#row };
  }

  /**
   * The next chunk, or undefined when there is none yet. Chunks that end at or before the reader's row are skipped.
   * Rejects with the disk's error; the same chunk is tried again by the next call.
   */
  async next(): Promise<Chunk | undefined> {
    for (;;) {
      const segment = await this.#currentSegment();
      if (segment === undefined) return undefined;
      const chunk = await this.#readChunk(segment);
      if (chunk === undefined || chunk.firstRow + chunk.rows <= this.#row) continue;
      this.#row = chunk.firstRow + chunk.rows;
      return chunk;
    }
  }

  /** Epoch of the segment in which the next chunk stands, or undefined when there is none yet. */
  async nextEpoch(): Promise<string | undefined> {
    return (await this.#currentSegment())?.epoch;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** The segment that has bytes at the reader's place, or undefined at the stream's end. */
  async #currentSegment(): Promise<Segment | undefined> {
    const { segments } = this.#stream;
    // Let go of since: of rows that are delivered, or of meta alone, which may stand behind the last row.
    if (this.#segment !== undefined && !segments.includes(this.#segment)) {
      this.close();
      this.#segment = undefined;
    }
    if (this.#segment === undefined) await this.#enter(segments.find(({ endRow }) => endRow > this.#row));
    while (this.#segment !== undefined && this.#offset >= this.#segment.bytes) {
      const next = segments[segments.indexOf(this.#segment) + 1];
      if (next === undefined) return undefined;
      await this.#enter(next);
    }
    if (this.#segment !== undefined && this.#file === undefined) await this.#open(this.#segment);
    return this.#segment;
  }

  async #enter(segment: Segment | undefined): Promise<void> {
    if (segment === undefined) return;
    this.close();
    this.#segment = segment;
    this.#offset = SEGMENT_HEADER_BYTES;
    await this.#open(segment);
  }

  async #open(segment: Segment): Promise<void> {
    this.close();
    this.#windowBytes = 0;
    this.#file = this.#stream.openForReading(segment.name);
    this.#seed = headerSeed(segment);
    const header = await this.#bytesAt(0, SEGMENT_HEADER_BYTES);
    if (decodeSegmentHeader(header)?.epoch === segment.epoch) return;
    // Its chunks have checksums of their own and the name says what the header did.
    this.#stream.quarantine(
      { segment: segment.name, offset: 0, bytes: header.length, kind: 'header' },
      header,
    );
  }

  /** The chunk at the reader's place, which moves behind it; undefined when that is damaged. */
  async #readChunk(segment: Segment): Promise<Chunk | undefined> {
    const start = this.#offset;
    const head = await this.#bytesAt(start, CHUNK_HEADER_BYTES);
    const header = decodeChunkHeader(head, 0, this.#seed);
    const end = header === undefined ? 0 : start + CHUNK_HEADER_BYTES + bodyBytes(header);
    if (header === undefined || end > segment.bytes)
      return this.#skipTo(segment, await this.#findNext(segment));
    const body = await this.#bytesAt(start + CHUNK_HEADER_BYTES, bodyBytes(header));
    if (body.length < bodyBytes(header) || crc32c(body, 0) !== header.bodyCrc)
      return this.#skipTo(segment, end);
    const payload = decodePayload(body.subarray(header.metaBytes), header);
    if (payload === undefined) return this.#skipTo(segment, end);
    this.#offset = end;
    return { ...header, epoch: segment.epoch, meta: body.subarray(0, header.metaBytes), payload };
  }

  /** Offset of the next sound chunk header behind the reader's place, or the segment's end. */
  async #findNext(segment: Segment): Promise<number> {
    const rest = await this.#bytesAt(this.#offset, segment.bytes - this.#offset);
    const found = findChunk(rest, 1, this.#seed);
    return found < 0 ? segment.bytes : this.#offset + found;
  }

  async #skipTo(segment: Segment, end: number): Promise<undefined> {
    const start = this.#offset;
    const bytes = await this.#bytesAt(start, end - start);
    this.#stream.quarantine(
      { segment: segment.name, offset: start, bytes: end - start, kind: 'middle' },
      bytes,
    );
    this.#offset = end;
    return undefined;
  }

  /** VIEW of the bytes at `offset`, fewer where the file ends; valid until the next call. */
  async #bytesAt(offset: number, length: number): Promise<Buffer> {
    const isThere = offset >= this.#windowStart && offset + length <= this.#windowStart + this.#windowBytes;
    if (!isThere) {
      const wanted = Math.max(length, READ_BYTES);
      // No further than is promised: what is behind may be half a chunk.
      const known = this.#segment?.bytes ?? SEGMENT_HEADER_BYTES;
      await this.#fill(offset, Math.max(length, Math.min(wanted, known - offset)));
    }
    const from = offset - this.#windowStart;
    return this.#window.subarray(from, Math.min(from + length, this.#windowBytes));
  }

  /** Reads `length` bytes from `offset`; past the page cache, in whole blocks, what this process wrote past it. */
  async #fill(offset: number, length: number): Promise<void> {
    const file = this.#file;
    const start = offset - headBytes(offset);
    const blocksBytes = wholeBlocks(offset + length) - start;
    if (this.#window.length < blocksBytes) {
      const bytes = Math.max(blocksBytes, READ_BYTES + BLOCK_BYTES);
      this.#window = alignedBuffer(bytes) ?? Buffer.allocUnsafeSlow(bytes);
    }
    this.#windowBytes = 0;
    if (file === undefined) return;
    if (file.readBlocks === undefined || this.#segment?.isDirect !== true) {
      this.#windowBytes = await file.read(this.#window.subarray(0, length), offset);
      this.#windowStart = offset;
      return;
    }
    const read = await file.readBlocks(this.#window.subarray(0, blocksBytes), start);
    this.#windowBytes = Math.min(read, offset + length - start);
    this.#windowStart = start;
  }
}

/** Undefined for a payload that its codec cannot read: the checksum held, so it was written so. */
function decodePayload(stored: Buffer, header: ChunkHeader): Buffer | undefined {
  try {
    return decompress(stored, header.codec, header.rawBytes);
  } catch {
    return undefined;
  }
}
