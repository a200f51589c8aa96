/** The dedup window of a worker thread, filled with what the journals say was kept before. */
import { join } from 'node:path';
import { systemClock } from './clock.ts';
import type { DedupWindow } from './dedup/findings.ts';
import { openDedupWindow } from './dedup/window.ts';
import { readNewest } from './journal/newest.ts';
import { systemDisk } from './journal/system-disk.ts';
import { DEDUP_READ_BACK_BYTES_MAX } from './limits.ts';
import type { Logger } from './log.ts';
import type { ScannerChoice } from './scan/scanner.ts';

export interface KnownIdsSetup {
  /** Of createWindowMemory, shared by all threads. */
  readonly memory: SharedArrayBuffer;
  readonly windowMs: number;
  readonly scanner: ScannerChoice;
  /** Folders of the journals that this thread has: `<dataDir>/journal/<slot>`. */
  readonly journals: readonly string[];
}

/**
 * Opens the window and remembers the ids of the newest events in the journals, so that a client that sends again what a
 * dead process had kept is known. A journal that cannot be read is told to the log: its events may be stored twice.
 */
export async function openKnownIds(setup: KnownIdsSetup, log: Logger): Promise<DedupWindow> {
  const window = openDedupWindow(setup.memory, setup.scanner);
  const startedAtMs = systemClock.monotonicMs();
  const sinceMs = systemClock.nowMs() - setup.windowMs;
  const bytesMax = Math.floor(DEDUP_READ_BACK_BYTES_MAX / Math.max(1, setup.journals.length));
  let ids = 0;
  let bytes = 0;
  for (const journal of setup.journals) {
    try {
      bytes += await readNewest(systemDisk, join(journal, 'events'), bytesMax, sinceMs, (lines) => {
        ids += window.rememberLines(lines, Math.floor(startedAtMs));
      });
    } catch (error) {
      log.error(
        { err: error, journal },
        'ids of events kept before cannot be read; their repeats are stored',
      );
    }
  }
  const tookMs = Math.round(systemClock.monotonicMs() - startedAtMs);
  if (bytes > 0) log.info({ ids, bytes, tookMs }, 'ids of events kept before were read');
  return window;
}
