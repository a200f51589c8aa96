/**
 * Segments that were let go of and are kept to be written over: their pages are in memory already, and a write to new
 * ones costs up to ten times as much processor time (docs/decisions.md).
 */
import { join } from 'node:path';
import type { Disk } from './disk.ts';

/** End of a spare's name. */
export const SPARE_SUFFIX = '.spare';

export class Spares {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #bytesMax: number;
  readonly #files: { readonly name: string; readonly bytes: number }[] = [];

  /** Spares of the stream in `dir`, of at most `bytesMax` bytes together. */
  constructor(disk: Disk, dir: string, bytesMax: number) {
    this.#disk = disk;
    this.#dir = dir;
    this.#bytesMax = bytesMax;
  }

  /** Takes over those of an earlier start among the names of the folder, each counted as `bytes`. Throws the disk's error. */
  adopt(names: readonly string[], bytes: number): void {
    for (const name of names.filter((candidate) => candidate.endsWith(SPARE_SUFFIX))) {
      if (this.#fits(bytes)) this.#files.push({ name, bytes });
      else this.#disk.remove(join(this.#dir, name));
    }
  }

  /** Keeps the segment `name` as a spare, or deletes it when there are enough. Throws the disk's error. */
  keep(name: string, bytes: number): void {
    const path = join(this.#dir, name);
    if (!this.#fits(bytes)) {
      this.#disk.remove(path);
      return;
    }
    const spare = `${name}${SPARE_SUFFIX}`;
    this.#disk.rename(path, join(this.#dir, spare));
    this.#files.push({ name: spare, bytes });
  }

  /** Name of a spare, which is none any more; undefined when there is none. */
  take(): string | undefined {
    return this.#files.pop()?.name;
  }

  #fits(bytes: number): boolean {
    return this.#files.reduce((total, file) => total + file.bytes, bytes) <= this.#bytesMax;
  }
}
