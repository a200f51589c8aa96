/** Block files: written under a name that ends in `.tmp`, then renamed, so that the store never reads half a block. */
import { open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Block, blockViews } from './block.ts';
import { spoolDir, TMP_SUFFIX } from './protocol.ts';

/**
 * Writes the block as `file` into the spool folder. Rejects when the disk does not take it; nothing is left behind
 * then but perhaps an empty or cut `.tmp` file, which the next try overwrites and the next start deletes.
 */
export async function writeBlockFile(storeDir: string, file: string, block: Block): Promise<void> {
  const path = join(spoolDir(storeDir), file);
  const handle = await open(path + TMP_SUFFIX, 'w', 0o600);
  try {
    await writeViews(handle, blockViews(block));
  } catch (error) {
    await handle.close();
    // A cut file would hold on to the very space that is short.
    await unlink(path + TMP_SUFFIX).catch(() => {});
    throw error;
  }
  await handle.close();
  await rename(path + TMP_SUFFIX, path);
}

/**
 * All views in one call: a write of its own for each would wait for a turn of this thread's event loop each, which
 * scans take for milliseconds (190 MB/s at full load with 1 MiB views). A disk that fills up takes a part of a write
 * before it fails one; only the next call says ENOSPC.
 */
async function writeViews(handle: Awaited<ReturnType<typeof open>>, views: Buffer[]): Promise<void> {
  let left = views;
  while (left.length > 0) {
    const { bytesWritten } = await handle.writev(left);
    left = viewsBehind(left, bytesWritten);
  }
}

function viewsBehind(views: readonly Buffer[], bytes: number): Buffer[] {
  const left: Buffer[] = [];
  let skip = bytes;
  for (const view of views) {
    if (skip < view.length) left.push(view.subarray(skip));
    skip = Math.max(0, skip - view.length);
  }
  return left;
}
