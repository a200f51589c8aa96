/**
 * `npm run prove`: breaks a running server in every way this repository knows, beside load, and counts every event that
 * was acknowledged in the store by its id. docs/reliability.md shows a run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { clearAll } from './cleanup.ts';
import type { Extent, FaultResult } from './fault.ts';
import { PROVABLE } from './proof.ts';
import { formatMarkdown, formatResult, formatResults, type Proof } from './report.ts';

interface Options {
  readonly fault?: string[];
  readonly seed: number;
  readonly times?: number;
  readonly short?: true;
  readonly long?: true;
  readonly json?: string;
  readonly markdown?: string;
}

/** As shells say it of SIGINT. */
const EXIT_INTERRUPTED = 130;
const NAMES = PROVABLE.map(({ name }) => name);

const options = new Command('npm run prove --')
  .description(
    'Breaks a server under load and counts every acknowledged event in the store by its id.\nEnds with 1 when one is lost, stands twice, or anything else is not as promised.',
  )
  .addOption(new Option('--fault <names...>', 'only these').choices(NAMES))
  .option('--seed <n>', 'where it strikes, and when; a run prints its own', positive, 1 + (Date.now() % 1e6))
  .option('--times <n>', 'strikes of each fault', positive)
  .option('--short', 'seconds a fault, as CI runs it')
  .option('--long', 'a thousand kills, outages of minutes; takes some hours')
  .option('--json <file>', 'write the results as JSON')
  .option('--markdown <file>', 'run nothing: print the table of docs/reliability.md from such a JSON file')
  .addHelpText(
    'after',
    `
Faults:
${PROVABLE.map(({ name, title, times }) => `  ${name.padEnd(15)} ${title} (${times.short}, ${times.default}, ${times.long} times)`).join('\n')}

Examples:
  npm run prove                                  every fault, about 20 minutes
  npm run prove -- --fault kill --times 200      200 kills in a row
  npm run prove -- --fault disk-error --seed 42  what a failed run printed, once more
`,
  )
  .parse()
  .opts<Options>();

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('must be a whole number above 0');
  return value;
}

if (options.markdown !== undefined) {
  process.stdout.write(formatMarkdown(JSON.parse(readFileSync(options.markdown, 'utf8')) as Proof));
} else {
  process.exitCode = (await proveAll()) ? 0 : 1;
}

async function proveAll(): Promise<boolean> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void clearAll().then(() => process.exit(EXIT_INTERRUPTED)));
  }
  const extent: Extent = options.long ? 'long' : options.short ? 'short' : 'default';
  const { seed } = options;
  const machine = `${cpus().length} × ${cpus()[0]?.model}, Node ${process.versions.node}`;
  process.stdout.write(`${machine}, seed ${seed}, ${extent} run\n`);
  const results: FaultResult[] = [];
  for (const fault of PROVABLE) {
    if (options.fault !== undefined && !options.fault.includes(fault.name)) continue;
    const times = options.times === undefined ? {} : { times: options.times };
    const result = await fault.run({ seed, extent, ...times, progress });
    progress('');
    process.stdout.write(formatResult(result));
    results.push(result);
  }
  const proof: Proof = { machine, seed, extent, results };
  process.stdout.write(`\n${formatResults(proof)}`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(proof, null, 2)}\n`);
  return results.every(({ status }) => status !== 'failed');
}

/** One line that is written over where someone looks; elsewhere one line a step. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}
