/**
 * How much of the spool folder belongs to others than one sink: files of earlier processes, of dead threads, and of
 * the threads beside it. `spoolBytesMax` is a bound of the folder, so a start does not begin at zero.
 *
 * A look reads the folder's names and the sizes of those it has not seen; block files never change. Between looks,
 * SPOOL_LOOK_INTERVAL_MS, other threads may go on, each up to its own share.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { SPOOL_LOOK_INTERVAL_MS } from '../../limits.ts';
import { blockKind, spoolDir } from './protocol.ts';

export interface SpoolOthers {
  /** Bytes of block files that are not this sink's, as of a look at most SPOOL_LOOK_INTERVAL_MS old. */
  bytes(): Promise<number>;
}

/** `ownPrefix` begins the names of the sink's own files. */
export function createSpoolOthers(storeDir: string, ownPrefix: string, clock: Clock): SpoolOthers {
  const dir = spoolDir(storeDir);
  let sizes = new Map<string, number>();
  let bytes = 0;
  let lookedAtMs: number | undefined;

  async function look(): Promise<void> {
    const seen = new Map<string, number>();
    bytes = 0;
    // A folder that cannot be read cannot be written either, and the write says so.
    for (const file of await readdir(dir).catch(() => [])) {
      if (file.startsWith(ownPrefix) || blockKind(file) === undefined) continue;
      // Gone by now: inserted.
      const size =
        sizes.get(file) ??
        (await stat(join(dir, file)).then(
          (found) => found.size,
          () => 0,
        ));
      seen.set(file, size);
      bytes += size;
    }
    sizes = seen;
  }

  return {
    async bytes() {
      const nowMs = clock.monotonicMs();
      if (lookedAtMs === undefined || nowMs - lookedAtMs >= SPOOL_LOOK_INTERVAL_MS) {
        await look();
        lookedAtMs = clock.monotonicMs();
      }
      return bytes;
    },
  };
}
