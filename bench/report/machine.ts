/** What a figure was measured on: without it the figure says nothing. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../process.ts';
import { SEED } from '../run-scenario.ts';

export interface Machine {
  readonly at: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Processes that wanted a core in the last minute, before the run. */
  readonly loadAverage: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly seed: number;
}

/** Packages of the peers and of the bench whose versions a report names. */
const PACKAGES = ['fastify', 'kafkajs', '@clickhouse/client', 'autocannon', 'uWebSockets.js', 'chdb'];

/** The machine as it is now. */
export function readMachine(): Machine {
  return {
    at: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    loadAverage: loadavg()[0] ?? 0,
    versions: {
      penstock: commitOf(),
      node: process.versions.node,
      ...Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
      ...goVersion(),
    },
    seed: SEED,
  };
}

/** The machine in two lines. */
export function describeMachine({ at, cpu, cores, memoryGiB, kernel, loadAverage, versions, seed }: Machine) {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${at}: ${cores} × ${cpu}, ${memoryGiB} GiB, Linux ${kernel}, load before ${loadAverage.toFixed(2)}, seed ${seed}`,
    names.join(', '),
  ].join('\n');
}

/** Whether others keep the cores busy: figures by the clock are then worth less than those by CPU time. */
export function isBusy({ loadAverage, cores }: Machine): boolean {
  return loadAverage > cores / 4;
}

function versionOf(name: string): string {
  const file = new URL(`node_modules/${name}/package.json`, ROOT);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function commitOf(): string {
  const version = (JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string })
    .version;
  const commit = say('git', 'describe', '--always', '--dirty');
  return commit === undefined ? version : `${version} (${commit})`;
}

function goVersion(): Record<string, string> {
  const version = say('go', 'env', 'GOVERSION');
  return version === undefined ? {} : { go: version.replace(/^go/, '') };
}

/** What a program prints; undefined where it is not here or fails. */
function say(program: string, ...parameters: string[]): string | undefined {
  const { status, stdout } = spawnSync(program, parameters, { cwd: fileURLToPath(ROOT), encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
