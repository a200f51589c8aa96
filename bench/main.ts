/**
 * `npm run bench`: Penstock beside its peers, in one run, interleaved. Prints a table a scenario and writes JSON, tables,
 * charts and one page. docs/bench.md has what the columns mean.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { measureFront } from './front.ts';
import { formatIdle, measureIdle } from './idle.ts';
import { type Overrides, override, scenarioByName } from './options.ts';
import { PEERS } from './peers/index.ts';
import { SINKS, Unavailable } from './places/place.ts';
import { positive } from './positive.ts';
import { ROOT } from './process.ts';
import { showProgress } from './progress.ts';
import { drawCharts } from './report/chart-set.ts';
import { describeMachine, readMachine } from './report/machine.ts';
import { drawReadmeChart } from './report/readme-chart.ts';
import { formatTargets } from './report/targets.ts';
import { formatScenario } from './report/text.ts';
import { busyWarning, defaultFolder, writeRun } from './report/write.ts';
import { runScenario, type ScenarioResult, SEED } from './run-scenario.ts';
import { BY_DEFAULT, README_SCENARIOS, SCENARIOS } from './scenarios.ts';

const NAMES = ['idle', ...SCENARIOS.map((scenario) => scenario.name), 'front'];
const FRONT_SECONDS = 5;
const README_REPEATS = 5;
const README_CHART = fileURLToPath(new URL('docs/bench.svg', ROOT));

interface Options extends Overrides {
  readonly scenario: string[];
  readonly seconds?: number;
  readonly repeats?: number;
  readonly out?: string;
  readonly json?: string;
  readonly readme?: boolean;
  readonly dialect?: string;
}

const list = (rows: readonly { name: string; about: string }[]) =>
  rows.map(({ name, about }) => `  ${name.padEnd(20)}${about}`).join('\n');

const options = new Command('npm run bench --')
  .description('Throughput, latency, memory and CPU time of Penstock and its peers, round by round in turn.')
  .option('--scenario <names...>', 'which of those below, or all', [...BY_DEFAULT])
  .option('--dialect <name>', "a dialect's batches beside Penstock's own, the scenario of its name: segment")
  .option('--peer <names...>', "who takes turns with the scenario's first server")
  .option('--seconds <n>', 'load of one round (default: 5, 60 of the sustained ones)', positive)
  .option('--repeats <n>', `rounds of each server (default: 3, with --readme ${README_REPEATS})`, positive)
  .option('--sink <name>', `instead of the scenario's: ${SINKS.join(', ')}`)
  .option('--mix <name>', "instead of the scenario's: small (150 B), medium (434 B) or large (3 KB)")
  .option('--connections <n>', "instead of the scenario's", positive)
  .option('--rate <n>', 'requests or messages a second on schedule (open loop)', positive)
  .option('--generator <name>', 'own or autocannon')
  .option('--out <folder>', 'where the report goes (default: a new folder in .cache/bench)')
  .option('--json <file>', 'write every round as JSON there as well')
  .option('--readme', 'the scenarios of README and its targets; draws docs/bench.svg')
  .addHelpText('after', `\nScenarios:\n${list(SCENARIOS)}\n\nPeers:\n${list(PEERS)}\n\nSee docs/bench.md.`)
  .parse()
  .opts<Options>();

const asked = options.dialect === undefined ? options.scenario : [options.dialect];
const names = options.readme === true ? README_SCENARIOS : namesOf(asked);
const repeats = options.repeats ?? (options.readme === true ? README_REPEATS : 3);
const machine = readMachine();
const texts: string[] = [];
const results: ScenarioResult[] = [];
const others: Record<string, unknown> = {};

process.stdout.write(`${describeMachine(machine)}\n\n`);
const warning = busyWarning(machine);
if (warning !== undefined) process.stdout.write(`${warning}\n\n`);
for (const name of names) await runOne(name);
if (options.readme === true) {
  say(formatTargets(results));
  writeFileSync(README_CHART, drawReadmeChart(results, machine));
  process.stdout.write(`chart: ${README_CHART}\n`);
}
const folder = options.out ?? defaultFolder('bench', machine);
const charts = drawCharts(results);
const all = { ...others, scenarios: results };
writeRun(folder, { title: 'Penstock bench', machine, texts, charts, results: all });
if (options.json !== undefined)
  writeFileSync(options.json, JSON.stringify({ machine, results: all }, null, 2));

function namesOf(asked: readonly string[]): readonly string[] {
  if (asked.includes('all'))
    return ['idle', ...SCENARIOS.filter(({ isLong }) => isLong !== true).map(({ name }) => name)];
  const unknown = asked.filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) throw new Error(`no scenario is called ${unknown.join(', ')}: ${NAMES.join(', ')}`);
  return asked;
}

async function runOne(name: string): Promise<void> {
  const { seconds } = options;
  if (name === 'idle') {
    const idle = await measureIdle();
    others['idle'] = idle;
    return say(formatIdle(idle));
  }
  if (name === 'front') {
    const front = { seconds: seconds ?? FRONT_SECONDS, repeats, seed: SEED, progress: showProgress };
    others['front'] = await measureFront(front);
    return;
  }
  try {
    const scenario = override(scenarioByName(name), options);
    const result = await runScenario(scenario, { seconds, repeats, progress: showProgress });
    showProgress('');
    results.push(result);
    say(formatScenario(result));
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    say(`${name}: skipped: ${error.message}\n`);
  }
}

function say(text: string): void {
  showProgress('');
  texts.push(text);
  process.stdout.write(`${text}\n`);
}
