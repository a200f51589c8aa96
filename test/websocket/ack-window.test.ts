import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AckWindow, type Span } from '../../src/websocket/ack-window.ts';

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
              const errors = odd ? (at: number) => [{ seq: at, code: `e${at}` }] : undefined;
              back.add(slab!.first + n);
              const span = window.returned(slab!.generation, odd ? 0 : 3, odd ? 1 : 0, 0, errors);
              if (span === undefined || !window.settle(span, true)) continue;
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
    expect([window.nextSeq, window.unackedBytes, window.seqOf(1)]).toEqual([15, 200, 11]);
    const first = window.returned(1, 1, 0, 0, undefined);
    expect(window.settle(first!, true)).toBe(true);
    expect(window.take(9)).toMatchObject({ seq: 13, accepted: 1 });
    expect(window.seqOf(1)).toBe(14);
    const second = window.returned(1, 1, 0, 0, undefined);
    expect(window.settle(second!, true)).toBe(true);
    expect(window.take(9)).toMatchObject({ seq: 14, accepted: 1 });
    expect(window.known()).toBe(true);
    expect(window.take(9)).toMatchObject({ seq: 15, accepted: 0 });
    expect([window.isEmpty, window.unackedBytes]).toEqual([true, 0]);
  });

  test('an ack covers what is settled at its head, and says when some of it fell short', () => {
    const window = new AckWindow();
    const spans = [1, 2, 3].map((generation) => {
      window.sent(generation, 1);
      return window.returned(generation, 1, 0, 0, undefined)!;
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
    let span: Span | undefined;
    for (let n = 1; n <= 30; n++) span = window.returned(1, 0, 1, 0, (seq) => [{ seq }]);
    expect(window.settle(span!, true)).toBe(true);
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
