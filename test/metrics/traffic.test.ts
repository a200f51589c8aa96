/** Counts of slabs as a worker makes them, the law between the two counts of a slab included. */
import { describe, expect, test } from 'vitest';
import { createSlab, type FixtureFrame } from '../../bench/scan-fixture.ts';
import { METRIC_APPS_MAX } from '../../src/limits.ts';
import { createStatisticsMemory, StatisticsReader, ThreadStatistics } from '../../src/metrics/statistics.ts';
import type { TrafficKey } from '../../src/metrics/statistics-names.ts';
import {
  eachCell,
  rejectionsStart,
  settleDeadThread,
  TrafficCounter,
  type TrafficLabels,
  trafficLabels,
  trafficWord,
  trafficWords,
} from '../../src/metrics/traffic.ts';
import { REASONS, type Reason, ReasonNumber } from '../../src/outcome.ts';
import { createScanOutput, ERROR_WORDS, ErrorWord, type ScanOutput } from '../../src/scan/contract.ts';
import { APP_IN_BODY, FrameWord, frameRow } from '../../src/slab/layout.ts';

const DIALECTS = ['penstock', 'segment', 'penstock'];

interface Verdict {
  readonly accepted?: number;
  readonly duplicates?: number;
  readonly errors?: readonly Reason[];
  readonly reason?: Reason;
}

class Counted {
  readonly labels: TrafficLabels;
  readonly counter: TrafficCounter;
  readonly statistics: ThreadStatistics;
  readonly #reader: StatisticsReader;

  constructor(apps: readonly string[] = ['', 'shop', 'blog']) {
    this.labels = trafficLabels(apps, DIALECTS);
    const memory = createStatisticsMemory(1, trafficWords(this.labels));
    this.statistics = new ThreadStatistics(memory, 0);
    this.counter = new TrafficCounter(this.statistics, this.labels);
    this.#reader = new StatisticsReader(memory);
  }

  settle(slab: Uint32Array, receipt: ReturnType<TrafficCounter['received']>, isKept = true): void {
    this.statistics.begin();
    this.counter.settled(slab, receipt, isKept);
    this.statistics.end();
  }

  /** `app dialect transport` of each cell that is not zero, with its counts. */
  cells(key: TrafficKey): Record<string, number> {
    const words = this.#words();
    const found: Record<string, number> = {};
    const { apps, dialects } = this.labels;
    eachCell(this.labels, (cell, app, dialect, transport) => {
      const value = words[cell + trafficWord(key)] ?? 0;
      if (value !== 0) found[`${apps[app]} ${dialects[dialect]} ${transport}`] = value;
    });
    return found;
  }

  rejections(): Record<string, number> {
    const words = this.#words();
    const start = rejectionsStart(this.labels);
    const found: Record<string, number> = {};
    for (const [app, name] of this.labels.apps.entries())
      for (const [reason, code] of REASONS.entries()) {
        const value = words[start + app * REASONS.length + reason] ?? 0;
        if (value !== 0) found[`${name} ${code}`] = value;
      }
    return found;
  }

  total(key: TrafficKey): number {
    return Object.values(this.cells(key)).reduce((sum, value) => sum + value, 0);
  }

  get inFlight(): number {
    return this.statistics.read('eventsInFlight');
  }

  expectLaw(): void {
    const settled = this.total('accepted') + this.total('rejected') + this.total('duplicate');
    expect(settled + this.inFlight).toBe(this.total('received'));
    const rejected = Object.values(this.rejections()).reduce((sum, value) => sum + value, 0);
    expect(rejected).toBe(this.total('rejected'));
  }

  #words(): Float64Array {
    return this.#reader.copy()[0]?.words ?? new Float64Array();
  }
}

/** A slab as it is when the scan is done: repeats are among the accepted. */
function scanned(frames: readonly (FixtureFrame & Verdict)[]): { words: Uint32Array; output: ScanOutput } {
  const { words } = createSlab(frames, 0);
  const output = createScanOutput();
  for (const [frame, { accepted = 0, errors = [], reason }] of frames.entries()) {
    const row = frameRow(frame);
    words[row + FrameWord.accepted] = accepted;
    words[row + FrameWord.rejected] = errors.length;
    words[row + FrameWord.reason] = reason === undefined ? 0 : ReasonNumber[reason];
    words[row + FrameWord.duplicates] = 0;
    // A frame refused whole leaves one error row as well.
    for (const error of reason === undefined ? errors : [reason]) {
      const at = output.errorCount++ * ERROR_WORDS;
      output.errors[at + ErrorWord.frame] = frame;
      output.errors[at + ErrorWord.reason] = ReasonNumber[error];
    }
  }
  return { words, output };
}

/** What the look for repeats does to the rows. */
function setAside(words: Uint32Array, frames: readonly Verdict[]): void {
  for (const [frame, { duplicates = 0 }] of frames.entries()) {
    const row = frameRow(frame);
    words[row + FrameWord.accepted] = words[row + FrameWord.accepted]! - duplicates;
    words[row + FrameWord.duplicates] = duplicates;
  }
}

