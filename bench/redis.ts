/**
 * What sharing repeats over Redis costs: slabs of ids that nobody knows, looked up and told as a worker does it, against a real
 * redis-server that is started here. Prints ids a second, calls a slab as Redis counts them, and CPU seconds a million ids of this process
 * and of Redis; and in the same run, in turn, a key of its own for each id (MGET, then SET with a time to live), which is
 * what a client without the scripts would do.
 *
 *   npm run bench:redis [-- --slabs N] [--ids N] [--turns N] [--waiting N]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Command } from 'commander';
import { Redis } from 'ioredis';
import { systemClock } from '../src/clock.ts';
import { SHARED_ID_BYTES } from '../src/dedup/findings.ts';
import { REDIS_SLABS_WAITING_MAX, REDIS_WINDOW_MS, REDIS_WRITE_TIMEOUT_MS } from '../src/limits.ts';
import { createLogger } from '../src/log.ts';
import { openRedisThread } from '../src/redis/thread.ts';
import { freePort } from './free-port.ts';
import { positive } from './positive.ts';

const options = new Command('npm run bench:redis --')
  .description('What sharing repeats over Redis costs; needs redis-server.')
  .option('--slabs <n>', 'slabs of a turn', positive, 200)
  .option('--ids <n>', 'ids of a slab', positive, 2000)
  .option('--turns <n>', 'turns of each way', positive, 3)
  .option('--waiting <n>', 'slabs that wait for Redis at once', positive, REDIS_SLABS_WAITING_MAX)
  .parse()
  .opts<{ readonly slabs: number; readonly ids: number; readonly turns: number; readonly waiting: number }>();
const { slabs, ids: idsPerSlab, turns, waiting } = options;

interface Round {
  readonly idsPerSecond: number;
  readonly callsPerSlab: number;
  readonly ownSeconds: number;
  readonly redisSeconds: number;
  readonly bytesPerId: number;
}

const port = await freePort();
const server = spawn(
  'redis-server',
  ['--port', String(port), '--bind', '127.0.0.1', '--dir', tmpdir(), '--save', '', '--appendonly', 'no'],
  { stdio: 'ignore' },
);
const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null });
redis.on('error', () => {});
await redis.ping();
const thread = openRedisThread(
  {
    address: {
      host: '127.0.0.1',
      port,
      username: '',
      password: '',
      db: 0,
      tls: false,
      ca: '',
      keyPrefix: 'penstock:',
    },
    window: { windowMs: REDIS_WINDOW_MS, timeoutMs: REDIS_WRITE_TIMEOUT_MS },
    countersTtlMs: 0,
  },
  'bench',
  systemClock,
  createLogger('warn'),
);
const shared = thread.window;
while (shared?.key() === undefined) await new Promise((resolve) => setTimeout(resolve, 10));

const rounds: Record<string, Round[]> = { scripts: [], keys: [] };
console.log(
  `Redis ${/redis_version:(\S+)/.exec(await redis.info('server'))?.[1]}, Node ${process.versions.node}; ` +
    `${slabs} slabs of ${idsPerSlab} new ids, ${waiting} at a time, ${turns} turns`,
);
for (let turn = 0; turn < turns; turn++) {
  rounds['scripts']?.push(await measure(withScripts));
  rounds['keys']?.push(await measure(withKeys));
}
for (const [name, all] of Object.entries(rounds)) {
  const of = (key: keyof Round) => median(all.map((round) => round[key]));
  console.log(
    `${name.padEnd(8)} ${Math.round(of('idsPerSecond')).toLocaleString('en')} new ids/s, ` +
      `${of('callsPerSlab').toFixed(2)} calls a slab, of which one is waited for; CPU s a million ids: ` +
      `${of('ownSeconds').toFixed(2)} here, ${of('redisSeconds').toFixed(2)} Redis; ${of('bytesPerId').toFixed(0)} bytes an id`,
  );
}
const best = Math.max(...(rounds['scripts'] ?? []).map(({ idsPerSecond }) => idsPerSecond));
console.log(`the best turn with scripts: ${Math.round(best).toLocaleString('en')} new ids/s`);
redis.disconnect();
server.kill();
await new Promise((resolve) => server.once('exit', resolve));
process.exit(0);

/** One slab as a worker has it: asked for, then, when its journal has it, told. */
async function withScripts(ids: Buffer): Promise<void> {
  const found = await shared?.look(ids);
  if (found?.length !== 0) throw new Error('an id that nobody told is known');
  shared?.tell(ids, idsPerSlab);
}

async function withKeys(ids: Buffer): Promise<void> {
  const names = Array.from({ length: idsPerSlab }, (_, at) =>
    ids.subarray(at * SHARED_ID_BYTES, (at + 1) * SHARED_ID_BYTES),
  );
  const found = await redis.mgetBuffer(...names);
  if (found.some((value) => value !== null)) throw new Error('an id that nobody told is known');
  const told = redis.pipeline();
  for (const name of names) told.set(name, '', 'PX', REDIS_WINDOW_MS);
  void told.exec();
}

async function measure(slab: (ids: Buffer) => Promise<void>): Promise<Round> {
  await redis.flushall('SYNC');
  const bytesBefore = await usedBytes();
  await redis.config('RESETSTAT');
  const work = Array.from({ length: slabs }, () => randomBytes(idsPerSlab * SHARED_ID_BYTES));
  const own = process.cpuUsage();
  const other = cpuSeconds(server);
  const startedAt = performance.now();
  const next = async () => {
    for (let ids = work.pop(); ids !== undefined; ids = work.pop()) await slab(ids);
  };
  await Promise.all(Array.from({ length: waiting }, next));
  await thread.flush();
  await redis.ping();
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(own);
  const ids = slabs * idsPerSlab;
  const stats = await redis.info('commandstats');
  const calls = [...stats.matchAll(/^cmdstat_(?:eval|evalsha|mget|set):calls=(\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
  if (shared !== undefined && shared.totals.redisIdsUntold + shared.totals.redisIdsUnanswered > 0)
    throw new Error('Redis did not keep up: ids were not told or not answered');
  return {
    idsPerSecond: ids / seconds,
    callsPerSlab: calls / slabs,
    ownSeconds: (user + system) / ids,
    redisSeconds: ((cpuSeconds(server) - other) / ids) * 1e6,
    bytesPerId: ((await usedBytes()) - bytesBefore) / ids,
  };
}

async function usedBytes(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
}

/** User and system time of a process, from /proc, in ticks of a hundredth. Linux. */
function cpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
