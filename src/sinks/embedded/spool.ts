/** Block files: written under a name that ends in `.tmp`, then renamed, so that the store never reads half a block. */
import { open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { viewsBehind } from '../../views.ts';
import { type Block, blockViews } from '../block.ts';
import { refusedDir, type StoreAddress, spoolDir, unfinishedName } from './protocol.ts';

/**
 * Writes the block as `file` into the spool folder. Rejects when the disk does not take it; nothing is left behind
 * then but perhaps an empty or cut `.tmp` file, which the next try overwrites and the next start deletes.
 */
export async function writeBlockFile(address: StoreAddress, file: string, block: Block): Promise<void> {
  const dir = spoolDir(address.storeDir);
  const unfinished = join(dir, unfinishedName(file, address.startId));
  const handle = await open(unfinished, 'w', 0o600);
  try {
    await writeViews(handle, blockViews(block));
  } catch (error) {
    await handle.close();
    // A cut file would hold on to the very space that is short.
    await unlink(unfinished).catch(() => {});
    throw error;
  }
  await handle.close();
  await rename(unfinished, join(dir, file));
}

/**
 * All views in one call: a write of its own for each would wait for a turn of this thread's event loop each, which
 * scans take for milliseconds (190 MB/s at full load with 1 MiB views). A disk that fills up takes a part of a write
 * before it fails one; only the next call says ENOSPC.
 */
async function writeViews(handle: Awaited<ReturnType<typeof open>>, views: Buffer[]): Promise<void> {
  let left: readonly Uint8Array[] = views;
  while (left.length > 0) {
    const { bytesWritten } = await handle.writev(left);
    left = viewsBehind(left, bytesWritten);
  }
}

/** Deletes a refused block file, and the reason beside it, when its rows are sent again in parts. */
export async function discardRefused(storeDir: string, file: string): Promise<void> {
  const path = join(refusedDir(storeDir), file);
  // What cannot be deleted is only in the way of who reads the folder.
  await Promise.all([path, `${path}.error`].map((name) => unlink(name).catch(() => {})));
}
