import { execFileSync, fork } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { STORE_NICE } from '../../../src/limits.ts';
import { blockFileName, refusedDir, spoolDir } from '../../../src/sinks/embedded/protocol.ts';
import { createStoreClient } from '../../../src/sinks/embedded/store-client.ts';
import type { Store } from '../../../src/sinks/embedded/store-process.ts';
import { createRejectedBytes, encodeRejected } from '../../../src/sinks/rejected.ts';
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

const COUNTS = 'SELECT count(), uniqExact(event_id) FROM events FORMAT CSV';

describe('rows', () => {
  test('come back as they went in, big integers unchanged', async () => {
    const store = harness.start();
    const sink = await harness.sink(store);
    const line = eventLine('a').replace(
      '"context"',
      '"event_data":{"n":9007199254740993,"x.y":"2026-01-01"},"context"',
    );
    sink.append(Buffer.from(line), 1);
    await sink.drain();
    await untilReady(store);
    const row = await query(store, 'SELECT * FROM events FORMAT JSONEachRow');
    expect(row).toContain('"n":9007199254740993');
    expect(JSON.parse(row)).toMatchObject({
      event_id: 'a',
      app_id: 'shop',
      user_id: '',
      timestamp: '2026-11-20 13:00:00.123',
      received_at: '2026-11-20 13:00:01.456',
      attribution: {},
      event_data: { 'x.y': '2026-01-01' },
      context: { locale: 'en', page: { path: '/a' } },
    });
    expect([sink.journal.waitingRows, sink.journal.memoryBytes]).toEqual([0, 0]);
    expect(readdirSync(spoolDir(store.address.storeDir))).toEqual([]);
  });

  test('rejected events keep code, field and raw bytes, valid UTF-8 or not', async () => {
    const store = harness.start();
    const sink = await harness.sink(store);
    const raw = Buffer.concat([Buffer.from([0xff, 0x00, 0x27, 0x0a]), Buffer.alloc(70_000, 'x')]);
    const rows = createRejectedBytes();
    const row = {
      receivedAtMs: 1_795_000_000_123,
      appId: 'shop',
      dialect: 'penstock',
      transport: 'ws',
      reason: 'invalid_utf8',
    };
    const rest = { field: 'user_id', index: 7, raw, ip: '2001:db8::1', userAgent: Buffer.from('curl/8 é') };
    encodeRejected(rows, { ...row, ...rest });
    encodeRejected(rows, { ...row, ...rest, index: 8, raw: Buffer.alloc(0) });
    sink.appendRejected(rows.bytes.subarray(0, rows.length), 2);
    await sink.drain();
    await untilReady(store);
    const text = await query(
      store,
      'SELECT toUnixTimestamp64Milli(received_at), app_id, transport, reason, field, `index`, hex(substring(raw, 1, 4)), length(raw), raw_bytes, ip, user_agent FROM events_rejected ORDER BY `index` FORMAT TSV',
    );
    expect(text.split('\n')).toEqual([
      '1795000000123\tshop\tws\tinvalid_utf8\tuser_id\t7\tFF00270A\t65536\t70004\t2001:db8::1\tcurl/8 é',
      '1795000000123\tshop\tws\tinvalid_utf8\tuser_id\t8\t\t0\t0\t2001:db8::1\tcurl/8 é',
    ]);
  });

  test('times over a hundred months in one block are no reason to refuse it', async () => {
    const store = harness.start();
    const sink = await harness.sink(store);
    let text = '';
    for (let month = 0; month < 400; month++) {
      const at = new Date(Date.UTC(2001, month, 1)).toISOString();
      text += eventLine(`m${month}`, { timestamp: at, received_at: at });
    }
    sink.append(Buffer.from(text), 400);
    await sink.drain();
    await untilReady(store);
    // The time to live, 90 days, applies to received_at: the engine may have dropped old partitions already.
    expect([sink.journal.waitingRows, sink.target.refusedRows()]).toEqual([0, 0]);
  });
});

