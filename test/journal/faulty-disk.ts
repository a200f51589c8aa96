/** A disk that fails when told to, in front of the machine's own: faults that cannot be made otherwise. */
import type { Disk, DiskFile } from '../../src/journal/disk.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';

export interface Faults {
  /** Bytes that may still be written; the write that passes them writes up to there and fails with ENOSPC. */
  bytesLeft: number;
  failsWrite: boolean;
  /** Writes are taken while the thread goes on, as the machine's are past the page cache, and done when it resolves. */
  written: Promise<void> | undefined;
  failsTruncate: boolean;
  failsSync: boolean;
  failsRead: boolean;
  failsRename: boolean;
  syncs: number;
  /** Files that are open now. */
  openFiles: number;
}

export function createFaultyDisk(): { disk: Disk; faults: Faults } {
  const faults: Faults = {
    bytesLeft: Number.POSITIVE_INFINITY,
    failsWrite: false,
    written: undefined,
    failsTruncate: false,
    failsSync: false,
    failsRead: false,
    failsRename: false,
    syncs: 0,
    openFiles: 0,
  };
  return {
    disk: {
      ...systemDisk,
      open: (path, create) => wrap(systemDisk.open(path, create), faults),
      rename(from, to) {
        if (faults.failsRename) throw fault('EIO');
        systemDisk.rename(from, to);
      },
    },
    faults,
  };
}

function wrap(file: DiskFile, faults: Faults): DiskFile {
  faults.openFiles += 1;
  const write = (views: readonly Uint8Array[], position: number) => {
    if (faults.failsWrite) throw fault('EIO');
    const bytes = Buffer.concat(views);
    const written = Math.min(bytes.length, faults.bytesLeft);
    file.write([bytes.subarray(0, written)], position);
    faults.bytesLeft -= written;
    if (written < bytes.length) throw fault('ENOSPC');
  };
  return {
    size: () => file.size(),
    write,
    writeAsync(views, position) {
      const copies = views.map((view) => Buffer.from(view));
      return faults.written?.then(() => write(copies, position));
    },
    async read(target, position) {
      if (faults.failsRead) throw fault('EIO');
      return file.read(target, position);
    },
    truncate(bytes) {
      if (faults.failsTruncate) throw fault('EIO');
      file.truncate(bytes);
    },
    async sync() {
      faults.syncs += 1;
      await file.sync();
      if (faults.failsSync) throw fault('EIO');
    },
    close() {
      faults.openFiles -= 1;
      file.close();
    },
  };
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code });
}
