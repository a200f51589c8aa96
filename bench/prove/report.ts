/** The results as people read them: a line a fault while it runs, a table at the end, and the table of the docs. */
import { formatTable } from '../table.ts';
import type { Extent, FaultResult } from './fault.ts';

/** What `--json` writes. */
export interface Proof {
  readonly machine: string;
  readonly seed: number;
  readonly extent: Extent;
  readonly results: readonly FaultResult[];
}

const HEAD = [
  'fault',
  'times',
  'acknowledged',
  'lost',
  'twice',
  'resent',
  'p99 ms',
  'back after ms',
  'caught up after s',
  'RSS MiB',
  'result',
];

/** One line, and one for each problem. */
export function formatResult(result: FaultResult): string {
  const { name, status, note, seconds, problems } = result;
  const words = status === 'skipped' ? `skipped: ${note}` : `${status} in ${seconds.toFixed(1)} s`;
  return [`${name}: ${words}`, ...problems.map((problem) => `  ! ${problem}`), ''].join('\n');
}

/** The table, and what it comes to. */
export function formatResults({ results }: Proof): string {
  const count = (status: FaultResult['status']) =>
    results.filter((result) => result.status === status).length;
  const rows = results.map((result) => [result.name, ...cellsOf(result)]);
  return `${formatTable(HEAD, rows)}\n${notesOf(results)}\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped\n`;
}

/** The same as a table of Markdown, with what each fault is. */
export function formatMarkdown({ machine, seed, extent, results }: Proof): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return [
    `${machine}, seed ${seed}, ${extent} run.\n\n`,
    line(HEAD),
    line(HEAD.map((_, column) => (column === 0 ? '---' : '--:'))),
    ...results.map((result) => line([`${result.title} (\`${result.name}\`)`, ...cellsOf(result)])),
    `\n${notesOf(results)}`,
  ].join('');
}

/** What a row cannot say, a line each. */
function notesOf(results: readonly FaultResult[]): string {
  return results
    .filter(({ note }) => note !== '')
    .map(({ name, note }) => `- \`${name}\`: ${note}.\n`)
    .join('');
}

function cellsOf(result: FaultResult): string[] {
  const { status, recoveryMs, caughtUpMs, p99Ms } = result;
  if (status === 'skipped') return [...HEAD.slice(2).map(() => '–'), 'skipped'];
  const whole = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 0 });
  const lasting = result.strikeMs > 0 ? ` × ${(result.strikeMs / 1000).toLocaleString('en-US')} s` : '';
  return [
    `${whole(result.times)}${lasting}`,
    whole(result.acknowledged),
    whole(result.lost),
    whole(result.duplicated),
    whole(result.resent),
    p99Ms === undefined ? '–' : whole(p99Ms),
    recoveryMs === undefined ? '–' : `${whole(recoveryMs.median)} (≤ ${whole(recoveryMs.max)})`,
    caughtUpMs === undefined ? '–' : (caughtUpMs / 1000).toFixed(1),
    result.residentMiBMax === 0 ? '–' : whole(result.residentMiBMax),
    status,
  ];
}
