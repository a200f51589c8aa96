import { expect, test } from 'vitest';
import { createStartGate, passStartGate } from '../../src/dedup/start-gate.ts';

test('nobody passes before all have come, and whoever comes later passes at once', async () => {
  const gate = createStartGate(3);
  const passed: string[] = [];
  const pass = (name: string) => passStartGate(gate).then(() => passed.push(name));
  const first = [pass('a'), pass('b')];
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(passed).toEqual([]);
  await Promise.all([...first, pass('c')]);
  expect([...passed].sort()).toEqual(['a', 'b', 'c']);
  await pass('later');
  expect(passed).toHaveLength(4);
});
