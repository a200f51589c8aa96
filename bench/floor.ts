/**
 * `npm run bench:floor`: a small fixed scenario that CI runs. Batches of 100, answered when they are on disk, by Penstock and
 * by the Fastify peer in turn; what counts is CPU seconds an event, since the clock of a machine that others use says
 * nothing. Fails when the middle of the rounds' ratios is below the floor.
 *
 * The floor has room: on an idle machine and on one with many times as many runnable threads as cores the ratio was between
 * 4 and 9 (docs/bench.md). One below 2 means that something an event costs has doubled.
 */
import { Command } from 'commander';
import { scenarioByName } from './options.ts';
import { positive } from './positive.ts';
import { showProgress } from './progress.ts';
import { drawCharts } from './report/chart-set.ts';
import { describeMachine, readMachine } from './report/machine.ts';
import { formatScenario, ratiosOf } from './report/text.ts';
import { defaultFolder, writeRun } from './report/write.ts';
import { runScenario } from './run-scenario.ts';

const FLOOR = 2;
const SECONDS = 1.5;
const REPEATS = 5;
const SCENARIO = { ...scenarioByName('batch-100'), peers: ['penstock', 'fastify'] };

const options = new Command('npm run bench:floor --')
  .description('Events a CPU second, Penstock to Fastify, against a floor.')
  .option('--floor <n>', 'least ratio', positive, FLOOR)
  .option('--seconds <n>', 'load of one round', positive, SECONDS)
  .option('--repeats <n>', 'rounds of each', positive, REPEATS)
  .option('--out <folder>', 'where the report goes (default: a new folder in .cache/bench)')
  .parse()
  .opts<{ floor: number; seconds: number; repeats: number; out?: string }>();

const machine = readMachine();
process.stdout.write(`${describeMachine(machine)}\n\n`);
const result = await runScenario(SCENARIO, { ...options, progress: showProgress });
showProgress('');
const text = formatScenario(result);
process.stdout.write(`${text}\n`);
const ratio = ratiosOf(result)[0]?.cpu ?? Number.NaN;
const isReached = ratio >= options.floor;
const verdict = `events a CPU second: ${ratio.toFixed(2)} × Fastify's, floor ${options.floor}: ${isReached ? 'reached' : 'MISSED'}`;
process.stdout.write(`${verdict}\n`);
writeRun(options.out ?? defaultFolder('floor', machine), {
  title: 'Penstock against its floor',
  machine,
  texts: [text, verdict],
  charts: drawCharts([result]),
  results: { ratio, floor: options.floor, scenarios: [result] },
});
process.exitCode = isReached ? 0 : 1;
