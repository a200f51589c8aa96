/**
 * `npm run bench:knee`: the highest rate, on schedule, at which the 99th percentile of latency stays under a bound and nothing
 * is refused. Rates double until one fails, then the gap between the last that held and the first that did not is halved;
 * a rate holds when most of its rounds do, so that one stall of the machine does not decide.
 */
import { Command } from 'commander';
import { override, scenarioByName } from './options.ts';
import { peerByName } from './peers/index.ts';
import { openBackend } from './places/open.ts';
import { positive } from './positive.ts';
import { showProgress } from './progress.ts';
import { lineChart } from './report/charts.ts';
import { group } from './report/figures.ts';
import { describeMachine, readMachine } from './report/machine.ts';
import { defaultFolder, writeRun } from './report/write.ts';
import { type Round, runRound } from './rounds.ts';
import { createLoad, startContender } from './run-scenario.ts';
import type { Scenario } from './scenarios.ts';
import { median } from './statistics.ts';
import { formatTable } from './table.ts';

/** Requests that were due and not sent at the end: more than this and the server fell behind. */
const OVERDUE_SHARE_MAX = 0.01;

interface Options {
  readonly scenario: string;
  readonly peer: string;
  readonly p99Ms: number;
  readonly seconds: number;
  readonly repeats: number;
  readonly from: number;
  readonly steps: number;
  readonly sink?: string;
  readonly out?: string;
}

const options = new Command('npm run bench:knee --')
  .description('The highest rate that holds p99 under a bound.')
  .option('--scenario <name>', 'whose requests, connections and sink', 'batch-100')
  .option('--peer <name>', 'which server', 'penstock')
  .option('--p99-ms <n>', 'the bound', positive, 20)
  .option('--seconds <n>', 'load of one round', positive, 4)
  .option('--repeats <n>', 'rounds at each rate', positive, 3)
  .option('--from <n>', 'events a second to begin with', positive, 50_000)
  .option('--steps <n>', 'halvings of the gap', positive, 4)
  .option('--sink <name>', "instead of the scenario's")
  .option('--out <folder>', 'where the report goes (default: a new folder in .cache/bench)')
  .parse()
  .opts<Options>();

interface Tried {
  readonly eventsPerSecond: number;
  readonly holds: boolean;
  readonly rounds: readonly Round[];
}

const scenario = override(
  scenarioByName(options.scenario),
  options.sink === undefined ? {} : { sink: options.sink },
);
const machine = readMachine();
process.stdout.write(`${describeMachine(machine)}\n\n`);
const backend = await openBackend(scenario.sink);
const peer = peerByName(options.peer);
const tried: Tried[] = [];
const { server } = await startContender(peer, scenario, backend);
try {
  await search();
} finally {
  await server.stop();
  await backend.stop();
}
report();

async function search(): Promise<void> {
  await measure(options.from, 1);
  let holds = 0;
  let rate = options.from;
  while (await check(rate)) {
    holds = rate;
    rate *= 2;
  }
  let fails = rate;
  for (let step = 0; step < options.steps; step++) {
    const middle = (holds + fails) / 2;
    if (await check(middle)) holds = middle;
    else fails = middle;
  }
}

async function check(eventsPerSecond: number): Promise<boolean> {
  const rounds = await measure(eventsPerSecond, options.repeats);
  const holds = median(rounds.map((round) => (isHeld(round) ? 0 : 1))) === 0;
  tried.push({ eventsPerSecond, holds, rounds });
  return holds;
}

async function measure(eventsPerSecond: number, repeats: number): Promise<Round[]> {
  const at: Scenario = { ...scenario, generator: 'own', rate: eventsPerSecond / scenario.eventsPerRequest };
  const load = { ...createLoad(at)(peer), seconds: options.seconds };
  const rounds: Round[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    showProgress(`knee: ${group(eventsPerSecond, 0)} events/s, round ${repeat + 1} of ${repeats}`);
    rounds.push(await runRound(server, load, backend.pids));
  }
  return rounds;
}

function isHeld({ latency, refusedShare, overdueShare }: Round): boolean {
  return latency.p99 <= options.p99Ms && refusedShare === 0 && overdueShare <= OVERDUE_SHARE_MAX;
}

function report(): void {
  showProgress('');
  const middle = (rounds: readonly Round[], of: (round: Round) => number) => median(rounds.map(of));
  const rising = tried.toSorted((a, b) => a.eventsPerSecond - b.eventsPerSecond);
  const table = formatTable(
    ['events/s due', 'events/s', 'p50 ms', 'p99 ms', 'CPU s/M', 'generator %', ''],
    rising.map(({ eventsPerSecond, rounds, holds }) => [
      group(eventsPerSecond, 0),
      group(
        middle(rounds, (round) => round.eventsPerSecond),
        0,
      ),
      middle(rounds, ({ latency }) => latency.p50).toFixed(2),
      middle(rounds, ({ latency }) => latency.p99).toFixed(2),
      middle(rounds, (round) => round.cpuSecondsPerMillion).toFixed(2),
      (middle(rounds, (round) => round.generatorBusy) * 100).toFixed(0),
      holds ? 'holds' : 'fails',
    ]),
  );
  const knee = Math.max(
    0,
    ...tried.filter(({ holds }) => holds).map(({ eventsPerSecond }) => eventsPerSecond),
  );
  const verdict = `${peer.name}, ${scenario.about}, sink ${scenario.sink}: ${group(knee, 0)} events/s with p99 ≤ ${options.p99Ms} ms\n`;
  process.stdout.write(`${table}\n${verdict}`);
  const chart = lineChart(
    `p99 by rate: ${peer.name}, ${scenario.about}`,
    { x: 'events/s', y: 'ms', isLogarithmic: true },
    [
      {
        title: `the bound is ${options.p99Ms} ms`,
        lines: [
          {
            name: 'p99',
            points: rising.map(
              ({ eventsPerSecond, rounds }) =>
                [eventsPerSecond, middle(rounds, ({ latency }) => latency.p99)] as const,
            ),
          },
          {
            name: 'p50',
            points: rising.map(
              ({ eventsPerSecond, rounds }) =>
                [eventsPerSecond, middle(rounds, ({ latency }) => latency.p50)] as const,
            ),
          },
        ],
      },
    ],
  );
  writeRun(options.out ?? defaultFolder('knee', machine), {
    title: 'Penstock: the knee',
    machine,
    texts: [table, verdict],
    charts: { 'knee.svg': chart },
    results: { peer: peer.name, scenario, p99Ms: options.p99Ms, knee, tried: rising },
  });
}
