/** Starting servers for the bench, and reading from /proc what they cost. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Clock ticks a second of /proc/pid/stat; Linux has shown 100 to user space on every architecture since 2.6. */
const TICKS_PER_SECOND = 100;

/** A started server. */
export interface ServerProcess {
  readonly pid: number;
  readonly url: string;
  /** Everything its log lines said so far, newest last. */
  readonly lines: Record<string, unknown>[];
  stop(): Promise<void>;
}

/** Starts a Node program that logs JSON lines; resolves with the first line that has `listen`. */
export async function startServer(
  script: string,
  args: readonly string[],
  env: Record<string, string>,
  nodeArgs: readonly string[] = [],
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [...nodeArgs, script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Record<string, unknown>[] = [];
  const url = await firstListen(child, lines);
  return {
    pid: child.pid!,
    url,
    lines,
    stop: async () => {
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function firstListen(child: ChildProcess, lines: Record<string, unknown>[]): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)));
    createInterface({ input: child.stdout! }).on('line', (text) => {
      const line = JSON.parse(text) as Record<string, unknown>;
      lines.push(line);
      if (Array.isArray(line['listen'])) resolve(String(line['listen'][0]));
    });
  });
}

/** CPU seconds, user and system, that a process has used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** Process ids of the children of `pid`. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

/** Samples the resident memory of a process; `stop` gives the highest seen. */
export function watchResident(pid: number): { stop(): number } {
  let highest = residentMiB(pid);
  const timer = setInterval(() => {
    highest = Math.max(highest, residentMiB(pid));
  }, 100);
  return {
    stop: () => {
      clearInterval(timer);
      return highest;
    },
  };
}
