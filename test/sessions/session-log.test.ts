import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ReasonNumber } from '../../src/outcome.ts';
import {
  decodeEntries,
  encodeEntries,
  entryBytes,
  type SessionEntry,
  sessionKey,
} from '../../src/sessions/entry.ts';
import { entriesOf } from '../../src/sessions/frames.ts';
import { SessionLog } from '../../src/sessions/session-log.ts';
import { FrameWord, frameRow } from '../../src/slab/layout.ts';

function entry(key: string, parts: Partial<SessionEntry> = {}): SessionEntry {
  return { key, instance: 1, low: 0, usedAtMs: 1000, ranges: [], ...parts };
}

describe('entries', () => {
  test('are read as they were written, and what is cut off is left out (seeded)', () => {
    const seq = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const one = fc.record({
      key: fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' }),
      instance: seq,
      low: seq,
      usedAtMs: seq,
      ranges: fc.array(fc.tuple(seq, seq), { maxLength: 5 }).map((pairs) => pairs.flat()),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 6 }), fc.nat(), (entries, cut) => {
        const bytes = encodeEntries(entries);
        expect(bytes.length).toBe(entries.reduce((sum, each) => sum + entryBytes(each), 0));
        expect(decodeEntries(bytes)).toEqual(entries);
        const part = decodeEntries(bytes.subarray(0, cut % (bytes.length + 1)));
        expect(part).toEqual(entries.slice(0, part.length));
      }),
      { numRuns: 200 },
    );
  });

  test('keys of two apps, or of two ids, are never the same', () => {
    expect(sessionKey('b', 'a')).not.toBe(sessionKey('a', 'b'));
    expect(sessionKey('a b', 'x')).not.toBe(sessionKey('b', 'x a'.replace(' ', '-')));
  });
});

test('of a slab, what is to be sent again is not journaled; what is refused for good is', () => {
  const words = new Uint32Array(frameRow(6));
  words[frameRow(1) + FrameWord.reason] = ReasonNumber.overloaded;
  words[frameRow(4) + FrameWord.reason] = ReasonNumber.invalid_json;
  const sessions = [
    { key: 'a', instance: 3, low: 6 },
    { key: 'b', instance: 4, low: 0 },
  ];
  // Frames 0 1 2 4 are messages 7 8 9 10 of the first, frame 5 is message 1 of the second.
  const rows = Float64Array.of(0, 0, 7, 1, 0, 8, 2, 0, 9, 4, 0, 10, 5, 1, 1);
  expect(entriesOf({ sessions, rows }, words, 5)).toEqual([
    { key: 'a', instance: 3, low: 6, usedAtMs: 5, ranges: [7, 7, 9, 10] },
    { key: 'b', instance: 4, low: 0, usedAtMs: 5, ranges: [1, 1] },
  ]);
});

describe('the log of a worker', () => {
  let nowMs: number;
  let log: SessionLog;
  const make = (snapshotBytesMax = 100_000) =>
    new SessionLog({
      sessionsMax: 2,
      ttlMs: 1000,
      snapshotBytesMax,
      clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    });
  beforeEach(() => {
    nowMs = 1000;
    log = make();
  });
  const snapshot = () => decodeEntries(log.snapshot());

  test('says again what it was told, added up', () => {
    log.add([entry('a', { low: 2, ranges: [5, 6] })]);
    log.add([entry('a', { low: 2, ranges: [9, 9], usedAtMs: 1500 })]);
    log.add([entry('a', { low: 4, usedAtMs: 1200 })]);
    expect(snapshot()).toEqual([entry('a', { low: 6, ranges: [9, 9], usedAtMs: 1500 })]);
  });

  test('is the same after a start that reads its snapshot, and any of it twice', () => {
    log.add([entry('a', { low: 2, ranges: [5, 6] }), entry('b', { low: 7 })]);
    const bytes = log.snapshot();
    const again = make();
    again.found(bytes);
    again.found(bytes);
    expect(decodeEntries(again.snapshot())).toEqual(decodeEntries(bytes));
  });

  test('numbers of a session that was forgotten say nothing of the next one', () => {
    log.add([entry('a', { instance: 1, low: 100 })]);
    log.add([entry('a', { instance: 2, low: 0, ranges: [1, 3] })]);
    log.add([entry('a', { instance: 1, low: 120 })]);
    expect(snapshot()).toEqual([entry('a', { instance: 2, low: 3 })]);
  });

  test('forgets what was used longest ago, and what is too old', () => {
    for (const key of ['a', 'b', 'c', 'd', 'e']) log.add([entry(key)]);
    log.add([entry('b', { usedAtMs: 2500 })]);
    expect(snapshot().map(({ key }) => key)).toEqual(['c', 'd', 'e', 'b']);
    nowMs = 3001;
    expect(snapshot().map(({ key }) => key)).toEqual(['b']);
    expect(log.cut).toBe(0);
  });

  test('a snapshot keeps to its bytes with those used last, and says what it had no room for', () => {
    log = make(2 * entryBytes(entry('a')));
    for (const key of ['a', 'b', 'c']) log.add([entry(key)]);
    expect(snapshot().map(({ key }) => key)).toEqual(['b', 'c']);
    expect(log.cut).toBe(1);
  });
});