const MIXED: readonly (FixtureFrame & Verdict)[] = [
  { body: 'aaaa', app: 1, accepted: 5, duplicates: 2 },
  { body: 'bb', app: 1, route: 2, accepted: 1, errors: ['invalid_json', 'missing_field', 'invalid_json'] },
  { body: 'c', app: 2, route: 1, transport: 1, accepted: 3 },
  { body: 'dddd', app: 1, reason: 'batch_too_large' },
  { body: 'e', app: APP_IN_BODY, route: 1, reason: 'unauthorized' },
];

describe('a slab', () => {
  test('is counted by app, dialect and transport; what is refused whole is one event', () => {
    const counted = new Counted();
    const { words, output } = scanned(MIXED);
    const receipt = counted.counter.received(words, output);
    expect(counted.cells('received')).toEqual({
      'shop penstock 0': 10,
      'blog segment 1': 3,
      'unknown segment 0': 1,
    });
    expect(counted.cells('frames')).toEqual({
      'shop penstock 0': 3,
      'blog segment 1': 1,
      'unknown segment 0': 1,
    });
    expect(counted.cells('bytes')).toMatchObject({ 'shop penstock 0': 10 });
    expect([counted.inFlight, counted.total('accepted')]).toEqual([14, 0]);
    counted.expectLaw();
    setAside(words, MIXED);
    // The next slab of the thread uses the same output.
    output.errors.fill(0);
    counted.settle(words, receipt);
    expect(counted.cells('accepted')).toEqual({ 'shop penstock 0': 4, 'blog segment 1': 3 });
    expect(counted.cells('duplicate')).toEqual({ 'shop penstock 0': 2 });
    expect(counted.rejections()).toEqual({
      'shop invalid_json': 2,
      'shop missing_field': 1,
      'shop batch_too_large': 1,
      'unknown unauthorized': 1,
    });
    expect(counted.inFlight).toBe(0);
    counted.expectLaw();
  });

  test('that the journal did not take is rejected, every event as overloaded', () => {
    const counted = new Counted();
    const { words, output } = scanned(MIXED);
    const receipt = counted.counter.received(words, output);
    setAside(words, MIXED);
    counted.settle(words, receipt, false);
    expect([counted.total('accepted'), counted.total('duplicate')]).toEqual([0, 0]);
    expect(counted.rejections()).toEqual({
      'shop overloaded': 9,
      'blog overloaded': 3,
      'shop batch_too_large': 1,
      'unknown unauthorized': 1,
    });
    expect(counted.inFlight).toBe(0);
    counted.expectLaw();
  });

  test('of a thread that died is rejected as worker_lost, those before it stay as they were', () => {
    const counted = new Counted();
    const before = scanned(MIXED);
    counted.settle(before.words, counted.counter.received(before.words, before.output));
    const lost = scanned([{ body: 'x', app: 2, accepted: 8 }]);
    counted.counter.received(lost.words, lost.output);
    const accepted = counted.total('accepted');
    settleDeadThread(counted.statistics, counted.labels);
    expect(counted.total('accepted')).toBe(accepted);
    expect(counted.rejections()).toMatchObject({ 'blog worker_lost': 8, 'shop invalid_json': 2 });
    expect(counted.inFlight).toBe(0);
    counted.expectLaw();
  });

  test('whose verdicts lose an event breaks the law', () => {
    const counted = new Counted();
    const { words, output } = scanned(MIXED);
    const receipt = counted.counter.received(words, output);
    words[frameRow(0) + FrameWord.accepted] = 4;
    counted.settle(words, receipt);
    expect(() => counted.expectLaw()).toThrow();
  });
});

describe('labels', () => {
  const many = ['', ...Array.from({ length: METRIC_APPS_MAX + 2 }, (_, n) => `app-${n}`)];

  test('apps beyond the bound are `other`', () => {
    const counted = new Counted(many);
    const { words, output } = scanned(
      [1, METRIC_APPS_MAX, METRIC_APPS_MAX + 1, METRIC_APPS_MAX + 2].map((app) => ({
        body: 'x',
        app,
        accepted: 1,
      })),
    );
    counted.settle(words, counted.counter.received(words, output));
    expect(counted.cells('accepted')).toEqual({
      'app-0 penstock 0': 1,
      [`app-${METRIC_APPS_MAX - 1} penstock 0`]: 1,
      'other penstock 0': 2,
    });
    expect(counted.labels.apps.length).toBe(METRIC_APPS_MAX + 3);
  });

  test('an app that is called as one of ours shares its series', () => {
    const { apps, appPlaces, ownApps } = trafficLabels(['', 'other', 'shop'], DIALECTS);
    expect([...apps].sort()).toEqual(['open', 'other', 'shop', 'unknown']);
    expect(apps[appPlaces[1] ?? -1]).toBe('other');
    expect([...ownApps].map((place) => apps[place])).toEqual(['other', 'shop']);
  });

  test('in open mode all apps are `open`', () => {
    const { apps, appPlaces, ownApps } = trafficLabels([''], DIALECTS);
    expect([apps[appPlaces[0] ?? -1], ...[...ownApps].map((place) => apps[place])]).toEqual(['open', 'open']);
  });
});
