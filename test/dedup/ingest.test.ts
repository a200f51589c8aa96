/**
 * A worker's slabs with repeats in them, without threads and disks: what goes to the journal, what the frames' rows and
 * the answers say, and that an id is known only when its event is kept.
 */
import { describe, expect, test } from 'vitest';
import { createSlab } from '../../bench/scan-fixture.ts';
import { systemClock } from '../../src/clock.ts';
import { createWindowMemory } from '../../src/dedup/layout.ts';
import { ROUTES } from '../../src/dialects/routes.ts';
import type { SlabResult } from '../../src/dispatch/worker-pool.ts';
import { createIngest, type IngestJournal } from '../../src/ingest.ts';
import { createCounterMemory, ThreadCounters } from '../../src/metrics/counters.ts';
import { SlabMeter } from '../../src/metrics/slab-meter.ts';
import { createStatisticsMemory, StatisticsReader, ThreadStatistics } from '../../src/metrics/statistics.ts';
import { eachCell, trafficLabels, trafficWord, trafficWords } from '../../src/metrics/traffic.ts';
import { ReasonNumber } from '../../src/outcome.ts';
import { FrameWord, frameRow } from '../../src/slab/layout.ts';
import { KEY, WINDOWS } from './harness.ts';

const SINGLE = ROUTES.findIndex(({ path }) => path === '/v1/events');
const BATCH = ROUTES.findIndex(({ path }) => path === '/v1/events/batch');
const LABELS = trafficLabels(
  [''],
  ROUTES.map(({ program }) => program.dialect),
);

const event = (id: string, note = '') => ({
  event_id: id,
  event_type: 'tap',
  app_id: 'shop',
  user_id: 'u',
  event_data: { note },
});

/** A thread whose journal does as it is told. */
class Thread {
  readonly lines: string[] = [];
  failsAppend = false;
  sync: Promise<unknown> | undefined;
  /** What the disk takes its time with. */
  written: Promise<void> | undefined;
  readonly #statistics = createStatisticsMemory(1, trafficWords(LABELS));
  readonly #ingest: (slab: SharedArrayBuffer) => SlabResult | Promise<SlabResult>;

