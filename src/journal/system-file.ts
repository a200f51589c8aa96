/** A file of the machine's: which of its writes go past the page cache, and which of those beside the thread. */
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  read,
  readSync,
  write,
  writeSync,
  writevSync,
} from 'node:fs';
import { systemClock } from '../clock.ts';
import { BLOCK_BYTES } from '../memory.ts';
import { viewsBehind } from '../views.ts';
import {
  directStage,
  gatherBlocks,
  giveDirectStage,
  hasDirectStage,
  headBytes,
  takeDirectStage,
  wholeBlocks,
  writeBlocks,
} from './direct.ts';
import type { DiskFile } from './disk.ts';
import type { WriteWays } from './write-ways.ts';

/** Undefined where the system has none. */
const DIRECT: number | undefined = constants.O_DIRECT;

/** Opened already, and closed by `close`. */
export class SystemFile implements DiskFile {
  readonly #fd: number;
  /** Undefined for a file that is read with care for nobody's cache. */
  readonly #ways: WriteWays | undefined;
  /** The same file past the cache; -1 where that cannot be, undefined before it was wanted. */
  #directFd: number | undefined;
  /** What stands in the block in which the file's last direct write ended, and where that was; -1 when something else was written since. */
  readonly #tail = Buffer.alloc(BLOCK_BYTES);
  #tailEnd = -1;
  #isWriting = false;
  #isClosing = false;
  isDirect = false;

  constructor(fd: number, ways: WriteWays | undefined) {
    this.#fd = fd;
    this.#ways = ways;
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  write(views: readonly Uint8Array[], position: number): void {
    const ways = this.#ways;
    const bytes = lengthOf(views);
    const startedAt = systemClock.monotonicMs();
    const isDirect = ways?.choosesDirect(bytes) === true && this.#writeDirect(views, position);
    if (!isDirect) this.#writeCached(views, position);
    ways?.note(isDirect, bytes, systemClock.monotonicMs() - startedAt);
  }

  /** False, with perhaps a part written, where the file system has no direct writes. */
  #writeDirect(views: readonly Uint8Array[], position: number): boolean {
    const fd = this.#openDirect();
    const stage = directStage();
    if (fd < 0 || stage === undefined || !this.#readHead(stage, position)) return false;
    this.#tailEnd = -1;
    try {
      const rest = writeBlocks(views, position, stage, (length, at) =>
        this.#writeStage(fd, stage, length, at),
      );
      stage.copy(this.#tail, 0, 0, rest);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      this.#ways?.forbidDirect();
      return false;
    }
    this.#tailEnd = position + lengthOf(views);
    this.isDirect = true;
    return true;
  }

  /** Puts what stands in the block of `position` before it at the start of `stage`. */
  #readHead(stage: Buffer, position: number): boolean {
    const head = headBytes(position);
    if (this.#tailEnd === position) stage.set(this.#tail.subarray(0, head));
    // What was written through the cache is there, and one block.
    else if (head > 0 && readSync(this.#fd, stage, 0, head, position - head) < head) return false;
    return true;
  }

  writeAsync(views: readonly Uint8Array[], position: number): Promise<void> | undefined {
    const ways = this.#ways;
    const head = headBytes(position);
    const end = head + lengthOf(views);
    if (ways?.choosesDirect(end - head) !== true) return undefined;
    const fd = this.#openDirect();
    if (fd < 0) return undefined;
    const stage = directStage();
    if (stage === undefined || wholeBlocks(end) > stage.length || !this.#readHead(stage, position))
      return undefined;
    const blocksBytes = gatherBlocks(views, position, stage);
    takeDirectStage();
    const startedAt = systemClock.monotonicMs();
    this.#tailEnd = -1;
    this.#isWriting = true;
    return new Promise((resolve, reject) => {
      write(fd, stage, 0, blocksBytes, position - head, (error, written) => {
        this.#isWriting = false;
        try {
          if (error !== null && error.code !== 'EINVAL') throw error;
          if (error !== null) ways.forbidDirect();
          // As for #writeStage.
          const taken = Math.max(error === null ? written : 0, head);
          if (taken < end) this.#writeCached([stage.subarray(taken, end)], position - head + taken);
          else this.#keepTail(stage, position, end);
          ways.noteAsync(end - head, systemClock.monotonicMs() - startedAt);
          resolve();
        } catch (failed) {
          reject(failed);
        } finally {
          giveDirectStage();
          if (this.#isClosing) this.close();
        }
      });
    });
  }

  /** A direct write has ended `end` bytes behind the start of `stage`. */
  #keepTail(stage: Buffer, position: number, end: number): void {
    const rest = headBytes(end);
    stage.copy(this.#tail, 0, end - rest, end);
    this.#tailEnd = position - headBytes(position) + end;
    this.isDirect = true;
  }

  /** A disk that fills up takes a part, which may end within a block; the rest goes through the cache and hears why. */
  #writeStage(fd: number, stage: Buffer, length: number, at: number): void {
    const written = writeSync(fd, stage, 0, length, at);
    if (written < length) this.#writeCached([stage.subarray(written, length)], at + written);
  }

  #openDirect(): number {
    if (this.#directFd !== undefined) return this.#directFd;
    this.#directFd = -1;
    if (DIRECT === undefined || !hasDirectStage()) return -1;
    try {
      // By its descriptor: its name may be another by now.
      this.#directFd = openSync(`/proc/self/fd/${this.#fd}`, constants.O_RDWR | DIRECT);
    } catch {
      this.#ways?.forbidDirect();
    }
    return this.#directFd;
  }

  #writeCached(views: readonly Uint8Array[], position: number): void {
    this.#tailEnd = -1;
    let left = views;
    let at = position;
    // A disk that fills up takes a part of a write before it fails one; only the next call says ENOSPC.
    while (left.length > 0) {
      const written = writevSync(this.#fd, left, at);
      at += written;
      left = viewsBehind(left, written);
    }
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return readAll(this.#fd, target, position);
  }

  async readBlocks(target: Uint8Array, position: number): Promise<number> {
    const fd = this.#ways === undefined ? -1 : this.#openDirect();
    if (fd < 0) return readAll(this.#fd, target, position);
    try {
      return await readAll(fd, target, position, BLOCK_BYTES);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      return readAll(this.#fd, target, position);
    }
  }

  truncate(bytes: number): void {
    this.#tailEnd = -1;
    ftruncateSync(this.#fd, bytes);
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  close(): void {
    this.#isClosing = true;
    // Another file may have its descriptor then.
    if (this.#isWriting) return;
    if (this.#directFd !== undefined && this.#directFd >= 0) closeSync(this.#directFd);
    closeSync(this.#fd);
  }
}

function lengthOf(views: readonly Uint8Array[]): number {
  return views.reduce((sum, view) => sum + view.length, 0);
}

/** A read that ends within a block, of `blockBytes`, has come to the file's end. */
async function readAll(fd: number, target: Uint8Array, position: number, blockBytes = 1): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const length = await readOnce(fd, target, filled, position + filled);
    filled += length;
    if (length === 0 || filled % blockBytes !== 0) break;
  }
  return filled;
}

function readOnce(fd: number, target: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, offset, target.length - offset, position, (error, length) =>
      error === null ? resolve(length) : reject(error),
    );
  });
}
