/** Keys and rates that processes share over a real Redis: added and taken away while they run, and one limit for all. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { addKey, listKeys, removeKey } from '../../src/key-commands.ts';
import { type Running, until } from '../support/appliance.ts';
import { testEvent, testEvents } from '../support/events.ts';
import { metricOf } from '../support/metrics.ts';
import { describeRedis, untilRedis, useRedis, WITH_STORE } from '../support/redis.ts';
import { startProxy } from '../support/tcp-proxy.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'penstock-keys-test-'));
});
// Behind the servers, which the rig stops: what was set up last goes first.
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const rig = useRedis();
const { start } = rig;

/** The commands, in this process. */
async function config(): Promise<Config> {
  const loaded = await loadConfig({ env: { REDIS_URL: rig.redis.url }, directory: folder });
  if (!('config' in loaded)) throw new Error('the configuration has faults');
  return loaded.config;
}
const add = async (app: string, key?: string) => addKey(await config(), app, key);
const remove = async (key: string) => removeKey(await config(), key);
const list = async (isJson = false) => listKeys(await config(), isJson);

async function statusOf(server: Running, key: string, path = '/v1/events'): Promise<number> {
  const answer = await fetch(`${server.url}${path}`, {
    method: 'POST',
    body: JSON.stringify(testEvent(1)),
    headers: { 'X-Api-Key': key },
  });
  return answer.status;
}

const untilStatus = (server: Running, key: string, status: number) =>
  until(async () => (await statusOf(server, key)) === status, 20_000, `the answer is ${status}`);

describeRedis('keys in a registry', () => {
  test('are added and taken away in all processes, without a restart', async () => {
    const apps = [{ name: 'shop', keys: ['configured'] }];
    const [one, other] = await Promise.all([start({ apps }), start({ apps, workers: 2, ...WITH_STORE })]);
    await untilRedis('ok', one, other);
    expect(await statusOf(one, 'new-key')).toBe(401);
    const { status, stdout } = spawnSync(
      process.execPath,
      [MAIN, 'keys', 'add', 'game', '--key', 'new-key'],
      {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, REDIS_URL: rig.redis.url },
      },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'added, version 1\n' });
    for (const server of [one, other]) await untilStatus(server, 'new-key', 200);
    // In bodies too, where a worker finds it; and its app is in the line.
    const body = {
      api_key: 'new-key',
      batch: [{ event: 'e', uuid: 'u-1', properties: { distinct_id: 'd', $device_id: 'd' } }],
    };
    expect((await fetch(`${other.url}/batch/`, { method: 'POST', body: JSON.stringify(body) })).status).toBe(
      200,
    );
    await other.ready();
    await other.waitForCount("SELECT count() FROM events WHERE app_id = 'game'", 1);
    // Digests, never keys.
    expect(JSON.stringify(await rig.redis.client.hgetall('penstock:keys'))).not.toContain('new-key');
    expect(readFileSync(join(one.dataDir, 'keys.json'), 'utf8')).not.toContain('new-key');

    const made = await add('shop');
    expect(made).toMatch(/^[\w-]{43}\n$/);
    await untilStatus(other, made.trim(), 200);
    expect((await list()).split('\n').slice(0, 2)).toEqual([
      expect.stringMatching(/^game {2}sha256:[0-9a-f]{12}…$/),
      expect.stringMatching(/^shop {2}sha256:[0-9a-f]{12}…$/),
    ]);
    const { keys } = JSON.parse(await list(true)) as {
      keys: { app: string; sha256: string }[];
    };
    expect(keys.map(({ app }) => app)).toEqual(['game', 'shop']);

    expect(await remove(`sha256:${keys[0]?.sha256.slice(0, 12)}…`)).toContain('taken away from game');
    for (const server of [one, other]) await untilStatus(server, 'new-key', 401);
    expect(await statusOf(one, 'configured')).toBe(200);
    await expect(remove('configured')).rejects.toThrow('no such key');
    await expect(add('game', 'with space')).rejects.toThrow('visible ASCII');
    await expect(add('game', made.trim())).rejects.toThrow('belongs to shop');
    await rig.redis.kill();
    await expect(list()).rejects.toThrow('Redis cannot be reached');
  }, 90_000);

  test('a message that is lost matters to nobody: who connects anew reads all', async () => {
    const proxy = await startProxy(rig.redis.port);
    const server = await start(
      { apps: [{ name: 'shop', keys: ['k'] }] },
      { url: `redis://127.0.0.1:${proxy.port}` },
    );
    await untilRedis('ok', server);
    proxy.hold();
    await add('game', 'while-away');
    expect(await statusOf(server, 'while-away')).toBe(401);
    proxy.release();
    await untilStatus(server, 'while-away', 200);
    // Nor one that was never sent.
    await rig.redis.client.del('penstock:keys');
    await rig.redis.client.incr('penstock:keys-version');
    await untilStatus(server, 'while-away', 401);
    await server.stop();
    await proxy.stop();
  }, 60_000);

  test('are known after a restart without Redis, and when Redis has lost them', async () => {
    const dataDir = join(folder, 'data');
    const apps = [{ name: 'shop', keys: ['k'] }];
    let server = await start({ apps }, { dataDir: mkdtempSync(`${dataDir}-`) });
    await add('game', 'kept-key');
    await untilStatus(server, 'kept-key', 200);
    const kept = server.dataDir;
    await server.stop(true);
    await rig.redis.kill();
    server = await start({ apps }, { dataDir: kept });
    expect(await statusOf(server, 'kept-key')).toBe(200);
    expect(await statusOf(server, 'no-key')).toBe(401);
    await rig.redis.restart();
    await untilRedis('ok', server);
    await until(
      () => server.logs.some(({ msg }) => msg.startsWith('Redis has lost the key registry')),
      20_000,
      'it is told',
    );
    expect(await statusOf(server, 'kept-key')).toBe(200);
  }, 60_000);

  test('while they were never read no key is called unknown, so that no SDK drops what it has', async () => {
    await rig.redis.kill();
    const server = await start({ apps: [{ name: 'shop', keys: ['k'] }] });
    const answer = await fetch(`${server.url}/v1/events`, {
      method: 'POST',
      body: JSON.stringify(testEvent(1)),
      headers: { 'X-Api-Key': 'perhaps' },
    });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).not.toBeNull();
    expect(await answer.json()).toMatchObject({ code: 'keys_unread' });
    expect(await statusOf(server, 'k')).toBe(200);
    await rig.redis.restart();
    await untilStatus(server, 'perhaps', 401);
  }, 60_000);

  test('close open mode when the first one comes', async () => {
    const server = await start({}, { dataDir: mkdtempSync(join(folder, 'data-')) });
    expect(await statusOf(server, 'anything')).toBe(200);
    await untilRedis('ok', server);
    await add('shop', 'k');
    await untilStatus(server, 'anything', 401);
    expect(await statusOf(server, 'k')).toBe(200);
    await server.stop(true);
    const again = await start({}, { dataDir: server.dataDir });
    expect(again.logs.filter(({ msg }) => String(msg).startsWith('open mode'))).toEqual([]);
    await untilStatus(again, 'k', 200);
    await remove('k');
    await untilStatus(again, 'k', 401);
  }, 60_000);
});

