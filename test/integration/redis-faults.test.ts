/**
 * A Redis that dies, is silent, cut off, strange or closed: whatever it does, no event is lost and no answer waits longer than
 * its budget.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../support/appliance.ts';
import { makeCertificate } from '../support/certificate.ts';
import { testEvents } from '../support/events.ts';
import { metricOf } from '../support/metrics.ts';
import { freePort } from '../support/ports.ts';
import { describeRedis, startRedis, untilRedis, useRedis, WITH_STORE } from '../support/redis.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { post, storedIds, untilTold } from './redis-ids.ts';

const rig = useRedis();
const { start } = rig;

describeRedis('a Redis in trouble', () => {
  test('killed under load: answers go on, nothing is lost, and the process says so; then it is used again', async () => {
    const server = await start({ workers: 2, ...WITH_STORE });
    await untilRedis('ok', server);
    let sent = 0;
    const send = async () => {
      const from = sent;
      sent += 100;
      const answer = await post(server, testEvents(100, 'k', from));
      expect(answer).toMatchObject({ accepted: 100 });
    };
    for (let n = 0; n < 10; n++) await Promise.all([send(), send(), send()]);
    const dead = rig.redis.kill();
    for (let n = 0; n < 20; n++) await Promise.all([send(), send(), send()]);
    await dead;
    await untilRedis('away', server);
    for (let n = 0; n < 5; n++) await send();
    expect(await metricOf(server, 'penstock_redis_ids_untold_total')).toBeGreaterThan(0);
    expect(await metricOf(server, 'penstock_redis_state')).toBeGreaterThan(1);
    // Repeats of this process are known as ever.
    expect(await post(server, testEvents(100, 'k'))).toMatchObject({ duplicates: 100 });
    await rig.redis.restart();
    await untilRedis('ok', server);
    await send();
    const ids = await storedIds(server);
    expect(ids.length).toBe(sent);
    expect(new Set(ids).size).toBe(sent);
  }, 90_000);

  test('one that is silent holds an answer no longer than its budget, and then none at all', async () => {
    const timeoutMs = 1_000;
    const server = await start({ redis: { timeout_ms: timeoutMs } });
    await untilRedis('ok', server);
    const timed = async (n: number) => {
      const startedAt = performance.now();
      await post(server, testEvents(5, 'slow', n * 5));
      return performance.now() - startedAt;
    };
    const usual: number[] = [];
    for (let n = 0; n < 30; n++) usual.push(await timed(n));
    const looksBefore = await metricOf(server, 'penstock_redis_lookups_total');
    rig.redis.freeze();
    const frozen: number[] = [];
    for (let n = 30; n < 130; n++) frozen.push(await timed(n));
    // What the machine itself holds up is much at times, and no matter of Redis.
    expect(Math.max(...frozen)).toBeLessThan(timeoutMs + 2 * Math.max(...usual) + 2_000);
    // Three look-ups open the breaker; those behind it are not made.
    const looks = (await metricOf(server, 'penstock_redis_lookups_total')) - looksBefore;
    expect(looks).toBeGreaterThanOrEqual(3);
    expect(looks).toBeLessThanOrEqual(5);
    expect(await metricOf(server, 'penstock_redis_ids_unanswered_total')).toBe(5 * looks);
    expect(await metricOf(server, 'penstock_redis_timeouts_total')).toBeGreaterThanOrEqual(3);
    await untilRedis('away', server);
    rig.redis.thaw();
    await untilRedis('ok', server);
    expect(await metricOf(server, 'penstock_events_accepted_total')).toBe(130 * 5);
  }, 60_000);

  test('a network that is cut or silent is no other', async () => {
    const proxy = await startProxy(rig.redis.port);
    const server = await start({}, { url: `redis://127.0.0.1:${proxy.port}` });
    await untilRedis('ok', server);
    expect(await post(server, testEvents(10))).toMatchObject({ accepted: 10 });
    proxy.cut();
    expect(await post(server, testEvents(20))).toMatchObject({ accepted: 10, duplicates: 10 });
    await untilRedis('ok', server);
    proxy.hold();
    for (let n = 2; n < 12; n++)
      expect(await post(server, testEvents(10, 'e', n * 10))).toMatchObject({ accepted: 10 });
    await untilRedis('away', server);
    proxy.release();
    await untilRedis('ok', server);
    expect(await post(server, testEvents(200))).toMatchObject({ accepted: 80, duplicates: 120 });
    await server.stop();
    await proxy.stop();
  }, 60_000);

  test('one that is not there at the start is waited for by nobody, and one that answers with errors is left alone', async () => {
    await rig.redis.kill();
    const server = await start();
    expect(await post(server, testEvents(10))).toMatchObject({ accepted: 10 });
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await rig.redis.restart();
    await untilRedis('ok', server);
    // Scripts that Redis has lost are sent again; ids that it has no memory for are counted.
    await rig.redis.client.script('FLUSH');
    expect(await post(server, testEvents(20))).toMatchObject({ accepted: 10 });
    await untilTold(rig.redis, 10);
    await rig.redis.client.config('SET', 'maxmemory', '1');
    expect(await post(server, testEvents(30))).toMatchObject({ accepted: 10 });
    await until(
      async () => (await metricOf(server, 'penstock_redis_ids_untold_total')) >= 20,
      10_000,
      'it says so',
    );
  }, 60_000);

  test('over TLS, of an authority that is named; of another it is away, and no event waits for it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'penstock-redis-tls-'));
    const { key, cert } = makeCertificate(folder);
    const port = await freePort();
    const tls = [
      '--tls-port',
      String(port),
      '--tls-cert-file',
      cert,
      '--tls-key-file',
      key,
      '--tls-auth-clients',
      'no',
    ];
    const encrypted = await startRedis({ settings: tls });
    try {
      const url = `rediss://127.0.0.1:${port}`;
      const [one, other] = [
        await start({ redis: { ca_file: cert } }, { url }),
        await start({ redis: { ca_file: cert } }, { url }),
      ];
      await untilRedis('ok', one, other);
      await post(one, testEvents(10));
      await until(
        async () => (await encrypted.client.keys('penstock:ids:*')).length > 0,
        10_000,
        'ids are told',
      );
      expect(await post(other, testEvents(10))).toMatchObject({ duplicates: 10 });
      const stranger = await start({}, { url });
      await untilRedis('away', stranger);
      expect(await post(stranger, testEvents(10))).toMatchObject({ accepted: 10 });
      expect(stranger.logs.map(({ reason }) => reason).join()).toMatch(/self-signed/);
    } finally {
      await encrypted.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);

  test('a password and a database, in the address or beside it; a wrong one is told and never logged', async () => {
    const closed = await startRedis({ password: 'hunter2' });
    try {
      const one = await start({}, { url: `${closed.url}/3` });
      const env = {
        REDIS_URL: '',
        REDIS_HOST: '127.0.0.1',
        REDIS_PORT: String(closed.port),
        REDIS_PASSWORD: 'hunter2',
        REDIS_DB: '3',
      };
      const other = await start({}, { env });
      await untilRedis('ok', one, other);
      await post(one, testEvents(10));
      await closed.client.select(3);
      await until(
        async () => (await closed.client.keys('penstock:ids:*')).length > 0,
        10_000,
        'ids are told',
      );
      expect(await post(other, testEvents(10))).toMatchObject({ duplicates: 10 });
      for (const url of [`redis://:hunter3@127.0.0.1:${closed.port}`, `${closed.url}/99`]) {
        const wrong = await start({}, { url });
        await untilRedis('away', wrong);
        expect(await post(wrong, testEvents(10))).toMatchObject({ accepted: 10 });
        const said = wrong.logs.filter(({ level }) => level === 'warn');
        expect(said.map(({ reason }) => reason).join()).toMatch(/WRONGPASS|invalid DB|out of range/);
        expect(JSON.stringify(wrong.logs)).not.toMatch(/hunter/);
      }
    } finally {
      await closed.stop();
    }
  }, 60_000);
});
