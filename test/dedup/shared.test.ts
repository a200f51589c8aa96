/**
 * A window that processes share, without processes: what is asked and told of a slab, in which order, and that nothing is
 * told whose event no journal has. The window here is an object of the test that answers when it is told to.
 */
import { describe, expect, test } from 'vitest';
import { createSlab } from '../../bench/scan-fixture.ts';
import { systemClock } from '../../src/clock.ts';
import { createFindings, SHARED_ID_BYTES, type SharedWindow } from '../../src/dedup/findings.ts';
import { createWindowMemory } from '../../src/dedup/layout.ts';
import { ROUTES } from '../../src/dialects/routes.ts';
import { createIngest, type IngestJournal } from '../../src/ingest.ts';
import { createCounterMemory, ThreadCounters } from '../../src/metrics/counters.ts';
import { SlabMeter } from '../../src/metrics/slab-meter.ts';
import { createStatisticsMemory, ThreadStatistics } from '../../src/metrics/statistics.ts';
import { trafficLabels, trafficWords } from '../../src/metrics/traffic.ts';
import { FrameWord, frameRow } from '../../src/slab/layout.ts';
import { KEY, lineOf, NO_SUFFIX, outputOf, WINDOWS } from './harness.ts';

const BATCH = ROUTES.findIndex(({ path }) => path === '/v1/events/batch');
const LABELS = trafficLabels(
  [''],
  ROUTES.map(({ program }) => program.dialect),
);
const SHARED_KEY = new BigUint64Array([1n, 2n]);

const event = (id: string) => ({ event_id: id, event_type: 'tap', app_id: 'shop', user_id: 'u' });

/** Ids of Redis, by the bytes in which they are asked and told. */
class TestWindow implements SharedWindow {
  sharedKey: BigUint64Array | undefined = SHARED_KEY;
  readonly known = new Set<string>();
  readonly asked: string[][] = [];
  readonly told: string[][] = [];
  untold = 0;
  /** Answers of look-ups that wait; they wait while `holds`. */
  holds = false;
  readonly waiting: (() => void)[] = [];

  key(): BigUint64Array | undefined {
    return this.sharedKey;
  }

  async look(ids: Uint8Array): Promise<number[]> {
    const names = namesOf(ids);
    this.asked.push(names);
    if (this.holds) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return names.flatMap((name, place) => (this.known.has(name) ? [place] : []));
  }

  tell(ids: Uint8Array | undefined, count: number): void {
    if (ids === undefined) {
      this.untold += count;
      return;
    }
    const names = namesOf(ids);
    expect(names.length).toBe(count);
    this.told.push(names);
    for (const name of names) this.known.add(name);
  }
}

function namesOf(ids: Uint8Array): string[] {
  return Array.from({ length: ids.length / SHARED_ID_BYTES }, (_, at) =>
    Buffer.from(ids.subarray(at * SHARED_ID_BYTES, (at + 1) * SHARED_ID_BYTES)).toString('hex'),
  );
}

class Process {
  readonly lines: string[] = [];
  readonly window: TestWindow;
  failsAppend = false;
  sync: Promise<unknown> | undefined;
  onAppend = (): void => {};
  readonly #ingest: ReturnType<typeof createIngest>;

  constructor(name: keyof typeof WINDOWS, window = new TestWindow()) {
    this.window = window;
    const journal: IngestJournal = {
      append: () => {},
      appendAsync: (_, payload) => {
        if (this.failsAppend) throw new Error('ENOSPC');
        this.onAppend();
        this.lines.push(...Buffer.from(payload).toString('utf8').trimEnd().split('\n'));
        return undefined;
      },
      synced: () => this.sync,
      sync: () => Promise.resolve(),
      place: () => ({ slot: 0, term: 0, rows: { events: 0, rejected: 0 } }),
    };
    this.#ingest = createIngest(
      { digestedApps: [], batchEventsMax: 1000, bodyBytesMax: 1_000_000, scanner: name },
      journal,
      { add: () => {} },
      WINDOWS[name](createWindowMemory(1_000, 60_000, KEY)),
      new SlabMeter(
        new ThreadCounters(createCounterMemory(1), 0),
        new ThreadStatistics(createStatisticsMemory(1, trafficWords(LABELS)), 0),
        LABELS,
      ),
      systemClock,
      () => {},
      { window },
    );
  }

  get ids(): string[] {
    return this.lines.map((line) => (JSON.parse(line) as { event_id: string }).event_id);
  }

  /** Accepted events and duplicates of a slab with these ids. */
  async send(...ids: string[]): Promise<(number | undefined)[]> {
    const slab = createSlab([{ body: JSON.stringify(ids.map(event)), route: BATCH }], Date.UTC(2026, 10, 21));
    await this.#ingest(slab.words.buffer as SharedArrayBuffer);
    const word = (index: number) => slab.words[frameRow(0) + index];
    return [word(FrameWord.accepted), word(FrameWord.duplicates)];
  }
}

