/**
 * CPU seconds a stage takes per million events. Penstock runs in forms that each have one stage more than another, all under
 * the same load on schedule, in turn; a stage costs what its form takes more. Front and workers are told apart by thread.
 */
import { readFileSync } from 'node:fs';
import { peerByName } from '../peers/index.ts';
import { openBackend } from '../places/open.ts';
import { type Backend, type SinkName, Unavailable } from '../places/place.ts';
import { type Round, runRound } from '../rounds.ts';
import { createLoad, startContender } from '../run-scenario.ts';
import type { Scenario } from '../scenarios.ts';
import { type Spread, spread } from '../statistics.ts';

/** A form's round with what it wrote to files and sockets that are written like files. */
export interface CostRound extends Round {
  readonly writtenBytesPerEvent: number;
}

export interface Form {
  readonly sink: SinkName;
  readonly rounds: readonly CostRound[];
}

export interface Stage {
  readonly name: string;
  readonly process: 'front' | 'workers' | 'store';
  readonly cpuSecondsPerMillion: Spread;
}

const FORMS: readonly SinkName[] = ['none', 'journal', 'kafka', 'clickhouse', 'embedded'];

export interface CostOptions {
  readonly seconds: number;
  readonly repeats: number;
  progress(text: string): void;
}

/** Rounds of every form that can be had here. */
export async function measureForms(
  scenario: Scenario,
  options: CostOptions,
): Promise<{ forms: Form[]; skipped: string[] }> {
  const penstock = peerByName('penstock');
  const backends: Backend[] = [];
  const skipped: string[] = [];
  const running: {
    sink: SinkName;
    rounds: CostRound[];
    run(seconds: number): Promise<CostRound>;
    stop(): Promise<void>;
  }[] = [];
  try {
    for (const sink of FORMS) {
      options.progress(`cost: starting the form with sink ${sink}`);
      try {
        const form = { ...scenario, sink };
        const backend = await openBackend(sink);
        backends.push(backend);
        const { server } = await startContender(penstock, form, backend);
        const load = createLoad(form)(penstock);
        running.push({
          sink,
          rounds: [],
          stop: () => server.stop(),
          run: async (seconds) => {
            const before = writtenBytes(server.pid);
            const round = await runRound(server, { ...load, seconds }, backend.pids);
            const events = round.eventsInAll ?? round.events;
            return { ...round, writtenBytesPerEvent: (writtenBytes(server.pid) - before) / events };
          },
        });
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        skipped.push(`sink ${sink}: ${error.message}`);
      }
    }
    for (let repeat = 0; repeat <= options.repeats; repeat++) {
      for (const form of running) {
        options.progress(`cost: round ${repeat} of ${options.repeats}, sink ${form.sink}`);
        const round = await form.run(options.seconds);
        // The first one warms up.
        if (repeat > 0) form.rounds.push(round);
      }
    }
  } finally {
    await Promise.all(running.map((form) => form.stop()));
    await Promise.all(backends.map((backend) => backend.stop()));
  }
  return { forms: running.map(({ sink, rounds }) => ({ sink, rounds })), skipped };
}

/** Bytes that a process wrote by write(2) and writev(2): files, and sockets of Node. */
function writtenBytes(pid: number): number {
  return Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

const front = (round: Round) => round.frontCpuSecondsPerMillion;
const workers = (round: Round) => round.cpuSecondsPerMillion - round.frontCpuSecondsPerMillion;
const store = (round: Round) => round.storeCpuSecondsPerMillion;

/** The stages that follow from the forms. */
export function stagesOf(forms: readonly Form[]): Stage[] {
  const rounds = (sink: SinkName) => forms.find((form) => form.sink === sink)?.rounds ?? [];
  const less = (sink: SinkName, without: SinkName) =>
    spread(
      rounds(sink).flatMap((round, index) => {
        const base = rounds(without)[index];
        return base === undefined ? [] : [workers(round) - workers(base)];
      }),
    );
  const stages: Stage[] = [
    {
      name: 'receive, copy, answer',
      process: 'front',
      cpuSecondsPerMillion: spread(rounds('journal').map(front)),
    },
    {
      name: 'scan, look for repeats',
      process: 'workers',
      cpuSecondsPerMillion: spread(rounds('none').map(workers)),
    },
    { name: 'journal', process: 'workers', cpuSecondsPerMillion: less('journal', 'none') },
    {
      name: 'Kafka: encode, compress, send',
      process: 'workers',
      cpuSecondsPerMillion: less('kafka', 'journal'),
    },
    { name: 'Kafka: the broker', process: 'store', cpuSecondsPerMillion: spread(rounds('kafka').map(store)) },
    {
      name: 'ClickHouse: encode, send',
      process: 'workers',
      cpuSecondsPerMillion: less('clickhouse', 'journal'),
    },
    {
      name: 'ClickHouse: insert, merge',
      process: 'store',
      cpuSecondsPerMillion: spread(rounds('clickhouse').map(store)),
    },
    {
      name: 'embedded: encode, hand over',
      process: 'workers',
      cpuSecondsPerMillion: less('embedded', 'journal'),
    },
    {
      name: 'embedded: insert, merge',
      process: 'store',
      cpuSecondsPerMillion: spread(rounds('embedded').map(store)),
    },
  ];
  return stages.filter(({ cpuSecondsPerMillion }) => !Number.isNaN(cpuSecondsPerMillion.median));
}
