/**
 * The front's hold on the store process: starts it, starts it again when it died, stops it. The engine may abort
 * the whole process it lives in; the front only sees a child that ended, and workers a store that is away.
 *
 *   starting ─(ready)─▶ ready ─(died)─▶ paused ─(backoff)─▶ starting        each ─(stop)─▶ stopped
 *
 * A store that lives and does nothing is asked for a sign of life; silent for long it counts as not ready, and for
 * longer it is killed.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBackoff } from '../../backoff.ts';
import { type Clock, systemClock } from '../../clock.ts';
import {
  QUERIES_MAX,
  RETRY_DELAY_MS_MAX,
  STORE_HANG_MS_MAX,
  STORE_INSERTS_MAX,
  STORE_PING_INTERVAL_MS,
  STORE_SILENCE_MS_MAX,
  STORE_STOP_TIMEOUT_MS,
} from '../../limits.ts';
import { knownObjectType, type ObjectType } from './object-type.ts';
import { refusedDir, STDERR_FILE, type StoreAddress, type StoreLogger, spoolDir } from './protocol.ts';
import { noteAborts } from './store/block-aborts.ts';
import type { StoreMessage, StorePing, StoreProcessOptions } from './store/store-options.ts';

export interface StoreOptions {
  readonly dataDir: string;
  /** Port of the query door; 0 takes a free one. */
  readonly port: number;
  readonly ttlDays: number;
  readonly rejectedTtlDays: number;
  readonly objectType: ObjectType;
  readonly queryResultBytesMax: number;
  readonly logger: StoreLogger;
  /** Folder of the numbered `.sql` files; the package's own by default. */
  readonly schemaDir?: string;
  readonly clock?: Clock;
}

export interface Store {
  /** What createEmbeddedTarget needs in each worker thread. */
  readonly address: StoreAddress;
  /** What the object columns are of; undefined when that is not known until the next start. */
  readonly objectType: ObjectType | undefined;
  /** True while inserts are taken and the engine gives signs of life. */
  ready(): boolean;
  /** Starts after the first. */
  restarts(): number;
  /** Port of the query interface, once it listens. */
  queryPort(): number | undefined;
  /** Process id of the child, while there is one. */
  pid(): number | undefined;
  /** Why the last start failed or the process died; undefined while it is ready. */
  fault(): string | undefined;
  /** Calls `listener` after every change of the above. */
  onChange(listener: () => void): void;
  /**
   * SIGTERM, and SIGKILL after `timeoutMs`, STORE_STOP_TIMEOUT_MS when none is given; resolves when the process is
   * gone. Block files stay. Later calls wait for the first.
   */
  stop(timeoutMs?: number): Promise<void>;
}

/** Bytes that sun_path holds, its NUL left out. */
const SOCKET_PATH_BYTES_MAX = 107;
/** What a process says last. */
const STDERR_TAIL_CHARACTERS = 16 * 1024;
/** Signals that a process brings upon itself; others come from outside, and no block is to blame. */
const ABORT_SIGNALS: ReadonlySet<string | null> = new Set([
  'SIGABRT',
  'SIGSEGV',
  'SIGBUS',
  'SIGILL',
  'SIGFPE',
  'SIGTRAP',
]);
/** Threads of libuv beside those that wait for the engine. */
const SPARE_THREADS = 4;

