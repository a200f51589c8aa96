/** What becomes of the bench's figures: percentiles, ratios, growth, capacity, the words and the page. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { groupCapacity } from '../../bench/cost/capacity.ts';
import { formatMarkdown, replaceFigures } from '../../bench/cost/markdown.ts';
import { type CostRound, stagesOf } from '../../bench/cost/stages.ts';
import { Latencies } from '../../bench/latencies.ts';
import { drawCharts } from '../../bench/report/chart-set.ts';
import { formatPage } from '../../bench/report/html.ts';
import { formatTargets } from '../../bench/report/targets.ts';
import { formatScenario, ratiosOf } from '../../bench/report/text.ts';
import { growthOf } from '../../bench/resident-growth.ts';
import type { Round } from '../../bench/rounds.ts';
import type { ScenarioResult } from '../../bench/run-scenario.ts';
import { SCENARIOS } from '../../bench/scenarios.ts';
import { percentile } from '../../bench/statistics.ts';

const ROUND: Round = {
  requestsPerSecond: 10,
  eventsPerSecond: 1000,
  requests: 50,
  events: 5000,
  eventsInAll: 5100,
  refusedShare: 0,
  seconds: 5,
  latency: { p50: 1, p90: 2, p99: 3, p999: 4, max: 5 },
  generatorBusy: 0.2,
  overdueShare: 0,
  cpuSecondsPerMillion: 2,
  frontCpuSecondsPerMillion: 0.5,
  storeCpuSecondsPerMillion: 0,
  residentMiBMax: 100,
  residentMiB: [90, 100],
  storedAfterSeconds: 0,
  storedPerSecond: 1000,
};

function result(rounds: Record<string, Partial<Round>[]>): ScenarioResult {
  const scenario = SCENARIOS.find(({ name }) => name === 'batch-100');
  if (scenario === undefined) throw new Error('batch-100 is a scenario');
  return {
    scenario,
    seconds: 5,
    bytesPerEvent: 421,
    backend: 'folders',
    skipped: [{ name: 'absent', why: 'no go on PATH' }],
    peers: Object.entries(rounds).map(([name, list]) => ({
      name,
      about: name,
      acks: 'on disk',
      doesNot: name === 'penstock' ? [] : ['look for repeats'],
      rounds: list.map((round) => ({ ...ROUND, ...round })),
    })),
  };
}

test('percentiles of the histogram are those of the values, to one per cent', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.011, max: 60_000, noNaN: true }), { minLength: 1 }), (values) => {
      const latencies = new Latencies();
      for (const value of values) latencies.add(value);
      const summary = latencies.summarise();
      const close = (is: number, exact: number) => {
        expect(is).toBeGreaterThanOrEqual(exact * 0.999999);
        expect(is).toBeLessThanOrEqual(exact * 1.0101);
      };
      close(summary.p50, percentile(values, 0.5));
      close(summary.p99, percentile(values, 0.99));
      expect(summary.max).toBe(Math.max(...values));
    }),
  );
});

describe('ratios', () => {
  test('are of rounds that are neighbours in time, and the middle of them', () => {
    const [ratio] = ratiosOf(
      result({
        penstock: [{ eventsPerSecond: 400 }, { eventsPerSecond: 4000 }, { eventsPerSecond: 90 }],
        fastify: [{ eventsPerSecond: 100 }, { eventsPerSecond: 800 }, { eventsPerSecond: 30 }],
      }),
    );
    expect(ratio?.throughput).toBe(4);
  });

  test('of CPU time are events a CPU second', () => {
    const [ratio] = ratiosOf(
      result({ penstock: [{ cpuSecondsPerMillion: 2 }], fastify: [{ cpuSecondsPerMillion: 9 }] }),
    );
    expect(ratio?.cpu).toBe(4.5);
  });
});

describe('the table', () => {
  test('says what a peer does not do, who was skipped, and the noise', () => {
    const text = formatScenario(
      result({
        penstock: [{ eventsPerSecond: 1000 }, { eventsPerSecond: 3000 }, { eventsPerSecond: 2000 }],
        fastify: [{}, {}, {}],
      }),
    );
    expect(text).toContain('2,000 [1,000–3,000]');
    expect(text).toContain('fastify does not: look for repeats');
    expect(text).toContain('skipped absent: no go on PATH');
    expect(text).not.toContain('generator was at its end');
  });

  test('says when the generator was the bottleneck', () => {
    expect(formatScenario(result({ penstock: [{ generatorBusy: 0.97 }] }))).toContain(
      'generator was at its end',
    );
  });
});

test('targets are reached, missed, or not measured', () => {
  const text = formatTargets([
    result({
      penstock: [{ eventsPerSecond: 600 }],
      fastify: [{ eventsPerSecond: 100 }],
      'go-fiber': [{ eventsPerSecond: 300, residentMiBMax: 20 }],
    }),
  ]);
  const line = (start: string) => text.split('\n').find((one) => one.includes(start));
  expect(line('batch-100: × fastify')).toMatch(/5 +6\.00 +reached/);
  expect(line('batch-100: × go-fiber')).toMatch(/3 +2\.00 +missed/);
  expect(line('single: × fastify')).toMatch(/not measured/);
});

describe('growth of memory', () => {
  test('is not what a process takes while it starts', () => {
    const samples = [...Array.from({ length: 25 }, (_, index) => index * 10), ...Array(75).fill(250)];
    expect(growthOf(samples)).toEqual({ beforeMiB: 250, afterMiB: 250 });
  });

  test('is seen when it is steady', () => {
    const { beforeMiB, afterMiB } = growthOf(Array.from({ length: 100 }, (_, index) => 200 + index));
    expect(afterMiB - beforeMiB).toBeGreaterThan(40);
  });
});

describe('cost', () => {
  const round = (front: number, all: number): CostRound => ({
    ...ROUND,
    frontCpuSecondsPerMillion: front,
    cpuSecondsPerMillion: all,
    writtenBytesPerEvent: 0,
  });
  const forms = [
    { sink: 'none' as const, rounds: [round(0.5, 1.5), round(0.5, 1.6)] },
    { sink: 'journal' as const, rounds: [round(0.6, 2.0), round(0.6, 2.1)] },
  ];

  test('of a stage is what its form takes more, round by round', () => {
    const journal = stagesOf(forms).find(({ name }) => name === 'journal');
    expect(journal?.cpuSecondsPerMillion.median).toBeCloseTo(0.4);
    expect(stagesOf(forms).map(({ name }) => name)).not.toContain('Kafka: the broker');
  });

  test('a group ends where its front or its workers end first', () => {
    // Front 0.6 s a million: a million a second at 60 %. Three workers at 1.4: 1.29 million.
    expect(groupCapacity({ sink: 'journal', rounds: [round(0.6, 2)] }, 4)).toBeCloseTo(1);
    // One worker at 1.4: 0.43 million.
    expect(groupCapacity({ sink: 'journal', rounds: [round(0.6, 2)] }, 2)).toBeCloseTo(0.6 / 1.4);
  });

  test('figures replace what stands between their marks, and nothing else', () => {
    const page =
      'before\n<!-- figures: npm run bench:cost -- --write -->\nold\n<!-- end of figures -->\nbehind\n';
    const once = replaceFigures(page, formatMarkdown(['a'], [['1']]));
    expect(once).toContain('before\n');
    expect(once).toContain('| a |\n| --- |\n| 1 |');
    expect(once).toContain('behind\n');
    expect(once).not.toContain('old');
    expect(replaceFigures(once, '| b |')).not.toContain('| a |');
    expect(() => replaceFigures('nothing', 'x')).toThrow();
  });
});

test('a run has four charts, and a page that holds them and refers to nothing outside', () => {
  const charts = drawCharts([result({ penstock: [{}, {}], fastify: [{}, {}] })]);
  expect(Object.keys(charts)).toEqual(['throughput.svg', 'latency.svg', 'cpu.svg', 'memory.svg']);
  for (const svg of Object.values(charts)) {
    expect(svg).toMatch(/^<svg /);
    expect(svg).toContain('batch-100');
    expect(svg).not.toContain('NaN');
  }
  expect(charts['throughput.svg']).toContain('fastify');
  const page = formatPage({
    title: 'a & b',
    machine: '<2 cores>',
    warning: undefined,
    texts: ['a table'],
    charts,
    json: '{}',
  });
  expect(page).toContain('a &amp; b');
  expect(page).toContain('&lt;2 cores&gt;');
  expect(page.match(/<svg /g)?.length).toBe(4);
  expect(page).not.toMatch(/(src|href)="(?!#)/);
});
