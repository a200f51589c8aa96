import { expect, test } from 'vitest';
import { Upload } from '../../src/http/upload.ts';
import { MemoryBudget } from '../../src/slab/budget.ts';

const KiB = 1024;

test('an upload is the pieces in order, and gives its memory back once', () => {
  const budget = new MemoryBudget(1024 * KiB);
  const upload = new Upload(budget, 200 * KiB);
  const pieces = Array.from({ length: 40 }, (_, n) => Buffer.alloc(1 + n * 97, n));
  for (const piece of pieces) expect(upload.append(piece)).toBeUndefined();
  expect(Buffer.concat(pieces).equals(upload.body())).toBe(true);
  expect(budget.used()).toBeGreaterThanOrEqual(Buffer.concat(pieces).length);
  upload.drop();
  expect(budget.used()).toBe(0);
  upload.drop();
  expect(budget.used()).toBe(0);
});

test('a body is refused at the byte after its limit', () => {
  const upload = new Upload(new MemoryBudget(1024 * KiB), 100);
  expect(upload.append(Buffer.alloc(100))).toBeUndefined();
  expect(upload.append(Buffer.alloc(1))).toBe('body_too_large');
  expect(upload.body().length).toBe(100);
});

test('memory follows what came, and the budget of all uploads says no', () => {
  const budget = new MemoryBudget(64 * KiB);
  const slow = new Upload(budget, 5000 * KiB);
  expect(slow.append(Buffer.alloc(1))).toBeUndefined();
  expect(budget.used()).toBe(16 * KiB);
  const large = new Upload(budget, 5000 * KiB);
  expect(large.append(Buffer.alloc(60 * KiB))).toBe('overloaded');
  expect(budget.used()).toBe(16 * KiB);
  slow.drop();
  expect(large.append(Buffer.alloc(60 * KiB))).toBeUndefined();
});
