/**
 * What the journal needs of a file system. A write into pages that are in memory is synchronous: it takes 0.2 ms a
 * megabyte (docs/decisions.md). One past them takes as long as the disk does, and may be asynchronous as reads and syncs are,
 * which wait for the device too. Tests put a disk that fails in its place.
 */

/** Every method throws (or rejects with) the system's error; `code` says which. */
export interface Disk {
  makeDir(path: string): void;
  /** Names in a folder, sorted; none when there is no such folder. */
  list(path: string): string[];
  /** Opens for reading and writing; makes the file when `create`. */
  open(path: string, create: boolean): DiskFile;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Makes names that were created, renamed or removed in the folder durable. */
  syncDir(path: string): void;
}

export interface DiskFile {
  size(): number;
  /**
   * Writes all of the views at `position`. When it throws, any part of them may have been written. Behind them may stand
   * zeros then, up to a whole block.
   */
  write(views: readonly Uint8Array[], position: number): void;
  /**
   * As `write`, by the disk while the thread goes on. COPY. Undefined where that is not worth it, or cannot be: nothing was
   * done then. Until it settles nothing else may write to the file or cut it; a close waits for it.
   */
  writeAsync?(views: readonly Uint8Array[], position: number): Promise<void> | undefined;
  /** Fills `target` from `position`, as far as the file reaches; resolves with the bytes read. */
  read(target: Uint8Array, position: number): Promise<number>;
  truncate(bytes: number): void;
  /** Whether a write of it went past the page cache. */
  readonly isDirect?: boolean;
  /** As `read`, past the page cache where that can be: `target` is whole blocks of an `alignedBuffer`, `position` a multiple of BLOCK_BYTES. */
  readBlocks?(target: Uint8Array, position: number): Promise<number>;
  /** Makes the data durable (fdatasync). */
  sync(): Promise<void>;
  close(): void;
}
