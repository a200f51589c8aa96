/** Writes a run: results.json, tables.txt, an SVG a chart, and report.html, which holds them all. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../process.ts';
import { formatPage } from './html.ts';
import { describeMachine, isBusy, type Machine } from './machine.ts';

export interface Run {
  readonly title: string;
  readonly machine: Machine;
  readonly texts: readonly string[];
  readonly charts: Readonly<Record<string, string>>;
  /** Everything that was measured. */
  readonly results: unknown;
}

/** A folder of its own below .cache/bench, named by what ran and when. */
export function defaultFolder(name: string, { at }: Machine): string {
  return fileURLToPath(new URL(`.cache/bench/${name}-${at.replaceAll(':', '').slice(0, 17)}`, ROOT));
}

/** Said above figures of a machine that others use too. */
export function busyWarning(machine: Machine): string | undefined {
  if (!isBusy(machine)) return undefined;
  return `The machine was not idle before the run (load ${machine.loadAverage.toFixed(2)}): compare ratios and CPU seconds, not events a second.`;
}

/** Writes all of it into `folder` and says so. */
export function writeRun(folder: string, { title, machine, texts, charts, results }: Run): void {
  mkdirSync(folder, { recursive: true });
  const json = JSON.stringify({ machine, results }, null, 2);
  const warning = busyWarning(machine);
  writeFileSync(join(folder, 'results.json'), json);
  const head = [describeMachine(machine), ...(warning === undefined ? [] : [warning])];
  writeFileSync(join(folder, 'tables.txt'), `${[...head, ...texts].join('\n\n')}\n`);
  for (const [name, svg] of Object.entries(charts)) writeFileSync(join(folder, name), svg);
  const page = formatPage({ title, machine: describeMachine(machine), warning, texts, charts, json });
  writeFileSync(join(folder, 'report.html'), page);
  process.stdout.write(`report: ${join(folder, 'report.html')}\n`);
}
