/** The journal's folder as a process takes hold of it: one process at a time, an id for ever, whose journals are whose. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lockDirectory } from './lock.ts';

const NODE_FILE = 'node';
const NODE_PATTERN = /^[0-9a-z]{16}$/;

export interface JournalFolder {
  /** `<dataDir>/journal`. */
  readonly dir: string;
  /** Drawn with the folder, part of every block's token: two data directories never make the same one. */
  readonly node: string;
  /** By slot of this start: slots of earlier ones whose journals it empties. */
  readonly left: readonly (readonly number[])[];
  release(): void;
}

/** Where the journal of a data directory is. */
export function journalDir(dataDir: string): string {
  return join(resolve(dataDir), 'journal');
}

/**
 * Takes the journal of `dataDir` for a process of `workers` workers. `isKept` is false where new events stay in
 * memory, so that every journal found is one to empty. Rejects when another process has it, or the disk's error.
 */
export async function openJournalFolder(
  dataDir: string,
  workers: number,
  isKept: boolean,
): Promise<JournalFolder> {
  const dir = journalDir(dataDir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const lock = await lockDirectory(dir);
  if (lock === undefined)
    throw new Error(`another process has the journal in ${dir} in use; stop it, or set another data_dir`);
  try {
    const left = Array.from({ length: workers }, (): number[] => []);
    for (const slot of listSlots(dir)) {
      if (!isKept || slot >= workers) left[slot % workers]?.push(slot);
    }
    return { dir, node: readNode(dir) ?? drawNode(dir), left, release: () => lock.release() };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Slots that have a journal in the folder, in order. Throws the disk's error. */
export function listSlots(dir: string): number[] {
  return readdirSync(dir)
    .filter((name) => /^(0|[1-9][0-9]{0,5})$/.test(name))
    .map(Number)
    .sort((left, right) => left - right);
}

/** Id of the folder, or undefined when it has none. Throws the disk's error. */
export function readNode(dir: string): string | undefined {
  try {
    const node = readFileSync(join(dir, NODE_FILE), 'latin1').trim();
    return NODE_PATTERN.test(node) ? node : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function drawNode(dir: string): string {
  const node = randomBytes(8).toString('hex');
  writeFileSync(join(dir, NODE_FILE), `${node}\n`, { mode: 0o600 });
  return node;
}
