import { describe, expect, test } from 'vitest';
import { CreditPool, type CreditSources } from '../../src/admission/credit-pool.ts';

const MiB = 1024 * 1024;

function pool(parts: Partial<Record<'connections' | 'heldBytes' | 'journalBytes', number>> = {}) {
  const now = { connections: 1, heldBytes: 0, journalBytes: 0, ...parts };
  const sources: CreditSources = {
    memoryBytesMax: 200 * MiB,
    journalBytesMax: 1000 * MiB,
    messageBytesMax: MiB,
    creditBytesMax: 4 * MiB,
    connections: () => now.connections,
    heldBytes: () => now.heldBytes,
    journalBytes: () => now.journalBytes,
  };
  let nowMs = 0;
  return new CreditPool(sources, { nowMs: () => nowMs, monotonicMs: () => (nowMs += 10) });
}

describe('the credit of a connection', () => {
  test('is full where there is room', () => {
    expect(pool().credit()).toBe(4 * MiB);
    expect(pool({ heldBytes: 150 * MiB, journalBytes: 800 * MiB }).credit()).toBe(4 * MiB);
  });

  test.each(['heldBytes', 'journalBytes'] as const)(
    'shrinks with the room of %s, to nothing before the bound',
    (what) => {
      const bytesMax = what === 'heldBytes' ? 200 * MiB : 1000 * MiB;
      const made = (bytes: number) => pool({ [what]: bytes });
      const reserved = what === 'heldBytes' ? pool().reservedMemoryBytes() : pool().reservedJournalBytes();
      const end = bytesMax - reserved;
      expect(reserved).toBeGreaterThan(0);
      expect(made(end - 0.05 * bytesMax).credit()).toBe(2 * MiB);
      // Never so small that no message fits.
      expect(made(end - 0.01 * bytesMax).credit()).toBe(MiB);
      expect(made(end).credit()).toBe(0);
      expect(made(bytesMax).credit()).toBe(0);
    },
  );

  test('is a part of the pool where there are many, and at least one message', () => {
    expect(pool({ connections: 10 }).credit()).toBe(2 * MiB);
    expect(pool({ connections: 5000 }).credit()).toBe(MiB);
  });
});

test('the reserve covers all credits while they fit it, and nothing is reserved for nobody', () => {
  expect(pool({ connections: 0 }).reservedMemoryBytes()).toBe(0);
  expect(pool({ connections: 0 }).reservedJournalBytes()).toBe(0);
  for (const connections of [1, 5, 20]) {
    const made = pool({ connections });
    expect(made.reservedMemoryBytes()).toBeGreaterThanOrEqual(connections * made.credit());
    expect(made.reservedJournalBytes()).toBeGreaterThanOrEqual(2 * connections * made.credit());
  }
  expect(pool({ connections: 5000 }).reservedMemoryBytes()).toBe(50 * MiB);
});