describeRedis('a rate that processes share', () => {
  const config = { apps: [{ name: 'shop', keys: ['k'], events_per_second: 1, burst: 1_000 }] };

  const send = async (server: Running, prefix: string): Promise<number> => {
    const answer = await fetch(`${server.url}/v1/events/batch`, {
      method: 'POST',
      body: JSON.stringify(testEvents(100, prefix)),
      headers: { 'X-Api-Key': 'k' },
    });
    return answer.status;
  };

  test('is one limit for all of them', async () => {
    const [one, other] = await Promise.all([start(config), start(config)]);
    await untilRedis('ok', one, other);
    for (let n = 0; n < 9; n++) expect(await send(one, `one-${n}`)).toBe(200);
    // A process learns of it when it has something to tell.
    expect(await send(other, 'other')).toBe(200);
    await until(
      async () => (await rig.redis.client.keys('penstock:rate:*')).length > 0,
      10_000,
      'it is shared',
    );
    const refused = async (server: Running) => {
      let n = 0;
      await until(
        async () => (await send(server, `more-${server.pid}-${n++}`)) === 429,
        10_000,
        'it is refused',
      );
      return n;
    };
    expect(await refused(other)).toBeLessThanOrEqual(9);
    expect(await refused(one)).toBeLessThanOrEqual(9);
    const accepted = await metricOf(one, 'penstock_events_accepted_total');
    expect(accepted + (await metricOf(other, 'penstock_events_accepted_total'))).toBeLessThan(1_900);
  }, 60_000);

  test('is each process’s own while Redis is away', async () => {
    const server = await start(config);
    await untilRedis('ok', server);
    await rig.redis.kill();
    await untilRedis('away', server);
    for (let n = 0; n < 10; n++) expect(await send(server, `away-${n}`)).toBe(200);
    // What is filled meanwhile is less than a batch.
    const last = [await send(server, 'more'), await send(server, 'one-more')];
    expect(last.at(-1)).toBe(429);
  }, 60_000);
});
