/**
 * `penstock store --writable`: keeps the process of the writable store running and ends it on a signal. Two processes, as
 * in the appliance: the engine may abort the one it lives in, and its thread pool is sized before the first use.
 */
import { fork } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBackoff } from '../../backoff.ts';
import { type Clock, systemClock } from '../../clock.ts';
import { QUERIES_MAX, RETRY_DELAY_MS_MAX, STORE_INSERTS_MAX } from '../../limits.ts';
import type { StoreLogger } from './protocol.ts';
import type { WritableStoreMessage, WritableStoreOptions } from './store/writable/run-writable-store.ts';

/** Threads of libuv beside those that wait for the engine. */
const SPARE_THREADS = 4;

export interface WritableStoreCommand extends Omit<WritableStoreOptions, 'storeDir'> {
  readonly dataDir: string;
  readonly logger: StoreLogger;
  readonly clock?: Clock;
}

/**
 * Serves until SIGTERM or SIGINT and resolves with the exit code: 0, or 1 for a start that cannot work (the port is
 * taken, another process has the folder). Throws for a `dataDir` that cannot be used.
 */
export async function serveWritableStore(command: WritableStoreCommand): Promise<number> {
  const { dataDir, logger, clock = systemClock, ...door } = command;
  const storeDir = resolve(dataDir, 'store');
  // The engine takes these for patterns of several files.
  if (/[*?{}[\]]/.test(storeDir)) {
    throw new Error(`data directory ${storeDir}: its path must not contain * ? { } [ ]`);
  }
  const options: WritableStoreOptions = { ...door, storeDir };
  const backoff = createBackoff();
  return new Promise((finish) => start(options.port, finish));

  function start(port: number, finish: (exitCode: number) => void): void {
    const child = fork(entry(), [], {
      env: {
        ...process.env,
        UV_THREADPOOL_SIZE: String(QUERIES_MAX + STORE_INSERTS_MAX + SPARE_THREADS),
        // Not an argument: those of a process can be read by all users of the machine.
        PENSTOCK_WRITABLE_STORE: JSON.stringify({ ...options, port }),
      },
      execArgv: [],
    });
    let fault: string | undefined;
    let readyAtMs: number | undefined;
    let stopping = false;
    // A restart keeps the port that clients know.
    let lastPort = port;
    const stop = (signal: NodeJS.Signals) => {
      stopping = true;
      logger.info({ signal }, 'stopping');
      child.kill('SIGTERM');
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
    child.on('message', (message: WritableStoreMessage) => {
      if (message.type === 'fault') fault = message.message;
      else {
        readyAtMs = clock.monotonicMs();
        lastPort = message.port;
        logger.info(
          { url: `http://${options.host}:${message.port}`, engine: message.engine, storeDir },
          'writable store is up',
        );
      }
    });
    child.on('error', (error) => {
      fault = error.message;
    });
    child.on('close', (code, signal) => {
      process.off('SIGTERM', stop);
      process.off('SIGINT', stop);
      if (stopping) return finish(0);
      if (readyAtMs === undefined && fault !== undefined) {
        logger.error({ fault }, 'the writable store cannot start');
        return finish(1);
      }
      if (readyAtMs !== undefined && clock.monotonicMs() - readyAtMs > RETRY_DELAY_MS_MAX) backoff.reset();
      const delayMs = backoff.next();
      logger.error(
        { fault: fault ?? signal ?? code, delayMs },
        'the writable store ended and is started again',
      );
      setTimeout(() => start(lastPort, finish), delayMs);
    });
  }
}

/** Compiled code also when this file runs as TypeScript, in tests. */
function entry(): string {
  const here = fileURLToPath(import.meta.url);
  const root = resolve(here, here.endsWith('.ts') ? '../../../..' : '../../../../..');
  return resolve(root, 'dist/workers/writable-store.js');
}
