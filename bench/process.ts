/** Starting servers for the bench, and reading from /proc what they cost. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { atExit, killNow } from './at-exit.ts';

/** The project's folder; this file is two levels below it, built as dist/bench/process.js. */
export const ROOT = new URL('../../', import.meta.url);
/** The command `penstock`. */
export const MAIN = fileURLToPath(new URL('dist/src/main.js', ROOT));

/** Clock ticks a second of /proc/pid/stat; Linux has shown 100 to user space on every architecture since 2.6. */
const TICKS_PER_SECOND = 100;

/** A started server. */
export interface ServerProcess {
  readonly pid: number;
  readonly url: string;
  /** Everything its log lines said so far, newest last. */
  readonly lines: Record<string, unknown>[];
  /** Its process and all below it. */
  family(): number[];
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly nodeArgs?: readonly string[];
  /** The address in a log line that says that the server listens; by default the first of `listen`. */
  readonly isUp?: (line: Record<string, unknown>) => string | undefined;
}

/** Starts a Node program that logs JSON lines; resolves when one says that it listens. */
export function startServer(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { nodeArgs = [], isUp = firstListen }: StartOptions = {},
): Promise<ServerProcess> {
  return startProgram(process.execPath, [...nodeArgs, script, ...args], env, isUp);
}

/** Starts any program that logs JSON lines. */
export async function startProgram(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  isUp: (line: Record<string, unknown>) => string | undefined = firstListen,
): Promise<ServerProcess> {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endWithUs(child);
  const lines: Record<string, unknown>[] = [];
  const url = await untilUp(child, lines, isUp);
  return asServer(child, url, lines);
}

/** SIGKILL for a child that is still there when the bench ends. */
export function endWithUs(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  child.once(
    'exit',
    atExit(() => killNow(pid)),
  );
}

/** A child process as a server, ended by SIGTERM. */
export function asServer(child: ChildProcess, url: string, lines: Record<string, unknown>[]): ServerProcess {
  const pid = child.pid;
  if (pid === undefined) throw new Error('a child that was started has a pid');
  return {
    pid,
    url,
    lines,
    family: () => [pid, ...childrenOf(pid)],
    stop: async () => {
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function untilUp(
  child: ChildProcess,
  lines: Record<string, unknown>[],
  isUp: (line: Record<string, unknown>) => string | undefined,
): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = parseLine(text);
      lines.push(line);
      const url = isUp(line);
      if (url !== undefined) resolve(url);
    });
  });
}

function parseLine(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { msg: text };
  }
}

function firstListen(line: Record<string, unknown>): string | undefined {
  return Array.isArray(line['listen']) ? String(line['listen'][0]) : undefined;
}

/** CPU seconds, user and system, that a process has used; 0 for one that is gone. */
export function cpuSeconds(pid: number): number {
  return cpuSecondsOf(`/proc/${pid}/stat`);
}

/** CPU seconds of the thread that a process began with: of Node programs the one that runs JavaScript. */
export function mainThreadCpuSeconds(pid: number): number {
  return cpuSecondsOf(`/proc/${pid}/task/${pid}/stat`);
}

function cpuSecondsOf(path: string): number {
  try {
    const fields = readFileSync(path, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** Resident memory of a process in MiB; 0 for one that is gone. */
export function residentMiB(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Process ids of the children of `pid`. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

/** Samples of the resident memory of processes together, in MiB, one every `intervalMs`. */
export interface ResidentWatch {
  stop(): number[];
}

/** Starts sampling. */
export function watchResident(pids: readonly number[], intervalMs = 100): ResidentWatch {
  const read = () => pids.reduce((sum, pid) => sum + residentMiB(pid), 0);
  const samples = [read()];
  const timer = setInterval(() => samples.push(read()), intervalMs);
  return {
    stop: () => {
      clearInterval(timer);
      samples.push(read());
      return samples;
    },
  };
}
