/** The machine's file system. */
import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
} from 'node:fs';
import type { Disk, DiskFile } from './disk.ts';
import { SystemFile } from './system-file.ts';
import { WriteWays } from './write-ways.ts';

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
