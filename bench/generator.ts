/**
 * A load generator that costs little: requests were encoded before, only their event ids are written while it runs. At
 * 100-event batches autocannon takes 1.7 cores for the load that this one makes with a third of one (the column
 * `generator busy` of `npm run bench` shows it), and would itself be what is measured.
 *
 * The clock starts when all connections are open. When the time is over nothing more is sent, and what is on its way is
 * waited for, so that what was accepted in all can be compared with what was stored, to the event.
 *
 * Runs as a process of its own: `node generator.js '{"kind", "port", …}'`, and prints one JSON line, GeneratorResult.
 */
import { randomInt } from 'node:crypto';
import type { GeneratorOptions, GeneratorResult, Tally } from './generator-contract.ts';
import { openHttp } from './generator-http.ts';
import { openStreams } from './generator-stream.ts';
import { Latencies } from './latencies.ts';
import { IdStamper, readRequestFile } from './request-file.ts';

/** How long answers that are on their way are waited for. */
const LAST_ANSWERS_MS = 20_000;
const LOOK_INTERVAL_MS = 5;

const options = JSON.parse(process.argv[2] ?? '{}') as GeneratorOptions;
const tally: Tally = {
  accepted: 0,
  events: 0,
  refused: 0,
  others: 0,
  inFlight: 0,
  isOver: false,
  latencies: new Latencies(),
};
const requests = readRequestFile(options.requestFile);
const ids = new IdStamper(randomInt(2 ** 32));
const load = await (options.kind === 'http' ? openHttp : openStreams)(options, requests, ids, tally);

const startedAt = performance.now();
const cpuAtStart = process.cpuUsage();
load.start();
await sleep(options.seconds * 1000);

tally.isOver = true;
const { accepted, events, refused, others } = tally;
const cpu = process.cpuUsage(cpuAtStart);
const part = {
  accepted,
  events,
  refused,
  others,
  overdue: load.overdue(),
  seconds: (performance.now() - startedAt) / 1000,
  cpuSeconds: (cpu.user + cpu.system) / 1e6,
};
const overAt = performance.now();
while (tally.inFlight > 0 && performance.now() - overAt < LAST_ANSWERS_MS) await sleep(LOOK_INTERVAL_MS);
const result: GeneratorResult = {
  ...part,
  // With the late ones, or an answer that takes longer than the rest of the round would not count.
  latency: tally.latencies.summarise(),
  eventsInAll: tally.events,
  unanswered: tally.inFlight,
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
