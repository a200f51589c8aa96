/**
 * Runs inserts of block files, a few at a time, each over a connection of its own. A file that is asked for twice
 * while it is in hand is inserted once and both are answered. Files of earlier processes come after those that a
 * worker waits for.
 *
 * A block that the engine died of before (block-aborts.ts) is inserted with no other beside it, so that a death is
 * counted for one block; after a few it is moved aside. Everything else that is not the content's fault is tried
 * again for as long as it takes.
 */
import { readdir, stat, unlink } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { assert } from '../../../assert.ts';
import { createBackoff, pause } from '../../../backoff.ts';
import { type Clock, systemClock } from '../../../clock.ts';
import { BLOCK_FAILURE_LOG_INTERVAL_MS, STORE_INSERTS_MAX } from '../../../limits.ts';
import type { BlockKind } from '../../block.ts';
import {
  blockKind,
  refusedDir,
  type StoreAddress,
  type StoreLogger,
  spoolDir,
  TMP_SUFFIX,
  unfinishedName,
} from '../protocol.ts';
import { readAborts } from './block-aborts.ts';
import {
  exists,
  INSERT_SETTINGS,
  type InsertOutcome,
  type InsertTarget,
  insertBlockFile,
  moveAside,
  refusedCode,
} from './block-insert.ts';
import type { Connection, Engine } from './engine.ts';

export type SettledOutcome =
  | { readonly outcome: 'inserted' }
  | { readonly outcome: 'refused' | 'retry'; readonly code: number; readonly message: string };

export interface InsertQueue {
  /** Inserts the file, or says why not. `file` must be a block file's name. */
  insert(file: string, kind: BlockKind): Promise<SettledOutcome>;
  /**
   * Inserts what lies in the spool folder and is at least `ageMs` old, one file at a time, until it is done or the
   * queue is closed. Rejects when the folder cannot be read.
   */
  insertLeftovers(ageMs: number): Promise<void>;
  /** Milliseconds, up to now, in which at least one block was being inserted. */
  busyMs(): number;
  /** Takes nothing more and waits for what is in hand. */
  close(): Promise<void>;
}

interface Waiting {
  readonly start: (connection: Connection) => void;
  readonly urgent: boolean;
}

const CLOSING: SettledOutcome = { outcome: 'retry', code: 236, message: 'the store is stopping' };

