/** Nested keys that drift: each path and type would be a file of a part, and each file a descriptor while it is written. */
import { readdirSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { createHarness, eventLine, query, untilReady } from './harness.ts';

const harness = createHarness();
afterAll(() => harness.close());

const KEYS = ['a', 'b', 'a.b', '', '.', 'é', 'a:Int64', '[]', 'x'.repeat(300), ' ', '^a', '_', 'b[]'];
const ATOMS = ['1', '-1', '1.5', 'true', '""', '"x"', '[]', '{}', '[[]]', '[{}]', '[1,"a"]'];
let seed = 1;
function below(count: number): number {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return (seed >>> 8) % count;
}
function value(depth: number): string {
  const kind = below(depth > 0 ? 10 : 4);
  if (kind < 4) return ATOMS[below(ATOMS.length)] ?? '';
  if (kind >= 7) return object(depth - 1);
  return `[${Array.from({ length: below(5) }, () => value(depth - 1)).join(',')}]`;
}
function object(depth: number): string {
  const keys = new Set(Array.from({ length: below(6) }, () => KEYS[below(KEYS.length)] ?? ''));
  return `{${[...keys].map((key) => `"${key}":${value(depth)}`).join(',')}}`;
}

test('a part stays a few files, and the store a few descriptors', async () => {
  const store = harness.start();
  await untilReady(store);
  const sink = await harness.sink(store, { blockBytesMax: 64 * 1024 * 1024, flushIntervalMs: 60_000 });
  const rows = 1000;
  let lines = '';
  for (let row = 0; row < rows; row++) {
    lines += eventLine(`h-${row}`).replace('"context"', `"event_data":${object(6)},"context"`);
  }
  // Under 10 MiB the engine would write a compact part anyway.
  for (let row = 0; row < 600; row++) lines += eventLine(`p-${row}`, { user_agent: 'x'.repeat(20_000) });
  sink.append(Buffer.from(lines), rows + 600);
  let descriptorsMax = 0;
  const timer = setInterval(() => {
    descriptorsMax = Math.max(descriptorsMax, readdirSync(`/proc/${store.pid()}/fd`).length);
  }, 20);
  // Seconds of the store's time, which all others of the machine come before.
  await sink.drain(100_000).finally(() => clearInterval(timer));
  expect([sink.journal.deliveredRows, sink.target.refusedRows()]).toEqual([rows + 600, 0]);
  expect(descriptorsMax).toBeGreaterThan(0);
  expect(descriptorsMax).toBeLessThan(400);
  const parts = (await query(store, "SELECT path FROM system.parts WHERE table = 'events' AND active")).split(
    '\n',
  );
  for (const part of parts) expect(readdirSync(part).length).toBeLessThan(40);
}, 120_000);
