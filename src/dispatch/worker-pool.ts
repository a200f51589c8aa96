/**
 * The fixed pool of worker threads, on Piscina: one slab a task, a few tasks in flight a thread. A thread that dies
 * is replaced by Piscina; its tasks reject, its slot is freed for the replacement.
 *
 * Piscina's atomics stay off: with them a thread blocks between tasks, and the sinks' timers and sockets, which
 * live in the same thread, would stand still at light load.
 */
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { WORKER_YOUNG_HEAP_MIB } from '../limits.ts';
import type { Logger } from '../log.ts';
import type { Replies, SessionFrames, Slab } from '../slab/slab.ts';
import { ControlFront } from './control-channel.ts';
import { claimedWorkerSlots, createWorkerSlots, freeWorkerSlot, workerSlotOf } from './worker-slots.ts';

/** What every worker thread is started with; `Setup` is the worker entry's own part. */
export interface WorkerData<Setup> {
  readonly slots: SharedArrayBuffer;
  readonly controlChannel: string;
  readonly setup: Setup;
}

/** A task: the handle of a slab, never its bytes; and which of its frames are messages of sessions, when some are. */
export interface SlabTask {
  readonly buffer: SharedArrayBuffer;
  readonly sessions?: SessionFrames;
}

/** A task's result: table and bytes of the answers are moved to the front. */
export type SlabResult = Replies;

export class WorkerPool {
  readonly workerCount: number;
  readonly tasksPerWorker: number;
  readonly #control: ControlFront;
  readonly #piscina: Piscina<SlabTask, SlabResult>;
  readonly #slots: SharedArrayBuffer;
  readonly #log: Logger;
  readonly #onDead: () => void;
  readonly #onThreadExit: (slot: number) => void;
  #seen = new WeakSet<Worker>();
  #deaths = 0;
  #stopping = false;

  /**
   * Starts `size.workerCount` threads on the compiled module at `entry`. `onDead` is called when a thread
   * failed while loading: Piscina starts none in its place, then or ever, so the process should end. `onThreadExit` is
   * called when a thread died, with its slot, or -1 when it had none yet: before another can have the slot, and before
   * anything that a client sends on hearing of it can reach another.
   */
  constructor(
    entry: URL,
    size: { readonly workerCount: number; readonly tasksPerWorker: number },
    setup: unknown,
    log: Logger,
    onDead: () => void,
    onThreadExit: (slot: number) => void = () => {},
  ) {
    const { workerCount, tasksPerWorker } = size;
    this.workerCount = workerCount;
    this.tasksPerWorker = tasksPerWorker;
    this.#log = log;
    this.#onDead = onDead;
    this.#onThreadExit = onThreadExit;
    this.#slots = createWorkerSlots(workerCount);
    this.#control = new ControlFront();
    const workerData: WorkerData<unknown> = {
      slots: this.#slots,
      controlChannel: this.#control.name,
      setup,
    };
    this.#piscina = new Piscina({
      filename: entry.href,
      minThreads: workerCount,
      maxThreads: workerCount,
      concurrentTasksPerWorker: tasksPerWorker,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: { maxYoungGenerationSizeMb: WORKER_YOUNG_HEAP_MIB },
      workerData,
    });
    this.#piscina.on('error', (error: Error) => {
      this.#log.error({ err: error }, 'worker thread failed');
      this.#checkThreads();
    });
    this.#piscina.on('workerCreate', () => this.#watchThreads());
    this.#watchThreads();
  }

  /** Threads that run; less than workerCount while one is being replaced. */
  get threadCount(): number {
    return this.#piscina.threads.length;
  }

  /** Threads that died since the start. */
  get deaths(): number {
    return this.#deaths;
  }

  /** Hands the slab to a worker. Rejects when that worker dies; the slab is the caller's again in both cases. */
  async run(slab: Slab): Promise<Replies> {
    const sessions = slab.sessionFrames;
    return this.#piscina.run(
      sessions === undefined ? { buffer: slab.buffer } : { buffer: slab.buffer, sessions },
    );
  }

  /** Asks all threads what their journals say of sessions; resolves when each slot has answered. */
  collectSessions(take: (meta: Uint8Array) => void): Promise<void> {
    return this.#control.collectSessions(this.workerCount, take);
  }

  /** Drains the sinks of all threads; resolves with the faults of those that could not within `timeoutMs`. */
  drain(timeoutMs: number): Promise<string[]> {
    return this.#control.drain(claimedWorkerSlots(this.#slots), timeoutMs);
  }

  /** Ends all threads. Their sinks must have been drained. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#control.close();
    await this.#piscina.destroy();
  }

  #watchThreads(): void {
    for (const thread of this.#piscina.threads) {
      if (this.#seen.has(thread)) continue;
      this.#seen.add(thread);
      const threadId = thread.threadId;
      thread.once('exit', (exitCode) => this.#threadExited(threadId, exitCode));
    }
  }

  #threadExited(threadId: number, exitCode: number): void {
    if (this.#stopping) return;
    const slot = workerSlotOf(this.#slots, threadId);
    this.#onThreadExit(slot);
    freeWorkerSlot(this.#slots, threadId);
    this.#deaths += 1;
    this.#log.error({ slot, exitCode }, 'worker thread died');
    this.#watchThreads();
    this.#checkThreads();
  }

  /** Piscina replaces a dead thread in the same turn; when one is missing now, it has given up. */
  #checkThreads(): void {
    if (!this.#stopping && this.#piscina.threads.length < this.workerCount) this.#onDead();
  }
}