/** Opens the connections. `onInHand` hears of every file before it is inserted, and when that is over. */
export async function createInsertQueue(
  engine: Engine,
  address: StoreAddress,
  targets: Record<BlockKind, InsertTarget>,
  logger: StoreLogger,
  onInHand: (files: readonly string[]) => void,
): Promise<InsertQueue> {
  const count = Math.max(1, Math.min(STORE_INSERTS_MAX, Math.floor(availableParallelism() / 2)));
  const free: Connection[] = [];
  for (let index = 0; index < count; index++) {
    const connection = engine.connect();
    await connection.run(`SET ${INSERT_SETTINGS.join(', ')}`);
    free.push(connection);
  }
  const waiting: Waiting[] = [];
  const inHand = new Map<string, Promise<SettledOutcome>>();
  const inserting = new Set<string>();
  const aborts = await readAborts(address.storeDir);
  const busy = createStopwatch(systemClock);
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  let closed = false;

  function isFull(): boolean {
    return aborts.size() > 0 && free.length < count;
  }

  function acquire(urgent: boolean): Promise<Connection> {
    const connection = isFull() ? undefined : free.pop();
    if (connection !== undefined) return Promise.resolve(connection);
    return new Promise((start) => waiting.push({ start, urgent }));
  }

  function release(connection: Connection): void {
    free.push(connection);
    while (waiting.length > 0 && free.length > 0 && !isFull()) {
      const urgent = waiting.findIndex((entry) => entry.urgent);
      const next = waiting.splice(Math.max(urgent, 0), 1)[0];
      const place = free.pop();
      assert(next !== undefined && place !== undefined, 'both were counted');
      next.start(place);
    }
  }

  function insert(file: string, kind: BlockKind, urgent = true): Promise<SettledOutcome> {
    const present = inHand.get(file);
    if (present !== undefined) return present;
    if (closed) return Promise.resolve(CLOSING);
    const started = insertOnce(file, kind, urgent).finally(() => inHand.delete(file));
    inHand.set(file, started);
    return started;
  }

  async function insertOnce(file: string, kind: BlockKind, urgent: boolean): Promise<SettledOutcome> {
    const connection = await acquire(urgent);
    try {
      if (closed) return CLOSING;
      if (!(await exists(join(spoolDir(address.storeDir), file)))) return await settleGone(file);
      const deadly = aborts.verdict(file);
      if (deadly !== undefined) return await giveUp(file, 0, deadly);
      inserting.add(file);
      busy.set(true);
      onInHand([...inserting]);
      return await settle(file, await insertBlockFile(connection, address.storeDir, file, targets[kind]));
    } finally {
      if (inserting.delete(file)) onInHand([...inserting]);
      busy.set(inserting.size > 0);
      release(connection);
    }
  }

  /** Left over from an earlier process or thread, the file may have been settled before it was asked for. */
  async function settleGone(file: string): Promise<SettledOutcome> {
    if (!(await exists(join(refusedDir(address.storeDir), file)))) return { outcome: 'inserted' };
    return { outcome: 'refused', code: await refusedCode(address.storeDir, file), message: 'refused before' };
  }

  async function settle(file: string, result: InsertOutcome): Promise<SettledOutcome> {
    if (result.outcome === 'inserted') {
      await aborts.forget(file);
      return result;
    }
    const { code, message } = result;
    if (result.outcome === 'refused') return giveUp(file, code, message);
    const nowMs = systemClock.monotonicMs();
    if (nowMs - loggedAtMs > BLOCK_FAILURE_LOG_INTERVAL_MS) {
      loggedAtMs = nowMs;
      logger.warn({ file, code }, 'a block cannot be inserted; it is tried again until it can');
    }
    return { outcome: 'retry', code, message };
  }

  async function giveUp(file: string, code: number, message: string): Promise<SettledOutcome> {
    try {
      await moveAside(address.storeDir, file, message);
    } catch (error) {
      return { outcome: 'retry', code, message: String(error) };
    }
    await aborts.forget(file);
    logger.error(
      { file, code },
      'the engine refused a block; it stands in refused/ with the reason beside it',
    );
    return { outcome: 'refused', code, message };
  }

  async function insertLeftovers(ageMs: number): Promise<void> {
    const backoff = createBackoff();
    const found = await readdir(spoolDir(address.storeDir));
    await deleteUnfinished(found);
    const writtenBeforeMs = systemClock.nowMs() - ageMs;
    let count = 0;
    const leftovers = found
      .map((file) => ({ file, kind: blockKind(file) }))
      .filter((entry): entry is { file: string; kind: BlockKind } => entry.kind !== undefined)
      .sort((left, right) => bySequence(left.file, right.file));
    for (const { file, kind } of leftovers) {
      if ((await writtenAtMs(file)) > writtenBeforeMs) continue;
      count += 1;
      for (;;) {
        const { outcome } = await insert(file, kind, false);
        if (closed) return;
        if (outcome !== 'retry') break;
        await pause(backoff.next());
      }
      backoff.reset();
    }
    if (count > 0) logger.info({ files: count }, 'inserted block files that were left over');
  }

  /** Infinity when the file is gone. */
  async function writtenAtMs(file: string): Promise<number> {
    return stat(join(spoolDir(address.storeDir), file)).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
  }

  /** Half-written files of this front's threads are still being written; those of dead fronts never will be. */
  async function deleteUnfinished(found: readonly string[]): Promise<void> {
    for (const file of found) {
      if (!file.endsWith(TMP_SUFFIX) || file.endsWith(unfinishedName('', address.startId))) continue;
      await unlink(join(spoolDir(address.storeDir), file)).catch(() => {});
    }
  }

  return {
    insert: (file, kind) => insert(file, kind),
    insertLeftovers,
    busyMs: busy.totalMs,
    async close() {
      closed = true;
      await Promise.all(inHand.values());
      for (const connection of free) connection.close();
    },
  };
}

/** Adds up the time in which it is on. */
function createStopwatch(clock: Clock): { set(isOn: boolean): void; totalMs(): number } {
  let totalMs = 0;
  let onSinceMs: number | undefined;
  const runningMs = () => (onSinceMs === undefined ? 0 : clock.monotonicMs() - onSinceMs);
  return {
    set(isOn) {
      totalMs += runningMs();
      onSinceMs = isOn ? clock.monotonicMs() : undefined;
    },
    totalMs: () => totalMs + runningMs(),
  };
}

/** Oldest first: by start (which begins with the time), then thread and sequence as numbers. */
function bySequence(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}
