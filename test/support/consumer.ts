/** `penstock consume` for tests: the real command as a process of its own, ended by process id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { type LogLine, until } from './appliance.ts';
import { metricOf } from './metrics.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface TestConsumer {
  readonly pid: number;
  readonly url: string;
  readonly logs: readonly LogLine[];
  /** Resolves when /ready says 200. */
  ready(): Promise<void>;
  states(): Promise<Record<string, string>>;
  /** Sum of a series over its labels. */
  metric(name: string): Promise<number>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or signal. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** SIGTERM and wait. */
  stop(): Promise<number | NodeJS.Signals>;
}

export interface ConsumerSetup {
  readonly brokers: readonly string[];
  /** With the database. */
  readonly clickhouse: string;
  /** Keys of the section `consume`, over quick defaults. */
  readonly consume?: Record<string, unknown>;
  /** Other sections. */
  readonly config?: Record<string, Record<string, unknown>>;
}

/** Writes a configuration for `penstock consume` and its companions; gives the file. */
export function writeConsumerConfig({
  brokers,
  clickhouse,
  consume = {},
  config = {},
}: ConsumerSetup): string {
  const dir = mkdtempSync(join(tmpdir(), 'penstock-consume-'));
  const file = join(dir, 'penstock.yaml');
  const { kafka = {}, clickhouse: server = {}, ...rest } = config;
  writeFileSync(
    file,
    stringify({
      kafka: { brokers, create_topics: true, request_timeout_ms: 3000, ...kafka },
      clickhouse: { url: clickhouse, ...server },
      data_dir: dir,
      ...rest,
      consume: { host: '127.0.0.1', port: 0, flush_interval_ms: 100, session_timeout_ms: 6000, ...consume },
    }),
  );
  return file;
}

/** Starts it and resolves when it listens. */
export async function startConsumer(setup: ConsumerSetup): Promise<TestConsumer> {
  const file = writeConsumerConfig(setup);
  const child = spawn(process.execPath, [MAIN, 'consume', '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const logs: LogLine[] = [];
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, signal) => {
      rmSync(join(file, '..'), { recursive: true, force: true });
      resolve(code ?? signal ?? -1);
    });
  });
  const port = await firstPort(child, logs);
  const url = `http://127.0.0.1:${port}`;
  return {
    pid: child.pid ?? 0,
    url,
    logs,
    exited,
    ready: () => until(async () => (await fetch(`${url}/ready`)).ok, 60_000, 'the consumer is ready'),
    states: async () => (await fetch(`${url}/ready`)).json() as Promise<Record<string, string>>,
    metric: (name) => metricOf({ url }, name),
    signal: (signal) => void child.kill(signal),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      return exited;
    },
  };
}

function firstPort(child: ChildProcess, logs: LogLine[]): Promise<number> {
  let said = '';
  child.stderr?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return reject(new Error('no output'));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const entry = JSON.parse(line) as LogLine;
      logs.push(entry);
      if (entry.msg === 'consumer is up') resolve(Number(entry['port']));
    });
    child.once('exit', (code) =>
      reject(new Error(`the consumer ended with ${code}: ${said}${JSON.stringify(logs)}`)),
    );
  });
}
