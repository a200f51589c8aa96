/**
 * How far one sink is in one stream, on disk: `<sink>.cursor`, two records of CURSOR_BYTES that are written in
 * turn, so that one of them is whole whatever happens while the other is written. The one with the higher
 * generation counts. Little endian:
 *
 *   0 magic u32 · 4 crc32c of the bytes from 8 · 8 generation u64 · 16 delivered row u64 · 24 end row of the block u64
 *   32 delivered offset u64 · 40 length of the segment's name u32 · 44 zero u32 · 48 the name, ASCII, zeros behind it
 *
 * A block is written here before it is first sent: rows `delivered` to `blockEnd`. Whoever takes over sends just that
 * block first, under the token it had, so that a target that has it already drops it.
 */
import { crc32c } from '../crc32c.ts';
import type { Disk, DiskFile } from './disk.ts';
import type { Position } from './segment.ts';

const CURSOR_BYTES = 128;
const MAGIC = 0x7372_7563;
const NAME_OFFSET = 48;

export interface CursorState {
  /** Everything before it was delivered. */
  readonly delivered: Position;
  /** End row of the block that may have been sent; `delivered.row` when there is none. */
  readonly blockEndRow: number;
}

/** What a cursor's file says; undefined when it is empty or both records are damaged. */
export function readCursor(bytes: Buffer): CursorState | undefined {
  return newestRecord(bytes)?.state;
}

/** The cursor of one sink in one stream, as its delivery moves it. */
export class Cursor {
  /** Undefined once it is closed: its number may be another file's by then. */
  #file: DiskFile | undefined;
  readonly #record = Buffer.alloc(CURSOR_BYTES);
  #generation = 0;
  #state: CursorState | undefined;

  private constructor(file: DiskFile) {
    this.#file = file;
  }

  /** Opens the cursor at `path`, which is made when it is not there. Rejects with the disk's error. */
  static async open(disk: Disk, path: string): Promise<Cursor> {
    const file = disk.open(path, true);
    const cursor = new Cursor(file);
    const bytes = Buffer.alloc(2 * CURSOR_BYTES);
    const newest = newestRecord(bytes.subarray(0, await file.read(bytes, 0)));
    cursor.#generation = newest?.generation ?? 0;
    cursor.#state = newest?.state;
    return cursor;
  }

  /** What stood there, or undefined for a sink that has none yet, or whose both records are damaged. */
  get state(): CursorState | undefined {
    return this.#state;
  }

  /** Writes `state`; it survives the end of this process when the call returns, a power failure after `sync`. Throws the disk's error. */
  write(state: CursorState): void {
    const generation = this.#generation + 1;
    const record = this.#record.fill(0);
    record.writeUInt32LE(MAGIC, 0);
    record.writeBigUInt64LE(BigInt(generation), 8);
    record.writeBigUInt64LE(BigInt(state.delivered.row), 16);
    record.writeBigUInt64LE(BigInt(state.blockEndRow), 24);
    record.writeBigUInt64LE(BigInt(state.delivered.offset), 32);
    record.writeUInt32LE(record.write(state.delivered.segment, NAME_OFFSET, 'latin1'), 40);
    record.writeUInt32LE(crc32c(record.subarray(8), 0), 4);
    if (this.#file === undefined) throw new Error('the cursor is closed');
    this.#file.write([record], (generation % 2) * CURSOR_BYTES);
    this.#generation = generation;
    this.#state = state;
  }

  async sync(): Promise<void> {
    await this.#file?.sync();
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

interface CursorRecord {
  readonly generation: number;
  readonly state: CursorState;
}

function newestRecord(bytes: Buffer): CursorRecord | undefined {
  let newest: CursorRecord | undefined;
  for (let at = 0; at + CURSOR_BYTES <= bytes.length; at += CURSOR_BYTES) {
    const record = decodeRecord(bytes.subarray(at, at + CURSOR_BYTES));
    if (record !== undefined && record.generation > (newest?.generation ?? 0)) newest = record;
  }
  return newest;
}

function decodeRecord(record: Buffer): CursorRecord | undefined {
  if (record.readUInt32LE(0) !== MAGIC || record.readUInt32LE(4) !== crc32c(record.subarray(8), 0))
    return undefined;
  const segment = record.toString('latin1', NAME_OFFSET, NAME_OFFSET + record.readUInt32LE(40));
  const row = Number(record.readBigUInt64LE(16));
  return {
    generation: Number(record.readBigUInt64LE(8)),
    state: {
      delivered: { segment, offset: Number(record.readBigUInt64LE(32)), row },
      blockEndRow: Number(record.readBigUInt64LE(24)),
    },
  };
}
