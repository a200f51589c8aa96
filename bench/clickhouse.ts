/**
 * A ClickHouse server over HTTP against the embedded store: the same events, the same engine, the same encoder, through
 * each sink's own target, in turns within one run.
 *
 *   node dist/bench/clickhouse.js [rounds] [seconds a turn]
 *
 * The server is `penstock store --writable` as a process of its own. What counts is CPU time, of the sender (encoding,
 * compressing, sending) and of the process that inserts (receiving, inserting, merging as far as it came): speed by the
 * clock depends on what else runs. Every turn checks that each row arrived once.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { systemClock } from '../src/clock.ts';
import { BLOCK_BYTES_MAX, NATIVE_BLOCK_ROWS_MAX, QUERIES_MAX, STORE_INSERTS_MAX } from '../src/limits.ts';
import { createClickHouseSink } from '../src/sinks/clickhouse/clickhouse-sink.ts';
import type { BodyCompression } from '../src/sinks/clickhouse/compress.ts';
import { createConnection, type ServerAddress } from '../src/sinks/clickhouse/connection.ts';
import { planMigration, runMigration } from '../src/sinks/clickhouse/migrate.ts';
import { createEmbeddedTarget } from '../src/sinks/embedded/embedded-target.ts';
import type {
  WritableStoreMessage,
  WritableStoreOptions,
} from '../src/sinks/embedded/store/writable/run-writable-store.ts';
import { startStore } from '../src/sinks/embedded/store-process.ts';
import { openCodec } from '../src/sinks/kafka/codecs.ts';
import { createNativeBlockEncoder } from '../src/sinks/native-block.ts';
import type { BlockTarget } from '../src/sinks/sink.ts';
import { positive } from './positive.ts';
import { createLineSource } from './store-lines.ts';

const [rounds, secondsPerTurn] = new Command('node dist/bench/clickhouse.js')
  .description('A ClickHouse server over HTTP against the embedded store, in CPU time a row.')
  .argument('[rounds]', 'turns of each', positive, 5)
  .argument('[seconds]', 'of a turn', positive, 4)
  .parse().processedArgs as [number, number];
const SCHEMA_DIR = fileURLToPath(new URL('../../config/schema', import.meta.url));
const logger = { info() {}, warn: console.warn, error: console.error };
const nextLines = createLineSource();
const dataDir = mkdtempSync(join(tmpdir(), 'penstock-bench-'));

interface Case {
  readonly name: string;
  readonly target: BlockTarget;
  /** Process that inserts. */
  readonly pid: number;
  /** `count,distinct` of the table. */
  count(): Promise<string>;
  /** Rows sent so far. */
  rows: number;
  /** Of each turn: CPU microseconds a row of the sender and of the inserter, thousand rows a second. */
  readonly turns: { readonly sender: number; readonly inserter: number; readonly speed: number }[];
}

const closing: (() => Promise<unknown> | unknown)[] = [];
try {
  const cases = [
    await openEmbedded(),
    ...(await openServers([
      ['HTTP', 'none'],
      ['HTTP, lz4', 'lz4'],
    ])),
  ];
  for (const one of cases) await takeTurn(one, 0.5);
  for (const one of cases) one.turns.length = 0;
  for (let round = 0; round < rounds; round++) for (const one of cases) await takeTurn(one, secondsPerTurn);
  report(cases);
  await reportCompressions();
} finally {
  for (const close of closing.reverse()) await close();
  rmSync(dataDir, { recursive: true, force: true });
}
process.exit(0);

async function takeTurn(one: Case, seconds: number): Promise<void> {
  const senderBefore = process.cpuUsage();
  const inserterBefore = cpuMicros(one.pid);
  const started = performance.now();
  let rows = 0;
  while (performance.now() - started < seconds * 1000) rows += await sendBlock(one);
  const elapsed = performance.now() - started;
  const sender = process.cpuUsage(senderBefore);
  one.turns.push({
    sender: (sender.user + sender.system) / rows,
    inserter: (cpuMicros(one.pid) - inserterBefore) / rows,
    speed: rows / elapsed,
  });
  one.rows += rows;
  const found = await one.count();
  if (found !== `${one.rows},${one.rows}`) throw new Error(`${one.name}: sent ${one.rows}, found ${found}`);
}

async function sendBlock({ target, name, rows }: Case): Promise<number> {
  const block = target.begin();
  while (block.bytes < BLOCK_BYTES_MAX) {
    const lines = nextLines(BLOCK_BYTES_MAX / 8);
    block.add(lines.bytes, lines.rows);
  }
  const count = block.rows;
  const token = `bench-${name.replace(/\W+/g, '').toLowerCase()}-${rows}-${performance.now().toString(36).replace('.', '')}`;
  const outcome = await target.send(token, block, new AbortController().signal);
  block.release();
  if (outcome !== 'delivered') throw new Error(`${name}: ${outcome}`);
  return count;
}

function report(cases: readonly Case[]): void {
  console.log(
    `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}; medians of ${rounds} turns of ${secondsPerTurn} s, blocks of ${BLOCK_BYTES_MAX} bytes`,
  );
  const total = (one: Case) => median(one.turns.map(({ sender, inserter }) => sender + inserter));
  const base = cases[0];
  for (const one of cases) {
    const [sender, inserter, speed] = (['sender', 'inserter', 'speed'] as const).map((key) =>
      median(one.turns.map((turn) => turn[key])),
    );
    console.log(
      `${one.name.padEnd(10)} ${total(one).toFixed(2)} CPU µs a row (sender ${sender?.toFixed(2)}, inserter ${inserter?.toFixed(2)}), ${speed?.toFixed(0)} k rows/s` +
        (base === undefined || base === one
          ? ''
          : `, ${((100 * total(base)) / total(one)).toFixed(0)} % of embedded per CPU second`),
    );
  }
}

