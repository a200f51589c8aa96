import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AckWindow } from '../../src/websocket/ack-window.ts';

describe('the ack window', () => {
  test('acknowledges every message once, in order, whatever order the slabs come back in (model, seeded)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (messagesPerSlab, random) => {
          const window = new AckWindow();
          const slabs = messagesPerSlab.map((count, index) => ({ generation: index + 1, count, first: 0 }));
          let seq = 0;
          for (const slab of slabs) {
            slab.first = seq + 1;
            for (let n = 0; n < slab.count; n++) window.sent(slab.generation, 10 + ++seq);
          }
          const back = new Set<number>();
          let acked = 0;
          let accepted = 0;
          let rejected = 0;
          while (slabs.length > 0) {
            const [slab] = slabs.splice(random.next().value % slabs.length, 1);
            for (let n = 0; n < slab!.count; n++) {
              const odd = (slab!.first + n) % 2 === 1;
              back.add(slab!.first + n);
              const span = window.waiting(slab!.generation);
              expect(span.firstSeq + span.returned).toBe(slab!.first + n);
              if (odd) span.errors.push({ seq: slab!.first + n, code: `e${slab!.first + n}` });
              if (!window.returned(span, 1, odd ? 0 : 3, odd ? 1 : 0, 0) || !window.settle(span, true))
                continue;
              const ack = window.take(1000);
              expect(ack.seq).toBeGreaterThan(acked);
              for (let at = acked + 1; at <= ack.seq; at++) expect(back.has(at)).toBe(true);
              expect(ack.errors.map((error) => error.seq)).toEqual(
                range(acked + 1, ack.seq).filter((at) => at % 2 === 1),
              );
              acked = ack.seq;
              accepted += ack.accepted;
              rejected += ack.rejected;
            }
          }
          expect(acked).toBe(seq);
          expect(accepted).toBe(3 * Math.floor(seq / 2));
          expect(rejected).toBe(Math.ceil(seq / 2));
          expect(window.unackedBytes).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('messages that were known are acknowledged in their place, also between two of one slab', () => {
    const window = new AckWindow(10);
    window.sent(1, 100);
    expect([window.known(), window.known()]).toEqual([false, false]);
    window.sent(1, 100);
    expect([window.nextSeq, window.unackedBytes]).toEqual([15, 200]);
    const first = window.waiting(1);
    expect([first.firstSeq, first.count]).toEqual([11, 1]);
    expect([window.returned(first, 1, 1, 0, 0), window.settle(first, true)]).toEqual([true, true]);
    expect(window.take(9)).toMatchObject({ seq: 13, accepted: 1 });
    const second = window.waiting(1);
    expect([second.firstSeq, second.count]).toEqual([14, 1]);
    expect([window.returned(second, 1, 1, 0, 0), window.settle(second, true)]).toEqual([true, true]);
    expect(window.take(9)).toMatchObject({ seq: 14, accepted: 1 });
    expect(window.known()).toBe(true);
    expect(window.take(9)).toMatchObject({ seq: 15, accepted: 0 });
    expect([window.isEmpty, window.unackedBytes]).toEqual([true, 0]);
  });

  test('an ack covers what is settled at its head, and says when some of it fell short', () => {
    const window = new AckWindow();
    const spans = [1, 2, 3].map((generation) => {
      window.sent(generation, 1);
      const span = window.waiting(generation);
      expect(window.returned(span, 1, 1, 0, 0)).toBe(true);
      return span;
    });
    expect(window.settle(spans[1]!, false)).toBe(false);
    expect(window.settle(spans[0]!, true)).toBe(true);
    expect(window.take(9)).toMatchObject({ seq: 2, isReached: false });
    expect(window.settle(spans[2]!, true)).toBe(true);
    expect(window.take(9)).toMatchObject({ seq: 3, isReached: true });
  });

  test('names at most the given number of errors', () => {
    const window = new AckWindow();
    for (let n = 1; n <= 30; n++) window.sent(1, 1);
    const span = window.waiting(1);
    span.errors.push(...range(1, 30).map((seq) => ({ seq })));
    expect([window.returned(span, 30, 0, 30, 0), window.settle(span, true)]).toEqual([true, true]);
    expect(window.take(7)).toMatchObject({
      seq: 30,
      rejected: 30,
      errors: range(1, 7).map((seq) => ({ seq })),
    });
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
