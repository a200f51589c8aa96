import { expect, test } from 'vitest';
import { CounterReader, createCounterMemory, ThreadCounters } from '../../src/metrics/counters.ts';

test('each thread has its own row, and the reader sums them', () => {
  const memory = createCounterMemory(3);
  const reader = new CounterReader(memory);
  new ThreadCounters(memory, 0).add('lineBytes', 5);
  new ThreadCounters(memory, 2).add('lineBytes', 7);
  expect([0, 1, 2].map((slot) => reader.read('lineBytes', slot))).toEqual([5, 0, 7]);
  expect(reader.total('lineBytes')).toBe(12);
  expect(reader.total('delivered')).toBe(0);
});

test('a thread that takes over a slot goes on from its totals, and its gauges stand until it sets them', () => {
  const memory = createCounterMemory(1);
  const dead = new ThreadCounters(memory, 0);
  dead.add('lineBytes', 5);
  dead.set('journalRows', 1000);
  const next = new ThreadCounters(memory, 0);
  next.add('lineBytes', 1);
  const reader = new CounterReader(memory);
  expect([reader.read('lineBytes', 0), reader.read('journalRows', 0)]).toEqual([6, 1000]);
  next.set('journalRows', 3);
  expect(reader.read('journalRows', 0)).toBe(3);
});

test('totals beyond 2^32 are exact', () => {
  const memory = createCounterMemory(1);
  const counters = new ThreadCounters(memory, 0);
  for (let n = 0; n < 3; n++) counters.add('lineBytes', 4_000_000_001);
  expect(new CounterReader(memory).total('lineBytes')).toBe(12_000_000_003);
});
