/**
 * `npm run bench:cost`: CPU seconds a stage takes per million events, and from it how many core groups a rate needs.
 * `--write` puts both into docs/capacity.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { capacityTable, stageTable } from './cost/capacity.ts';
import { replaceFigures } from './cost/markdown.ts';
import { measureForms, type Stage, stagesOf } from './cost/stages.ts';
import { compareProcesses, type TwoProcesses } from './cost/two-processes.ts';
import { scenarioByName } from './options.ts';
import { positive } from './positive.ts';
import { ROOT } from './process.ts';
import { showProgress } from './progress.ts';
import { barChart } from './report/charts.ts';
import { formatSpread } from './report/figures.ts';
import { describeMachine, readMachine } from './report/machine.ts';
import { busyWarning, defaultFolder, writeRun } from './report/write.ts';
import { createLoad } from './run-scenario.ts';
import type { Scenario } from './scenarios.ts';

const PAGE = fileURLToPath(new URL('docs/capacity.md', ROOT));

interface Options {
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly repeats: number;
  readonly write?: boolean;
  readonly out?: string;
}

const options = new Command('npm run bench:cost --')
  .description('CPU seconds a stage per million events, and the capacity that follows.')
  .option('--events-per-second <n>', 'on schedule', positive, 100_000)
  .option('--seconds <n>', 'load of one round', positive, 5)
  .option('--repeats <n>', 'rounds of each form', positive, 5)
  .option('--write', 'put the tables into docs/capacity.md')
  .option('--out <folder>', 'where the report goes (default: a new folder in .cache/bench)')
  .parse()
  .opts<Options>();

const base = scenarioByName('batch-100');
const scenario: Scenario = { ...base, rate: options.eventsPerSecond / base.eventsPerRequest };
const machine = readMachine();
process.stdout.write(`${describeMachine(machine)}\n\n`);
const { bodies } = createLoad(scenario)(undefined);
const bytesPerEvent =
  bodies.reduce((sum, body) => sum + body.length, 0) / bodies.length / scenario.eventsPerRequest;
const measuring = { ...options, progress: showProgress };
const { forms, skipped } = await measureForms(scenario, measuring);
const processes = await compareProcesses(scenario, measuring);
showProgress('');
const stages = stagesOf(forms);
const warning = busyWarning(machine);
const figures = [
  `${describeMachine(machine).replace('\n', '  \n')}  \n${scenario.about}, ${bytesPerEvent.toFixed(0)} bytes an event, ` +
    `${options.eventsPerSecond} events/s on schedule, ${options.repeats} rounds of ${options.seconds} s.` +
    `${warning === undefined ? '' : ` **${warning}**`}`,
  stageTable(stages),
  capacityTable(forms, bytesPerEvent),
  describeProcesses(processes),
  ...skipped.map((text) => `Not measured: ${text}.`),
].join('\n\n');
process.stdout.write(`${figures}\n`);
if (options.write === true) writeFileSync(PAGE, replaceFigures(readFileSync(PAGE, 'utf8'), figures));
writeRun(options.out ?? defaultFolder('cost', machine), {
  title: 'Penstock: cost and capacity',
  machine,
  texts: [figures],
  charts: { 'cost.svg': drawStages(stages) },
  results: { scenario, bytesPerEvent, forms, stages, processes },
});

function describeProcesses({ one, two, overdueShareMax }: TwoProcesses): string {
  const deviation = (two.median / one.median - 1) * 100;
  return (
    `One process with all of the load: ${formatSpread(one, 2)} CPU s a million events; two with half of it each: ` +
    `${formatSpread(two, 2)}, ${deviation >= 0 ? '+' : ''}${deviation.toFixed(0)} %, ` +
    `${(overdueShareMax * 100).toFixed(1)} % of the requests not sent in time.`
  );
}

function drawStages(all: readonly Stage[]): string {
  const panels = (['front', 'workers', 'store'] as const).map((process) => ({
    title: process,
    bars: all
      .filter((stage) => stage.process === process)
      .map((stage) => ({ name: stage.name, value: stage.cpuSecondsPerMillion })),
  }));
  return barChart('CPU seconds per million events, by stage', 's', panels);
}
