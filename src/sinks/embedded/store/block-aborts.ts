/**
 * Which block files the engine died of. The parent counts: when the process ends by a signal of its own making, or
 * hangs and is killed, every file that was in hand gets one more in `<file>.aborts`, `<count> <reason>`. The store
 * reads those files once, at its start.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, unlink } from 'node:fs/promises';
import { BLOCK_ABORTS_MAX } from '../../../limits.ts';
import { abortsFile, blockKind, spoolDir } from '../protocol.ts';

export interface Aborts {
  /** Files that the engine died of and that are not settled. */
  size(): number;
  /** Why the file is not inserted any more, or undefined when it may be. */
  verdict(file: string): string | undefined;
  /** The file is settled. */
  forget(file: string): Promise<void>;
}

/** Reads what is noted in the spool folder; notes whose block is gone are deleted. */
export async function readAborts(storeDir: string): Promise<Aborts> {
  const noted = new Map<string, string>();
  const found = new Set(await readdir(spoolDir(storeDir)));
  for (const note of found) {
    const file = note.replace(/\.aborts$/, '');
    if (file === note || blockKind(file) === undefined) continue;
    if (found.has(file)) noted.set(file, readNote(storeDir, file));
    else await unlink(abortsFile(storeDir, file)).catch(() => {});
  }
  return {
    size: () => noted.size,
    verdict(file) {
      const note = noted.get(file);
      if (note === undefined || countOf(note) < BLOCK_ABORTS_MAX) return undefined;
      return `the engine ended ${countOf(note)} times while it inserted this block, last: ${note.slice(note.indexOf(' ') + 1)}`;
    },
    async forget(file) {
      if (noted.delete(file)) await unlink(abortsFile(storeDir, file)).catch(() => {});
    },
  };
}

/** For the parent: one more death for each of `files` that still waits in the spool folder. Throws when the disk does not take it. */
export function noteAborts(storeDir: string, files: readonly string[], reason: string): void {
  if (files.length === 0) return;
  const found = new Set(readdirSync(spoolDir(storeDir)));
  for (const file of files) {
    if (!found.has(file)) continue;
    const count = countOf(readNote(storeDir, file)) + 1;
    writeFileSync(abortsFile(storeDir, file), `${count} ${reason}`, { mode: 0o600 });
  }
}

function readNote(storeDir: string, file: string): string {
  try {
    return readFileSync(abortsFile(storeDir, file), 'utf8');
  } catch {
    return '0 ';
  }
}

function countOf(note: string): number {
  return Number.parseInt(note, 10) || 0;
}
