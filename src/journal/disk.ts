/**
 * What the journal needs of a file system. Appends are synchronous: a write into pages that are in memory takes
 * 0.2 ms a megabyte (docs/decisions.md), one past them as long as the disk does, and the ack waits for it. Reads and
 * syncs are asynchronous, since they wait for the device. Tests put a disk that fails in its place.
 */
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  read,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { systemClock } from '../clock.ts';
import { BLOCK_BYTES } from '../memory.ts';
import { viewsBehind } from '../views.ts';
import { directStage, headBytes, writeBlocks } from './direct.ts';
import { WriteWays } from './write-ways.ts';

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

/** Undefined where the system has none. */
const DIRECT: number | undefined = constants.O_DIRECT;

/** The machine's file system; `ways` chooses which writes go past the page cache. */
export function createSystemDisk(ways: WriteWays): Disk {
  return { ...cachedDisk, open: (path, create) => new SystemFile(openFile(path, create), ways) };
}

function openFile(path: string, create: boolean): number {
  return openSync(path, constants.O_RDWR | (create ? constants.O_CREAT : 0), 0o600);
}

const cachedDisk: Omit<Disk, 'open'> = {
  makeDir: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  list(path) {
    try {
      return readdirSync(path).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  },
  rename: renameSync,
  remove: unlinkSync,
  syncDir(path) {
    const fd = openSync(path, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
};

/** The machine's file system. */
export const systemDisk: Disk = createSystemDisk(new WriteWays());

/** A file of the machine's for reading alone, by commands that may look but not touch. The caller closes it. */
export function openReadOnly(path: string): DiskFile {
  return new SystemFile(openSync(path, constants.O_RDONLY), undefined);
}

class SystemFile implements DiskFile {
  readonly #fd: number;
  /** Undefined for a file that is read with care for nobody's cache. */
  readonly #ways: WriteWays | undefined;
  /** The same file past the cache; -1 where that cannot be, undefined before it was wanted. */
  #directFd: number | undefined;
  /** What stands in the block in which the file's last direct write ended, and where that was; -1 when something else was written since. */
  readonly #tail = Buffer.alloc(BLOCK_BYTES);
  #tailEnd = -1;
  isDirect = false;

  constructor(fd: number, ways: WriteWays | undefined) {
    this.#fd = fd;
    this.#ways = ways;
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  write(views: readonly Uint8Array[], position: number): void {
    const ways = this.#ways;
    const bytes = views.reduce((sum, view) => sum + view.length, 0);
    const startedAt = systemClock.monotonicMs();
    const isDirect = ways?.choosesDirect(bytes) === true && this.#writeDirect(views, position);
    if (!isDirect) this.#writeCached(views, position);
    ways?.note(isDirect, bytes, systemClock.monotonicMs() - startedAt);
  }

  /** False, with perhaps a part written, where the file system has no direct writes. */
  #writeDirect(views: readonly Uint8Array[], position: number): boolean {
    const fd = this.#openDirect();
    const stage = directStage();
    const head = headBytes(position);
    if (fd < 0 || stage === undefined) return false;
    if (this.#tailEnd === position) stage.set(this.#tail.subarray(0, head));
    // What was written through the cache is there, and one block.
    else if (head > 0 && readSync(this.#fd, stage, 0, head, position - head) < head) return false;
    this.#tailEnd = -1;
    try {
      const rest = writeBlocks(views, position, stage, (length, at) =>
        this.#writeStage(fd, stage, length, at),
      );
      stage.copy(this.#tail, 0, 0, rest);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      this.#ways?.forbidDirect();
      return false;
    }
    this.#tailEnd = views.reduce((end, view) => end + view.length, position);
    this.isDirect = true;
    return true;
  }

  /** A disk that fills up takes a part, which may end within a block; the rest goes through the cache and hears why. */
  #writeStage(fd: number, stage: Buffer, length: number, at: number): void {
    const written = writeSync(fd, stage, 0, length, at);
    if (written < length) this.#writeCached([stage.subarray(written, length)], at + written);
  }

  #openDirect(): number {
    if (this.#directFd !== undefined) return this.#directFd;
    this.#directFd = -1;
    if (DIRECT === undefined || directStage() === undefined) return -1;
    try {
      // By its descriptor: its name may be another by now.
      this.#directFd = openSync(`/proc/self/fd/${this.#fd}`, constants.O_RDWR | DIRECT);
    } catch {
      this.#ways?.forbidDirect();
    }
    return this.#directFd;
  }

  #writeCached(views: readonly Uint8Array[], position: number): void {
    this.#tailEnd = -1;
    let left = views;
    let at = position;
    // A disk that fills up takes a part of a write before it fails one; only the next call says ENOSPC.
    while (left.length > 0) {
      const written = writevSync(this.#fd, left, at);
      at += written;
      left = viewsBehind(left, written);
    }
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return readAll(this.#fd, target, position);
  }

  async readBlocks(target: Uint8Array, position: number): Promise<number> {
    const fd = this.#ways === undefined ? -1 : this.#openDirect();
    if (fd < 0) return readAll(this.#fd, target, position);
    try {
      return await readAll(fd, target, position, BLOCK_BYTES);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      return readAll(this.#fd, target, position);
    }
  }

  truncate(bytes: number): void {
    this.#tailEnd = -1;
    ftruncateSync(this.#fd, bytes);
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  close(): void {
    if (this.#directFd !== undefined && this.#directFd >= 0) closeSync(this.#directFd);
    closeSync(this.#fd);
  }
}

/** A read that ends within a block, of `blockBytes`, has come to the file's end. */
async function readAll(fd: number, target: Uint8Array, position: number, blockBytes = 1): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const length = await readOnce(fd, target, filled, position + filled);
    filled += length;
    if (length === 0 || filled % blockBytes !== 0) break;
  }
  return filled;
}

function readOnce(fd: number, target: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, offset, target.length - offset, position, (error, length) =>
      error === null ? resolve(length) : reject(error),
    );
  });
}
