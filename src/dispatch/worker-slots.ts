/**
 * Which worker thread has which slot: slots name a thread in metrics and in files (worker 0, 1, 2 …) and outlive
 * it, so that the replacement of a dead thread takes over its name.
 *
 *   word s: id of the thread that holds slot s, 0 when it is free
 *
 * A starting worker claims the first free slot with compareExchange; the front frees the slot of a thread that
 * has exited with compareExchange against that thread's id. There is no other writer.
 */
import { assert } from '../assert.ts';

/** Shared memory for `workers` slots, all free. */
export function createWorkerSlots(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workers * 4);
}

/** A replacement starts a little before its predecessor is gone; it looks again this often, this many times. */
const CLAIM_PAUSE_MS = 10;
const CLAIM_TRIES = 500;

/**
 * Claims a slot for thread `threadId` (at least 1). Blocks the calling thread while the predecessor still holds
 * the only slot. The pool never runs more live threads than slots.
 */
export function claimWorkerSlot(memory: SharedArrayBuffer, threadId: number): number {
  const owners = new Int32Array(memory);
  for (let tries = 0; tries < CLAIM_TRIES; tries++) {
    for (let slot = 0; slot < owners.length; slot++) {
      if (Atomics.compareExchange(owners, slot, 0, threadId) === 0) return slot;
    }
    Atomics.wait(owners, 0, Atomics.load(owners, 0), CLAIM_PAUSE_MS);
  }
  assert(false, 'a worker thread finds a free slot');
}

/** The slot of a thread, or -1 when it has none. */
export function workerSlotOf(memory: SharedArrayBuffer, threadId: number): number {
  const owners = new Int32Array(memory);
  return owners.findIndex((_, slot) => Atomics.load(owners, slot) === threadId);
}

/** Frees the slot of an exited thread, if it had one. */
export function freeWorkerSlot(memory: SharedArrayBuffer, threadId: number): void {
  const slot = workerSlotOf(memory, threadId);
  if (slot >= 0) Atomics.compareExchange(new Int32Array(memory), slot, threadId, 0);
}

/** The slots that threads hold now. */
export function claimedWorkerSlots(memory: SharedArrayBuffer): number[] {
  const owners = new Int32Array(memory);
  return Array.from(owners.keys()).filter((slot) => Atomics.load(owners, slot) !== 0);
}
