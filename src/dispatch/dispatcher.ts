// Hot path: every frame passes `append` once.
/**
 * Fills slabs and hands them to the worker pool: a slab goes out when it is full, or part-filled as soon as a
 * worker is free. So light load waits for no timer, and batches grow by themselves when the machine is busy.
 *
 * Frames that arrive in one turn of the event loop travel together: the hand-over waits for setImmediate, which
 * runs when the sockets that were readable have been read.
 */
import { assert } from '../assert.ts';
import type { Clock } from '../clock.ts';
import { InFlight } from '../in-flight.ts';
import type { Logger } from '../log.ts';
import type { FrameBody } from '../slab/copy.ts';
import { type Origin, originBytesMax } from '../slab/origin.ts';
import type { SlabPool } from '../slab/pool.ts';
import type { FrameOwner, Replies, Slab } from '../slab/slab.ts';
import type { WorkerPool } from './worker-pool.ts';

export class Dispatcher {
  readonly #slabs: SlabPool;
  readonly #workers: WorkerPool;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onSessionsLost: () => void;
  readonly #onReturn: (slab: Slab) => void;
  /** Slabs that workers have, oldest first. */
  readonly #running = new Set<Slab>();
  /** Full slabs that wait for a task place, oldest first. */
  readonly #sealed: Slab[] = [];
  #open: Slab | undefined;
  readonly #frames = new InFlight();
  #scheduled = false;
  /** When the first frame of this turn of the event loop came. */
  #turnMs = 0;
  readonly #flush = () => {
    this.#scheduled = false;
    this.#pump();
  };

  /**
   * `onSessionsLost` is called when a worker was lost with messages of sessions, before their owners are told; `onReturn`
   * when a slab came back with its verdicts and its owners were told, before it is given back.
   */
  constructor(
    slabs: SlabPool,
    workers: WorkerPool,
    clock: Clock,
    log: Logger,
    onSessionsLost: () => void = () => {},
    onReturn: (slab: Slab) => void = () => {},
  ) {
    this.#slabs = slabs;
    this.#workers = workers;
    this.#clock = clock;
    this.#log = log;
    this.#onSessionsLost = onSessionsLost;
    this.#onReturn = onReturn;
  }

  /** Frames appended whose verdict is not back. */
  get framesInFlight(): number {
    return this.#frames.count;
  }

  /** How long the oldest frame without a verdict waits now. */
  oldestFrameMs(): number {
    for (const slab of this.#running) return this.#ageMs(slab);
    const waiting = this.#sealed[0] ?? this.#open;
    return waiting === undefined ? 0 : this.#ageMs(waiting);
  }

  #ageMs(slab: Slab): number {
    return this.#clock.monotonicMs() - slab.openedAtMs;
  }

  /**
   * Takes a frame. COPY of `body`. False when the memory budget has no slab for it: nothing was taken, the
   * owner will not be called. `isPromised` frames may use what is kept free for them.
   */
  append(
    body: FrameBody,
    route: number,
    app: number,
    encoding: number,
    transport: number,
    origin: Origin,
    owner: FrameOwner,
    isPromised = false,
  ): boolean {
    // Frames of one turn have the time of its first: reading the clock takes longer than copying a message (bench/copy.ts).
    if (!this.#scheduled) this.#turnMs = this.#clock.nowMs();
    const nowMs = this.#turnMs;
    const bodyBytes = body.byteLength;
    let slab = this.#open;
    if (slab === undefined || !slab.fits(bodyBytes, origin)) {
      const next = this.#slabs.take(bodyBytes + originBytesMax(origin), nowMs, isPromised);
      if (next === undefined) return false;
      if (slab !== undefined) this.#sealed.push(slab);
      slab = next;
      slab.openedAtMs = this.#clock.monotonicMs();
      this.#open = slab;
    }
    slab.append(body, route, app, encoding, transport, nowMs, origin, owner);
    this.#frames.enter();
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flush);
    }
    return true;
  }

  /** The slab that took the last frame; more may be asked of it before the turn of the event loop ends. */
  get lastSlab(): Slab {
    assert(this.#open !== undefined, 'a frame was appended in this turn');
    return this.#open;
  }

  /** Resolves when no frame is in flight. */
  settled(): Promise<void> {
    return this.#frames.settled();
  }

  #pump(): void {
    const { workerCount: workers, tasksPerWorker } = this.#workers;
    while (this.#sealed.length > 0 && this.#running.size < workers * tasksPerWorker) {
      void this.#run(this.#sealed.shift()!);
    }
    const open = this.#open;
    if (open !== undefined && this.#sealed.length === 0 && this.#running.size < workers) {
      this.#open = undefined;
      void this.#run(open);
    }
  }

  async #run(slab: Slab): Promise<void> {
    this.#running.add(slab);
    let replies: Replies | undefined;
    try {
      replies = await this.#workers.run(slab);
    } catch (error) {
      this.#log.error({ err: error, frames: slab.frameCount }, 'a slab was lost with its worker');
      if (slab.sessionFrames !== undefined) this.#onSessionsLost();
    }
    this.#running.delete(slab);
    this.#pump();
    this.#settle(slab, replies);
  }

  #settle(slab: Slab, replies: Replies | undefined): void {
    const { frameCount } = slab;
    for (let from = 0, end = 0; from < frameCount; from = end) {
      const owner = slab.owner(from);
      do end++;
      while (end < frameCount && slab.owner(end) === owner);
      if (replies === undefined) owner.framesLost(end - from);
      else owner.framesDone(slab, from, end, replies);
    }
    if (replies !== undefined) this.#onReturn(slab);
    this.#slabs.give(slab);
    this.#frames.leave(frameCount);
  }
}
