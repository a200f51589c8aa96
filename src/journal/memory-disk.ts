/**
 * A disk in memory, for `durability: memory`: the journal works as ever and ends with the process. Its bytes count
 * against the memory budget.
 */
import type { Disk, DiskFile } from './disk.ts';

/** A write as it stands in a file. */
interface Piece {
  readonly position: number;
  readonly bytes: Buffer;
}

/** An empty disk. */
export function createMemoryDisk(): Disk {
  const files = new Map<string, MemoryFile>();
  return {
    makeDir() {},
    list: (path) =>
      [...files.keys()]
        .filter((name) => name.startsWith(`${path}/`) && !name.slice(path.length + 1).includes('/'))
        .map((name) => name.slice(path.length + 1))
        .sort(),
    open(path, create) {
      const found = files.get(path);
      if (found !== undefined) return found;
      if (!create) throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
      const file = new MemoryFile();
      files.set(path, file);
      return file;
    },
    rename(from, to) {
      const file = files.get(from);
      if (file !== undefined) files.set(to, file);
      files.delete(from);
    },
    remove: (path) => void files.delete(path),
    syncDir() {},
  };
}

/** Writes are kept as they came, since a segment is only appended to and read from front to back. */
class MemoryFile implements DiskFile {
  #pieces: Piece[] = [];

  size(): number {
    const last = this.#pieces.at(-1);
    return last === undefined ? 0 : last.position + last.bytes.length;
  }

  write(views: readonly Uint8Array[], position: number): void {
    const bytes = Buffer.concat(views);
    if (position === this.size()) this.#pieces.push({ position, bytes });
    else this.#overwrite(bytes, position);
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    for (let index = this.#find(position); index < this.#pieces.length && filled < target.length; index++) {
      const piece = this.#pieces[index];
      if (piece === undefined) break;
      const from = position + filled - piece.position;
      const length = Math.min(piece.bytes.length - from, target.length - filled);
      target.set(piece.bytes.subarray(from, from + length), filled);
      filled += length;
    }
    return filled;
  }

  truncate(bytes: number): void {
    const kept = this.#pieces.filter((piece) => piece.position < bytes);
    this.#pieces = kept.map((piece) => ({
      ...piece,
      bytes: piece.bytes.subarray(0, bytes - piece.position),
    }));
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}

  /** Small files only: a cursor's two records. */
  #overwrite(bytes: Buffer, position: number): void {
    const whole = Buffer.alloc(Math.max(this.size(), position + bytes.length));
    for (const piece of this.#pieces) whole.set(piece.bytes, piece.position);
    whole.set(bytes, position);
    this.#pieces = [{ position: 0, bytes: whole }];
  }

  /** Index of the piece that holds `position`, by halving: a segment has many. */
  #find(position: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const piece = this.#pieces[middle];
      if (piece !== undefined && piece.position + piece.bytes.length <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
