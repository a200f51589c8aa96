/** The disk: full, or failing. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Prepared } from '../fault.ts';
import { ERRNO, Shim, shimUnavailable } from '../shim.ts';

const JOURNAL = '/data/journal/';
const TMPFS_MIB = 1024;
const PIECE = Buffer.alloc(1024 * 1024);

/**
 * Journal, store and spool on a small file system of their own, which something else fills up to the last byte and keeps
 * full: what is freed meanwhile is taken at once.
 */
export const diskFull: Fault = {
  name: 'disk-full',
  title: 'disk full, for journal and store alike',
  times: { short: 1, default: 3, long: 30 },
  strikeMs: { short: 1_000, default: 10_000, long: 30_000 },
  unavailable() {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs the right to mount a tmpfs';
    return undefined;
  },
  prepare(folder): Prepared {
    const mountPoint = join(folder, 'data');
    const filler = join(mountPoint, 'filler');
    mkdirSync(mountPoint);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${TMPFS_MIB}m`, 'penstock-prove', mountPoint]);
    return {
      async strike(site) {
        const fd = openSync(filler, 'w');
        try {
          let fullUntil = Number.POSITIVE_INFINITY;
          while (site.now() < fullUntil) {
            if (takesPiece(fd)) await immediate();
            else {
              fullUntil = Math.min(fullUntil, site.now() + site.strikeMs);
              await sleep(10);
            }
          }
        } finally {
          closeSync(fd);
          rmSync(filler);
        }
        return undefined;
      },
      undo: () => void execFileSync('umount', ['-l', mountPoint]),
    };
  },
};

/** Writes one piece more; false when the disk is full. Throws its other errors. */
function takesPiece(fd: number): boolean {
  try {
    // The last write takes a part of it.
    writeSync(fd, PIECE);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

/** Writes and truncates of the journal fail by chance, half of them after a part was written. */
export const diskError = behindShim(
  {
    name: 'disk-error',
    title: 'writes of the journal fail (EIO, ENOSPC, a part only)',
    times: { short: 2, default: 20, long: 200 },
    strikeMs: { short: 500, default: 1_000, long: 1_000 },
  },
  'writePermille',
  'struckWrites',
);

/** Answers wait for syncs, and syncs fail by chance. */
export const syncError = behindShim(
  {
    name: 'sync-error',
    title: 'fdatasync of the journal fails (durability: fsync)',
    times: { short: 2, default: 20, long: 200 },
    strikeMs: { short: 500, default: 1_000, long: 1_000 },
    rate: 5_000,
    config: { journal: { durability: 'fsync' } },
    mayRepeat: 'what a failed sync was for stands in the journal, and its client is told to send it again',
  },
  'syncPermille',
  'struckSyncs',
);

function behindShim(
  fault: Omit<Fault, 'prepare' | 'unavailable'>,
  rate: 'writePermille' | 'syncPermille',
  struck: 'struckWrites' | 'struckSyncs',
): Fault {
  return {
    ...fault,
    unavailable: shimUnavailable,
    prepare(folder, random): Prepared {
      const shim = new Shim(folder, JOURNAL, 1 + Math.floor(random() * 1e6));
      return {
        env: shim.env,
        async strike(site) {
          shim.set('error', site.random() < 0.5 ? ERRNO.EIO : ERRNO.ENOSPC);
          shim.set(rate, Math.floor(50 + 400 * site.random()));
          await sleep(site.strikeMs);
          shim.set(rate, 0);
          return undefined;
        },
        missed: () => (shim.get(struck) > 0 ? undefined : 'no call has failed: it was no test'),
        undo: () => shim.close(),
      };
    },
  };
}
