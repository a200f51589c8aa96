/**
 * One process a data directory. The lock is a unix socket in it that the holder listens on: the kernel closes it
 * with the process, however that ends, and whoever comes finds out by connecting. It is seen by other containers
 * on the same volume too, where process ids say nothing.
 *
 * A socket is bound under a name of its own and then linked to the lock's name, which only one can do. One that
 * nobody listens on any more is moved away first; a live one that is caught in that is put back.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, linkSync, openSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';

const NAME = 'lock';
const TRIES_MAX = 10;

export interface Lock {
  release(): void;
}

/** Takes the lock of `dir`, which exists. Undefined when a living process holds it; rejects with the disk's error. */
export async function lockDirectory(dir: string): Promise<Lock | undefined> {
  const fd = openSync(dir, 'r');
  const short = shortName(dir, fd);
  const own = `${NAME}-${randomBytes(6).toString('hex')}`;
  try {
    const server = await listen(join(short, own));
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      if (tryLink(dir, own)) {
        rmSync(join(dir, own));
        return { release: () => release(server, dir) };
      }
      if (await isHeld(join(short, NAME))) break;
      await moveStale(dir, short);
    }
    server.close();
    rmSync(join(dir, own), { force: true });
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** Whether a living process holds the lock of `dir`. Rejects with the disk's error. */
export async function isLocked(dir: string): Promise<boolean> {
  const fd = openSync(dir, 'r');
  try {
    return await isHeld(join(shortName(dir, fd), NAME));
  } finally {
    closeSync(fd);
  }
}

/** sun_path holds 107 bytes; by its descriptor a directory of any length has a short name. */
function shortName(dir: string, fd: number): string {
  return process.platform === 'linux' ? `/proc/self/fd/${fd}` : dir;
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}

function tryLink(dir: string, own: string): boolean {
  try {
    linkSync(join(dir, own), join(dir, NAME));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isHeld(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

async function moveStale(dir: string, short: string): Promise<void> {
  const aside = `${NAME}-stale-${randomBytes(6).toString('hex')}`;
  try {
    renameSync(join(dir, NAME), join(dir, aside));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  // Between the look and the move another process may have taken the lock.
  if (await isHeld(join(short, aside))) tryLink(dir, aside);
  rmSync(join(dir, aside), { force: true });
}

function release(server: Server, dir: string): void {
  rmSync(join(dir, NAME), { force: true });
  server.close();
}
