/**
 * Real Redis for tests: a redis-server of its own on a free port, which keeps nothing on disk, ended by process id. Where it
 * is not installed its tests are skipped and say so.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe } from 'vitest';
import { findProgram } from '../../scripts/stack/processes.mjs';
import { type Running, startServer, until } from './appliance.ts';
import { freePort } from './ports.ts';

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

const PROGRAM = findProgram('redis-server');

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

export interface RigStartOptions {
  readonly url?: string;
  readonly env?: Record<string, string>;
  readonly dataDir?: string;
  readonly main?: string;
}

export interface RedisRig {
  readonly redis: TestRedis;
  /** Starts a server that uses it, over NO_STORE. */
  start(config?: Record<string, unknown>, options?: RigStartOptions): Promise<Running>;
}

/** A Redis and the servers beside it, for each test of the file anew. */
export function useRedis(): RedisRig {
  let redis: TestRedis;
  let servers: Running[] = [];
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    redis.thaw();
    await Promise.all(servers.map((server) => server.stop()));
    servers = [];
    await redis.stop();
  });
  return {
    get redis() {
      return redis;
    },
    async start(config = {}, { url = redis.url, env = {}, ...others } = {}) {
      const server = await startServer({
        config: {
          ...NO_STORE,
          ...config,
          // A busy machine answers late; where that is the test, it has its own budget.
          redis: { ...NO_STORE.redis, ...(config['redis'] as object | undefined) },
        },
        env: { REDIS_URL: url, ...env },
        ...others,
      });
      servers.push(server);
      return server;
    },
  };
}

/** And of one with a store, whose rows are read. */
export const WITH_STORE = { clickhouse: { url: '' }, embedded: { enabled: true } };

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
