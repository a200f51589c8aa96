/**
 * The store process from start to end: folders, engine, tables, insert door, query door, left-over files. It ends
 * with SIGTERM (after the blocks in hand), and at once when its parent is gone: MergeTree bears being killed, and
 * the block files bring back whatever was not inserted.
 */
import { readdirSync, writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { pause } from '../../../backoff.ts';
import { systemClock } from '../../../clock.ts';
import {
  LEFTOVER_AGE_MS,
  RETRY_DELAY_MS_MAX,
  STORE_MERGE_LOOK_INTERVAL_MS,
  STORE_NICE,
} from '../../../limits.ts';
import type { StoreLogger } from '../protocol.ts';
import { readInsertTargets } from './block-insert.ts';
import { type Engine, openEngine } from './engine.ts';
import { openInsertDoor } from './insert-door.ts';
import { createInsertQueue, type InsertQueue } from './insert-queue.ts';
import { MergeGovernor } from './merge-governor.ts';
import { migrate } from './migrate.ts';
import { openQueryDoor, type QueryDoor } from './query-door.ts';
import type { StoreMessage, StorePing, StoreProcessOptions } from './store-options.ts';

/** Runs until the process ends. A start that fails tells the parent why and ends with code 1. */
export async function runStore(options: StoreProcessOptions): Promise<void> {
  process.title = 'penstock-store';
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  // The engine's library takes ~200 ms to load; a parent that died meanwhile was announced to no listener.
  if (!process.connected) process.kill(process.pid, 'SIGKILL');
  // The exit that Node makes of it runs the engine's own handlers, which may wait for ever, holding the engine's lock.
  process.on('uncaughtException', (error) => {
    sayLast(error);
    process.kill(process.pid, 'SIGKILL');
  });
  // The terminal sends it to the whole group; the parent decides when this process stops.
  process.on('SIGINT', () => {});
  lowerPriority();
  try {
    await startStages(options);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.send?.({ type: 'fault', message } satisfies StoreMessage, () =>
      process.kill(process.pid, 'SIGKILL'),
    );
  }
}

async function startStages(options: StoreProcessOptions): Promise<void> {
  const { storeDir, socketPath } = options.address;
  const engine = await openEngine(storeDir);
  // The library's own handler never returns, so that an abort would leave a process that neither works nor ends.
  process.on('SIGABRT', () => process.abort());
  const setup = engine.connect();
  const version = await migrate(setup, options, parentLogger);
  const targets = await readInsertTargets(setup);
  setup.close();
  const queue = await createInsertQueue(engine, options.address, targets, parentLogger, (files) =>
    send({ type: 'in-hand', files }),
  );
  answerPings(engine);
  governMerges(engine, queue);
  const insertDoor = await openInsertDoor(socketPath, queue);
  let queryDoor: QueryDoor | undefined;
  let stopping = false;

  process.once('SIGTERM', async () => {
    stopping = true;
    insertDoor.close();
    queryDoor?.close();
    await queue.close();
    await engine.close();
    process.exit(0);
  });
  send({ type: 'ready' });
  parentLogger.info({ engine: engine.version, schema: version }, 'store ready');
  void keepInsertingLeftovers(queue, () => stopping);
  queryDoor = await keepOpeningQueryDoor(engine, options, () => stopping);
}

/** An error is a sign of life as well. One ping at a time: the parent waits for the answer before the next. */
function answerPings(engine: Engine): void {
  const connection = engine.connect();
  process.on('message', (message: StorePing) => {
    if (message.type !== 'ping') return;
    const answer = () => send({ type: 'pong' });
    connection.run('SELECT 1').then(answer, answer);
  });
}

/** The engine may be too busy to answer within a second: one question at a time. */
function governMerges(engine: Engine, queue: InsertQueue): void {
  const connection = engine.connect();
  const governor = new MergeGovernor(async (sql) => (await connection.run(sql)).text());
  let seenMs = queue.busyMs();
  let lookedAtMs = systemClock.monotonicMs();
  let isAsking = false;
  setInterval(() => {
    if (isAsking) return;
    isAsking = true;
    const nowMs = systemClock.monotonicMs();
    const busyShare = (queue.busyMs() - seenMs) / (nowMs - lookedAtMs);
    seenMs = queue.busyMs();
    lookedAtMs = nowMs;
    governor
      .decide(busyShare)
      // A store without it only catches up more slowly.
      .catch((error) => parentLogger.warn({ error: String(error) }, 'merges could not be held or let go'))
      .finally(() => {
        isAsking = false;
      });
  }, STORE_MERGE_LOOK_INTERVAL_MS).unref();
}

/** Everything at first; from then on what no thread has asked for in a long while. */
async function keepInsertingLeftovers(queue: InsertQueue, isStopping: () => boolean): Promise<void> {
  for (let ageMs = 0; !isStopping(); ageMs = LEFTOVER_AGE_MS) {
    try {
      await queue.insertLeftovers(ageMs);
    } catch (error) {
      parentLogger.error({ error: String(error) }, 'left-over block files cannot be listed');
    }
    await pause(LEFTOVER_AGE_MS);
  }
}

/** A port that is taken is no reason to keep events from the tables; it is tried again until it is free. */
async function keepOpeningQueryDoor(
  engine: Engine,
  options: StoreProcessOptions,
  isStopping: () => boolean,
): Promise<QueryDoor | undefined> {
  for (let attempt = 0; !isStopping(); attempt++) {
    try {
      const door = await openQueryDoor(engine, options.port, options.queryResultBytesMax);
      send({ type: 'query-port', port: door.port });
      return door;
    } catch (error) {
      if (attempt === 0) {
        parentLogger.error(
          { port: options.port, error: String(error) },
          'the query interface cannot listen; it is tried again',
        );
      }
      await pause(RETRY_DELAY_MS_MAX);
    }
  }
  return undefined;
}

/**
 * Linux keeps a priority per thread, and the engine's library has started some by now: each of them is lowered,
 * and what they start inherits it. Elsewhere the process has one.
 */
function lowerPriority(): void {
  try {
    setPriority(STORE_NICE);
    if (process.platform === 'linux') {
      for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), STORE_NICE);
    }
  } catch (error) {
    parentLogger.warn({ error: String(error) }, 'the store runs at normal priority');
  }
}

const parentLogger: StoreLogger = {
  info: (fields, message) => send({ type: 'log', level: 'info', fields, message }),
  warn: (fields, message) => send({ type: 'log', level: 'warn', fields, message }),
  error: (fields, message) => send({ type: 'log', level: 'error', fields, message }),
};

function send(message: StoreMessage): void {
  // A parent that is gone is told of by 'disconnect'; without a callback the failed write would be an uncaught error.
  if (process.connected) process.send?.(message, () => {});
}

/** To stderr, which the parent keeps; before a death that runs nothing. */
function sayLast(error: unknown): void {
  try {
    writeSync(process.stderr.fd, `${error instanceof Error ? error.stack : String(error)}\n`);
  } catch {
    // The parent is gone.
  }
}
