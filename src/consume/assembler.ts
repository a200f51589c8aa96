/**
 * Blocks from record batches as they were fetched: decompressed, decoded and encoded batch by batch, in their order, so that
 * the same range of offsets always gives the same block. What is no event becomes a letter on the way.
 *
 * A thread has one, whose memory is used for one block at a time; between two turns of CONSUME_TURN_BYTES_MAX it lets sockets
 * and timers have theirs. Encoders tell of lines that they cannot read while they are given them: `onUnreadable` must be what the
 * target was made with.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { assert } from '../assert.ts';
import { CONSUME_TURN_BYTES_MAX } from '../limits.ts';
import { BATCH_HEADER_BYTES } from '../sinks/kafka/batch-contract.ts';
import { CODEC_NAMES, type Codec, type CodecName, openCodec } from '../sinks/kafka/codecs.ts';
import type { BlockBuilder, BlockTarget } from '../sinks/sink.ts';
import type { Place } from './contract.ts';
import {
  createLineOutput,
  type RecordDecoder,
  STRAY_WORDS,
  StrayReason,
  StrayWord,
} from './decode-contract.ts';
import type { Letter, LetterReason } from './letter.ts';
import { codecOf, type RawBatch, timestampOf } from './raw-batch.ts';
import { eachRecord, type PlainRecord } from './record-reader.ts';

/** Bounds of a block whose end is not written down yet. */
export interface BlockBounds {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

/** A block and what of its range is not in it. The builder is the caller's to release. */
export interface FilledBlock {
  readonly builder: BlockBuilder;
  readonly first: number;
  readonly end: number;
  readonly letters: Letter[];
  /** Bytes of its batches as they stand in the topic. */
  readonly rawBytes: number;
}

/** A batch that may be sound is compressed in a way that this machine cannot read. */
export class CodecMissingError extends Error {
  override readonly name = 'CodecMissingError';
}

/** The codecs of this machine by their number. Those that cannot be loaded are told to `onMissing`, and missing. */
export async function openCodecs(
  onMissing: (name: CodecName, error: unknown) => void,
): Promise<(Codec | undefined)[]> {
  return Promise.all(
    CODEC_NAMES.map((name) =>
      openCodec(name).catch((error: unknown) => {
        onMissing(name, error);
        return undefined;
      }),
    ),
  );
}

/** One a thread. */
export class Assembler {
  readonly #decoder: RecordDecoder;
  readonly #codecs: readonly (Codec | undefined)[];
  readonly #output = createLineOutput();
  /** Lines that the encoder could not read, while one is asked. */
  #unreadable: Buffer[] | undefined;
  #turnBytes = 0;

  constructor(decoder: RecordDecoder, codecs: readonly (Codec | undefined)[]) {
    this.#decoder = decoder;
    this.#codecs = codecs;
  }

