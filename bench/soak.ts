/**
 * `npm run bench:soak`: load on schedule for a given time, and whether memory grows. The first part of the run is left out:
 * buffers, pools and code reach their size in it. Of the rest the middle of the first third is compared with the middle of
 * the last: growth beyond both an absolute and a relative bound fails. Events are counted as in every round.
 */
import { Command } from 'commander';
import { override, scenarioByName } from './options.ts';
import { peerByName } from './peers/index.ts';
import { openBackend } from './places/open.ts';
import { positive } from './positive.ts';
import { watchResident } from './process.ts';
import { showProgress } from './progress.ts';
import { lineChart } from './report/charts.ts';
import { group } from './report/figures.ts';
import { describeMachine, readMachine } from './report/machine.ts';
import { defaultFolder, writeRun } from './report/write.ts';
import { growthOf } from './resident-growth.ts';
import { runRound } from './rounds.ts';
import { createLoad, startContender } from './run-scenario.ts';

const SAMPLES = 600;
const SAMPLE_MS_MIN = 100;

interface Options {
  readonly minutes: number;
  readonly scenario: string;
  readonly peer: string;
  readonly eventsPerSecond: number;
  readonly growthMib: number;
  readonly growthPercent: number;
  readonly sink?: string;
  readonly out?: string;
}

const options = new Command('npm run bench:soak --')
  .description('Load for a given time; fails when memory grows.')
  .option('--minutes <n>', 'of load', positive, 30)
  .option('--scenario <name>', 'whose requests, connections and sink', 'batch-100')
  .option('--peer <name>', 'which server', 'penstock')
  .option('--events-per-second <n>', 'on schedule', positive, 100_000)
  .option('--growth-mib <n>', 'growth that is let pass', positive, 32)
  .option('--growth-percent <n>', 'or this much of what it was', positive, 10)
  .option('--sink <name>', "instead of the scenario's")
  .option('--out <folder>', 'where the report goes (default: a new folder in .cache/bench)')
  .parse()
  .opts<Options>();

const scenario = override(scenarioByName(options.scenario), {
  ...(options.sink === undefined ? {} : { sink: options.sink }),
  rate: options.eventsPerSecond / scenarioByName(options.scenario).eventsPerRequest,
  generator: 'own',
});
const machine = readMachine();
process.stdout.write(`${describeMachine(machine)}\n\n`);
const seconds = options.minutes * 60;
const intervalMs = Math.max(SAMPLE_MS_MIN, (seconds * 1000) / SAMPLES);
const backend = await openBackend(scenario.sink);
const peer = peerByName(options.peer);
const { server } = await startContender(peer, scenario, backend);
const startedAtMs = performance.now();
const timer = setInterval(
  () => {
    const passed = (performance.now() - startedAtMs) / 60_000;
    showProgress(`soak: ${passed.toFixed(1)} of ${options.minutes} minutes`);
  },
  process.stderr.isTTY ? 1_000 : 60_000,
);
try {
  const own = watchResident(server.ownPids(), intervalMs);
  const load = { ...createLoad(scenario)(peer), seconds };
  const round = await runRound(server, load, backend.pids);
  const samples = own.stop();
  // Those of the round are many more.
  const { residentMiB: _samples, ...figures } = round;
  showProgress('');
  const growth = growthOf(samples);
  const boundMiB = Math.max(options.growthMib, (growth.beforeMiB * options.growthPercent) / 100);
  const isSteady = growth.afterMiB - growth.beforeMiB <= boundMiB;
  const text =
    `${peer.name}, ${scenario.about}, sink ${scenario.sink}: ${group(round.events, 0)} events in ${round.seconds.toFixed(0)} s, all stored once, ` +
    `p99 ${round.latency.p99.toFixed(2)} ms, ${round.cpuSecondsPerMillion.toFixed(2)} CPU s/M\n` +
    `resident: ${growth.beforeMiB.toFixed(0)} MiB, later ${growth.afterMiB.toFixed(0)} MiB, ` +
    `${boundMiB.toFixed(0)} MiB more are let pass: ${isSteady ? 'steady' : 'IT GROWS'}\n`;
  process.stdout.write(text);
  const points = samples.map((mib, index) => [(index * intervalMs) / 60_000, mib] as const);
  const lines = [{ name: peer.name, points }];
  const chart = lineChart('Resident memory', { x: 'minutes', y: 'MiB' }, [{ title: scenario.about, lines }]);
  writeRun(options.out ?? defaultFolder('soak', machine), {
    title: 'Penstock: soak',
    machine,
    texts: [text],
    charts: { 'memory.svg': chart },
    results: { peer: peer.name, scenario, growth, boundMiB, isSteady, intervalMs, samples, round: figures },
  });
  process.exitCode = isSteady ? 0 : 1;
} finally {
  clearInterval(timer);
  await server.stop();
  await backend.stop();
}
