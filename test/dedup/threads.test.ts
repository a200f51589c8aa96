/**
 * Real threads on one window, offering the same ids at the same time, through many generations: an id is never dropped
 * before somebody kept its event, every event is kept by somebody, and whoever comes later drops all of them.
 */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { createWindowMemory, measureWindow } from '../../src/dedup/layout.ts';
import { KEY } from './harness.ts';

const SLABS = 60;
const SLAB_EVENTS = 500;
const IDS = SLABS * SLAB_EVENTS;

interface Said {
  readonly number: number;
  readonly news: number;
  readonly droppedTooEarly: readonly number[];
}

function hammer(name: string, memory: SharedArrayBuffer, flags: SharedArrayBuffer): Promise<Said> {
  const entry = fileURLToPath(new URL('./hammer.mjs', import.meta.url));
  const workerData = { name, memory, flags, slabs: SLABS, slabEvents: SLAB_EVENTS };
  return new Promise((resolve, reject) => {
    new Worker(entry, { workerData }).once('message', resolve).once('error', reject);
  });
}

describe.each([
  ['native', 'native'],
  ['reference', 'reference'],
  ['native', 'reference'],
])('%s beside %s', (one, other) => {
  // Both may keep an event, so that twice as many ids are added.
  test.each([2 * IDS, IDS / 30])('with room for %d ids', async (idsMax) => {
    const memory = createWindowMemory(idsMax, 60_000, KEY);
    const flags = new SharedArrayBuffer(IDS * 4);
    const said = await Promise.all([hammer(one, memory, flags), hammer(other, memory, flags)]);
    expect(said.map(({ droppedTooEarly }) => droppedTooEarly)).toEqual([[], []]);
    expect([...new Int32Array(flags)].filter((kept) => kept === 0)).toEqual([]);
    const news = said.reduce((sum, { news: count }) => sum + count, 0);
    expect(news).toBeGreaterThanOrEqual(IDS);
    if (idsMax < IDS) expect(measureWindow(memory).generation).toBeGreaterThan(100);
    // One behind the other, every id is kept once.
    else expect((await hammer(one, memory, flags)).news).toBe(0);
  });
});