describe('a block counts once', () => {
  test('under its name, however large it is', async () => {
    const store = harness.start();
    await untilReady(store);
    const client = createStoreClient(store.address.socketPath);
    const file = blockFileName(`${store.address.startId}-9-0`, 'jsonl');
    const bytes = eventLines('big', 60_000);
    for (let round = 0; round < 2; round++) {
      writeFileSync(join(spoolDir(store.address.storeDir), file), bytes);
      expect((await client.insert(file)).outcome).toBe('inserted');
    }
    // Gone means inserted: only the store deletes.
    expect((await client.insert(file)).outcome).toBe('inserted');
    client.close();
    expect(await query(store, COUNTS)).toBe('60000,60000');
    expect(await query(store, "SELECT max(rows) FROM system.parts WHERE table = 'events'")).toBe('60000');
  });

  test('and is not taken for a repeat when the engine noted its name but was killed before it had the rows', async () => {
    const client = async (store: Store, name: string) => {
      const door = createStoreClient(store.address.socketPath);
      const file = blockFileName(`test-0-events-${name}`, 'jsonl');
      writeFileSync(join(spoolDir(store.address.storeDir), file), eventLines(name, 10));
      expect((await door.insert(file)).outcome).toBe('inserted');
      door.close();
    };
    const first = harness.start();
    await untilReady(first);
    for (const name of ['kept', 'lost']) await client(first, name);
    const path = await query(
      first,
      "SELECT path FROM system.parts WHERE table = 'events' ORDER BY name DESC LIMIT 1",
    );
    await first.stop();
    // As a kill leaves it: the name stands in the table's log, the part is not in its place.
    rmSync(path, { recursive: true });
    const second = harness.start();
    await untilReady(second);
    expect(await query(second, COUNTS)).toBe('10,10');
    for (const name of ['kept', 'lost']) await client(second, name);
    expect(await query(second, COUNTS)).toBe('20,20');
    for (const name of ['kept', 'lost']) await client(second, name);
    expect(await query(second, COUNTS)).toBe('20,20');
  });

  test('also when the store is killed again and again while it inserts', async () => {
    const store = harness.start();
    const sinks = [await harness.sink(store), await harness.sink(store)];
    let appended = 0;
    for (let kill = 0; kill < 4; kill++) {
      await until(() => store.ready(), 'ready again');
      for (let block = 0; block < 6; block++) {
        for (const [index, sink] of sinks.entries())
          sink.append(eventLines(`k${kill}-${block}-${index}`, 4000), 4000);
        appended += 8000;
      }
      await new Promise((resolve) => setTimeout(resolve, 40 + 70 * kill));
      const pid = store.pid();
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      await until(() => store.pid() !== pid, 'death noticed');
    }
    await Promise.all(sinks.map((sink) => sink.drain()));
    await untilReady(store);
    expect(await query(store, COUNTS)).toBe(`${appended},${appended}`);
    expect(store.restarts()).toBeGreaterThanOrEqual(4);
    expect(store.fault()).toBeUndefined();
  });

  test('and is taken up from the folder when the process that wrote it is gone', async () => {
    const spool = spoolDir(join(harness.dataDir, 'store'));
    mkdirSync(spool, { recursive: true });
    for (let index = 0; index < 12; index++) {
      writeFileSync(
        join(spool, blockFileName(`0before-3-${index}`, 'jsonl')),
        eventLines(`left${index}`, 10),
      );
    }
    writeFileSync(join(spool, `${blockFileName(`0before-3-12`, 'jsonl')}.tmp`), '{"half');
    const store = harness.start();
    await untilReady(store);
    await until(() => readdirSync(spool).length === 0, 'spool empty');
    expect(await query(store, COUNTS)).toBe('120,120');
  });
});

describe('trouble', () => {
  test('a row that the engine refuses is found and put aside; the others of its block arrive', async () => {
    const store = harness.start();
    const sink = await harness.sink(store, { jsonForm: undefined });
    const poison = '{"event_id":"secret-value" oops\n';
    sink.append(Buffer.concat([eventLines('before', 40), Buffer.from(poison), eventLines('behind', 23)]), 64);
    sink.append(eventLines('good', 3), 3);
    await sink.drain();
    await untilReady(store);
    expect(await query(store, COUNTS)).toBe('66,66');
    expect(sink.unreadable).toEqual([poison]);
    // Its parts were sent again, so that nothing needs to stand there.
    expect(readdirSync(refusedDir(store.address.storeDir))).toEqual([]);
    expect(JSON.stringify(harness.logs)).not.toContain('secret-value');
  });

  test('rejected rows that the engine refuses stay in refused/, and hold nothing up', async () => {
    const store = harness.start();
    const sink = await harness.sink(store);
    sink.appendRejected(Buffer.from('no row'), 1);
    await until(() => sink.rejectedTarget.refusedRows() === 1, 'refused');
    sink.append(eventLines('good', 3), 3);
    await sink.drain();
    await untilReady(store);
    expect(await query(store, COUNTS)).toBe('3,3');
    expect(readdirSync(refusedDir(store.address.storeDir))).toHaveLength(2);
  });

  test('a full disk under the block files keeps rows in the journal until there is room', async (context) => {
    const spool = spoolDir(join(harness.dataDir, 'store'));
    mkdirSync(spool, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', spool], { stdio: 'ignore' });
    } catch {
      return context.skip('needs the right to mount a tmpfs');
    }
    try {
      writeFileSync(join(spool, 'filler'), Buffer.alloc(500 * 1024));
      const store = harness.start();
      await untilReady(store);
      const sink = await harness.sink(store, { jsonForm: undefined });
      sink.append(eventLines('full', 500), 500);
      await until(() => sink.target.writeFailures() >= 2, 'writes fail');
      sink.append(eventLines('more', 20), 20);
      expect(sink.journal.waitingRows).toBe(520);
      rmSync(join(spool, 'filler'));
      await sink.drain();
      expect(await query(store, COUNTS)).toBe('520,520');
      await store.stop();
    } finally {
      execFileSync('umount', ['-l', spool], { stdio: 'ignore' });
    }
  });

  test('what is appended behind a drain goes out at once, not with the next flush', async () => {
    const store = harness.start();
    await untilReady(store);
    const sink = await harness.sink(store, { flushIntervalMs: 60_000 });
    await sink.drain();
    sink.append(eventLines('late', 3), 3);
    await until(() => sink.journal.waitingRows === 0, 'delivered', 10_000);
  });

  test('memory stays within two blocks however far the store is behind, and all arrives', async () => {
    const store = harness.start();
    await untilReady(store);
    await store.stop();
    const sink = await harness.sink(store, { blockBytesMax: 200_000 });
    for (let slab = 0; slab < 60; slab++) {
      sink.append(eventLines(`s${slab}`, 1000), 1000);
      expect(sink.journal.memoryBytes).toBeLessThan(1_000_000);
    }
    const again = harness.start();
    await untilReady(again);
    await sink.drain();
    expect(await query(again, COUNTS)).toBe('60000,60000');
    expect(sink.journal.bytes).toBeLessThan(1_500_000);
  });
});

