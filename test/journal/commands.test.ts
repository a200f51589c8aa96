/** `penstock journal ls|verify|replay` as real processes, on data directories that the appliance made. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Running, startServer, storePidOf, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** A data directory with early and late events, and a moment between them. */
let made: { dataDir: string; betweenMs: number };
let folders: string[] = [];
let server: Running | undefined;

const post = (on: Running, events: unknown) =>
  fetch(`${on.url}/v1/events/batch`, { method: 'POST', body: JSON.stringify(events) });
const config = { journal: { retention_ms: 3_600_000, segment_bytes: 65_536 } };

beforeAll(async () => {
  const running = await startServer({ config });
  await running.ready();
  for (let batch = 0; batch < 4; batch++)
    expect((await post(running, testEvents(200, 'early', 200 * batch))).status).toBe(200);
  await new Promise((resolve) => setTimeout(resolve, 30));
  const betweenMs = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 30));
  for (let batch = 0; batch < 4; batch++)
    expect((await post(running, [...testEvents(100, 'late', 100 * batch), { bad: true }])).status).toBe(200);
  await running.waitForCount('events', 1200);
  expect(await running.stop(true)).toBe(0);
  made = { dataDir: running.dataDir, betweenMs };
  folders = [running.dataDir];
}, 60_000);
afterEach(async () => {
  await server?.stop();
  server = undefined;
  for (const folder of folders.splice(1)) rmSync(folder, { recursive: true, force: true });
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function journal(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '' };
    execFile(
      process.execPath,
      [MAIN, 'journal', ...args],
      { cwd: tmpdir(), env },
      (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}

function copied(): string {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-commands-'));
  folders.push(folder);
  cpSync(join(made.dataDir, 'journal'), join(folder, 'journal'), { recursive: true });
  return folder;
}

interface Listed {
  running: boolean;
  files: {
    stream: string;
    state: string;
    rows?: number;
    bytes: number;
    fromMs?: number;
    toMs?: number;
    file: string;
  }[];
  cursors: { stream: string; sink: string; deliveredRow: number; waitingRows: number }[];
}

async function listed(dataDir: string): Promise<Listed> {
  const { status, stdout, stderr } = await journal('ls', '--json', '-d', dataDir);
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Listed;
}

test('ls shows every segment with its rows, times and state, and how far each sink is', async () => {
  const { running, files, cursors } = await listed(made.dataDir);
  expect(running).toBe(false);
  const events = files.filter(({ stream }) => stream === 'events');
  expect(events.length).toBeGreaterThan(3);
  expect(events.reduce((rows, file) => rows + (file.rows ?? 0), 0)).toBe(1200);
  expect(new Set(events.map(({ state }) => state))).toEqual(new Set(['delivered']));
  for (const { fromMs, toMs } of events) expect(toMs).toBeGreaterThanOrEqual(fromMs ?? Infinity);
  expect(events[0]?.toMs).toBeLessThan(made.betweenMs);
  expect(events.at(-1)?.toMs).toBeGreaterThan(made.betweenMs);
  expect(cursors.find(({ stream }) => stream === 'events')).toMatchObject({
    sink: 'embedded',
    deliveredRow: 1200,
    waitingRows: 0,
  });
  expect(cursors.find(({ stream }) => stream === 'rejected')).toMatchObject({ deliveredRow: 4 });
  const { stdout } = await journal('ls', '-d', made.dataDir);
  expect(stdout).toMatch(/^WORKER {2}STREAM/);
  expect(stdout).toContain(events[0]?.file);
  expect(stdout).toContain('1204 rows');
  expect(stdout).toContain('Penstock is stopped.');
});

test('ls and verify look at a running appliance without disturbing it, replay does not begin', async () => {
  server = await startServer({ config });
  await server.ready();
  const store = storePidOf(server);
  process.kill(store, 'SIGSTOP');
  try {
    for (let batch = 0; batch < 3; batch++) await post(server, testEvents(200, 'w', 200 * batch));
    const { running, files, cursors } = await listed(server.dataDir);
    expect(running).toBe(true);
    const events = files.filter(({ stream }) => stream === 'events').map(({ state }) => state);
    expect(events.at(-1)).toBe('written');
    expect(events.slice(0, -1)).toContain('waiting');
    expect(cursors.find(({ stream }) => stream === 'events')?.waitingRows).toBeGreaterThan(0);
    expect((await journal('verify', '-d', server.dataDir)).status).toBe(0);
    const range = ['--from', '2020-01-01', '--to', '2100-01-01', '--sink', 'embedded'];
    const replayed = await journal('replay', '-d', server.dataDir, ...range);
    expect(replayed).toMatchObject({ status: 1, stdout: '' });
    expect(replayed.stderr).toMatch(/Penstock runs on .*; stop it/);
  } finally {
    process.kill(store, 'SIGCONT');
  }
  expect(await server.waitForCount('events', 600)).toBe(600);
}, 60_000);

test('verify finds a flipped bit, says where, and exits with 1; a torn end is none', async () => {
  const folder = copied();
  const sound = await journal('verify', '-d', folder);
  expect([sound.status, sound.stderr]).toEqual([0, '']);
  expect(sound.stdout).toContain('Sound.');
  const dir = join(folder, 'journal/0/events');
  const segments = readdirSync(dir).filter((name) => name.endsWith('.seg'));
  const [first = ''] = segments;
  const last = segments.at(-1) ?? '';
  writeFileSync(join(dir, last), Buffer.alloc(20, 7), { flag: 'a' });
  const torn = await journal('verify', '-d', folder);
  expect(torn.status).toBe(0);
  expect(torn.stdout).toMatch(/20 B$/m);

  const bytes = readFileSync(join(dir, first));
  bytes[32 + 48 + 500] = (bytes[32 + 48 + 500] ?? 0) ^ 1;
  writeFileSync(join(dir, first), bytes);
  const damaged = await journal('verify', '-d', folder, '--json');
  expect(damaged.status).toBe(1);
  const { sound: isSound, streams } = JSON.parse(damaged.stdout) as {
    sound: boolean;
    streams: { stream: string; rowsLost: number; damages: { file: string; offset: number }[] }[];
  };
  expect(isSound).toBe(false);
  const events = streams.find(({ stream }) => stream === 'events');
  expect(events?.damages).toMatchObject([{ file: join(dir, first), offset: 32 }]);
  expect(events?.rowsLost).toBe(200);
  expect((await journal('verify', '-d', folder)).stdout).toContain(`damaged (middle): ${join(dir, first)}`);
  // Nothing was changed.
  expect(readFileSync(join(dir, first)).equals(bytes)).toBe(true);
  expect(readdirSync(dir)).not.toContain('quarantine');

  writeFileSync(join(dir, 'embedded.cursor'), Buffer.alloc(256, 1));
  expect((await journal('verify', '-d', folder)).stdout).toContain('damaged (cursor)');
});

test('replay brings lost tables back, and made twice counts once', async () => {
  // Without store/ the tables are gone, the journal is not.
  const folder = copied();
  const between = new Date(made.betweenMs).toISOString();
  const early = ['--from', '2020-01-01', '--to', between, '--sink', 'embedded', '-d', folder];
  const dry = await journal('replay', ...early, '--dry-run');
  expect(dry).toMatchObject({ status: 0, stderr: '' });
  expect(dry.stdout).toContain('Would replay 800 rows of events in ');
  expect(readdirSync(folder)).toEqual(['journal']);
  for (let time = 0; time < 2; time++) {
    const replayed = await journal('replay', ...early);
    expect(replayed.status).toBe(0);
    // Nothing but its progress.
    expect(replayed.stderr).toMatch(/^(worker 0 events: \d+ rows in \d+ blocks\n)*$/);
    expect(replayed.stdout).toContain('Replayed 800 rows of events in ');
  }
  const all = ['--from', String(made.betweenMs), '--to', '2100-01-01', '--sink', 'embedded', '-d', folder];
  expect((await journal('replay', ...all, '--stream', 'rejected')).stdout).toContain(
    'Replayed 4 rows of rejected',
  );
  server = await startServer({ dataDir: folder, config });
  await server.ready();
  const counts =
    "SELECT count() AS n, uniqExact(event_id) AS ids, countIf(event_id LIKE 'late%') AS late FROM events";
  await server.waitForCount('events', 800);
  expect(await server.query(counts)).toEqual([{ n: 800, ids: 800, late: 0 }]);
  expect(await server.waitForCount('events_rejected', 4)).toBe(4);
  // The cursors are where they were: a start delivers none of it again.
  expect((await post(server, testEvents(1, 'after'))).status).toBe(200);
  expect(await server.waitForCount('events', 801)).toBe(801);
}, 90_000);

test('what was not delivered yet is not replayed, but said', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-commands-'));
  folders.push(folder);
  server = await startServer({ dataDir: folder, config });
  await server.ready();
  const store = storePidOf(server);
  process.kill(store, 'SIGSTOP');
  expect((await post(server, testEvents(10, 'waits'))).status).toBe(200);
  server.signal('SIGKILL');
  await server.exited;
  process.kill(store, 'SIGKILL');
  const range = ['--to', '2100-01-01', '--sink', 'embedded', '-d', folder];
  const replayed = await journal('replay', '--from', '2020-01-01', ...range);
  expect(replayed.status).toBe(1);
  const until = /10 rows of worker 0 .* not brought to embedded yet.*--to (\S+)/.exec(replayed.stderr)?.[1];
  const before = await journal('replay', '--from', '2020-01-01', '--to', until ?? '', ...range.slice(2));
  expect(before).toMatchObject({ status: 0, stdout: expect.stringContaining('Replayed 0 rows') });
}, 60_000);

test.each([
  [
    ['replay', '--from', 'yesterday', '--to', '2100-01-01', '--sink', 'embedded'],
    /--from yesterday: expected a time such as/,
  ],
  [
    ['replay', '--from', '2020-01-01T10:00:00', '--to', '2100-01-01', '--sink', 'embedded'],
    /with Z or an offset/,
  ],
  [['replay', '--from', '2100-01-01', '--to', '2020-01-01', '--sink', 'embedded'], /must be before/],
  [
    ['replay', '--from', '2020-01-01', '--to', '2100-01-01', '--sink', 'kafak'],
    /--sink kafak: this version replays to embedded, kafka, clickhouse/,
  ],
  [['replay', '--to', '2100-01-01', '--sink', 'embedded'], /required option '--from <time>'/],
  [
    ['ls', '-d', '/nowhere'],
    /there is no journal in \/nowhere\/journal; name its data directory with --data-dir/,
  ],
  [['ls', '-w', '7'], /worker 7 has no journal/],
  [['verify', '-w', 'x'], /expected the number of a worker/],
])('%j fails with what to do', async (args, expected) => {
  const where = args.includes('-d') ? [] : ['-d', made.dataDir];
  const { status, stdout, stderr } = await journal(...args, ...where);
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(expected);
});

test('help teaches, and says whether rows may stand twice', async () => {
  expect((await journal('--help')).stdout).toContain('penstock journal ls');
  const { stdout } = await journal('replay', '--help');
  for (const words of ['--dry-run', 'counts once in ClickHouse', 'twice', '--sink embedded', 'retention_ms'])
    expect(stdout).toContain(words);
});

test('a folder that is no journal yet has nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-commands-'));
  folders.push(folder);
  mkdirSync(join(folder, 'journal'));
  expect((await listed(folder)).files).toEqual([]);
  await until(async () => (await journal('verify', '-d', folder)).status === 0, 5_000, 'sound');
});
