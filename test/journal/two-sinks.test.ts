/** Two sinks on one journal, one of them away for long: the other must not notice, and the first must get everything. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { retryDelayMs } from '../../src/backoff.ts';
import { BreakerState } from '../../src/journal/breaker.ts';
import { systemDisk } from '../../src/journal/disk.ts';
import { WorkerJournal } from '../../src/journal/worker-journal.ts';
import { until } from '../support/appliance.ts';
import { LineTarget } from './line-target.ts';

const BLOCK_BYTES_MAX = 20_000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'penstock-two-sinks-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function open(targets: readonly LineTarget[]): Promise<WorkerJournal> {
  return WorkerJournal.open({
    disk: systemDisk,
    leftDisk: systemDisk,
    dir,
    node: 'node',
    worker: 0,
    left: [],
    sinks: targets.map((target) => ({ events: () => target, rejected: () => new LineTarget(target.name) })),
    segmentBytesMax: 20_000,
    compression: 'none',
    spareBytesMax: 0,
    blockBytesMax: BLOCK_BYTES_MAX,
    flushIntervalMs: 5,
    sendTimeoutMs: 10_000,
    isDurable: false,
    retryPauseMs: (failures) => retryDelayMs(failures) / 10,
    onBreaker: () => {},
    poison: undefined,
    onDamage: () => {},
  });
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

test('a dead sink costs the other nothing, and catches up when it comes back', async () => {
  const alive = new LineTarget('clickhouse');
  const dead = new LineTarget('kafka');
  const journal = await open([alive, dead]);
  const appendedAtMs = new Map<string, number>();
  let latenciesMs: number[] = [];
  alive.onStored = (lines) => {
    for (const line of lines) latenciesMs.push(performance.now() - (appendedAtMs.get(line) ?? 0));
  };
  let next = 0;
  const runFor = async (ms: number) => {
    latenciesMs = [];
    const first = next;
    for (const until = performance.now() + ms; performance.now() < until; ) {
      const lines = Array.from({ length: 10 }, () => `row ${next++} ${'x'.repeat(80)}`);
      for (const line of lines) appendedAtMs.set(line, performance.now());
      journal.append(
        'events',
        Buffer.from(lines.map((line) => `${line}\n`).join('')),
        lines.length,
        Date.now(),
      );
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await until(() => alive.lines.length === next, 5_000, 'the living sink has everything');
    return { medianMs: median(latenciesMs), rows: next - first };
  };
  const report = (sink: string) =>
    journal.sinkReports().find((one) => one.sink === sink && one.stream === 'events');

  const together = await runFor(700);
  dead.answer = async () => 'retry';
  const alone = await runFor(3_000);
  expect(alive.lines.length).toBe(next);
  // The flush interval is most of it; twice that is beyond what noise does.
  expect(alone.medianMs).toBeLessThan(2 * together.medianMs + 5);
  expect(alone.rows / 3_000).toBeGreaterThan((0.5 * together.rows) / 700);
  expect(report('clickhouse')).toMatchObject({ breaker: BreakerState.closed, failures: 0, lagRows: 0 });
  expect(report('kafka')?.breaker).not.toBe(BreakerState.closed);
  expect(report('kafka')?.lagRows).toBeGreaterThan(alone.rows - 1);
  // The journal keeps what one of them lacks; memory does not.
  expect(journal.bytes).toBeGreaterThan(90 * alone.rows);
  expect(journal.memoryBytes).toBeLessThan(BLOCK_BYTES_MAX + 2_000);

  dead.answer = async () => 'delivered';
  const behind = report('kafka')?.lagRows ?? 0;
  const sendsBefore = dead.stored.size;
  await journal.drain(AbortSignal.timeout(10_000));
  expect(dead.lines).toEqual(alive.lines);
  expect(new Set(dead.lines).size).toBe(next);
  // At full speed: in blocks of their bound.
  expect(behind / (dead.stored.size - sendsBefore)).toBeGreaterThan((0.6 * BLOCK_BYTES_MAX) / 100);
  expect(journal.bytes).toBeLessThan(2 * 20_000);
  await journal.close();
}, 20_000);
