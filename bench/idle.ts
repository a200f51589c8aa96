/** What Penstock takes before it has done anything: time to start, and memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import { launchPenstock } from './penstock.ts';
import { residentMiB, type ServerProcess } from './process.ts';

const SETTLE_MS = 2_000;

export interface Idle {
  readonly healthMs: number;
  readonly readyMs: number;
  readonly residentMiB: number;
}

/** Starts one, with its embedded store, and stops it. */
export async function measureIdle(): Promise<Idle> {
  const startedAt = performance.now();
  const server = await launchPenstock();
  while (!(await isHealthy(server))) await sleep(5);
  const healthMs = performance.now() - startedAt;
  while (!(await fetch(`${server.url}/ready`)).ok) await sleep(20);
  const readyMs = performance.now() - startedAt;
  await sleep(SETTLE_MS);
  const resident = residentMiB(server.pid);
  await server.stop();
  return { healthMs, readyMs, residentMiB: resident };
}

/** One line. */
export function formatIdle({ healthMs, readyMs, residentMiB: resident }: Idle): string {
  return `idle: /health after ${healthMs.toFixed(0)} ms, /ready after ${readyMs.toFixed(0)} ms, front and workers ${resident.toFixed(0)} MiB resident\n`;
}

async function isHealthy(server: ServerProcess): Promise<boolean> {
  return (await fetch(`${server.url}/health`).catch(() => undefined))?.ok === true;
}