/** What a block costs the sender in each compression that ClickHouse reads, and how long it is then. */
async function reportCompressions(): Promise<void> {
  const encoder = createNativeBlockEncoder({
    jsonForm: 'paths',
    bytesMax: BLOCK_BYTES_MAX,
    rowsMax: NATIVE_BLOCK_ROWS_MAX,
  });
  if (encoder === undefined) return;
  while (!encoder.isFull()) encoder.append(nextLines(BLOCK_BYTES_MAX / 8).bytes);
  const rows = encoder.rows();
  const pieces: Buffer[] = [];
  const length = encoder.take(() => pieces[pieces.push(Buffer.allocUnsafeSlow(1024 * 1024)) - 1] as Buffer);
  const block = Buffer.concat(pieces).subarray(0, length);
  for (const name of ['lz4', 'zstd', 'gzip'] as const) {
    const codec = await openCodec(name);
    let bytes = codec.compress(block).length;
    const before = process.cpuUsage();
    for (let turn = 0; turn < 3; turn++) bytes = codec.compress(block).length;
    const { user, system } = process.cpuUsage(before);
    const micros = (user + system) / 3 / rows;
    console.log(
      `${name.padEnd(10)} ${micros.toFixed(2)} CPU µs a row, ${((100 * bytes) / length).toFixed(0)} % of ${Math.round(length / rows)} bytes a row`,
    );
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

/** User and system time; clock ticks of Linux are 10 ms. */
function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function openEmbedded(): Promise<Case> {
  const store = startStore({
    dataDir: join(dataDir, 'embedded'),
    port: 0,
    ttlDays: 3650,
    rejectedTtlDays: 30,
    objectType: 'JSON',
    queryResultBytesMax: 1e7,
    logger,
  });
  closing.push(() => store.stop());
  while (!store.ready() || store.queryPort() === undefined) await pause(50);
  const target = createEmbeddedTarget({
    address: store.address,
    stream: 'events',
    jsonForm: 'paths',
    blockBytesMax: BLOCK_BYTES_MAX,
    onUnreadable: () => {},
    logger,
  });
  const count = () => ask(`http://127.0.0.1:${store.queryPort()}`, 'events');
  return { name: 'embedded', target, pid: store.pid() ?? 0, count, rows: 0, turns: [] };
}

/** One server and one database for each way to send, so that none merges the parts of another. */
async function openServers(ways: readonly (readonly [string, BodyCompression])[]): Promise<Case[]> {
  const cases: Case[] = [];
  for (const [name, compression] of ways) {
    const { child, url } = await startServer(join(dataDir, compression));
    const address: ServerAddress = {
      url,
      username: 'default',
      password: '',
      caFile: '',
      verifyTls: true,
      timeoutMs: 60_000,
    };
    const place = { database: 'bench', cluster: undefined, isReplicated: false };
    const connection = createConnection(address);
    const plan = await planMigration(connection, {
      place,
      objectType: 'JSON',
      ttlDays: 3650,
      rejectedTtlDays: 30,
      schemaDir: SCHEMA_DIR,
    });
    await runMigration(connection, plan, () => {});
    await connection.close();
    const bounds = {
      blockBytesMax: BLOCK_BYTES_MAX,
      blockRowsMax: NATIVE_BLOCK_ROWS_MAX,
      flushIntervalMs: 1000,
    };
    const sink = createClickHouseSink(
      { address, database: 'bench', compression, ...bounds, writesNative: true, refusedDir: dataDir },
      { clock: systemClock, logger, onUnreadable: () => {} },
    );
    closing.push(() => sink.server.close());
    while (sink.server.facts() === undefined) await pause(20);
    const target = sink.events();
    cases.push({
      name,
      target,
      pid: child.pid ?? 0,
      count: () => ask(url, 'bench.events'),
      rows: 0,
      turns: [],
    });
  }
  return cases;
}

function startServer(storeDir: string): Promise<{ child: ChildProcess; url: string }> {
  const options: WritableStoreOptions = {
    storeDir,
    host: '127.0.0.1',
    port: 0,
    user: 'default',
    password: '',
    queryResultBytesMax: 1e7,
  };
  const child = fork(fileURLToPath(new URL('../workers/writable-store.js', import.meta.url)), [], {
    env: {
      ...process.env,
      UV_THREADPOOL_SIZE: String(QUERIES_MAX + STORE_INSERTS_MAX + 4),
      PENSTOCK_WRITABLE_STORE: JSON.stringify(options),
    },
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  closing.push(() => {
    child.kill('SIGTERM');
    return ended;
  });
  return new Promise((resolve, reject) => {
    child.on('message', (message: WritableStoreMessage) => {
      if (message.type === 'ready') resolve({ child, url: `http://127.0.0.1:${message.port}` });
      else reject(new Error(message.message));
    });
  });
}

async function ask(url: string, table: string): Promise<string> {
  const query = `SELECT count(), uniqExact(event_id) FROM ${table} FORMAT CSV`;
  return (await (await fetch(url, { method: 'POST', body: query })).text()).trim();
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
