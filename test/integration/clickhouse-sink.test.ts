/**
 * The appliance with a ClickHouse server behind it: the real processes on both sides, `penstock store --writable` being the
 * server. Whatever dies or is lost in between, every acknowledged event is in the table exactly once.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Running, type StartOptions, startServer, until } from '../support/appliance.ts';
import { makeCertificate } from '../support/certificate.ts';
import { testEvents } from '../support/events.ts';
import { startWritableStore, type WritableStore } from '../support/writable-store.ts';
import { type LossyProxy, startProxy } from './clickhouse-proxy.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
let store: WritableStore;
let server: Running | undefined;
let proxy: LossyProxy | undefined;
const folder = mkdtempSync(join(tmpdir(), 'penstock-clickhouse-'));

beforeEach(async () => {
  store = await startWritableStore();
});
afterEach(async () => {
  await server?.stop();
  await proxy?.close();
  await store.stop();
  server = undefined;
  proxy = undefined;
});

/** Beside what runs in this process, which the command may talk to. */
function migrate(env: Record<string, string> = {}, ...args: string[]) {
  return runCommand(['migrate', ...args], { CLICKHOUSE_URL: `${store.url}/penstock`, ...env });
}

async function runCommand(args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { ...process.env, ...env } });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (text: Buffer) => {
      said[stream] += text.toString();
    });
  }
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, ...said };
}

function start(url: string, options: StartOptions = {}): Promise<Running> {
  const { clickhouse, ...config } = (options.config ?? {}) as Record<string, Record<string, unknown>>;
  return startServer({
    ...options,
    config: { ...config, clickhouse: { url: `${url}/penstock`, flush_interval_ms: 50, ...clickhouse } },
  });
}

async function post(running: Running, events: unknown): Promise<number> {
  const answer = await fetch(`${running.url}/v1/events/batch`, {
    method: 'POST',
    body: JSON.stringify(events),
  });
  await answer.arrayBuffer();
  return answer.status;
}

async function counts(table = 'events'): Promise<[rows: number, ids: number]> {
  const column = table === 'events' ? 'event_id' : 'raw';
  const text = await store.query(`SELECT count(), uniqExact(${column}) FROM penstock.${table} FORMAT CSV`);
  const [rows = -1, ids = -1] = text.split(',').map(Number);
  return [rows, ids];
}

async function arrived(count: number, timeoutMs = 25_000): Promise<void> {
  let seen: number[] = [];
  await until(
    async () => {
      seen = await counts();
      return (seen[0] ?? 0) >= count;
    },
    timeoutMs,
    () => `${count} events arrive (${seen} did)`,
  );
  expect(seen).toEqual([count, count]);
}

