/**
 * Real Redis for tests: a redis-server of its own on a free port, which keeps nothing on disk, ended by process id. Where it
 * is not installed its tests are skipped and say so.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { describe } from 'vitest';
import { type Running, until } from './appliance.ts';

export interface TestRedis {
  readonly port: number;
  readonly url: string;
  /** A client of the test's own, to look and to change things. */
  readonly client: Redis;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts one that was killed, empty, on its port. */
  restart(): Promise<void>;
  /** SIGSTOP and SIGCONT: connections stay, nothing is answered. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export interface RedisTestOptions {
  readonly password?: string;
  /** Further arguments of redis-server. */
  readonly settings?: readonly string[];
}

const folders = (process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin');
const PROGRAM = folders.map((folder) => join(folder, 'redis-server')).find((path) => existsSync(path));

/** `describe` for tests of a real server. */
export const describeRedis =
  PROGRAM === undefined
    ? (name: string, tests: () => void) => describe.skip(`${name} (skipped: no redis)`, tests)
    : describe;

/** Starts a server and resolves when it answers. */
export async function startRedis({ password, settings = [] }: RedisTestOptions = {}): Promise<TestRedis> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  const auth = password === undefined ? [] : ['--requirepass', password];
  const client = new Redis({
    port,
    host: '127.0.0.1',
    ...(password === undefined ? {} : { password }),
    lazyConnect: true,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
  });
  client.on('error', () => {});
  const start = async () => {
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', tmpdir()];
    child = spawn(PROGRAM ?? '', [...place, '--save', '', '--appendonly', 'no', ...auth, ...settings], {
      stdio: 'ignore',
    });
    await until(async () => (await client.ping()) === 'PONG', 20_000, 'redis-server answers');
  };
  const kill = async () => {
    const running = child;
    child = undefined;
    if (running === undefined) return;
    const exited = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await exited;
  };
  await start();
  return {
    port,
    url: `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`,
    client,
    kill,
    restart: start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    stop: async () => {
      client.disconnect();
      await kill();
    },
  };
}

/**
 * Configuration of a server whose events go nowhere: where only answers and counters matter, the embedded engine would take
 * most of the time. Its journal keeps them.
 */
export const NO_STORE = {
  clickhouse: { url: 'http://127.0.0.1:9' },
  drain_timeout_ms: 100 as never,
  redis: { timeout_ms: 2_000 },
};

/** And of one with a store, whose rows are read. */
export const WITH_STORE = { clickhouse: { url: '' }, embedded: { enabled: true } };

/** Sum of a series of a server over all threads. */
export async function metricOf(server: Running, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+-]+)`, 'gm'))].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
}

/** Resolves when each of these servers uses Redis, by what `/ready` says. */
export async function untilRedis(state: string, ...servers: Running[]): Promise<void> {
  for (const server of servers) {
    await until(
      async () => {
        const parts = (await (await fetch(`${server.url}/ready`)).json()) as Record<string, string>;
        return parts['redis'] === state;
      },
      20_000,
      `redis is ${state}`,
    );
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