/** Starts the store and keeps it running. Throws only for a `dataDir` that cannot be used. */
export function startStore(options: StoreOptions): Store {
  const { logger } = options;
  const clock = options.clock ?? systemClock;
  const root = packageRoot();
  const storeDir = join(resolve(options.dataDir), 'store');
  // The engine would take these for patterns, find no file, and call that an insert of no rows.
  if (/[*?{}[\]]/.test(storeDir)) {
    throw new Error(`data directory ${storeDir}: its path must not contain * ? { } [ ]`);
  }
  for (const dir of [storeDir, spoolDir(storeDir), refusedDir(storeDir)]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
  const objectType = knownObjectType(storeDir, options.objectType);
  const socket = chooseSocketPath(storeDir);
  const address: StoreAddress = {
    socketPath: socket.path,
    storeDir,
    // The time first, so that names sort by age.
    startId: `${clock.nowMs().toString(36)}${randomBytes(4).toString('hex')}`,
  };
  const processOptions: StoreProcessOptions = {
    address,
    port: options.port,
    ttlDays: options.ttlDays,
    rejectedTtlDays: options.rejectedTtlDays,
    objectType: options.objectType,
    queryResultBytesMax: options.queryResultBytesMax,
    schemaDir: options.schemaDir ?? join(root, 'config/schema'),
  };
  const listeners: (() => void)[] = [];
  const backoff = createBackoff();
  let child: ChildProcess | undefined;
  let restartTimer: NodeJS.Timeout | undefined;
  let ready = false;
  let lastSignMs = 0;
  let restarts = 0;
  let queryPort: number | undefined;
  let fault: string | undefined;
  // A start that keeps failing for one reason is told once; the counter of restarts shows the rest.
  let loggedFault: string | undefined;
  let stopping: Promise<void> | undefined;

  function silentMs(): number {
    return clock.monotonicMs() - lastSignMs;
  }

  function isReady(): boolean {
    return ready && silentMs() < STORE_SILENCE_MS_MAX;
  }

  function changed(): void {
    for (const listener of listeners) listener();
  }

  function start(): void {
    restartTimer = undefined;
    const started = fork(storeEntry(root), [JSON.stringify(processOptions)], {
      env: { ...process.env, UV_THREADPOOL_SIZE: String(QUERIES_MAX + STORE_INSERTS_MAX + SPARE_THREADS) },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child = started;
    let startFault: string | undefined;
    let readyAtMs: number | undefined;
    let inHand: readonly string[] = [];
    let hung = false;
    let wasReady = false;
    let tail = '';
    const pingTimer = setInterval(() => {
      if (!ready) return;
      if (started.connected) started.send({ type: 'ping' } satisfies StorePing, () => {});
      // Answers that came while this process itself stood still are read first.
      setImmediate(() => {
        if (child !== started) return;
        if (isReady() !== wasReady) changed();
        wasReady = isReady();
        if (hung || silentMs() < STORE_HANG_MS_MAX) return;
        hung = true;
        started.kill('SIGKILL');
      });
    }, STORE_PING_INTERVAL_MS);
    pingTimer.unref();
    started.stderr?.setEncoding('utf8');
    started.stderr?.on('data', (text: string) => {
      tail = (tail + text).slice(-STDERR_TAIL_CHARACTERS);
    });
    started.on('message', (message: StoreMessage) => {
      if (message.type === 'log') logger[message.level](message.fields, message.message);
      else if (message.type === 'fault') startFault = message.message;
      else if (message.type === 'pong') lastSignMs = clock.monotonicMs();
      else if (message.type === 'in-hand') inHand = message.files;
      else {
        if (message.type === 'query-port') queryPort = message.port;
        else {
          ready = true;
          readyAtMs = clock.monotonicMs();
          lastSignMs = readyAtMs;
          wasReady = true;
          fault = undefined;
          loggedFault = undefined;
        }
        changed();
      }
    });
    started.on('error', (error) => {
      startFault = error.message;
    });
    // After 'exit' and the last byte of stderr; it comes also when the fork itself failed.
    started.on('close', (code, signal) => {
      clearInterval(pingTimer);
      if (child !== started) return;
      if (hung) startFault = `the store process gave no sign of life for ${STORE_HANG_MS_MAX / 1000} s`;
      if (hung || ABORT_SIGNALS.has(signal)) blameBlocks(inHand, startFault ?? String(signal));
      child = undefined;
      ready = false;
      queryPort = undefined;
      // One that ran for a while did not fail at starting: the pauses begin anew.
      if (readyAtMs !== undefined && clock.monotonicMs() - readyAtMs > RETRY_DELAY_MS_MAX) backoff.reset();
      if (stopping === undefined) scheduleRestart(startFault, code, signal, tail);
      changed();
    });
  }

  function blameBlocks(files: readonly string[], reason: string): void {
    try {
      noteAborts(storeDir, files, reason);
    } catch (error) {
      logger.error({ error }, 'the blocks that the engine died of cannot be noted');
    }
  }

  /** Gives the path of the file that has it, or undefined when there is nothing to keep or nowhere to keep it. */
  function keepStderr(tail: string): string | undefined {
    if (tail.trim() === '') return undefined;
    const path = join(storeDir, STDERR_FILE);
    try {
      rmSync(path, { force: true });
      writeFileSync(path, tail, { mode: 0o600 });
      return path;
    } catch {
      return undefined;
    }
  }

  function scheduleRestart(
    startFault: string | undefined,
    code: number | null,
    signal: string | null,
    tail: string,
  ): void {
    fault = startFault ?? `the store process ended with ${signal ?? `code ${code}`}`;
    const delayMs = backoff.next();
    if (fault !== loggedFault) {
      logger.error(
        { fault, stderrFile: keepStderr(tail), delayMs },
        'the store process ended and is started again',
      );
      loggedFault = fault;
    }
    restarts += 1;
    restartTimer = setTimeout(start, delayMs);
    restartTimer.unref();
  }

  /** A process that is left at once leaves no store behind: one that hangs would keep the engine's lock. */
  function killChild(): void {
    child?.kill('SIGKILL');
  }

  async function stopChild(timeoutMs: number): Promise<void> {
    clearTimeout(restartTimer);
    const running = child;
    if (running !== undefined) {
      const ended = new Promise<void>((resolve) => running.once('close', () => resolve()));
      running.kill('SIGTERM');
      const killTimer = setTimeout(() => running.kill('SIGKILL'), timeoutMs);
      await ended;
      clearTimeout(killTimer);
    }
    process.off('exit', killChild);
    if (socket.ownDir !== undefined) rmSync(socket.ownDir, { recursive: true, force: true });
  }

  process.on('exit', killChild);
  start();
  return {
    address,
    objectType,
    ready: isReady,
    restarts: () => restarts,
    queryPort: () => queryPort,
    pid: () => child?.pid,
    fault: () => fault,
    onChange: (listener) => {
      listeners.push(listener);
    },
    stop(timeoutMs = STORE_STOP_TIMEOUT_MS) {
      stopping ??= stopChild(timeoutMs);
      return stopping;
    },
  };
}

/** In the data directory, or, where that path is too long for a socket, in a fresh folder that only this user enters. */
function chooseSocketPath(storeDir: string): { readonly path: string; readonly ownDir: string | undefined } {
  const path = join(storeDir, 'store.sock');
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return { path, ownDir: undefined };
  const ownDir = mkdtempSync(join(tmpdir(), 'penstock-'));
  return { path: join(ownDir, 'store.sock'), ownDir };
}

const HERE = fileURLToPath(import.meta.url);

/** The folder that holds `config`; this file stands three folders below it, or four when compiled into dist. */
function packageRoot(): string {
  const above = resolve(dirname(HERE), '../../..');
  return HERE.endsWith('.ts') ? above : dirname(above);
}

/** The child runs compiled code also when this file runs as TypeScript, in tests. */
function storeEntry(root: string): string {
  return join(root, 'dist/workers/store.js');
}
