import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Dispatcher } from '../../src/dispatch/dispatcher.ts';
import type { WorkerPool } from '../../src/dispatch/worker-pool.ts';
import { SLAB_BYTES, TASKS_PER_WORKER } from '../../src/limits.ts';
import { createLogger } from '../../src/log.ts';
import { MemoryBudget } from '../../src/slab/budget.ts';
import { FRAMES_PER_SLAB_MAX } from '../../src/slab/layout.ts';
import { Origin } from '../../src/slab/origin.ts';
import { SlabPool } from '../../src/slab/pool.ts';
import type { FrameOwner, Replies, Slab } from '../../src/slab/slab.ts';

const REPLIES: Replies = { table: new Uint32Array(FRAMES_PER_SLAB_MAX * 2), bytes: new Uint8Array(0) };

/** A pool whose tasks end when the test says so. */
class HandPool {
  readonly workerCount: number;
  readonly tasksPerWorker = TASKS_PER_WORKER;
  readonly running: { slab: Slab; frames: number; end(): void; die(): void }[] = [];
  constructor(workerCount: number) {
    this.workerCount = workerCount;
  }
  run(slab: Slab): Promise<Replies> {
    return new Promise((resolve, reject) => {
      const done = (finish: () => void) => () => {
        this.running.splice(this.running.indexOf(task), 1);
        finish();
      };
      const task = {
        slab,
        frames: slab.frameCount,
        end: done(() => resolve(REPLIES)),
        die: done(() => reject(new Error('died'))),
      };
      this.running.push(task);
    });
  }
}

class Sender implements FrameOwner {
  readonly origin = new Origin(new Uint8Array(0), '');
  done = 0;
  lost = 0;
  framesDone(_slab: Slab, from: number, end: number) {
    this.done += end - from;
  }
  framesLost(count: number) {
    this.lost += count;
  }
}

function setUp(workers: number, budgetBytes = 64 * SLAB_BYTES) {
  const pool = new HandPool(workers);
  const budget = new MemoryBudget(budgetBytes);
  /** Frames lost before each call. */
  const lostBefore: number[] = [];
  const sender = new Sender();
  const dispatcher = new Dispatcher(
    new SlabPool(budget),
    pool as unknown as WorkerPool,
    systemClock,
    createLogger('silent'),
    () => lostBefore.push(sender.lost),
  );
  const send = (bytes: number) =>
    dispatcher.append(Buffer.alloc(bytes, 0x20), 0, 0, 0, 0, sender.origin, sender);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { pool, budget, dispatcher, sender, send, turn, lostBefore };
}

describe('the dispatcher', () => {
  test('an idle worker takes a part-filled slab in the same turn of the loop', async () => {
    const { pool, send, turn } = setUp(1);
    send(10);
    send(10);
    expect(pool.running.length).toBe(0);
    await turn();
    expect(pool.running.map((task) => task.frames)).toEqual([2]);
  });

  test('while all workers are busy frames gather, and travel together when one is free', async () => {
    const { pool, send, turn } = setUp(1);
    send(10);
    await turn();
    for (let n = 0; n < 50; n++) {
      send(10);
      await turn();
    }
    expect(pool.running.length).toBe(1);
    pool.running[0]!.end();
    await turn();
    expect(pool.running.map((task) => task.frames)).toEqual([50]);
  });

  test('full slabs wait in the worker, two tasks a worker and no more', async () => {
    const { pool, send, turn } = setUp(2);
    for (let n = 0; n < 12; n++) send(SLAB_BYTES / 2);
    await turn();
    expect(pool.running.length).toBe(2 * TASKS_PER_WORKER);
    const first = pool.running.map((task) => task.slab.generation);
    expect(first).toEqual([1, 2, 3, 4]);
    pool.running[0]!.end();
    await turn();
    expect(pool.running.map((task) => task.slab.generation)).toEqual([2, 3, 4, 5]);
  });

  test('a body larger than a slab travels alone', async () => {
    const { pool, send, turn } = setUp(4);
    send(10);
    send(3 * SLAB_BYTES);
    send(10);
    await turn();
    expect(pool.running.map((task) => task.frames)).toEqual([1, 1, 1]);
  });

  test('says no at the budget, takes nothing, and takes again when a slab came back', async () => {
    const { pool, send, sender, turn, dispatcher } = setUp(1, 2 * SLAB_BYTES + 1);
    const half = SLAB_BYTES / 2;
    expect([send(half), send(half), send(half)]).toEqual([true, true, false]);
    expect(dispatcher.framesInFlight).toBe(2);
    await turn();
    pool.running[0]!.end();
    await turn();
    expect(send(half)).toBe(true);
    expect(sender.done).toBe(1);
  });

  test('tells before its owners that a slab with messages of sessions was lost, and of no other', async () => {
    const { pool, send, sender, turn, dispatcher, lostBefore } = setUp(1);
    send(10);
    await turn();
    pool.running[0]!.die();
    await turn();
    expect(lostBefore).toEqual([]);
    send(10);
    dispatcher.lastSlab.tag({ key: 'a', instance: 1, low: 0, generation: 0, place: 0 }, 1);
    await turn();
    pool.running[0]!.die();
    await turn();
    expect([lostBefore, sender.lost]).toEqual([[1], 2]);
  });

  test('a worker that dies loses the frames of its slabs and of no other', async () => {
    const { pool, send, sender, turn, dispatcher, budget } = setUp(2);
    send(SLAB_BYTES / 2);
    send(SLAB_BYTES / 2);
    await turn();
    expect(pool.running.length).toBe(2);
    pool.running[0]!.die();
    await turn();
    expect([sender.done, sender.lost]).toEqual([0, 1]);
    pool.running[0]!.end();
    await dispatcher.settled();
    expect([sender.done, sender.lost, dispatcher.framesInFlight]).toEqual([1, 1, 0]);
    expect(budget.used()).toBe(2 * SLAB_BYTES);
  });
});
