/** Faults of the host, of the engine and of one block must not be taken for each other. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { BLOCK_ABORTS_MAX, STORE_HANG_MS_MAX, STORE_SILENCE_MS_MAX } from '../../../src/limits.ts';
import { abortsFile, blockFileName, refusedDir, spoolDir } from '../../../src/sinks/embedded/protocol.ts';
import { noteAborts } from '../../../src/sinks/embedded/store/block-aborts.ts';
import type { InsertTarget } from '../../../src/sinks/embedded/store/block-insert.ts';
import { type Engine, EngineError } from '../../../src/sinks/embedded/store/engine.ts';
import { createInsertQueue } from '../../../src/sinks/embedded/store/insert-queue.ts';
import {
  createHarness,
  eventLine,
  eventLines,
  type Harness,
  isRunning,
  query,
  until,
  untilReady,
} from './harness.ts';

let harness: Harness;
beforeEach(() => {
  harness = createHarness();
});
afterEach(() => harness.close());

const TARGET: InsertTarget = { table: 'events', format: 'JSONEachRow', columns: '', structure: '' };

function noteOf(file: string): string {
  const path = abortsFile(join(harness.dataDir, 'store'), file);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Whether the process reads that file just now. */
function hasOpen(pid: number, file: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`).endsWith(file);
    } catch {
      // Closed since it was listed.
      return false;
    }
  });
}

/** A queue on an engine that fails every insert with `text`. */
async function failingQueue(text: string) {
  const storeDir = join(harness.dataDir, 'store');
  for (const dir of [spoolDir(storeDir), refusedDir(storeDir)]) mkdirSync(dir, { recursive: true });
  const connection = {
    run: async (sql: string) => {
      if (sql.startsWith('INSERT')) throw new EngineError(text);
    },
    close() {},
  };
  const engine = { connect: () => connection } as unknown as Engine;
  const address = { socketPath: '', storeDir, startId: 'now' };
  const targets = { native: TARGET, jsonl: TARGET, 'rejected.bin': TARGET };
  const queue = await createInsertQueue(engine, address, targets, harness.logger, () => {});
  const file = blockFileName(`now-1-0`, 'jsonl');
  const path = join(spoolDir(storeDir), file);
  writeFileSync(path, eventLine('a'));
  return { insert: () => queue.insert(file, 'jsonl'), path };
}

test('a fault that is not known to be the content’s is tried for ever, and told once a minute', async () => {
  const texts = [
    ...[460, 573, 243, 241, 999, 0, 1002, 49, 60, 43, 107].map((code) => `Code: ${code}. DB::Exception: (X)`),
    'Code: 117. DB::ErrnoException: Cannot open file: , errno: 24, strerror: Too many open files. (X)',
  ];
  for (const text of texts) {
    const { insert, path } = await failingQueue(text);
    for (let attempt = 0; attempt < 40; attempt++) {
      expect([text, (await insert()).outcome]).toEqual([text, 'retry']);
    }
    expect(existsSync(path)).toBe(true);
  }
  expect(harness.logs.map(({ level }) => level)).toEqual(texts.map(() => 'warn'));
});

test('a fault of the content moves the block aside at once, also when a row speaks of errno', async () => {
  for (const code of [26, 27, 117, 33, 72]) {
    const { insert, path } = await failingQueue(
      `Code: ${code}. DB::Exception: in row "errno: 24 ErrnoException" (X)`,
    );
    expect((await insert()).outcome).toBe('refused');
    expect(existsSync(path)).toBe(false);
  }
});

test('a block that the engine dies of is moved aside after a few deaths, also over restarts of the front', async () => {
  const spool = spoolDir(join(harness.dataDir, 'store'));
  mkdirSync(spool, { recursive: true });
  const deadly = blockFileName(`0before-3-0`, 'jsonl');
  writeFileSync(join(spool, deadly), eventLines('deadly', 200_000));
  const good = blockFileName(`0before-3-1`, 'jsonl');
  writeFileSync(join(spool, good), eventLines('good', 10));
  // The engine keeps a process that a signal hits for a while, so the deaths here are hangs, which count alike.
  let aheadMs = 0;
  const clock = { nowMs: systemClock.nowMs, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
  let store = harness.start({ clock });
  for (let death = 1; death <= BLOCK_ABORTS_MAX; death++) {
    await until(() => store.ready(), 'ready');
    const pid = store.pid() ?? 0;
    await until(() => hasOpen(pid, deadly), 'in hand');
    process.kill(pid, 'SIGSTOP');
    aheadMs += STORE_HANG_MS_MAX;
    await until(() => !isRunning(pid), 'dead');
    // After the last death the note goes with the block.
    if (death === BLOCK_ABORTS_MAX) break;
    await until(() => noteOf(deadly).startsWith(`${death} `), 'noted');
    expect(noteOf(deadly)).toBe(
      `${death} the store process gave no sign of life for ${STORE_HANG_MS_MAX / 1000} s`,
    );
    if (death !== 2) continue;
    await store.stop();
    store = harness.start({ clock });
  }
  await until(() => readdirSync(spool).length === 0, 'spool empty');
  await untilReady(store);
  expect(await query(store, 'SELECT count() FROM events')).toBe('10');
  const refused = refusedDir(store.address.storeDir);
  expect(readdirSync(refused).sort()).toEqual([deadly, `${deadly}.error`]);
  expect(readFileSync(join(refused, `${deadly}.error`), 'utf8')).toContain(
    `the engine ended ${BLOCK_ABORTS_MAX} times while it inserted this block, last: the store process gave no sign`,
  );
  // Moved back, as docs/operations.md says, it starts afresh.
  writeFileSync(join(spool, deadly), eventLines('again', 5));
  await store.stop();
  store = harness.start();
  await untilReady(store);
  await until(() => readdirSync(spool).length === 0, 'inserted');
  expect(await query(store, 'SELECT count() FROM events')).toBe('15');
}, 60_000);

test('an abort ends the process, and counts for the block in hand', async () => {
  const spool = spoolDir(join(harness.dataDir, 'store'));
  mkdirSync(spool, { recursive: true });
  const deadly = blockFileName(`0before-3-0`, 'jsonl');
  writeFileSync(join(spool, deadly), eventLines('deadly', 200_000));
  const store = harness.start();
  await until(() => store.ready(), 'ready');
  await new Promise((resolve) => setTimeout(resolve, 150));
  process.kill(store.pid() ?? 0, 'SIGABRT');
  await until(() => noteOf(deadly) !== '', 'noted');
  expect(noteOf(deadly)).toBe('1 SIGABRT');
});

test('a kill from outside is no fault of a block', async () => {
  const store = harness.start();
  await untilReady(store);
  const sink = await harness.sink(store);
  sink.append(eventLines('k', 100_000), 100_000);
  await until(() => readdirSync(spoolDir(store.address.storeDir)).length > 0, 'written');
  const pid = store.pid() ?? 0;
  process.kill(pid, 'SIGKILL');
  await until(() => store.pid() !== pid, 'dead');
  expect(readdirSync(spoolDir(store.address.storeDir)).filter((file) => file.endsWith('.aborts'))).toEqual(
    [],
  );
});

test('deaths are counted for blocks that still wait, and for no other', () => {
  const storeDir = join(harness.dataDir, 'store');
  mkdirSync(spoolDir(storeDir), { recursive: true });
  const [waits, gone] = [blockFileName(`a-1-1`, 'jsonl'), blockFileName(`a-1-2`, 'jsonl')];
  writeFileSync(join(spoolDir(storeDir), waits), '');
  for (let death = 0; death < 2; death++) noteAborts(storeDir, [waits, gone], 'SIGSEGV');
  expect(readFileSync(abortsFile(storeDir, waits), 'utf8')).toBe('2 SIGSEGV');
  expect(existsSync(abortsFile(storeDir, gone))).toBe(false);
});

test('a store that stands still is not ready, then killed and started again', async () => {
  let aheadMs = 0;
  const clock = { nowMs: systemClock.nowMs, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
  const store = harness.start({ clock });
  await untilReady(store);
  let changes = 0;
  store.onChange(() => changes++);
  const pid = store.pid() ?? 0;
  process.kill(pid, 'SIGSTOP');
  aheadMs += STORE_SILENCE_MS_MAX;
  expect(store.ready()).toBe(false);
  await until(() => changes > 0, 'told');
  expect(isRunning(pid)).toBe(true);
  aheadMs += STORE_HANG_MS_MAX - STORE_SILENCE_MS_MAX;
  await until(() => store.pid() !== pid && store.ready(), 'started again');
  expect(isRunning(pid)).toBe(false);
  expect(JSON.stringify(harness.logs)).toContain('no sign of life');
});

test('a jump of the clock alone kills nothing: the store answers the next ping', async () => {
  let aheadMs = 0;
  const clock = { nowMs: systemClock.nowMs, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
  const store = harness.start({ clock });
  await untilReady(store);
  aheadMs += STORE_SILENCE_MS_MAX;
  expect(store.ready()).toBe(false);
  await until(() => store.ready(), 'ready again', 6000);
  expect(store.restarts()).toBe(0);
});

test('stop takes the time that it is given, and no more', async () => {
  const store = harness.start();
  await untilReady(store);
  const pid = store.pid() ?? 0;
  process.kill(pid, 'SIGSTOP');
  const started = performance.now();
  await store.stop(300);
  expect(performance.now() - started).toBeLessThan(3000);
  expect(isRunning(pid)).toBe(false);
});

test('what a dying store says goes to a file that only its user reads, and to no log', async () => {
  await untilReady(harness.start());
  // The library prints what it cannot do about its own folder.
  const second = harness.start();
  await until(
    () => harness.logs.some(({ message }) => message.includes('ended and is started again')),
    'told',
  );
  const fields = harness.logs.find(({ message }) => message.includes('ended and'))?.fields as {
    stderrFile?: string;
  };
  expect(Object.keys(fields).sort()).toEqual(['delayMs', 'fault', 'stderrFile']);
  expect(second.ready()).toBe(false);
  expect(fields.stderrFile).toBeDefined();
  expect(statSync(fields.stderrFile ?? '').mode & 0o777).toBe(0o600);
});
