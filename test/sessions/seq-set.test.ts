import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeqSet } from '../../src/sessions/seq-set.ts';

const SEQ_MAX = 40;
const action = fc.oneof(
  fc.record({ first: fc.integer({ min: 1, max: SEQ_MAX }), count: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ low: fc.integer({ min: 0, max: SEQ_MAX }) }),
);

test('a set is what was added, its mark is before the first that is missing, ranges never touch (model, seeded)', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const set = new SeqSet();
      const model = new Set<number>();
      for (const one of actions) {
        if ('low' in one) {
          set.raise(one.low);
          for (let seq = 1; seq <= one.low; seq++) model.add(seq);
        } else {
          set.add(one.first, one.first + one.count - 1);
          for (let n = 0; n < one.count; n++) model.add(one.first + n);
        }
        let low = 0;
        while (model.has(low + 1)) low += 1;
        expect(set.low).toBe(low);
        for (let seq = 1; seq <= SEQ_MAX + 7; seq++) expect(set.has(seq), `${seq}`).toBe(model.has(seq));
        let before = set.low;
        for (let at = 0; at < set.ranges.length; at += 2) {
          expect(set.ranges[at]).toBeGreaterThan(before + 1);
          expect(set.ranges[at + 1]).toBeGreaterThanOrEqual(set.ranges[at]!);
          before = set.ranges[at + 1]!;
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('too many ranges lose the highest', () => {
  const set = new SeqSet();
  for (const seq of [3, 6, 9, 12]) set.add(seq, seq);
  set.keepRanges(2);
  expect(set.ranges).toEqual([3, 3, 6, 6]);
});
