/**
 * The front alone: 100-event batches into the appliance with a scanner that does nothing. What counts is the front
 * thread's CPU time per batch, since generator and worker share the machine's cores with it.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCorpus } from './corpus.ts';
import { generateHttp } from './generate.ts';
import { startServer } from './process.ts';
import { spread } from './statistics.ts';
import { formatTable } from './table.ts';

const FRONT = fileURLToPath(new URL('./front-server.js', import.meta.url));
const EVENTS_PER_REQUEST = 100;
const CONNECTIONS = 16;
const TICKS_PER_SECOND = 100;

interface FrontOptions {
  readonly seconds: number;
  readonly repeats: number;
  readonly seed: number;
  progress(text: string): void;
}

/** Measures the front and prints its table. */
export async function measureFront(options: FrontOptions) {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-bench-front-'));
  const bodies = [createCorpus(options.seed, 'medium').array(EVENTS_PER_REQUEST)];
  const server = await startServer(FRONT, [], { PORT: '0', PENSTOCK_DATA_DIR: folder });
  const rounds: Record<string, number>[] = [];
  try {
    for (let repeat = 0; repeat <= options.repeats; repeat++) {
      options.progress(`front: round ${repeat} of ${options.repeats}`);
      const cpuBefore = frontThreadCpuSeconds(server.pid);
      const eventsPerBody = EVENTS_PER_REQUEST;
      const load = {
        url: server.url,
        bodies,
        eventsPerBody,
        connections: CONNECTIONS,
        seconds: options.seconds,
      };
      const result = await generateHttp(load, '/v1/events/batch', {});
      const frontCpu = frontThreadCpuSeconds(server.pid) - cpuBefore;
      const events = result.accepted * EVENTS_PER_REQUEST;
      // The first round warms up.
      if (repeat === 0) continue;
      rounds.push({
        eventsPerSecond: events / result.seconds,
        frontBusy: frontCpu / result.seconds,
        eventsPerFrontCpuSecond: events / frontCpu,
        generatorBusy: result.cpuSeconds / result.seconds,
      });
    }
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  options.progress('');
  printFront(rounds);
  return rounds;
}

function printFront(rounds: readonly Record<string, number>[]): void {
  const of = (key: string, digits: number, scale = 1) => {
    const { min, median, max } = spread(rounds.map((round) => round[key]! * scale));
    return `${median.toFixed(digits)} [${min.toFixed(digits)}–${max.toFixed(digits)}]`;
  };
  const head = [
    'front alone',
    'M events/s',
    'M events/s of front CPU',
    'front thread busy %',
    'generator busy %',
  ];
  const row = [
    `${EVENTS_PER_REQUEST}-event batches`,
    of('eventsPerSecond', 2, 1e-6),
    of('eventsPerFrontCpuSecond', 2, 1e-6),
    of('frontBusy', 0, 100),
    of('generatorBusy', 0, 100),
  ];
  process.stdout.write(`${formatTable(head, [row])}\n`);
}

/** CPU seconds of the main thread, whose id is the process's. */
function frontThreadCpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
