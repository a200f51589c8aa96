import { describe, expect, it } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { createUuidSource, writeUuid } from '../../src/scan/uuid.ts';

function take(source: ReturnType<typeof createUuidSource>, nowMs: number): string {
  const target = Buffer.alloc(38, '#');
  writeUuid(source, nowMs, target, 1);
  expect(target[0]! + target[37]!).toBe(70);
  return target.toString('latin1', 1, 37);
}

describe('UUIDv7', () => {
  const now = Date.UTC(2025, 5, 9);
  it('carries version 7, variant 10 and the time', () => {
    const source = createUuidSource(createRandom(1));
    for (let round = 0; round < 1000; round++) {
      const id = take(source, now + round);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(now + round);
    }
  });
  it('gives ids that differ and ascend within a millisecond, also across a full counter word of 12 bits', () => {
    const source = createUuidSource(() => 0x000f_fff0);
    const ids = Array.from({ length: 5000 }, () => take(source, now));
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
  });
  it('differs between sources and repeats for equal ones', () => {
    const first = take(createUuidSource(createRandom(1)), now);
    expect(take(createUuidSource(createRandom(1)), now)).toBe(first);
    expect(take(createUuidSource(createRandom(2)), now)).not.toBe(first);
  });
});
