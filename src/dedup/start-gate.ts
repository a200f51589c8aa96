/**
 * Where the threads of a start wait for each other. An id that one journal tells of may come again to any thread: none
 * takes a slab before all of them have read back. One word: threads that still read; a thread that replaces a dead one
 * finds none, and does not wait.
 */
const POLL_MS = 2;

/** Shared memory for the gate of `threads` threads. */
export function createStartGate(threads: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(4);
  new Int32Array(memory)[0] = threads;
  return memory;
}

/** Tells that this thread has read back what it has to; resolves when all have. */
export async function passStartGate(memory: SharedArrayBuffer): Promise<void> {
  const left = new Int32Array(memory);
  Atomics.sub(left, 0, 1);
  while (Atomics.load(left, 0) > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