describe('processes', () => {
  test('a data directory is used by one store; the second says who has it', async () => {
    const first = harness.start();
    await untilReady(first);
    const second = harness.start();
    await until(() => second.fault() !== undefined, 'second fails');
    expect(second.fault()).toContain(`process ${first.pid()} has this data directory in use`);
    expect(second.ready()).toBe(false);
    expect(await query(first, 'SELECT 1')).toBe('1');
    await first.stop();
    await until(() => second.ready(), 'second takes over');
  });

  /** A front process of its own that tells the store's process id on `event`. */
  function forkFront(dataDir: string, event: 'start' | 'ready') {
    mkdirSync(dataDir, { recursive: true });
    const script = join(dataDir, 'front.mjs');
    const options = {
      dataDir,
      port: 0,
      ttlDays: 1,
      rejectedTtlDays: 1,
      objectType: 'JSON',
      queryResultBytesMax: 1e6,
    };
    const tell =
      event === 'start'
        ? 'process.send(store.pid());'
        : 'store.onChange(() => store.ready() && process.send(store.pid()));';
    writeFileSync(
      script,
      `import { startStore } from ${JSON.stringify(join(process.cwd(), 'dist/src/sinks/embedded/store-process.js'))};
       const logger = { info() {}, warn() {}, error() {} };
       const store = startStore({ ...${JSON.stringify(options)}, logger });
       ${tell}`,
    );
    const front = fork(script, { execArgv: [] });
    const pid = new Promise<number>((resolve) => front.once('message', (value) => resolve(value as number)));
    return { front, pid };
  }

  test('the store ends with its parent, also when that is killed, and runs at a lower priority', async () => {
    const { front, pid: told } = forkFront(harness.dataDir, 'ready');
    const pid = await told;
    expect(nicenessOfWork(pid)).toEqual([STORE_NICE]);
    expect(statSync(join(harness.dataDir, 'store/store.sock')).mode & 0o777).toBe(0o600);
    front.kill('SIGKILL');
    await until(() => !isRunning(pid), 'child gone', 5000);
  });

  test('also when the parent is killed while the store is still starting', async () => {
    for (const delayMs of [0, 40, 80, 120, 160, 200, 250, 300]) {
      const { front, pid: told } = forkFront(join(harness.dataDir, String(delayMs)), 'start');
      const pid = await told;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      front.kill('SIGKILL');
      await until(() => !isRunning(pid), `child gone, parent killed after ${delayMs} ms`, 5000);
    }
  });

  test('a data directory whose path the engine would take for a pattern is refused at once', () => {
    expect(() => harness.start({ dataDir: join(harness.dataDir, 'a{b,c}') })).toThrow('must not contain');
  });

  test('a data directory whose path is too long for a socket works', async () => {
    const dataDir = join(harness.dataDir, `it's ${'d'.repeat(90)}`);
    const store = harness.start({ dataDir });
    expect(Buffer.byteLength(store.address.socketPath)).toBeLessThanOrEqual(107);
    const sink = await harness.sink(store);
    sink.append(eventLines('long', 2), 2);
    await sink.drain();
    await untilReady(store);
    expect(await query(store, COUNTS)).toBe('2,2');
  });
});

/** Distinct niceness of the threads that run statements: the main thread and the engine's pool. */
function nicenessOfWork(pid: number): number[] {
  const values = readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    const isWork = Number(thread) === pid || stat.includes('(ThreadPool)');
    return isWork ? [Number(stat.split(') ')[1]?.split(' ')[16])] : [];
  });
  return [...new Set(values)];
}
