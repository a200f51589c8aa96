import { describe, expect, test } from 'vitest';
import { type AckLevel, grantLevel } from '../../src/ack/level.ts';

describe('the level that a request gets', () => {
  test.each<[asked: string, configured: AckLevel, got: AckLevel]>([
    ['', 'journal', 'journal'],
    ['journal', 'journal', 'journal'],
    ['memory', 'journal', 'journal'],
    ['fsync', 'journal', 'fsync'],
    ['Delivered', 'journal', 'delivered'],
    ['journal', 'fsync', 'fsync'],
    ['delivered', 'fsync', 'delivered'],
    ['', 'memory', 'memory'],
    ['memory', 'memory', 'memory'],
  ])('%j where %s is configured: %s', (asked, configured, got) => {
    expect(grantLevel(asked, configured)).toBe(got);
  });

  test.each(['durable', 'fsync ', 'constructor'])('%j is none', (asked) => {
    expect(grantLevel(asked, 'journal')).toEqual({ refused: 'unknown_ack_level' });
  });

  test.each(['journal', 'fsync', 'delivered'])('%s is not to be had from memory', (asked) => {
    expect(grantLevel(asked, 'memory')).toEqual({ refused: 'ack_level_unavailable' });
  });
});
