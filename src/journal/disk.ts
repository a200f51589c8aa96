/**
 * What the journal needs of a file system. Appends are synchronous: a write into pages that are in memory takes
 * 0.2 ms a megabyte (docs/decisions.md), and the ack waits for it. Reads and
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
  renameSync,
  unlinkSync,
  writevSync,
} from 'node:fs';

import { viewsBehind } from '../views.ts';

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
  /** Writes all of the views at `position`. When it throws, any part of them may have been written. */
  write(views: readonly Uint8Array[], position: number): void;
  /** Fills `target` from `position`, as far as the file reaches; resolves with the bytes read. */
  read(target: Uint8Array, position: number): Promise<number>;
  truncate(bytes: number): void;
  /** Makes the data durable (fdatasync). */
  sync(): Promise<void>;
  close(): void;
}

/** The machine's file system. */
export const systemDisk: Disk = {
  makeDir: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  list(path) {
    try {
      return readdirSync(path).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  },
  open: (path, create) =>
    new SystemFile(openSync(path, constants.O_RDWR | (create ? constants.O_CREAT : 0), 0o600)),
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

/** A file of the machine's for reading alone, by commands that may look but not touch. The caller closes it. */
export function openReadOnly(path: string): DiskFile {
  return new SystemFile(openSync(path, constants.O_RDONLY));
}

class SystemFile implements DiskFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  write(views: readonly Uint8Array[], position: number): void {
    let left = views;
    let at = position;
    // A disk that fills up takes a part of a write before it fails one; only the next call says ENOSPC.
    while (left.length > 0) {
      const written = writevSync(this.#fd, left, at);
      at += written;
      left = viewsBehind(left, written);
    }
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const length = await readOnce(this.#fd, target, filled, position + filled);
      if (length === 0) break;
      filled += length;
    }
    return filled;
  }

  truncate(bytes: number): void {
    ftruncateSync(this.#fd, bytes);
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function readOnce(fd: number, target: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, offset, target.length - offset, position, (error, length) =>
      error === null ? resolve(length) : reject(error),
    );
  });
}
