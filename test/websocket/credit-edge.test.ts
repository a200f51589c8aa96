import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CreditEdge } from '../../src/websocket/credit-edge.ts';

/** What travels from server to client, in order, and arrives when the client reads. */
type Word = { credit: number } | { acked: number };

test('a client that keeps to what it was told is always taken, however late it hears (model, seeded)', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('send' as const), bytes: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ do: fc.constant('hear' as const) }),
    fc.record({ do: fc.constant('receive' as const) }),
    fc.record({ do: fc.constant('acknowledge' as const), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('credit' as const), bytes: fc.constantFrom(0, 60, 100, 200, 400) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const edge = new CreditEdge(100);
      const words: Word[] = [];
      /** Messages on the way, and those received that are not acknowledged, by their bytes. */
      const wire: number[] = [];
      const unacked: number[] = [];
      const sum = (list: readonly number[]) => list.reduce((total, bytes) => total + bytes, 0);
      let clientCredit = 100;
      let clientUnacked = 0;
      for (const one of steps) {
        if (one.do === 'send' && clientUnacked + one.bytes <= clientCredit) {
          wire.push(one.bytes);
          clientUnacked += one.bytes;
        } else if (one.do === 'receive') {
          const bytes = wire.shift();
          if (bytes === undefined) continue;
          expect(edge.takes(bytes)).toBe(true);
          unacked.push(bytes);
        } else if (one.do === 'acknowledge') {
          const acked = sum(unacked.splice(0, one.count));
          edge.acknowledged(sum(unacked));
          words.push({ acked });
        } else if (one.do === 'credit' && edge.tells(one.bytes, sum(unacked))) {
          words.push({ credit: one.bytes });
        } else if (one.do === 'hear') {
          const word = words.shift();
          if (word === undefined) continue;
          if ('credit' in word) clientCredit = word.credit;
          else clientUnacked -= word.acked;
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test('a client that does not is not taken, be its credit smaller or gone', () => {
  const edge = new CreditEdge(100);
  expect([edge.takes(60), edge.takes(41), edge.takes(40), edge.takes(1)]).toEqual([true, false, true, false]);
  expect(edge.tells(0, 100)).toBe(true);
  edge.acknowledged(0);
  expect(edge.takes(1)).toBe(false);
  expect(edge.tells(50, 0)).toBe(true);
  expect([edge.takes(50), edge.takes(1)]).toEqual([true, false]);
});

test('small changes are not told, to and from nothing always', () => {
  const edge = new CreditEdge(100);
  expect([110, 90, 125, 126, 100, 94, 0, 0, 1].map((bytes) => edge.tells(bytes, 0))).toEqual([
    false,
    false,
    false,
    true,
    false,
    true,
    true,
    false,
    true,
  ]);
});
