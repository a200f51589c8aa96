/** A store of its own for a test: real engine, real child process, own folder, free port; all gone afterwards. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProgressMemory, ProgressWriter } from '../../../src/ack/progress.ts';
import { retryDelayMs } from '../../../src/backoff.ts';
import { sliceLines } from '../../../src/journal/bisect.ts';
import { systemDisk } from '../../../src/journal/system-disk.ts';
import { WorkerJournal } from '../../../src/journal/worker-journal.ts';
import { createEmbeddedTarget, type EmbeddedTarget } from '../../../src/sinks/embedded/embedded-target.ts';
import type { StoreLogger } from '../../../src/sinks/embedded/protocol.ts';
import { type Store, type StoreOptions, startStore } from '../../../src/sinks/embedded/store-process.ts';
import { BLOCK_COLUMNS, type JsonForm } from '../../../src/sinks/native-block-setup.ts';

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

/** One worker's journal with the embedded store as its sink. */
export interface TestSink {
  readonly journal: WorkerJournal;
  readonly target: EmbeddedTarget;
  readonly rejectedTarget: EmbeddedTarget;
  /** Lines that could not be encoded. */
  readonly unreadable: readonly string[];
  append(lines: Uint8Array, rows: number): void;
  appendRejected(rows: Uint8Array, count: number): void;
  /** Resolves when all of it was delivered; rejects when that takes too long. */
  drain(timeoutMs?: number): Promise<void>;
}

export interface SinkOptions {
  readonly blockBytesMax: number;
  readonly flushIntervalMs: number;
  readonly jsonForm: JsonForm | undefined;
}

export interface Harness {
  readonly dataDir: string;
  readonly logs: LogLine[];
  readonly logger: StoreLogger;
  start(options?: Partial<StoreOptions>): Store;
  sink(store: Store, options?: Partial<SinkOptions>): Promise<TestSink>;
  /** Stops everything that was started and deletes the folder. */
  close(): Promise<void>;
}

export function createHarness(): Harness {
  const dataDir = mkdtempSync(join(tmpdir(), 'penstock-store-test-'));
  const stores: Store[] = [];
  const sinks: TestSink[] = [];
  const closing: (() => Promise<void>)[] = [];
  const logs: LogLine[] = [];
  const log = (level: LogLine['level']) => (fields: object, message: string) => {
    logs.push({ level, fields, message });
  };
  const logger = { info: log('info'), warn: log('warn'), error: log('error') };
  return {
    dataDir,
    logs,
    logger,
    start(options = {}) {
      const store = startStore({
        dataDir,
        port: 0,
        ttlDays: 90,
        rejectedTtlDays: 14,
        objectType: 'JSON',
        queryResultBytesMax: 32 * 1024 * 1024,
        logger,
        ...options,
      });
      stores.push(store);
      return store;
    },
    async sink(store, options = {}) {
      const common = {
        address: store.address,
        jsonForm: store.objectType === 'String' ? ('string' as const) : ('paths' as const),
        blockBytesMax: 1024 * 1024,
        onUnreadable: (line: Buffer) => unreadable.push(line.toString()),
        logger,
        ...options,
      };
      const unreadable: string[] = [];
      const target = createEmbeddedTarget({ ...common, stream: 'events' });
      const rejected = createEmbeddedTarget({ ...common, stream: 'rejected' });
      const journal = await WorkerJournal.open({
        disk: systemDisk,
        leftDisk: systemDisk,
        dir: join(dataDir, 'journal'),
        node: 'test',
        worker: sinks.length,
        left: [],
        sinks: [
          {
            events: () => target,
            rejected: () => rejected,
            blockBytesMax: common.blockBytesMax,
            flushIntervalMs: options.flushIntervalMs ?? 20,
          },
        ],
        segmentBytesMax: 1024 * 1024,
        compression: 'none',
        spareBytesMax: 0,
        blocksBytesMax: Number.POSITIVE_INFINITY,
        poison: { slice: sliceLines, onPoison: (line) => unreadable.push(line.toString()) },
        isDurable: false,
        retention: { retentionMs: 0, bytesMax: 0, nowMs: Date.now },
        sendTimeoutMs: 30_000,
        retryPauseMs: (failures) => retryDelayMs(failures),
        onBreaker: () => {},
        openedAtMs: Date.now(),
        progress: new ProgressWriter(createProgressMemory(1), 0),
        onDamage: () => {},
        ...options,
      });
      const sink: TestSink = {
        journal,
        unreadable,
        rejectedTarget: rejected,
        target,
        append: (lines, rows) => journal.append('events', lines, rows, Date.now()),
        appendRejected: (rows, count) => journal.append('rejected', rows, count, Date.now()),
        async drain(timeoutMs = 25_000) {
          const left = await journal.drain(AbortSignal.timeout(timeoutMs));
          if (left > 0) throw new Error(`${left} rows are not delivered`);
        },
      };
      closing.push(async () => {
        await journal.close();
        target.close();
        rejected.close();
      });
      sinks.push(sink);
      return sink;
    },
    async close() {
      for (const close of closing) await close();
      await Promise.all(stores.map((store) => store.stop()));
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Resolves when `condition` holds; rejects with `what` after `timeoutMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 20_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Resolves when inserts and queries are taken. */
export async function untilReady(store: Store): Promise<void> {
  await until(() => store.ready() && store.queryPort() !== undefined, `store ready (${store.fault()})`);
}

/** Result of a query through the door, as text; throws on an error. */
export async function query(store: Store, sql: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${store.queryPort()}/`, { method: 'POST', body: sql });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text.trim();
}

/** A canonical line, its columns in their order; `fields` come over the defaults, undefined ones are absent. */
export function eventLine(id: string, fields: Record<string, unknown> = {}): string {
  const values: Record<string, unknown> = {
    event_id: id,
    event_type: 'page_view',
    app_id: 'shop',
    device_id: 'device-1',
    timestamp: '2026-11-20T13:00:00.123Z',
    context: { locale: 'en', page: { path: '/a' } },
    received_at: '2026-11-20T13:00:01.456Z',
    dialect: 'penstock',
    transport: 'http',
    ...fields,
  };
  return `${JSON.stringify(Object.fromEntries(BLOCK_COLUMNS.map(({ name }) => [name, values[name]])))}\n`;
}

/** Lines with ids `<prefix>-0` … */
export function eventLines(prefix: string, count: number): Buffer {
  let text = '';
  for (let index = 0; index < count; index++) text += eventLine(`${prefix}-${index}`);
  return Buffer.from(text);
}

/** Whether a process runs; one that ended and was not waited for does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
