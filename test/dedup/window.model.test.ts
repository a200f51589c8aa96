/**
 * The dedup window against a Map, in both implementations, with windows so small that generations turn all the time.
 * What layout.ts promises: an id is a repeat while fewer than `idsMax` newer ones were added and less than `windowMs`
 * passed; it never is one when it was not added, or longer than twice `windowMs` ago.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IdWindow, WINDOWS } from './harness.ts';

interface Step {
  readonly ids: readonly number[];
  readonly pauseMs: number;
  readonly keeps: boolean;
}

const step = (idsMax: number, pauseMsMax: number) =>
  fc.record({
    ids: fc.array(fc.nat(400), { maxLength: idsMax }),
    pauseMs: fc.oneof({ weight: 4, arbitrary: fc.nat(5) }, fc.nat(pauseMsMax)),
    keeps: fc.boolean(),
  });
/** Many ids, and generations that are full before they are old. */
const crowded = fc.record({
  idsMax: fc.integer({ min: 1, max: 200 }),
  windowMs: fc.integer({ min: 1, max: 500 }),
  steps: fc.array(step(90, 400), { minLength: 1, maxLength: 60 }),
});
/** Few ids, and so many generations that their numbers come again. */
const drawnOut = fc.record({
  idsMax: fc.integer({ min: 20, max: 200 }),
  windowMs: fc.integer({ min: 1, max: 3 }),
  steps: fc.array(step(12, 10), { minLength: 150, maxLength: 300 }),
});
const story = fc.oneof(crowded, drawnOut);

/** What a Map says of each row: must it be a repeat, or must it not be? */
class Model {
  readonly #idsMax: number;
  readonly #windowMs: number;
  /** When each id was added, and how many were before it. */
  readonly #known = new Map<string, { readonly atMs: number; readonly number: number }>();
  #added = 0;

  constructor(idsMax: number, windowMs: number) {
    this.#idsMax = idsMax;
    this.#windowMs = windowMs;
  }

  verdict(id: string, nowMs: number): 'repeat' | 'new' | 'either' {
    const known = this.#known.get(id);
    if (known === undefined) return 'new';
    const ageMs = nowMs - known.atMs;
    if (ageMs >= 2 * this.#windowMs) return 'new';
    return ageMs < this.#windowMs && this.#added - known.number <= this.#idsMax ? 'repeat' : 'either';
  }

  add(id: string, nowMs: number): void {
    this.#known.set(id, { atMs: nowMs, number: this.#added++ });
  }
}

function run(window: IdWindow, idsMax: number, windowMs: number, steps: readonly Step[]): number[][] {
  const model = new Model(idsMax, windowMs);
  let nowMs = 1_000_000;
  return steps.map(({ ids, pauseMs, keeps }) => {
    nowMs += pauseMs;
    const names = ids.map((id) => `id-${id}`);
    const repeats = window.offer(names, nowMs, keeps);
    const isRepeat = new Set(repeats);
    const seen = new Set<string>();
    const fresh: string[] = [];
    for (const [row, name] of names.entries()) {
      const wanted = seen.has(name) ? 'repeat' : model.verdict(name, nowMs);
      if (wanted !== 'either') expect([name, isRepeat.has(row)]).toEqual([name, wanted === 'repeat']);
      if (!isRepeat.has(row)) fresh.push(name);
      seen.add(name);
    }
    if (keeps) for (const name of fresh) model.add(name, nowMs);
    return repeats;
  });
}

describe.each(['native', 'reference'] as const)('%s', (name) => {
  test('keeps what it promises, for generated stories', () => {
    fc.assert(
      fc.property(story, ({ idsMax, windowMs, steps }) => {
        run(new IdWindow(WINDOWS[name], idsMax, windowMs), idsMax, windowMs, steps);
      }),
      { numRuns: 60 },
    );
  });
});

test('native and reference give the same verdicts and leave the same memory, also when they take turns', () => {
  fc.assert(
    fc.property(story, ({ idsMax, windowMs, steps }) => {
      const native = new IdWindow(WINDOWS.native, idsMax, windowMs);
      const reference = new IdWindow(WINDOWS.reference, idsMax, windowMs);
      const mixed = new IdWindow(WINDOWS.native, idsMax, windowMs);
      const other = new IdWindow(WINDOWS.reference, idsMax, windowMs, mixed.memory);
      let nowMs = 5_000;
      for (const [index, { ids, pauseMs, keeps }] of steps.entries()) {
        nowMs += pauseMs;
        const names = ids.map((id) => `größe "${id}"`);
        const turn = index % 2 === 0 ? mixed : other;
        if (index % 5 === 4) {
          const counts = [native, reference, turn].map((window) => window.rememberLines(names, nowMs));
          expect(counts).toEqual([ids.length, ids.length, ids.length]);
          continue;
        }
        const found = native.offer(names, nowMs, keeps);
        expect(reference.offer(names, nowMs, keeps)).toEqual(found);
        expect(turn.offer(names, nowMs, keeps)).toEqual(found);
      }
      const bytes = Buffer.from(native.memory);
      expect(Buffer.from(reference.memory).equals(bytes)).toBe(true);
      expect(Buffer.from(mixed.memory).equals(bytes)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('a window of its real size forgets nothing within its promise, over many generations', () => {
  const idsMax = 30_000;
  const window = new IdWindow(WINDOWS.native, idsMax, 600_000);
  const ids = (from: number) => Array.from({ length: 5_000 }, (_, index) => `id-${from + index}`);
  for (let from = 0; from < 400_000; from += 5_000) {
    expect(window.offer(ids(from), 1_000)).toEqual([]);
    const oldest = Math.max(0, from + 5_000 - idsMax);
    expect(window.offer(ids(oldest), 1_000, false)).toHaveLength(5_000);
  }
});
