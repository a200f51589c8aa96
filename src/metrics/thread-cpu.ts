/**
 * Processor time of the calling thread alone, ms since it started: process.threadCpuUsage where the runtime has it (Node
 * 22), else Linux's own count, in steps of 10 ms. `/proc` is no disk, and a read of it does not wait.
 */
import { readFileSync } from 'node:fs';

export interface ThreadCpu {
  readonly userMs: number;
  readonly systemMs: number;
}

interface ThreadCpuUsage {
  /** Not in the types of Node 20. */
  readonly threadCpuUsage?: () => { readonly user: number; readonly system: number };
}

/** Clock ticks a second in /proc, 100 on every Linux that Node runs on. */
const TICKS_PER_MS = 0.1;
/** Fields of /proc/…/stat behind the name, which may hold anything but ends with `)`. */
const USER_FIELD = 11;
const SYSTEM_FIELD = 12;

/** Undefined where neither is to be had. */
export function readThreadCpu(): ThreadCpu | undefined {
  const own = (process as ThreadCpuUsage).threadCpuUsage?.();
  if (own !== undefined) return { userMs: own.user / 1000, systemMs: own.system / 1000 };
  try {
    return parseThreadStat(readFileSync('/proc/thread-self/stat', 'latin1'));
  } catch {
    return undefined;
  }
}

/** Reads the times of a line of /proc/…/stat; undefined when it is none. */
export function parseThreadStat(line: string): ThreadCpu | undefined {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const userMs = Number(fields[USER_FIELD]) / TICKS_PER_MS;
  const systemMs = Number(fields[SYSTEM_FIELD]) / TICKS_PER_MS;
  return Number.isNaN(userMs + systemMs) ? undefined : { userMs, systemMs };
}
