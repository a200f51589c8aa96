/**
 * The real server as a process: started on the same port again and again, as a supervisor would, and ended by its
 * process id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { NODE_ARGUMENTS } from '../../src/heap.ts';
import { childrenOf } from '../process.ts';
import { sumOf } from './scrape.ts';
import { timeout, within } from './waiting.ts';

/** The repository: this file runs compiled, in dist/bench/prove. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MAIN = join(ROOT, 'dist/src/main.js');
const START_TIMEOUT_MS = 30_000;
const LOG_LINES_MAX = 2_000;

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface ApplianceOptions {
  /** Holds data and configuration. */
  readonly folder: string;
  readonly port: number;
  /** Sections of the configuration file. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  /** Module to start in place of the product's own. */
  readonly main?: string;
}

export class Appliance {
  readonly port: number;
  readonly url: string;
  readonly dataDir: string;
  /** Starts so far; what is asked of one life must be answered by the same. */
  life = 0;
  /** Its newest log lines, over all lives. */
  readonly logs: LogLine[] = [];
  readonly #file: string;
  readonly #env: Record<string, string>;
  readonly #main: string;
  #child: ChildProcess | undefined;
  #exited: Promise<number | NodeJS.Signals> = Promise.resolve(0);
  #stderr = '';
  #isUp = false;

  constructor(options: ApplianceOptions) {
    this.port = options.port;
    this.url = `http://127.0.0.1:${options.port}`;
    this.dataDir = join(options.folder, 'data');
    this.#file = join(options.folder, 'penstock.yaml');
    this.#env = { ...options.env };
    this.#main = options.main ?? MAIN;
    mkdirSync(this.dataDir, { recursive: true });
    writeFileSync(
      this.#file,
      stringify({
        ...options.config,
        http: { host: '127.0.0.1', port: options.port },
        embedded: { port: 0 },
        data_dir: this.dataDir,
      }),
    );
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Whether /health has answered in this life and nobody has told it to end. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Starts a life; resolves when /health answers. */
  async start(): Promise<void> {
    this.life += 1;
    const child = spawn(process.execPath, [...NODE_ARGUMENTS, this.#main, 'serve', '--config', this.#file], {
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#stderr = '';
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        if (this.#child === child) this.#isUp = false;
        resolve(code ?? signal ?? -1);
      });
    });
    createInterface({ input: child.stdout }).on('line', (text) => this.#log(text));
    child.stderr.on('data', (data: Buffer) => {
      this.#stderr = (this.#stderr + data.toString()).slice(-4_000);
    });
    const answers = await within(START_TIMEOUT_MS, 5, async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(this.#lastWords());
      return (await fetch(`${this.url}/health`).catch(() => undefined))?.ok === true;
    });
    if (!answers) throw new Error(`no /health for ${START_TIMEOUT_MS} ms`);
    this.#isUp = true;
  }

  /** Resolves when /ready says so; throws when it does not in time. */
  async ready(timeoutMs = 120_000): Promise<void> {
    const isReady = await within(timeoutMs, 20, async () => {
      const answer = await fetch(`${this.url}/ready`).catch(() => undefined);
      return answer?.ok === true && this.#queryPort() !== undefined;
    });
    if (!isReady) throw new Error(`/ready does not turn green within ${timeoutMs} ms`);
  }

  /** Tells it to end, and that nobody expects it to answer any more. */
  signal(signal: NodeJS.Signals): void {
    this.#isUp = false;
    this.#child?.kill(signal);
  }

  /** How it ended; kills it when that takes longer than the time. */
  async exited(timeoutMs: number): Promise<number | NodeJS.Signals | 'late'> {
    try {
      return await Promise.race([this.#exited, timeout(timeoutMs, 'late')]);
    } catch {
      await this.kill();
      return 'late';
    }
  }

  /** kill -9; resolves when it is gone. The store ends with it. */
  async kill(): Promise<void> {
    const store = this.storePid();
    this.signal('SIGKILL');
    if (this.#child !== undefined) await this.#exited;
    // A stopped process does not notice that its parent is gone.
    if (store !== undefined) signalProcess(store, 'SIGCONT');
  }

  /** Process id of the store, the only child process; undefined while there is none. Linux. */
  storePid(): number | undefined {
    try {
      return childrenOf(this.pid)[0];
    } catch {
      return undefined;
    }
  }

  /** A value of /metrics, summed over the threads; undefined while nobody answers. */
  async metric(name: string): Promise<number | undefined> {
    return sumOf((await this.metrics()) ?? '', name);
  }

  /** Rows of a query. Only when it is ready. */
  async query(sql: string): Promise<Record<string, string>[]> {
    const url = `http://127.0.0.1:${this.#queryPort()}/?default_format=JSONEachRow`;
    const answer = await fetch(url, { method: 'POST', body: sql });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the query was refused: ${text.slice(0, 500)}`);
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, string>);
  }

  /** Whether every row of the journal is in the store within the time. */
  delivered(timeoutMs: number): Promise<boolean> {
    return within(timeoutMs, 50, async () => {
      const metrics = (await this.metrics()) ?? '';
      // What the thread has that is not open yet, nobody has counted.
      const isOpen = sumOf(metrics, 'penstock_worker_open') === sumOf(metrics, 'penstock_worker_threads');
      return isOpen && sumOf(metrics, 'penstock_journal_rows') === 0;
    });
  }

  /** The text of /metrics; undefined while nobody answers. */
  async metrics(): Promise<string | undefined> {
    const answer = await fetch(`${this.url}/metrics`).catch(() => undefined);
    return answer?.text().catch(() => undefined);
  }

  #queryPort(): number | undefined {
    const port = this.logs.findLast((line) => line.msg === 'store is up')?.['queryPort'];
    return typeof port === 'number' ? port : undefined;
  }

  #log(text: string): void {
    if (!text.startsWith('{')) return;
    this.logs.push(JSON.parse(text) as LogLine);
    if (this.logs.length > LOG_LINES_MAX) this.logs.shift();
  }

  #lastWords(): string {
    const said = this.logs.slice(-5).map(({ msg, err }) => `${msg} ${JSON.stringify(err ?? '')}`);
    return `the server ended before it answered: ${this.#stderr.slice(-1_000)} ${said.join(' · ')}`;
  }
}

/** Sends a signal; a process that is gone is no fault. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone.
  }
}
