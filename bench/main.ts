/**
 * `npm run bench`: Penstock beside a plain Fastify handler that stores nothing, in one run, interleaved, so that a
 * noisy machine disturbs both alike. Prints a table; `--json FILE` writes every round.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { createCorpus } from './corpus.ts';
import { measureFront } from './front.ts';
import { launchPenstock } from './penstock.ts';
import { residentMiB, type ServerProcess } from './process.ts';
import { type Round, runRound } from './rounds.ts';
import { LONG_SCENARIOS, SCENARIOS, type Scenario, startByName } from './scenarios.ts';
import { median, spread } from './statistics.ts';
import { formatTable } from './table.ts';

const SEED = 20_261_120;
/** Distinct bodies sent in turn. */
const BODY_COUNT = 64;
/** Distinct messages of a WebSocket connection. */
const MESSAGE_COUNT = 1024;
const SECONDS = 5;

const NAMES = [...SCENARIOS.map((scenario) => scenario.name), 'idle', 'front'];
const BY_DEFAULT = NAMES.filter((name) => !LONG_SCENARIOS.includes(name));

interface Options {
  readonly scenario: string[];
  readonly seconds?: number;
  readonly repeats: number;
  readonly json?: string;
}

const options = new Command('npm run bench --')
  .description(
    'Throughput, latency and cost beside a Fastify handler that parses, checks and stores nothing.',
  )
  .option('--scenario <names...>', `which of ${NAMES.join(', ')}`, BY_DEFAULT)
  .option('--seconds <n>', `load of one round (default: ${SECONDS}, 60 of the sustained ones)`, positive)
  .option('--repeats <n>', 'rounds of each server, interleaved', positive, 3)
  .option('--json <file>', 'write every round as JSON')
  .addHelpText('after', `\n${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join('\n')}`)
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

if (options.scenario.includes('idle')) results['idle'] = await measureIdle();
for (const scenario of SCENARIOS) {
  if (options.scenario.includes(scenario.name)) results[scenario.name] = await compare(scenario);
}
if (options.scenario.includes('front')) {
  const { seconds = SECONDS, repeats } = options;
  results['front'] = await measureFront({ seconds, repeats, seed: SEED, progress });
}
if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(results, null, 2));

async function measureIdle() {
  const startedAt = performance.now();
  const server = await launchPenstock();
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
  const { eventsPerRequest, servers: names } = scenario;
  const seconds = options.seconds ?? scenario.seconds ?? SECONDS;
  const corpus = createCorpus(SEED, 'medium');
  const bodies = Array.from({ length: scenario.path === 'stream' ? MESSAGE_COUNT : BODY_COUNT }, () =>
    eventsPerRequest === 1 ? corpus.single() : corpus.array(eventsPerRequest),
  );
  const load = { ...scenario, bodies };
  const servers = await Promise.all(
    names.map(async (name) => ({ name, server: await startByName(name), rounds: [] as Round[] })),
  );
  try {
    for (const { server } of servers) {
      progress(`${scenario.name}: warming up`);
      await runRound(server, { ...load, seconds: Math.min(2, seconds) }, eventsPerRequest);
    }
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      for (const { name, server, rounds } of servers) {
        progress(`${scenario.name}: round ${repeat + 1} of ${options.repeats}, ${name}`);
        rounds.push(await runRound(server, { ...load, seconds }, eventsPerRequest));
      }
    }
  } finally {
    await Promise.all(servers.map(({ server }) => server.stop()));
  }
  progress('');
  const rounds = Object.fromEntries(servers.map((entry) => [entry.name, entry.rounds]));
  printScenario(scenario, rounds);
  return { rounds };
}

function printScenario(scenario: Scenario, rounds: Record<string, Round[]>): void {
  process.stdout.write(`${scenario.name}: ${scenario.about}, ${scenario.connections} connections\n`);
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
      of((round) => round.visiblePerSecond),
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
    'visible events/s',
    '503 %',
    'generator busy %',
  ];
  process.stdout.write(`${formatTable(head, rows)}${ratioLine(rounds)}\n`);
}

/** The first server's throughput to the last one's, round by round. */
function ratioLine(rounds: Record<string, Round[]>): string {
  const [first, ...others] = Object.entries(rounds);
  const last = others.at(-1);
  if (first === undefined || last === undefined) return '';
  const ratios = first[1].map(
    (round, index) => round.eventsPerSecond / (last[1][index]?.eventsPerSecond ?? 0),
  );
  return `  ${first[0]} is ${median(ratios).toFixed(2)} × ${last[0]} (median of the rounds' ratios)\n`;
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
