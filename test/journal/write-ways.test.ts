/** Which writes go past the page cache, by what others took: with times that are told, not measured. */
import { describe, expect, test } from 'vitest';
import { WriteWays } from '../../src/journal/write-ways.ts';
import { DIRECT_WRITE_BYTES_MIN, WRITES_OF_TRIAL, WRITES_PER_TRIAL } from '../../src/limits.ts';

const BYTES = DIRECT_WRITE_BYTES_MIN;

/** Chooses `writes` times with times of each way, and gives how many went past the cache. */
function choose(
  ways: WriteWays,
  writes: number,
  cachedMs: number,
  directMs: number | (() => number),
): number {
  let direct = 0;
  for (let write = 0; write < writes; write++) {
    const isDirect = ways.choosesDirect(BYTES);
    if (isDirect) direct += 1;
    const ms = typeof directMs === 'number' ? directMs : directMs();
    ways.note(isDirect, BYTES, isDirect ? ms : cachedMs);
  }
  return direct;
}

describe('the way of a write', () => {
  test('is the quicker one, and the other is tried now and then', () => {
    const past = new WriteWays();
    choose(past, 10, 2, 1);
    expect(choose(past, 10 * WRITES_PER_TRIAL, 2, 1)).toBeGreaterThan(9 * WRITES_PER_TRIAL);
    const through = new WriteWays();
    choose(through, 10, 1, 2);
    const tried = choose(through, 10 * WRITES_PER_TRIAL, 1, 2);
    expect(tried).toBeGreaterThanOrEqual(9 * WRITES_OF_TRIAL);
    expect(tried).toBeLessThanOrEqual(10 * WRITES_OF_TRIAL);
  });

  test('changes as soon as it got slower, whatever turn the other has', () => {
    const ways = new WriteWays();
    choose(ways, 20, 0.1, 0.35);
    expect(choose(ways, 20, 1, 0.35)).toBeGreaterThan(10);
    expect(choose(ways, 20, 0.1, 2)).toBeLessThan(10);
  });

  test('changes back when the other got quicker, at its next turn', () => {
    const ways = new WriteWays();
    choose(ways, 10, 1, 0.35);
    choose(ways, 2 * WRITES_PER_TRIAL, 0.1, 0.35);
    expect(choose(ways, WRITES_PER_TRIAL, 0.1, 0.35)).toBeLessThanOrEqual(WRITES_OF_TRIAL);
  });

  test('does not hang on the first write of a trial, nor on one that met a busy disk', () => {
    const ways = new WriteWays();
    let isFirst = true;
    const first = () => {
      const ms = isFirst ? 3 : 0.35;
      isFirst = false;
      return ms;
    };
    choose(ways, 1 + WRITES_OF_TRIAL, 1, first);
    expect(isFirst).toBe(false);
    expect(choose(ways, WRITES_PER_TRIAL, 1, 0.35)).toBe(WRITES_PER_TRIAL);
    const busy = new WriteWays();
    choose(busy, 1 + WRITES_OF_TRIAL, 1, 0.35);
    expect(choose(busy, 1, 1, 50)).toBe(1);
    expect(choose(busy, WRITES_PER_TRIAL - 1, 1, 0.35)).toBe(WRITES_PER_TRIAL - 1);
  });

  test('past the cache is worth more where the thread goes on meanwhile', () => {
    const ways = new WriteWays();
    for (let write = 0; write < 10; write++) {
      if (ways.choosesDirect(BYTES)) ways.noteAsync(BYTES, 1.5);
      else ways.note(false, BYTES, 1);
    }
    expect(ways.choosesDirect(BYTES)).toBe(true);
    const waits = new WriteWays();
    choose(waits, 10, 1, 1.5);
    expect(waits.choosesDirect(BYTES)).toBe(false);
  });

  test('is the cache for small writes, and where there is no other', () => {
    const ways = new WriteWays();
    choose(ways, 10, 2, 1);
    expect(ways.choosesDirect(BYTES)).toBe(true);
    expect(ways.choosesDirect(BYTES - 1)).toBe(false);
    ways.forbidDirect();
    expect(choose(ways, 100, 2, 1)).toBe(0);
  });
});
