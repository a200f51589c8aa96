/**
 * Segments that were let go of and are kept to be written over: their pages are in memory already, and a write to new
 * ones costs up to ten times as much processor time (docs/decisions.md). The newest of them are left as they are for a
 * while: the next start reads the ids of their events (newest.ts).
 */
import { join } from 'node:path';
import { DEDUP_READ_BACK_BYTES_MAX } from '../limits.ts';
import type { Disk } from './disk.ts';

/** End of a spare's name. */
export const SPARE_SUFFIX = '.spare';

export class Spares {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #bytesMax: number;
  /** Oldest first. */
  readonly #files: { readonly name: string; readonly bytes: number }[] = [];

  /** Spares of the stream in `dir`, of at most `bytesMax` bytes together. */
  constructor(disk: Disk, dir: string, bytesMax: number) {
    this.#disk = disk;
    this.#dir = dir;
    this.#bytesMax = bytesMax;
  }

  /** Takes over those of an earlier start among the names of the folder, each counted as `bytes`. Throws the disk's error. */
  adopt(names: readonly string[], bytes: number): void {
    for (const name of names.filter((candidate) => candidate.endsWith(SPARE_SUFFIX)).sort()) {
      this.#makeRoom(bytes);
      if (bytes <= this.#bytesMax) this.#files.push({ name, bytes });
      else this.#disk.remove(join(this.#dir, name));
    }
  }

  /** Keeps the segment `name` as a spare, for older ones when there are enough, or deletes it. Throws the disk's error. */
  keep(name: string, bytes: number): void {
    const path = join(this.#dir, name);
    if (bytes > this.#bytesMax) {
      this.#disk.remove(path);
      return;
    }
    this.#makeRoom(bytes);
    const spare = `${name}${SPARE_SUFFIX}`;
    this.#disk.rename(path, join(this.#dir, spare));
    this.#files.push({ name: spare, bytes });
  }

  /** Name of a spare, which is none any more; undefined when there is none but those to be read. */
  take(): string | undefined {
    let leftBytes = Math.min(DEDUP_READ_BACK_BYTES_MAX, this.#bytesMax / 2);
    const isFree = ({ bytes }: { readonly bytes: number }) => {
      leftBytes -= bytes;
      return leftBytes + bytes <= 0;
    };
    const index = this.#files.findLastIndex(isFree);
    return index < 0 ? undefined : this.#files.splice(index, 1)[0]?.name;
  }

  #makeRoom(bytes: number): void {
    while (this.#files.length > 0 && this.#bytes() + bytes > this.#bytesMax) {
      const oldest = this.#files.shift();
      if (oldest !== undefined) this.#disk.remove(join(this.#dir, oldest.name));
    }
  }

  #bytes(): number {
    return this.#files.reduce((total, file) => total + file.bytes, 0);
  }
}
