/** Delivered segments that are kept for replays: by time, by bytes, and never in the way of traffic. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { createProgressMemory, ProgressWriter } from '../../src/ack/progress.ts';
import type { Disk } from '../../src/journal/disk.ts';
import { parseSegmentName } from '../../src/journal/format.ts';
import { surveySegment } from '../../src/journal/survey.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';
import { WorkerJournal, type WorkerJournalOptions } from '../../src/journal/worker-journal.ts';
import { until } from '../support/appliance.ts';
import { LineTarget } from './line-target.ts';

const SEGMENT_BYTES = 1_000;

let dir: string;
let nowMs: number;
let target: LineTarget;
let journals: WorkerJournal[];
let next: number;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'penstock-retention-'));
  nowMs = 1_000_000;
  target = new LineTarget('sink');
  journals = [];
  next = 0;
});
afterEach(async () => {
  for (const journal of journals) await journal.close();
  rmSync(dir, { recursive: true });
});

async function open(
  retention: { retentionMs: number; bytesMax: number },
  options: Partial<WorkerJournalOptions> = {},
): Promise<WorkerJournal> {
  const journal = await WorkerJournal.open({
    disk: systemDisk,
    leftDisk: systemDisk,
    dir,
    node: 'node',
    worker: 0,
    left: [],
    sinks: [
      {
        events: () => target,
        rejected: () => new LineTarget('sink'),
        blockBytesMax: 10_000,
        flushIntervalMs: 1,
      },
    ],
    segmentBytesMax: SEGMENT_BYTES,
    compression: 'none',
    spareBytesMax: 0,
    blocksBytesMax: Number.POSITIVE_INFINITY,
    sendTimeoutMs: 10_000,
    isDurable: false,
    retryPauseMs: () => 1,
    onBreaker: () => {},
    progress: new ProgressWriter(createProgressMemory(1), 0),
    openedAtMs: 0,
    poison: undefined,
    onDamage: () => {},
    retention: { ...retention, nowMs: () => nowMs },
    ...options,
  });
  journals.push(journal);
  return journal;
}

function append(journal: WorkerJournal, count: number, timeMs = nowMs): void {
  for (let index = 0; index < count; index++) {
    journal.append('events', Buffer.from(`row ${next++} ${'x'.repeat(100)}\n`), 1, timeMs);
  }
}

async function delivered(journal: WorkerJournal): Promise<void> {
  expect(await journal.drain(AbortSignal.timeout(5_000))).toBe(0);
}

const segments = (worker = 0, stream = 'events') =>
  readdirSync(join(dir, String(worker), stream)).filter((name) => name.endsWith('.seg'));
const bytesOf = (names: readonly string[]) =>
  names.reduce((bytes, name) => bytes + statSync(join(dir, '0/events', name)).size, 0);

test('without retention a delivered segment goes at once', async () => {
  const journal = await open({ retentionMs: 0, bytesMax: 1_000_000 });
  append(journal, 100);
  await delivered(journal);
  expect(segments().length).toBe(1);
  expect(journal.retainedBytes).toBe(0);
});

test('a delivered segment is kept until its last chunk is too old, and no longer', async () => {
  const journal = await open({ retentionMs: 60_000, bytesMax: 1_000_000 });
  for (let minute = 0; minute < 3; minute++) {
    append(journal, 40);
    nowMs += 20_000;
  }
  await delivered(journal);
  journal.sweep();
  const all = segments();
  expect(all.length).toBeGreaterThan(12);
  expect(journal.retainedBytes).toBe(bytesOf(all.slice(0, -1)));
  expect(journal.bytes).toBe(bytesOf(all.slice(-1)));
  // The clock stands at 60 s behind the first rows; those go one millisecond later.
  journal.sweep();
  expect(segments()).toEqual(all);
  nowMs += 1;
  journal.sweep();
  const left = segments();
  expect(left.length).toBeLessThan(all.length);
  for (const name of left) {
    const file = systemDisk.open(join(dir, '0/events', name), false);
    const header = parseSegmentName(name);
    const lastMs = header && (await surveySegment(file, header)).times?.lastMs;
    file.close();
    expect(nowMs - (lastMs ?? 0)).toBeLessThanOrEqual(60_000);
  }
  nowMs += 60_000;
  journal.sweep();
  expect(segments().length).toBe(1);
  expect(journal.retainedBytes).toBe(0);
});

test('at most so many bytes are kept, the oldest go first', async () => {
  const journal = await open({ retentionMs: 3_600_000, bytesMax: 5_000 });
  append(journal, 100);
  await delivered(journal);
  const before = segments();
  journal.sweep();
  const after = segments();
  expect(after).toEqual(before.slice(-after.length));
  expect(journal.retainedBytes).toBeLessThanOrEqual(5_000);
  expect(journal.retainedBytes).toBeGreaterThan(3_500);
});

test('what is kept does not count as waiting, and what waits is never given up', async () => {
  const journal = await open({ retentionMs: 3_600_000, bytesMax: 0 });
  target.answer = async () => 'retry';
  append(journal, 100);
  journal.sweep();
  const waiting = segments();
  expect(journal.bytes).toBe(bytesOf(waiting));
  expect(journal.retainedBytes).toBe(0);
  target.answer = async () => 'delivered';
  await delivered(journal);
  journal.sweep();
  expect(segments().length).toBe(1);
});

test('on a full disk it makes room for traffic before anything is refused', async () => {
  const capacity = 12_000;
  const used = () =>
    ['events', 'rejected']
      .flatMap((stream) =>
        readdirSync(join(dir, '0', stream)).map((name) => statSync(join(dir, '0', stream, name)).size),
      )
      .reduce((sum, size) => sum + size, 0);
  const disk: Disk = {
    ...systemDisk,
    open(path, create) {
      const file = systemDisk.open(path, create);
      const write = file.write.bind(file);
      file.write = (views, position) => {
        const end = position + views.reduce((sum, view) => sum + view.length, 0);
        if (used() + Math.max(0, end - file.size()) > capacity)
          throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
        write(views, position);
      };
      return file;
    },
  };
  const journal = await open({ retentionMs: 3_600_000, bytesMax: 1_000_000 }, { disk });
  for (let turn = 0; turn < 20; turn++) {
    append(journal, 20);
    await delivered(journal);
  }
  expect(used()).toBeGreaterThan(capacity - 2 * SEGMENT_BYTES);
  expect(journal.retainedBytes).toBeGreaterThan(capacity / 2);
  expect(target.lines.length).toBe(400);
  // What waits is another matter: that the disk must take, or the client hears of it.
  target.answer = async () => 'retry';
  expect(() => append(journal, 200)).toThrow('ENOSPC');
  expect(journal.retainedBytes).toBe(0);
  expect(journal.isFailing).toBe(true);
});

test('a start keeps what the one before kept, reads its times, and delivers none of it again', async () => {
  const first = await open({ retentionMs: 60_000, bytesMax: 1_000_000 });
  append(first, 50);
  nowMs += 30_000;
  append(first, 50);
  await delivered(first);
  await first.close();
  journals = [];
  const second = await open({ retentionMs: 60_000, bytesMax: 1_000_000 });
  expect(second.retainedBytes).toBeGreaterThan(15_000);
  append(second, 1);
  await delivered(second);
  expect(target.lines.length).toBe(101);
  nowMs += 30_001;
  await until(
    () => {
      second.sweep();
      return second.retainedBytes < 10_000;
    },
    5_000,
    'the older half goes',
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  second.sweep();
  expect(second.retainedBytes).toBeGreaterThan(6_000);
  await second.close();
  journals = [];
  // Turned off, nothing stays.
  const third = await open({ retentionMs: 0, bytesMax: 1_000_000 });
  expect(segments()).toEqual([]);
  expect(third.bytes).toBe(0);
});

test.each([1, 2, 3])(
  'whatever the clock does, nothing is lost, doubled or kept longer than asked for (seed %i)',
  async (seed) => {
    const random = createRandom(seed);
    const journal = await open({ retentionMs: 10_000, bytesMax: 1_000_000 });
    for (let turn = 0; turn < 60; turn++) {
      // Jumps back and forth by up to a day.
      nowMs += (random() % 172_800_000) - 86_400_000;
      append(journal, 1 + (random() % 10));
      journal.sweep();
    }
    await delivered(journal);
    expect(new Set(target.lines).size).toBe(next);
    expect(target.lines.length).toBe(next);
    journal.sweep();
    nowMs += 10_001;
    journal.sweep();
    expect(segments().length).toBe(1);
  },
);
