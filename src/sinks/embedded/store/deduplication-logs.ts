/**
 * The engine notes the token of an insert before it puts the part in its place. Killed in between, it knows a token whose
 * rows no table has, and takes the block, sent again, for a repeat: acknowledged events would be lost. So before tables
 * are attached, tokens of parts that are not there are forgotten. Then no merge has yet covered the gap.
 *
 *   <table's folder>/deduplication_logs/deduplication_log_<n>.txt   one line a token: <operation> TAB <part> TAB <block id>
 *   operation 1 adds, 2 drops; a part is <partition>_<first block>_<last block>_<level>[_<mutation>]
 *   (ClickHouse, src/Storages/MergeTree/MergeTreeDeduplicationLog.cpp, MergeTreePartInfo.h)
 *
 * A token that is forgotten for another reason, because its rows were too old to be kept, costs nothing: such a block is
 * not sent again.
 */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ADD = '1';

interface Part {
  readonly partition: string;
  readonly firstBlock: number;
  readonly lastBlock: number;
}

/** Forgets them in all tables below `engineDir`, none of which may be attached; gives their count. Throws the disk's error. */
export function forgetLostParts(engineDir: string): number {
  const root = join(engineDir, 'store');
  let count = 0;
  for (const group of foldersOf(root)) {
    for (const table of foldersOf(join(root, group))) {
      const dir = join(root, group, table);
      const parts = foldersOf(dir).flatMap((name) => parsePart(name) ?? []);
      const logs = join(dir, 'deduplication_logs');
      for (const log of filesOf(logs))
        count += forgetIn(join(logs, log), parts, join(engineDir, 'tokens.tmp'));
    }
  }
  return count;
}

function forgetIn(path: string, parts: readonly Part[], unfinished: string): number {
  const lines = readFileSync(path, 'latin1').split('\n');
  const kept = lines.filter((line) => {
    const [operation, name = ''] = line.split('\t');
    const part = parsePart(name);
    return operation !== ADD || part === undefined || parts.some((present) => covers(present, part));
  });
  if (kept.length === lines.length) return 0;
  writeFileSync(unfinished, kept.join('\n'), { encoding: 'latin1', mode: 0o640 });
  renameSync(unfinished, path);
  return lines.length - kept.length;
}

function covers(present: Part, part: Part): boolean {
  return (
    present.partition === part.partition &&
    present.firstBlock <= part.firstBlock &&
    present.lastBlock >= part.lastBlock
  );
}

function parsePart(name: string): Part | undefined {
  const match = /^([0-9a-zA-Z-]+)_(\d+)_(\d+)_\d+(?:_\d+)?$/.exec(name);
  const [, partition, firstBlock, lastBlock] = match ?? [];
  if (partition === undefined) return undefined;
  return { partition, firstBlock: Number(firstBlock), lastBlock: Number(lastBlock) };
}

function foldersOf(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
}

function filesOf(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir).filter((name) => /^deduplication_log_\d+\.txt$/.test(name)) : [];
}