  constructor(
    name: keyof typeof WINDOWS,
    memory = createWindowMemory(1_000, 60_000, KEY),
    clock = systemClock,
  ) {
    const journal: IngestJournal = {
      append: () => {},
      appendAsync: (stream, payload) => {
        if (this.failsAppend) throw new Error('ENOSPC');
        if (stream === 'events')
          this.lines.push(...Buffer.from(payload).toString('utf8').trimEnd().split('\n'));
        return this.written;
      },
      synced: () => this.sync,
      sync: () => Promise.resolve(),
      place: () => ({ slot: 0, term: 0, rows: { events: 0, rejected: 0 } }),
    };
    const sessions = { add: () => {} };
    const setup = {
      digestedApps: [],
      batchEventsMax: 1000,
      bodyBytesMax: 1_000_000,
      scanner: name,
    };
    const meter = new SlabMeter(
      new ThreadCounters(createCounterMemory(1), 0),
      new ThreadStatistics(this.#statistics, 0),
      LABELS,
    );
    this.#ingest = createIngest(setup, journal, sessions, WINDOWS[name](memory), meter, clock, () => {});
  }

  get ids(): string[] {
    return this.lines.map((line) => (JSON.parse(line) as { event_id: string }).event_id);
  }

  /** Answers and verdicts of a slab with these bodies. */
  async send(...bodies: unknown[]): Promise<Frame[]> {
    const slab = createSlab(
      bodies.map((body) => ({ body: JSON.stringify(body), route: Array.isArray(body) ? BATCH : SINGLE })),
      Date.UTC(2026, 10, 21),
    );
    const { table, bytes } = await this.#ingest(slab.words.buffer as SharedArrayBuffer);
    return bodies.map((_, frame) => {
      const word = (index: number) => slab.words[frameRow(frame) + index];
      const start = table[2 * frame] ?? 0;
      const text = Buffer.from(bytes.subarray(start, start + (table[2 * frame + 1] ?? 0))).toString('utf8');
      return {
        reason: word(FrameWord.reason),
        counts: [word(FrameWord.accepted), word(FrameWord.rejected), word(FrameWord.duplicates)],
        answer: text === '' ? undefined : (JSON.parse(text) as unknown),
      };
    });
  }

  counts(): number[] {
    const [row] = new StatisticsReader(this.#statistics).copy();
    const counts = (['received', 'accepted', 'rejected', 'duplicate'] as const).map((key) => {
      let total = 0;
      eachCell(LABELS, (cell) => {
        total += row?.words[cell + trafficWord(key)] ?? 0;
      });
      return total;
    });
    expect(row?.read('eventsInFlight')).toBe(0);
    return counts;
  }
}

interface Frame {
  readonly reason: number | undefined;
  readonly counts: (number | undefined)[];
  readonly answer: unknown;
}

describe.each(['native', 'reference'] as const)('%s', (name) => {
  test('a wall clock that is set forward or back forgets no id', async () => {
    let aheadMs = 0;
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
    const thread = new Thread(name, createWindowMemory(1_000, 60_000, KEY), clock);
    for (aheadMs of [0, 3 * 3_600_000, -3 * 3_600_000]) await thread.send(event('a'));
    expect(thread.ids).toEqual(['a']);
  });

  test('while the disk takes a slab the next one waits for it, and knows its ids then', async () => {
    const thread = new Thread(name);
    let end = (): void => {};
    thread.written = new Promise((resolve) => {
      end = resolve;
    });
    const first = thread.send([event('a'), event('b')]);
    const second = thread.send([event('b'), event('c')]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(thread.ids).toEqual(['a', 'b']);
    thread.written = undefined;
    end();
    expect((await first)[0]?.counts).toEqual([2, 0, 0]);
    expect((await second)[0]?.counts).toEqual([1, 0, 1]);
    expect(thread.ids).toEqual(['a', 'b', 'c']);
    expect(thread.counts()).toEqual([4, 3, 0, 1]);
  });

  test('a slab that the disk refuses at last is refused, and its ids are not known', async () => {
    const thread = new Thread(name);
    thread.written = Promise.reject(new Error('EIO'));
    const [refused] = await thread.send([event('a'), event('b')]);
    expect(refused?.reason).toBe(ReasonNumber.overloaded);
    thread.written = undefined;
    const [taken] = await thread.send([event('a'), event('b')]);
    expect(taken?.counts).toEqual([2, 0, 0]);
  });

  test('repeats within a slab and of earlier ones are taken out, wherever they stand', async () => {
    const thread = new Thread(name);
    await thread.send([event('a'), event('b')]);
    const [first, second, third, fourth] = await thread.send(
      [event('b', 'x'), event('c', 'kept'), event('a'), event('d', 'kept too')],
      event('c'),
      [event('e'), { event_type: 'no app' }, event('e')],
      event('f'),
    );
    expect(thread.ids).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(thread.lines[2]).toContain('"note":"kept"');
    expect(first?.counts).toEqual([2, 0, 2]);
    expect(second).toEqual({
      reason: 0,
      counts: [0, 0, 1],
      answer: { status: 'accepted', event_id: 'c', duplicate: true },
    });
    expect(third).toMatchObject({ counts: [1, 1, 1], answer: { status: 'partial', duplicates: 1 } });
    expect(fourth?.answer).toEqual({ status: 'accepted', event_id: 'f' });
    expect(thread.counts()).toEqual([11, 6, 1, 4]);
  });

  test('an id whose event the journal did not take is not known', async () => {
    const thread = new Thread(name);
    thread.failsAppend = true;
    const [refused] = await thread.send([event('a'), event('a')]);
    expect(refused).toMatchObject({ reason: ReasonNumber.overloaded, counts: [0, 0, 0] });
    thread.failsAppend = false;
    expect((await thread.send([event('a')]))[0]?.counts).toEqual([1, 0, 0]);
    expect((await thread.send([event('a')]))[0]?.counts).toEqual([0, 0, 1]);
    expect(thread.ids).toEqual(['a']);
  });

  test('an id that waits for the disk is known only when the disk has it; what fails there can be sent again', async () => {
    const thread = new Thread(name);
    let fail = (_error: Error): void => {};
    thread.sync = new Promise((_, reject) => {
      fail = reject;
    });
    const waiting = thread.send([event('a'), event('a')]);
    // Another request with the same event is not answered by one that may still be refused.
    const beside = thread.send([event('a')]);
    fail(new Error('EIO'));
    expect((await waiting)[0]).toMatchObject({ reason: ReasonNumber.overloaded, counts: [0, 0, 0] });
    expect((await beside)[0]?.reason).toBe(ReasonNumber.overloaded);
    thread.sync = Promise.resolve();
    expect((await thread.send([event('a')]))[0]?.counts).toEqual([1, 0, 0]);
    expect((await thread.send([event('a')]))[0]?.counts).toEqual([0, 0, 1]);
  });

  test('ids that the scanner made take no room, and are no repeats', async () => {
    const memory = createWindowMemory(1_000, 60_000, KEY);
    const thread = new Thread(name, memory);
    const before = Buffer.from(memory).toString('hex');
    const { event_id: _, ...nameless } = event('');
    expect((await thread.send([nameless, nameless]))[0]?.counts).toEqual([2, 0, 0]);
    expect(Buffer.from(memory).toString('hex')).toBe(before);
  });

  test('what one thread kept is known to another', async () => {
    const memory = createWindowMemory(1_000, 60_000, KEY);
    const [one, other] = [new Thread(name, memory), new Thread(name, memory)];
    await one.send([event('a')]);
    expect((await other.send([event('a'), event('b')]))[0]?.counts).toEqual([1, 0, 1]);
    expect((await one.send([event('b')]))[0]?.counts).toEqual([0, 0, 1]);
  });
});