describe('penstock migrate', () => {
  test('shows, makes, and then leaves alone what it made; a new time to live is followed', async () => {
    const dry = await migrate({}, '--dry-run');
    expect([dry.status, dry.stderr]).toEqual([0, '']);
    expect(dry.stdout).toContain('CREATE TABLE IF NOT EXISTS `penstock`.`events`\n(');
    expect(await store.query("SELECT count() FROM system.databases WHERE name = 'penstock'")).toBe('0');

    const first = await migrate();
    expect([first.status, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toContain('schema version 2, object columns JSON');
    expect((await migrate()).stdout).not.toContain('`events`\n');
    const ddl = () => store.query("SELECT create_table_query FROM system.tables WHERE name = 'events'");
    expect(await ddl()).toContain('non_replicated_deduplication_window = 10000');

    const file = join(folder, 'ttl.yaml');
    spawnSync('sh', ['-c', `printf 'clickhouse: { ttl_days: 7 }' > ${file}`]);
    expect((await migrate({}, '--config', file)).stdout).toContain(
      'MODIFY TTL toDateTime(received_at) + toIntervalDay(7)',
    );
    expect(await ddl()).toContain('toIntervalDay(7)');
  });

  test('says what to do where it cannot', async () => {
    expect((await migrate({ CLICKHOUSE_URL: '' })).stderr).toContain('set CLICKHOUSE_URL or clickhouse.url');
    expect((await migrate({ CLICKHOUSE_URL: 'http://127.0.0.1:1' })).stderr).toContain('ECONNREFUSED');
    const denied = await migrate({ CLICKHOUSE_URL: store.url.replace('//', '//u:hunter2@') });
    expect([denied.status, denied.stderr]).toEqual([1, expect.stringContaining('AUTHENTICATION_FAILED')]);
    expect(denied.stderr).not.toContain('hunter2');
    await migrate();
    expect((await migrate({}, '--cluster', 'main')).stderr).toContain('run this without --cluster');
  });
});

describe('events', () => {
  test('of any shape arrive as they were sent, and so do rejected ones', async () => {
    await migrate();
    server = await start(store.url);
    await server.ready();
    const data = [
      { n: 'BIG', plan: 'pro', nested: { a: [1, 2], 'b.c': true } },
      { n: 1.5, mixed: [1, 'two', null, { three: 3 }], empty: {} },
      { text: 'ü "\\ \u0001' },
    ];
    const events = data.map((event_data, n) => ({
      event_type: 't',
      app_id: 'a',
      user_id: `u${n}`,
      event_data,
    }));
    const body = JSON.stringify([...events, { event_type: 7 }]).replace('"BIG"', '9007199254740993');
    await fetch(`${server.url}/v1/events/batch`, { method: 'POST', body });
    await arrived(3);
    await until(async () => (await counts('events_rejected'))[0] === 1, 10_000, 'the rejected one arrives');
    const rows = await store.query(
      'SELECT toString(event_data) FROM penstock.events ORDER BY user_id FORMAT TSVRaw',
    );
    expect(rows.split('\n').map((row) => JSON.parse(row) as unknown)).toMatchObject([
      { plan: 'pro', nested: { a: [1, 2] } },
      { n: 1.5 },
      { text: 'ü "\\ \u0001' },
    ]);
    expect(rows).toContain('9007199254740993');
    expect(await store.query('SELECT reason, raw FROM penstock.events_rejected FORMAT CSV')).toBe(
      '"invalid_type","{""event_type"":7}"',
    );
  });

  test.each([
    ['as Native with String columns', 'String', 'none', 'native'],
    ['as Native in lz4', 'JSON', 'lz4', 'native'],
    ['as lines, in lz4, where there is no addon', 'JSON', 'lz4', 'reference'],
    ['as lines with String columns', 'String', 'none', 'reference'],
  ])('%s', async (_how, objectType, compression, scanner) => {
    const file = join(folder, `${objectType}.yaml`);
    spawnSync('sh', ['-c', `printf 'clickhouse: { object_type: ${objectType} }' > ${file}`]);
    await migrate({}, '--config', file);
    server = await start(store.url, { config: { scanner: scanner as never, clickhouse: { compression } } });
    await server.ready();
    expect(await post(server, testEvents(500, 'form'))).toBe(200);
    await arrived(500);
    const types = await store.query(
      "SELECT type FROM system.columns WHERE table = 'events' AND name = 'event_data'",
    );
    expect(types.startsWith(objectType)).toBe(true);
  });

  test('go to the embedded store as well, where both are wanted', async () => {
    await migrate();
    server = await start(store.url, { config: { embedded: { enabled: true } } });
    await server.ready();
    expect(await post(server, testEvents(100, 'both'))).toBe(200);
    await arrived(100);
    expect(await server.waitForCount('events', 100)).toBe(100);
  });

  test('wait for their tables: the start is not ready and says why, until penstock migrate ran', async () => {
    server = await start(store.url);
    expect(await post(server, testEvents(50, 'early'))).toBe(200);
    const readiness = async () =>
      (await fetch(`${server?.url}/ready`)).json() as Promise<Record<string, string>>;
    await until(async () => (await readiness())['clickhouse'] === 'unprepared', 10_000, 'unprepared');
    expect((await readiness())['status']).toBe('not_ready');
    expect(JSON.stringify(server.logs)).toContain('run `penstock migrate`');
    await migrate();
    await arrived(50);
    await server.ready();
    expect((await readiness())['clickhouse']).toBe('ok');
  });

  test('wait for the right password, which stands in no log', async () => {
    await migrate();
    server = await start(store.url.replace('//', '//default:hunter2@'));
    const readiness = async () => (await fetch(`${server?.url}/ready`)).text();
    await until(async () => (await readiness()).includes('"clickhouse":"denied"'), 10_000, 'denied');
    expect((await fetch(`${server.url}/ready`)).status).toBe(503);
    expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(
      /penstock_clickhouse_state\{[^}]*\} 5\b/,
    );
    expect(JSON.stringify(server.logs)).not.toContain('hunter2');
  });
});

describe('exactly once', () => {
  /** Sends batches until `isOver`; gives the number of acknowledged events. */
  async function load(running: Running, isOver: () => boolean): Promise<number> {
    let sent = 0;
    while (!isOver()) if ((await post(running, testEvents(100, 'load', sent))) === 200) sent += 100;
    return sent;
  }

  test('while the server is killed and comes back, again and again', async () => {
    await migrate();
    server = await start(store.url);
    await server.ready();
    let isOver = false;
    const loading = load(server, () => isOver);
    for (let round = 0; round < 3; round++) {
      const [before] = await counts();
      await until(async () => (await counts())[0] > before, 20_000, 'events flow');
      await store.kill();
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      await store.restart();
    }
    isOver = true;
    const sent = await loading;
    expect(sent).toBeGreaterThan(1000);
    await arrived(sent);
  }, 90_000);

  test('while the appliance is killed with blocks on their way', async () => {
    await migrate();
    proxy = await startProxy(store.port);
    // The server has every one of these blocks, and no answer says so.
    Object.assign(proxy, { swallow: 1_000_000, hang: true });
    server = await start(proxy.url);
    for (let n = 0; n < 10; n++) expect(await post(server, testEvents(100, 'killed', 100 * n))).toBe(200);
    await until(async () => (await counts())[0] > 0, 20_000, 'a block arrived');
    server.signal('SIGKILL');
    await server.exited;
    const { dataDir } = server;
    Object.assign(proxy, { swallow: 0, hang: false });
    server = await start(proxy.url, { dataDir });
    await arrived(1000);
    expect(proxy.swallowed).toBeGreaterThan(0);
  });

  test.each([
    ['breaks off', false],
    ['stays silent', true],
  ])(
    'when the connection %s behind a block that arrived',
    async (_what, hang) => {
      await migrate();
      proxy = await startProxy(store.port);
      server = await start(proxy.url, { config: { delivery: { send_timeout_ms: 1000 } } });
      await server.ready();
      Object.assign(proxy, { swallow: 5, hang });
      for (let n = 0; n < 20; n++) {
        expect(await post(server, testEvents(100, 'ambiguous', 100 * n))).toBe(200);
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      await arrived(2000, 60_000);
      expect(proxy.swallowed).toBe(5);
    },
    90_000,
  );

  test('over a slow link, in memory that does not grow with what waits', async () => {
    await migrate();
    proxy = await startProxy(store.port);
    server = await start(proxy.url, {
      config: { clickhouse: { flush_bytes: 262_144 }, delivery: { send_timeout_ms: 20_000 } },
    });
    await server.ready();
    proxy.bytesPerSecond = 1_000_000;
    for (let n = 0; n < 300; n++) expect(await post(server, testEvents(100, 'slow', 100 * n))).toBe(200);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const pending = Number(/^penstock_sink_pending_bytes\{[^}]*\} (\d+)$/m.exec(metrics)?.[1]);
    // One block that is sent and one that gathers, each a chunk of lines beyond its bound.
    expect(pending).toBeLessThan(4 * 1024 * 1024);
    proxy.bytesPerSecond = 20_000_000;
    await arrived(30_000, 60_000);
  }, 90_000);
});

test('penstock journal replay sends kept events to the server once more', async () => {
  await migrate();
  server = await start(store.url, { config: { journal: { retention_ms: 3_600_000 } } });
  await server.ready();
  expect(await post(server, testEvents(100, 'kept'))).toBe(200);
  await arrived(100);
  const { dataDir } = server;
  server.signal('SIGTERM');
  await server.exited;
  await store.query('TRUNCATE TABLE penstock.events');
  const range = ['--from', '2020-01-01', '--to', '2099-01-01', '--sink', 'clickhouse'];
  const replay = () =>
    runCommand(['journal', 'replay', ...range, '--config', join(dataDir, 'penstock.yaml')], {
      PENSTOCK_DATA_DIR: dataDir,
    });
  const first = await replay();
  expect([first.status, first.stdout]).toEqual([0, expect.stringContaining('Replayed 100 rows')]);
  expect(await counts()).toEqual([100, 100]);
  // Made twice it counts once.
  await replay();
  expect(await counts()).toEqual([100, 100]);
});

describe('TLS', () => {
  test('trusts what it is told to trust, and nobody else', async () => {
    await migrate();
    const { key, cert } = makeCertificate(folder);
    const tls = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (client) => {
      const upstream = connect(store.port, '127.0.0.1');
      client.pipe(upstream).pipe(client);
      for (const socket of [client, upstream]) socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const url = `https://localhost:${(tls.address() as AddressInfo).port}`;
    try {
      expect((await migrate({ CLICKHOUSE_URL: `${url}/penstock` })).stderr).toMatch(
        /self-signed|SELF_SIGNED/,
      );
      server = await start(url, { config: { clickhouse: { ca_file: cert } } });
      await server.ready();
      expect(await post(server, testEvents(10, 'ca'))).toBe(200);
      await arrived(10);
      await server.stop();
      server = await start(url, { config: { clickhouse: { verify_tls: false } } });
      await server.ready();
      expect(await post(server, testEvents(10, 'any', 10))).toBe(200);
      await arrived(20);
    } finally {
      await server?.stop();
      tls.close();
    }
  });
});

afterEach(() => rmSync(join(folder, 'data'), { recursive: true, force: true }));
