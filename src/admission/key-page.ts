// Hot path: one look a slab.
/**
 * The apps and keys of now, for threads: they change while the process runs. One piece of shared memory, written by the
 * front alone, read by workers when its version is another than theirs.
 *
 *   int32 words   0 version, 0 before the first · 1, 2 bytes of the text of even and of odd versions · 3 unused
 *   bytes         room for the text of even versions, then of odd ones: JSON of a KeyTable
 *
 * The text of a version is written whole before the version (Atomics.store in `write`, paired with the loads in `version`
 * and `read`); a reader that finds another version behind its reading reads again. A slab is handed over after that, so
 * that a worker knows every app that a frame of it names.
 */
import type { AppConfig } from '../config/config.ts';
import { KEY_PAGE_TEXT_BYTES_MAX } from '../limits.ts';

/** Apps with the digests of their keys, in the order of their indexes. */
export interface KeyTable {
  readonly apps: readonly AppConfig[];
  /** Numbers of keys by their digests in hex. */
  readonly numbers: readonly (readonly [digest: string, number: number])[];
  /** Whether anyone may send. */
  readonly isOpen: boolean;
}

const HEADER_BYTES = 16;
const Word = { version: 0, bytes: 1 } as const;

/** Shared memory without a version. */
export function createKeyMemory(textBytesMax: number = KEY_PAGE_TEXT_BYTES_MAX): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + 2 * textBytesMax);
}

/** The page as one thread sees it. */
export class KeyPage {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #textBytesMax: number;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(memory, HEADER_BYTES);
    this.#textBytesMax = this.#bytes.length / 2;
  }

  get version(): number {
    return Atomics.load(this.#words, Word.version);
  }

  /** Makes this the table of the next version; false when it has no room. */
  write(table: KeyTable): boolean {
    const text = Buffer.from(JSON.stringify(table));
    if (text.length > this.#textBytesMax) return false;
    const version = this.version + 1;
    const half = version % 2;
    this.#bytes.set(text, half * this.#textBytesMax);
    Atomics.store(this.#words, Word.bytes + half, text.length);
    Atomics.store(this.#words, Word.version, version);
    return true;
  }

  /** The newest table, and its version. */
  read(): { readonly version: number; readonly table: KeyTable } {
    for (;;) {
      const version = this.version;
      const start = (version % 2) * this.#textBytesMax;
      const bytes = Atomics.load(this.#words, Word.bytes + (version % 2));
      const text = Buffer.from(this.#bytes.slice(start, start + bytes)).toString('utf8');
      // Two versions later its room is written again.
      if (this.version === version) return { version, table: JSON.parse(text) as KeyTable };
    }
  }
}
