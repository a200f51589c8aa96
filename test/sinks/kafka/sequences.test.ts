/** Sequence numbers, in the words of DefaultRecordBatch.incrementSequence and KIP-360. */
import { expect, test } from 'vitest';
import { Sequences } from '../../../src/sinks/kafka/sequences.ts';

function begun(): Sequences {
  const sequences = new Sequences();
  sequences.begin({ producerId: 7n, producerEpoch: 0 });
  return sequences;
}

test('each partition counts its own records, from 0', () => {
  const sequences = begun();
  expect(sequences.stamp('t', 0, 5)).toEqual({ producerId: 7n, producerEpoch: 0, baseSequence: 0 });
  expect(sequences.stamp('t', 0, 3).baseSequence).toBe(5);
  expect(sequences.stamp('t', 1, 3).baseSequence).toBe(0);
  expect(sequences.stamp('t2', 0, 3).baseSequence).toBe(0);
});

test('behind 2^31 - 1 comes 0, also within a batch', () => {
  const sequences = begun();
  sequences.stamp('t', 0, 2 ** 31 - 10);
  expect(sequences.stamp('t', 0, 10).baseSequence).toBe(2 ** 31 - 10);
  expect(sequences.stamp('t', 0, 1).baseSequence).toBe(0);
  sequences.stamp('t', 1, 2 ** 31 - 10);
  sequences.stamp('t', 1, 15);
  expect(sequences.stamp('t', 1, 1).baseSequence).toBe(5);
});

test('a partition that is restarted has a new epoch and begins at 0; others go on', () => {
  const sequences = begun();
  sequences.stamp('t', 0, 5);
  sequences.stamp('t', 1, 5);
  sequences.restart('t', 0);
  expect(sequences.stamp('t', 0, 5)).toEqual({ producerId: 7n, producerEpoch: 1, baseSequence: 0 });
  expect(sequences.stamp('t', 1, 5)).toEqual({ producerId: 7n, producerEpoch: 0, baseSequence: 5 });
});

test('behind the last epoch a new producer id is needed', () => {
  const sequences = begun();
  sequences.stamp('t', 0, 5);
  for (let epoch = 0; epoch < 0x7fff; epoch++) sequences.restart('t', 0);
  expect(sequences.stamp('t', 0, 1).producerEpoch).toBe(0x7fff);
  expect(sequences.needsIdentity).toBe(false);
  sequences.restart('t', 0);
  expect(sequences.needsIdentity).toBe(true);
});

test('a stamp that was refused is given again', () => {
  const sequences = begun();
  sequences.stamp('t', 0, 5);
  const refused = sequences.stamp('t', 0, 50);
  sequences.unstamp('t', 0, refused);
  expect(sequences.stamp('t', 0, 2).baseSequence).toBe(5);
});

test('an offset that is not behind the last one tells of a batch that was dropped', () => {
  const sequences = begun();
  sequences.stamp('t', 0, 5);
  expect([sequences.settle('t', 0, 10n), sequences.settle('t', 0, 15n)]).toEqual([true, true]);
  expect([sequences.settle('t', 0, 15n), sequences.settle('t', 0, 10n)]).toEqual([false, false]);
  sequences.restart('t', 0);
  expect(sequences.settle('t', 0, 3n)).toBe(true);
});