describe.each(['native', 'reference'] as const)('%s', (name) => {
  test('what another process has kept is a duplicate, and known from then on', async () => {
    const one = new Process(name);
    const other = new Process(name, one.window);
    expect(await one.send('a', 'b', 'c')).toEqual([3, 0]);
    expect(await other.send('b', 'x', 'c', 'y')).toEqual([2, 2]);
    expect(other.ids).toEqual(['x', 'y']);
    expect(await other.send('c', 'b')).toEqual([0, 2]);
    // One call for each slab that has something new, none for the last.
    expect(one.window.asked.length).toBe(2);
    expect(one.window.told.map((ids) => ids.length)).toEqual([3, 2]);
  });

  test('an id is told behind the journal’s write, and never when that fails', async () => {
    const process = new Process(name);
    process.onAppend = () => expect(process.window.told).toEqual([]);
    await process.send('a');
    expect(process.window.told.length).toBe(1);
    process.failsAppend = true;
    await process.send('b');
    expect(process.window.told.length).toBe(1);
    process.failsAppend = false;
    process.onAppend = () => {};
    expect(await process.send('b')).toEqual([1, 0]);
  });

  test('one that waits for the disk is told when the disk has it', async () => {
    const process = new Process(name);
    let done = (): void => {};
    process.sync = new Promise<void>((resolve) => {
      done = resolve;
    });
    const sent = process.send('a');
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(process.ids).toEqual(['a']);
    expect(process.window.told).toEqual([]);
    done();
    await sent;
    expect(process.window.told.length).toBe(1);
    process.sync = Promise.reject(new Error('EIO'));
    await process.send('b');
    expect(process.window.told.length).toBe(1);
  });

  test('slabs that wait are journaled in their order, and an event that stands in both is kept once', async () => {
    const process = new Process(name);
    process.window.holds = true;
    const first = process.send('a', 'b');
    const second = process.send('b', 'c');
    const third = process.send('d');
    const { waiting } = process.window;
    const answer = async (at: number) => {
      while (waiting.length <= at) await new Promise((resolve) => setTimeout(resolve, 1));
      waiting[at]?.();
      await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await answer(1);
    // The second one's answer is here; its turn is not.
    expect(process.ids).toEqual([]);
    await answer(0);
    await answer(2);
    expect(await Promise.all([first, second, third])).toEqual([
      [2, 0],
      [1, 1],
      [1, 0],
    ]);
    expect(process.ids).toEqual(['a', 'b', 'c', 'd']);
    expect(process.window.told.map((ids) => ids.length)).toEqual([2, 1, 1]);
  });

  test('a key that changes meanwhile is the one under which ids are told; without one they are counted', async () => {
    const process = new Process(name);
    process.window.holds = true;
    const sent = process.send('a');
    while (process.window.waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    process.window.sharedKey = new BigUint64Array([3n, 4n]);
    process.window.waiting[0]?.();
    await sent;
    expect(process.window.told).not.toEqual(process.window.asked);
    process.window.sharedKey = undefined;
    expect(await process.send('b')).toEqual([1, 0]);
    expect(process.window.untold).toBe(1);
    expect(process.window.asked.length).toBe(1);
  });
});

test('both implementations spell ids alike, leave out repeats, and refuse what contradicts itself', () => {
  const memory = createWindowMemory(1_000, 60_000, KEY);
  const ids = ['a', 'grö"ße', 'a', 'c', '🎉', 'c'];
  const output = outputOf(ids.map((id) => lineOf(id)));
  const written = [WINDOWS.native, WINDOWS.reference].map((open) => {
    const window = open(memory);
    const findings = createFindings();
    window.find(output, NO_SUFFIX, 1, findings);
    expect(findings.freshCount).toBe(4);
    const target = new Uint8Array(4 * SHARED_ID_BYTES);
    expect(window.writeSharedIds(SHARED_KEY, output, NO_SUFFIX, findings, target)).toBe(4);
    return namesOf(target);
  });
  expect(written[0]).toEqual(written[1]);
  expect(new Set(written[0]).size).toBe(4);
  const native = WINDOWS.native(memory);
  const findings = createFindings();
  native.find(output, NO_SUFFIX, 1, findings);
  const write = (key: BigUint64Array, room: number) =>
    native.writeSharedIds(key, output, NO_SUFFIX, findings, new Uint8Array(room));
  expect(() => write(SHARED_KEY, 4 * SHARED_ID_BYTES - 1)).toThrow();
  expect(() => write(new BigUint64Array(1), 4 * SHARED_ID_BYTES)).toThrow();
  output.records[0] = 0xffff_fff0;
  expect(() => write(SHARED_KEY, 4 * SHARED_ID_BYTES)).toThrow();
});
