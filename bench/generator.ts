/**
 * A load generator that costs little: requests were encoded before, only their event ids are written while it runs. At
 * 100-event batches autocannon takes 1.7 cores for the load that this one makes with a third of one (the column
 * `generator busy` of `npm run bench` shows it), and would itself be what is measured.
 *
 * Runs as a process of its own: `node generator.js '{"kind", "port", …}'`, and prints one JSON line, GeneratorResult.
 */
import { randomInt } from 'node:crypto';
import type { GeneratorOptions, GeneratorResult, Tally } from './generator-contract.ts';
import { httpLoad } from './generator-http.ts';
import { streamLoad } from './generator-stream.ts';
import { IdStamper, readRequestFile } from './request-file.ts';
import { percentile } from './statistics.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as GeneratorOptions;
const tally: Tally = { accepted: 0, refused: 0, others: 0, latenciesMs: [] };
const requests = readRequestFile(options.requestFile);
const ids = new IdStamper(randomInt(2 ** 32));
(options.kind === 'http' ? httpLoad : streamLoad)(options, requests, ids, tally);

const startedAt = performance.now();
const cpuAtStart = process.cpuUsage();
setTimeout(() => {
  const { latenciesMs, ...counts } = tally;
  const cpu = process.cpuUsage(cpuAtStart);
  const result: GeneratorResult = {
    ...counts,
    seconds: (performance.now() - startedAt) / 1000,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}, options.seconds * 1000);
