import { beforeEach, describe, expect, test } from 'vitest';
import { createProgressMemory, ProgressReader, ProgressWriter } from '../../src/ack/progress.ts';
import { AckWaiters } from '../../src/ack/waiters.ts';
import type { JournalPlace } from '../../src/slab/slab.ts';

let nowMs: number;
let memory: SharedArrayBuffer;
let writer: ProgressWriter;
let waiters: AckWaiters;
let settled: string[];

beforeEach(() => {
  nowMs = 0;
  memory = createProgressMemory(2);
  writer = new ProgressWriter(memory, 1);
  waiters = new AckWaiters(new ProgressReader(memory), 1000, {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
  });
  settled = [];
});

function place(events: number, rejected = 0): JournalPlace {
  return { slot: 1, term: writer.term, rows: { events, rejected } };
}

function wait(name: string, level: 'fsync' | 'delivered', at: JournalPlace): void {
  waiters.wait(at, level, (isReached) => settled.push(`${name} ${isReached}`));
}

/** What was settled by a look at the memory. */
function poll(): string[] {
  waiters.poll();
  return settled.splice(0);
}

describe('answers that wait', () => {
  test('leave when both streams have passed their rows, and not before', () => {
    wait('a', 'delivered', place(10, 3));
    wait('b', 'delivered', place(12, 3));
    writer.delivered({ events: 10, rejected: 2 });
    expect(poll()).toEqual([]);
    writer.delivered({ events: 11, rejected: 3 });
    expect(poll()).toEqual(['a true']);
    writer.delivered({ events: 12, rejected: 3 });
    expect(poll()).toEqual(['b true']);
    expect([waiters.count, waiters.fallbacks]).toEqual([0, 0]);
  });

  test('a sync is no delivery, and a delivery no sync', () => {
    wait('synced', 'fsync', place(5));
    wait('delivered', 'delivered', place(5));
    writer.synced(writer.term, { events: 5, rejected: 0 });
    expect(poll()).toEqual(['synced true']);
    writer.delivered({ events: 5, rejected: 0 });
    expect(poll()).toEqual(['delivered true']);
  });

  test('of one slab leave together', () => {
    const one = place(1);
    for (const name of ['a', 'b', 'c']) wait(name, 'fsync', one);
    expect(waiters.count).toBe(3);
    writer.synced(writer.term, { events: 1, rejected: 0 });
    expect(poll()).toEqual(['a true', 'b true', 'c true']);
  });

  test('fall back at the timeout', () => {
    wait('a', 'delivered', place(1));
    nowMs = 999;
    expect(poll()).toEqual([]);
    nowMs = 1000;
    expect(poll()).toEqual(['a false']);
    expect([waiters.count, waiters.fallbacks]).toEqual([0, 1]);
  });

  test('never call a row synced that a failed sync, or a dead thread, may have lost', () => {
    wait('failed', 'fsync', place(7));
    writer.syncFailed();
    writer.synced(writer.term, { events: 9, rejected: 0 });
    expect(poll()).toEqual(['failed false']);
    wait('died', 'fsync', place(12));
    const replacement = new ProgressWriter(memory, 1);
    replacement.synced(replacement.term, { events: 20, rejected: 0 });
    expect(poll()).toEqual(['died false']);
  });

  test('a sync that began before a failure says nothing after it', () => {
    const term = writer.term;
    writer.syncFailed();
    wait('later', 'fsync', place(3));
    writer.synced(term, { events: 3, rejected: 0 });
    expect(poll()).toEqual([]);
  });

  test('for the sinks go on with the thread that replaces a dead one', () => {
    wait('a', 'delivered', place(7));
    new ProgressWriter(memory, 1).delivered({ events: 7, rejected: 0 });
    expect(poll()).toEqual(['a true']);
  });

  test('wait no more when a drain begins', () => {
    wait('before', 'delivered', place(1));
    waiters.end();
    wait('after', 'delivered', place(1));
    expect(settled).toEqual(['before false', 'after false']);
  });

  test('look by themselves, and only while somebody waits', async () => {
    wait('a', 'fsync', place(1));
    writer.synced(writer.term, { events: 1, rejected: 0 });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(settled).toEqual(['a true']);
  });
});
