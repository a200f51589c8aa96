import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import {
  claimWorkerSlot,
  createWorkerSlots,
  freeWorkerSlot,
  workerSlotOf,
} from '../../src/dispatch/worker-slots.ts';

test('threads get different slots, and a freed one goes to the next', () => {
  const slots = createWorkerSlots(2);
  expect([claimWorkerSlot(slots, 11), claimWorkerSlot(slots, 12)]).toEqual([0, 1]);
  expect(workerSlotOf(slots, 11)).toBe(0);
  freeWorkerSlot(slots, 11);
  expect(workerSlotOf(slots, 11)).toBe(-1);
  freeWorkerSlot(slots, 11);
  expect(claimWorkerSlot(slots, 13)).toBe(0);
});

test('a replacement waits until its predecessor is gone', async () => {
  const slots = createWorkerSlots(1);
  claimWorkerSlot(slots, 1);
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ claimWorkerSlot }) => parentPort.postMessage(claimWorkerSlot(workerData.slots, 2)));`;
  const module = new URL('../../dist/src/dispatch/worker-slots.js', import.meta.url).href;
  const worker = new Worker(code, { eval: true, workerData: { slots, module } });
  const claimed = new Promise<number>((resolve) => worker.once('message', resolve));
  const early = await Promise.race([
    claimed,
    new Promise((resolve) => setTimeout(() => resolve('waiting'), 300)),
  ]);
  expect(early).toBe('waiting');
  freeWorkerSlot(slots, 1);
  expect(await claimed).toBe(0);
  await worker.terminate();
});
