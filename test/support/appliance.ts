/**
 * The real server for tests: `node dist/src/main.js serve` as a process of its own, on free ports, with its own
 * data folder, ended by process id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface Running {
  readonly url: string;
  readonly streamUrl: string;
  /** URL of the query door; only after `ready()`. */
  readonly queryUrl: string;
  readonly dataDir: string;
  readonly pid: number;
  readonly logs: readonly LogLine[];
  /** Milliseconds of a core that its main thread took from its start to the first answer of /health; by the clock where that cannot be read. */
  readonly healthAfterCpuMs: number;
  /** Resolves when /ready says 200. */
  ready(): Promise<void>;
  /** Rows of a query, as JSONEachRow gives them. */
  query<Row = Record<string, unknown>>(sql: string): Promise<Row[]>;
  /** Waits until the count of a table (or a whole query of one number) is at least `count`, and gives it. */
  waitForCount(from: string, count: number): Promise<number>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code (or signal) when the process has ended. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** SIGTERM and wait; removes the data folder unless told to keep it. */
  stop(keepData?: boolean): Promise<number | NodeJS.Signals>;
}

export interface StartOptions {
  /** Keys of the configuration file, in snake_case, over the test defaults. */
  readonly config?: Record<string, unknown>;
  readonly dataDir?: string;
  readonly env?: Record<string, string>;
  /** Module to start instead of main, for fault tests. */
  readonly main?: string;
}

/** Starts a server and resolves when /health answers. */
export async function startServer(options: StartOptions = {}): Promise<Running> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'penstock-test-'));
  const file = join(dataDir, 'penstock.yaml');
  const { http, embedded, log, ...rest } = (options.config ?? {}) as Record<string, Record<string, unknown>>;
  writeFileSync(
    file,
    stringify({
      http: { host: '127.0.0.1', port: 0, ...http },
      embedded: { port: 0, flush_interval_ms: 50, ...embedded },
      log: { level: 'info', ...log },
      workers: 1,
      ...rest,
    }),
  );
  const startedAt = performance.now();
  const child = spawn(process.execPath, [options.main ?? MAIN, 'serve', '--config', file], {
    env: { ...process.env, PENSTOCK_DATA_DIR: dataDir, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const logs: LogLine[] = [];
  const started = await firstLines(child, logs);
  const url = (started['listen'] as string[])[0]!;
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? -1));
  });
  await Promise.race([
    until(async () => (await fetch(`${url}/health`)).ok, 10_000, 'the server answers /health'),
    exited.then((code) =>
      Promise.reject(new Error(`the server ended with ${code}: ${JSON.stringify(logs)}`)),
    ),
  ]);
  const healthAfterCpuMs = mainThreadCpuMs(child.pid!) ?? performance.now() - startedAt;
  const queryUrl = () => {
    const up = logs.findLast((line) => line.msg === 'store is up');
    if (up === undefined) throw new Error('the store is not up yet');
    return `http://127.0.0.1:${up['queryPort']}`;
  };
  const query = async <Row>(sql: string): Promise<Row[]> => {
    const answer = await fetch(`${queryUrl()}/?default_format=JSONEachRow`, { method: 'POST', body: sql });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Row);
  };
  const running: Running = {
    url,
    streamUrl: `${url.replace('http', 'ws')}/v1/stream`,
    get queryUrl() {
      return queryUrl();
    },
    dataDir,
    pid: child.pid!,
    logs,
    healthAfterCpuMs,
    ready: () => until(async () => (await fetch(`${url}/ready`)).ok, 30_000, 'the server is ready'),
    query,
    waitForCount: async (from, count) => {
      const sql = /^\s*select/i.test(from) ? from : `SELECT count() FROM ${from}`;
      let seen = -1;
      await until(
        async () => {
          seen = Number(Object.values((await query(sql))[0] ?? { n: 0 })[0]);
          return seen >= count;
        },
        20_000,
        () => `${from} reaches ${count} (it has ${seen})`,
      );
      return seen;
    },
    signal: (signal) => void child.kill(signal),
    exited,
    stop: async (keepData = false) => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const code = await exited;
      if (!keepData) rmSync(dataDir, { recursive: true, force: true });
      return code;
    },
  };
  return running;
}

/** What Linux counts of a process's main thread: https://www.kernel.org/doc/Documentation/scheduler/sched-stats.rst, first field. */
function mainThreadCpuMs(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1e6;
  } catch {
    return undefined;
  }
}

/** Polls until `check` is true; errors of `check` count as not yet. */
export async function until(
  check: () => Promise<boolean> | boolean,
  timeoutMs: number,
  what: string | (() => string),
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      if (await check()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not within ${timeoutMs} ms: ${typeof what === 'string' ? what : what()}`, { cause: last });
}

/** Process id of the store, the only child process. Linux. */
export function storePidOf(server: Running): number {
  for (const thread of readdirSync(`/proc/${server.pid}/task`)) {
    const children = readFileSync(`/proc/${server.pid}/task/${thread}/children`, 'utf8')
      .split(' ')
      .filter(Boolean);
    if (children.length > 0) return Number(children[0]);
  }
  throw new Error('no child process');
}

function firstLines(child: ChildProcess, logs: LogLine[]): Promise<LogLine> {
  return new Promise((resolve, reject) => {
    let stderr = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    createInterface({ input: child.stdout! }).on('line', (text) => {
      const line = JSON.parse(text) as LogLine;
      logs.push(line);
      if (line.msg === 'started') resolve(line);
    });
    child.once('exit', (code) => {
      reject(new Error(`the server ended with ${code} before it started: ${stderr}${JSON.stringify(logs)}`));
    });
  });
}
