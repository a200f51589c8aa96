/**
 * The npm binding of simdjson beside JSON.parse and the reference scanner, in events a CPU-second over the same bodies,
 * taking turns. What a body costs before the binding can look at it, the string made of its bytes, is counted with it
 * and shown alone.
 *
 *   npm run bench:simdjson -- [--events N] [--turns N] [--seed N]
 */
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { Command } from 'commander';
import { ROUTES } from '../src/dialects/routes.ts';
import { createScanOutput } from '../src/scan/contract.ts';
import { createReferenceScanner } from '../src/scan/reference/scanner.ts';
import { createUuidSource } from '../src/scan/uuid.ts';
import { type CorpusSize, createCorpus, createRandom } from './corpus.ts';
import { positive } from './positive.ts';
import { createSlab, resetVerdicts } from './scan-fixture.ts';
import { median } from './statistics.ts';

interface Binding {
  isValid(text: string): boolean;
  parse(text: string): unknown;
}

const options = new Command('npm run bench:simdjson --')
  .description('The npm binding of simdjson beside JSON.parse and the reference scanner.')
  .option('--events <n>', 'events of a body', positive, 100)
  .option('--turns <n>', 'turns of each way', positive, 7)
  .option('--seed <n>', 'of the events', positive, 1)
  .parse()
  .opts<{ readonly events: number; readonly turns: number; readonly seed: number }>();
const { events: eventsPerBody, turns, seed } = options;
const TURN_CPU_US = 200_000;
const BODIES = 20;

// From the root of the repository, where npm starts scripts.
const binding = createRequire(`${process.cwd()}/package.json`)('./build/simdjson/simdjson.node') as Binding;

/** Each does its work on one body; the sum of what it returns keeps the work from being dropped. */
const CONTENDERS: Readonly<Record<string, (body: Buffer) => number>> = {
  'string from bytes, UTF-8': (body) => body.toString('utf8').length,
  'string from bytes, latin1': (body) => body.toString('latin1').length,
  'JSON.parse, with its string': (body) => sizeOf(JSON.parse(body.toString('utf8'))),
  'simdjson parse, with its string': (body) => sizeOf(binding.parse(body.toString('utf8'))),
  'simdjson isValid, with its string': (body) => Number(binding.isValid(body.toString('utf8'))),
  // Structure alone: other letters than were sent, but the same quotes, brackets and numbers. Its cheapest use.
  'simdjson isValid, of latin1': (body) => Number(binding.isValid(body.toString('latin1'))),
};

console.log(
  `node ${process.version} · ${cpus()[0]?.model} · seed ${seed} · ${eventsPerBody} events a body · ${turns} turns · ` +
    'M events per CPU-second',
);
for (const size of ['small', 'medium', 'large'] as const) measure(size);

function measure(size: CorpusSize): void {
  const corpus = createCorpus(seed, size);
  const bodies = Array.from({ length: BODIES }, () => corpus.array(eventsPerBody));
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  const contenders = Object.entries(CONTENDERS).map(
    ([name, work]) => [name, () => bodies.reduce((sum, body) => sum + work(body), 0)] as const,
  );
  const rounds = [...contenders, ['reference scanner', scanBodies(bodies)] as const];
  const rates = rounds.map((): number[] => []);
  for (let turn = 0; turn <= turns; turn++) {
    for (const [index, [, round]] of rounds.entries()) {
      const rate = rateOf(round);
      // The first turn warms up.
      if (turn > 0) rates[index]?.push(rate);
    }
  }
  const medians = rates.map(median);
  const reference = medians.at(-1) ?? 0;
  console.log(`${size}, ${(bytes / BODIES / eventsPerBody).toFixed(0)} B an event`);
  for (const [index, [name]] of rounds.entries()) {
    const rate = medians[index] ?? 0;
    const share = `${((100 * reference) / rate).toFixed(0)} % of the reference's time`;
    console.log(`  ${name.padEnd(36)} ${rate.toFixed(3).padStart(8)}   ${share.padStart(32)}`);
  }
}

function sizeOf(parsed: unknown): number {
  return (parsed as unknown[]).length;
}

/** The whole work of the scanner in TypeScript, from bytes to lines and records. */
function scanBodies(bodies: readonly Buffer[]): () => number {
  const scanner = createReferenceScanner({
    programs: ROUTES.map(({ program }) => program),
    apps: ['', 'shop'],
    batchEventsMax: 1000,
    ids: createUuidSource(createRandom(seed)),
  });
  const slab = createSlab(
    bodies.map((body) => ({ body, app: 1 })),
    Date.UTC(2025, 5, 9),
  );
  const output = createScanOutput();
  return () => {
    resetVerdicts(slab.words);
    scanner.scan(slab.job(), output);
    return output.recordCount;
  };
}

/** Events, in millions, of a CPU-second of `round`. */
function rateOf(round: () => number): number {
  const started = process.cpuUsage();
  let rounds = 0;
  let elapsedUs = 0;
  let sum = 0;
  while (elapsedUs < TURN_CPU_US) {
    sum += round();
    rounds++;
    const used = process.cpuUsage(started);
    elapsedUs = used.user + used.system;
  }
  if (sum === 0) throw new Error('a contender did nothing');
  return (rounds * BODIES * eventsPerBody) / elapsedUs;
}
