/**
 * `npm run bench`: Penstock beside a plain Fastify handler that stores nothing, in one run, interleaved, so that a
 * noisy machine disturbs both alike. Prints a table; `--json FILE` writes every round.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { createCorpus } from './corpus.ts';
import { measureFront } from './front.ts';
import { BENCH_KEY } from './load.ts';
import { residentMiB, type ServerProcess, startServer } from './process.ts';
import { type Round, runRound } from './rounds.ts';
import { median, spread } from './statistics.ts';
import { formatTable } from './table.ts';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const FASTIFY = fileURLToPath(new URL('./peers/fastify.js', import.meta.url));
const SEED = 20_261_120;
/** Distinct bodies sent in turn. */
const BODY_COUNT = 64;
/** The rate at which the latency of single requests is judged. */
const LATENCY_RATE = 5_000;

interface Scenario {
  readonly name: string;
  readonly path: string;
  readonly eventsPerRequest: number;
  readonly connections: number;
  readonly rate?: number;
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'single', path: '/v1/events', eventsPerRequest: 1, connections: 64 },
  { name: 'batch-100', path: '/v1/events/batch', eventsPerRequest: 100, connections: 16 },
  { name: 'latency', path: '/v1/events', eventsPerRequest: 1, connections: 32, rate: LATENCY_RATE },
];
const NAMES = [...SCENARIOS.map((scenario) => scenario.name), 'idle', 'front'];

interface Options {
  readonly scenario: string[];
  readonly seconds: number;
  readonly repeats: number;
  readonly json?: string;
}

const options = new Command('npm run bench --')
  .description(
    'Throughput, latency and cost beside a Fastify handler that parses, checks and stores nothing.',
  )
  .option('--scenario <names...>', `which of ${NAMES.join(', ')}`, NAMES)
  .option('--seconds <n>', 'load of one round', positive, 5)
  .option('--repeats <n>', 'rounds of each server, interleaved', positive, 3)
  .option('--json <file>', 'write every round as JSON')
  .parse()
  .opts<Options>();

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('must be a number above 0');
  return value;
}

const results: Record<string, unknown> = {
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.versions.node, seed: SEED },
};
process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model}, Node ${process.versions.node}, corpus seed ${SEED}, 434-byte events\n\n`,
);

const dataDir = mkdtempSync(join(tmpdir(), 'penstock-bench-'));
try {
  if (options.scenario.includes('idle')) results['idle'] = await measureIdle();
  for (const scenario of SCENARIOS) {
    if (options.scenario.includes(scenario.name)) results[scenario.name] = await compare(scenario);
  }
  if (options.scenario.includes('front')) {
    results['front'] = await measureFront({ ...options, seed: SEED, progress });
  }
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(results, null, 2));

function startPenstock(): Promise<ServerProcess> {
  return startServer(MAIN, ['serve'], {
    PORT: String(20_000 + (process.pid % 20_000)),
    PENSTOCK_DATA_DIR: dataDir,
    PENSTOCK_EMBEDDED_PORT: '0',
    PENSTOCK_LOG_LEVEL: 'info',
    PENSTOCK_KEYS: `bench=${BENCH_KEY}`,
  });
}

async function measureIdle() {
  const startedAt = performance.now();
  const server = await startPenstock();
  while (!(await healthy(server))) await sleep(5);
  const healthMs = performance.now() - startedAt;
  await ready(server);
  const readyMs = performance.now() - startedAt;
  await sleep(2_000);
  const resident = residentMiB(server.pid);
  await server.stop();
  process.stdout.write(
    `idle: /health after ${healthMs.toFixed(0)} ms, /ready after ${readyMs.toFixed(0)} ms, front and workers ${resident.toFixed(0)} MiB resident\n\n`,
  );
  return { healthMs, readyMs, residentMiB: resident };
}

async function compare(scenario: Scenario) {
  const corpus = createCorpus(SEED, 'medium');
  const bodies = Array.from({ length: BODY_COUNT }, () =>
    scenario.eventsPerRequest === 1 ? corpus.single() : corpus.array(scenario.eventsPerRequest),
  );
  const penstock = await startPenstock();
  const fastify = await startServer(FASTIFY, [], {});
  const rounds: Record<'penstock' | 'fastify', Round[]> = { penstock: [], fastify: [] };
  try {
    await ready(penstock);
    const load = {
      path: scenario.path,
      bodies,
      connections: scenario.connections,
      ...(scenario.rate ? { rate: scenario.rate } : {}),
    };
    for (const server of [penstock, fastify]) {
      progress(`${scenario.name}: warming up`);
      await runRound(server, { ...load, seconds: Math.min(2, options.seconds) }, scenario.eventsPerRequest);
    }
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      for (const name of ['penstock', 'fastify'] as const) {
        progress(`${scenario.name}: round ${repeat + 1} of ${options.repeats}, ${name}`);
        const server = name === 'penstock' ? penstock : fastify;
        rounds[name].push(
          await runRound(server, { ...load, seconds: options.seconds }, scenario.eventsPerRequest),
        );
      }
    }
  } finally {
    await Promise.all([penstock.stop(), fastify.stop()]);
  }
  progress('');
  const ratios = rounds.penstock.map(
    (round, index) => round.eventsPerSecond / rounds.fastify[index]!.eventsPerSecond,
  );
  printScenario(scenario, rounds, median(ratios));
  return { rounds, ratioToFastify: spread(ratios) };
}

function printScenario(scenario: Scenario, rounds: Record<string, Round[]>, ratio: number): void {
  const rate =
    scenario.rate === undefined ? 'as fast as answered' : `${scenario.rate} requests/s on schedule`;
  process.stdout.write(
    `${scenario.name}: ${scenario.eventsPerRequest} event(s) a request, ${scenario.connections} connections, ${rate}\n`,
  );
  const rows = Object.entries(rounds).map(([name, list]) => {
    const of = (read: (round: Round) => number, digits = 0) => {
      const { min, median: middle, max } = spread(list.map(read));
      return `${group(middle, digits)} [${group(min, digits)}–${group(max, digits)}]`;
    };
    return [
      name,
      of((round) => round.eventsPerSecond),
      of((round) => round.p50Ms, 2),
      of((round) => round.p99Ms, 2),
      of((round) => round.cpuSecondsPerMillion, 2),
      of((round) => round.childCpuSecondsPerMillion, 2),
      of((round) => round.residentMiBMax),
      of((round) => round.visibleAfterSeconds, 1),
      of((round) => round.refusedShare * 100, 1),
      of((round) => round.generatorBusy * 100),
    ];
  });
  const head = [
    'server',
    'events/s',
    'p50 ms',
    'p99 ms',
    'CPU s/M events',
    'store CPU s/M',
    'RSS MiB',
    'visible after s',
    '503 %',
    'generator busy %',
  ];
  process.stdout.write(
    `${formatTable(head, rows)}  penstock is ${ratio.toFixed(2)} × fastify (median of the rounds' ratios)\n\n`,
  );
}

function group(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

async function healthy(server: ServerProcess): Promise<boolean> {
  return (await fetch(`${server.url}/health`).catch(() => undefined))?.ok === true;
}

async function ready(server: ServerProcess): Promise<void> {
  while (!(await fetch(`${server.url}/ready`)).ok) await sleep(20);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
