/** Two sinks on one journal, one of them away for long: the other must not notice, and the first must get everything. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createProgressMemory, ProgressWriter } from '../../src/ack/progress.ts';
import { retryDelayMs } from '../../src/backoff.ts';
import { BreakerState } from '../../src/journal/breaker.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';
import { WorkerJournal } from '../../src/journal/worker-journal.ts';
import { BLOCK_BYTES_MIN } from '../../src/limits.ts';
import { until } from '../support/appliance.ts';
import { LineTarget } from './line-target.ts';

const BLOCK_BYTES_MAX = 20_000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'penstock-two-sinks-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function open(
  folder: string,
  targets: readonly LineTarget[],
  blockBytesMax = BLOCK_BYTES_MAX,
  blocksBytesMax = Number.POSITIVE_INFINITY,
): Promise<WorkerJournal> {
  return WorkerJournal.open({
    disk: systemDisk,
    leftDisk: systemDisk,
    dir: folder,
    node: 'node',
    worker: 0,
    left: [],
    sinks: targets.map((target) => ({
      events: () => target,
      rejected: () => new LineTarget(target.name),
      blockBytesMax,
      flushIntervalMs: 5,
    })),
    segmentBytesMax: 20_000,
    compression: 'none',
    spareBytesMax: 0,
    blocksBytesMax,
    sendTimeoutMs: 10_000,
    isDurable: false,
    retention: { retentionMs: 0, bytesMax: 0, nowMs: Date.now },
    retryPauseMs: (failures) => retryDelayMs(failures) / 10,
    onBreaker: () => {},
    progress: new ProgressWriter(createProgressMemory(1), 0),
    openedAtMs: 0,
    poison: undefined,
    onDamage: () => {},
  });
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** A journal with one sink whose latencies are measured, and another beside it. */
async function createPair(folder: string) {
  const alive = new LineTarget('clickhouse');
  const other = new LineTarget('kafka');
  const journal = await open(join(dir, folder), [alive, other]);
  const appendedAtMs = new Map<string, number>();
  const latenciesMs: number[] = [];
  alive.onStored = (lines) => {
    for (const line of lines) latenciesMs.push(performance.now() - (appendedAtMs.get(line) ?? 0));
  };
  return {
    alive,
    other,
    journal,
    latenciesMs,
    append(lines: readonly string[]) {
      for (const line of lines) appendedAtMs.set(line, performance.now());
      const payload = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      journal.append('events', payload, lines.length, Date.now());
    },
    report: (sink: string) =>
      journal.sinkReports().find((one) => one.sink === sink && one.stream === 'events'),
  };
}

test('blocks of sinks that stand still keep to their share of memory, and are all delivered later', async () => {
  const targets = [new LineTarget('clickhouse'), new LineTarget('kafka')];
  let goOn = () => {};
  const isOver = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  for (const target of targets) target.answer = () => isOver.then(() => 'delivered');
  const share = 8 * BLOCK_BYTES_MIN;
  const journal = await open(join(dir, 'share'), targets, 100 * BLOCK_BYTES_MIN, share);
  const line = `${'x'.repeat(999)}\n`;
  for (let chunk = 0; chunk < 400; chunk++) {
    journal.append('events', Buffer.from(line.repeat(10)), 10, chunk);
    if (chunk % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await until(() => targets.every(({ tokens }) => tokens.length === 1), 20_000, 'both are asked');
  // Each block may pass its bound by the chunk that fills it.
  expect(journal.memoryBytes).toBeGreaterThan(share / 4);
  expect(journal.memoryBytes).toBeLessThan(share + 4 * 10 * line.length);
  goOn();
  await until(() => journal.waitingRows === 0, 20_000, 'everything is delivered');
  expect(targets.map(({ lines }) => lines.length)).toEqual([4_000, 4_000]);
  await journal.close();
});

test('a dead sink costs the other nothing, and catches up when it comes back', async () => {
  // The same rows at the same time through a journal whose sinks both live: what is slow here is slow there.
  const control = await createPair('control');
  const { alive, other: dead, journal, latenciesMs, append, report } = await createPair('dead');
  dead.answer = async () => 'retry';
  let next = 0;
  for (const until = performance.now() + 3_000; performance.now() < until; ) {
    const lines = Array.from({ length: 10 }, () => `row ${next++} ${'x'.repeat(80)}`);
    control.append(lines);
    append(lines);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const isComplete = () => alive.lines.length === next && control.alive.lines.length === next;
  await until(isComplete, 5_000, 'the living sinks have everything');
  expect(median(latenciesMs)).toBeLessThan(1.5 * median(control.latenciesMs) + 2);
  expect(report('clickhouse')).toMatchObject({ breaker: BreakerState.closed, failures: 0, lagRows: 0 });
  expect(report('kafka')?.breaker).not.toBe(BreakerState.closed);
  expect(report('kafka')?.lagRows).toBe(next);
  // The journal keeps what one of them lacks; memory does not.
  expect(journal.bytes).toBeGreaterThan(90 * next);
  expect(journal.memoryBytes).toBeLessThan(BLOCK_BYTES_MAX + 2_000);

  dead.answer = async () => 'delivered';
  await journal.drain(AbortSignal.timeout(10_000));
  expect(dead.lines).toEqual(alive.lines);
  expect(new Set(dead.lines).size).toBe(next);
  // At full speed: in blocks of their bound.
  expect(next / dead.stored.size).toBeGreaterThan((0.6 * BLOCK_BYTES_MAX) / 100);
  expect(journal.bytes).toBeLessThan(2 * 20_000);
  await journal.close();
  await control.journal.close();
}, 20_000);