  /** What the target's encoders tell of a line that they cannot read. COPY. */
  readonly onUnreadable = (line: Buffer): void => {
    assert(this.#unreadable !== undefined, 'lines are encoded while an assembler waits for it');
    this.#unreadable.push(Buffer.from(line));
  };

  /**
   * Makes the block of `batches`, which hold the offsets from `first` on: up to `end`, or, where that is not fixed, up to the
   * end of a batch within `bounds`, but of one batch at least. Rejects with CodecMissingError.
   */
  async fill(
    target: BlockTarget,
    place: Place,
    batches: readonly RawBatch[],
    first: number,
    end: number | undefined,
    bounds: BlockBounds,
  ): Promise<FilledBlock> {
    const builder = target.begin();
    const letters: Letter[] = [];
    let [reached, rawBytes] = [first, 0];
    try {
      for (const batch of batches) {
        if (batch.nextOffset <= first) continue;
        if (end === undefined ? isFull(builder, batch, bounds) : batch.baseOffset >= end) break;
        this.#add(builder, place, batch, first, end ?? batch.nextOffset, letters);
        reached = batch.nextOffset;
        rawBytes += batch.bytes.length;
        if (this.#turnBytes < CONSUME_TURN_BYTES_MAX) continue;
        this.#turnBytes = 0;
        await nextTurn();
      }
    } catch (error) {
      builder.release();
      throw error;
    }
    return { builder, first, end: end ?? reached, letters, rawBytes };
  }

  /** The records from `first` up to but not including `end`, as letters. */
  letters(
    place: Place,
    batches: readonly RawBatch[],
    first: number,
    end: number,
    reason: LetterReason,
  ): Letter[] {
    const letters: Letter[] = [];
    for (const batch of batches) {
      if (batch.kind !== 'records' || batch.nextOffset <= first || batch.baseOffset >= end) continue;
      const records = this.#decompress(batch);
      if (records === undefined) continue;
      eachRecord(records, batch.recordCount, (record) => {
        const letter = letterOf(place, batch, record, reason);
        if (letter.offset >= first && letter.offset < end) letters.push(letter);
      });
    }
    return letters;
  }

  #add(
    builder: BlockBuilder,
    place: Place,
    batch: RawBatch,
    first: number,
    end: number,
    letters: Letter[],
  ): void {
    if (batch.kind === 'left_out') return;
    const records = batch.kind === 'records' ? this.#decompress(batch) : undefined;
    const [fromDelta, toDelta] = [first - batch.baseOffset, end - batch.baseOffset];
    const source = records && { records, recordCount: batch.recordCount, fromDelta, toDelta };
    if (source === undefined || !this.#decoder.decode(source, this.#output)) {
      letters.push(batchLetter(place, batch));
      return;
    }
    const { lines, lineBytes, lineCount, strayCount } = this.#output;
    this.#turnBytes += source.records.length;
    this.#unreadable = [];
    if (lineCount > 0) builder.add(lines.subarray(0, lineBytes), lineCount);
    const unreadable = this.#unreadable;
    this.#unreadable = undefined;
    if (strayCount > 0 || unreadable.length > 0) this.#addLetters(place, batch, source, unreadable, letters);
  }

  /** Letters of the records that are no lines, or whose lines were not read, in their order. */
  #addLetters(
    place: Place,
    batch: RawBatch,
    { records, fromDelta, toDelta }: { records: Buffer; fromDelta: number; toDelta: number },
    unreadable: readonly Buffer[],
    letters: Letter[],
  ): void {
    const { strays, strayCount } = this.#output;
    let [stray, line] = [0, 0];
    eachRecord(records, batch.recordCount, (record, index) => {
      if (record.offsetDelta < fromDelta || record.offsetDelta >= toDelta) return;
      const row = stray * STRAY_WORDS;
      if (stray < strayCount && strays[row + StrayWord.recordIndex] === index) {
        const isTombstone = strays[row + StrayWord.reason] === StrayReason.tombstone;
        letters.push(letterOf(place, batch, record, isTombstone ? 'tombstone' : 'not_canonical'));
        stray += 1;
      } else if (isLineOf(record.value, unreadable[line])) {
        letters.push(letterOf(place, batch, record, 'not_canonical'));
        line += 1;
      }
    });
    assert(stray === strayCount && line === unreadable.length, 'each record that is left out is found');
  }

  /** The batch's records; undefined where it cannot be read. Throws CodecMissingError. */
  #decompress({ bytes }: RawBatch): Buffer | undefined {
    const number = codecOf(bytes);
    if (number >= this.#codecs.length) return undefined;
    const codec = this.#codecs[number];
    if (codec === undefined) {
      throw new CodecMissingError(
        `a batch is compressed with ${CODEC_NAMES[number]}, which cannot be loaded here`,
      );
    }
    try {
      return codec.decompress(bytes.subarray(BATCH_HEADER_BYTES));
    } catch {
      return undefined;
    }
  }
}

function isFull({ rows, bytes }: BlockBuilder, batch: RawBatch, { rowsMax, bytesMax }: BlockBounds): boolean {
  return rows > 0 && (rows + batch.recordCount > rowsMax || bytes >= bytesMax);
}

/** Whether `line` is the value and a newline. */
function isLineOf(value: Buffer | undefined, line: Buffer | undefined): boolean {
  return (
    value !== undefined &&
    line?.length === value.length + 1 &&
    line.compare(value, 0, value.length, 0, value.length) === 0
  );
}

/** COPY. */
function letterOf(place: Place, batch: RawBatch, record: PlainRecord, reason: LetterReason): Letter {
  return {
    ...place,
    offset: batch.baseOffset + record.offsetDelta,
    reason,
    timestampMs: timestampOf(batch.bytes, record.timestampDelta),
    key: record.key && Buffer.from(record.key),
    value: record.value && Buffer.from(record.value),
    headers: record.headers.map(([name, value]) => [name, value && Buffer.from(value)] as const),
  };
}

/** The batch itself as a letter. */
function batchLetter(place: Place, { baseOffset, bytes }: RawBatch): Letter {
  return {
    ...place,
    offset: baseOffset,
    reason: 'unreadable_batch',
    timestampMs: bytes.length < BATCH_HEADER_BYTES ? 0 : timestampOf(bytes, 0),
    key: undefined,
    value: Buffer.from(bytes),
    headers: [],
  };
}
