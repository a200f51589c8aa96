/**
 * The few messages between front and workers that are not slabs. Piscina cannot address one thread, so they go over a
 * BroadcastChannel of the process.
 *
 *   front → workers   {type: 'drain', timeoutMs}
 *   worker → front    {type: 'drained', slot, fault?}          once a thread, `fault` says what is left behind
 *   front → workers   {type: 'ask-sessions', round}
 *   worker → front    {type: 'sessions', slot, round, meta}    once a thread and round, what its journal says of sessions
 *
 * Questions are repeated until they are answered: a thread that replaces a dead one may still be loading, and hears
 * only what is said later.
 */
import { randomUUID } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';

type ControlMessage =
  | { readonly type: 'drain'; readonly timeoutMs: number }
  | { readonly type: 'drained'; readonly slot: number; readonly fault?: string }
  | { readonly type: 'ask-sessions'; readonly round: number }
  | {
      readonly type: 'sessions';
      readonly slot: number;
      readonly round: number;
      readonly meta: Uint8Array;
    };

const ASK_INTERVAL_MS = 50;
const ANSWER_SHARE = 0.9;

function onMessage(channel: BroadcastChannel, listener: (message: ControlMessage) => void): void {
  channel.onmessage = (event) => listener((event as { data: ControlMessage }).data);
}

/** The front's end. */
export class ControlFront {
  readonly name = `penstock-control-${randomUUID()}`;
  readonly #channel = new BroadcastChannel(this.name);

  readonly #listeners = new Set<(message: ControlMessage) => void>();
  #round = 0;
  #isClosed = false;

  constructor() {
    this.#channel.unref();
    onMessage(this.#channel, (message) => {
      for (const listener of this.#listeners) listener(message);
    });
  }

  /** Gives what each of `slots` threads knows of sessions to `take`, once a thread; resolves when all have answered. */
  collectSessions(slots: number, take: (meta: Uint8Array) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#round += 1;
      const round = this.#round;
      const answered = new Set<number>();
      const ask = () => this.#post({ type: 'ask-sessions', round });
      const asking = setInterval(ask, ASK_INTERVAL_MS).unref();
      const listener = (message: ControlMessage) => {
        // An answer to a later question is one to this too.
        if (message.type !== 'sessions' || message.round < round || answered.has(message.slot)) return;
        answered.add(message.slot);
        take(message.meta);
        if (answered.size < slots) return;
        clearInterval(asking);
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
      ask();
    });
  }

  /**
   * Asks the threads of `slots` to drain their sinks and resolves with the faults of those that could not, when
   * all have answered or `timeoutMs` is over.
   */
  drain(slots: readonly number[], timeoutMs: number): Promise<string[]> {
    return new Promise((resolve) => {
      const faults: string[] = [];
      const waiting = new Set(slots);
      const finish = () => {
        clearTimeout(timer);
        clearInterval(asking);
        this.#listeners.delete(listener);
        for (const slot of waiting) faults.push(`worker ${slot} did not answer`);
        resolve(faults);
      };
      const timer = setTimeout(finish, timeoutMs);
      const listener = (message: ControlMessage) => {
        if (message.type !== 'drained') return;
        waiting.delete(message.slot);
        if (message.fault !== undefined) faults.push(`worker ${message.slot}: ${message.fault}`);
        if (waiting.size === 0) finish();
      };
      this.#listeners.add(listener);
      // Their answer must come before the end of the time here.
      const ask = () => this.#post({ type: 'drain', timeoutMs: Math.floor(timeoutMs * ANSWER_SHARE) });
      const asking = setInterval(ask, ASK_INTERVAL_MS);
      ask();
      if (waiting.size === 0) finish();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#channel.close();
  }

  #post(message: ControlMessage): void {
    // A question may still wait for its answer.
    if (!this.#isClosed) this.#channel.postMessage(message);
  }
}

/** What a worker is asked for. */
export interface ControlAnswers {
  /** Called once, with a signal that aborts at the front's timeout; repeats are ignored. */
  drain(signal: AbortSignal): Promise<void>;
  /** What the thread's journal says of sessions (sessions/entry.ts). */
  sessions(): Uint8Array;
}

/** A worker's end. */
export function answerControl(name: string, slot: number, answers: ControlAnswers): void {
  const channel = new BroadcastChannel(name);
  let drained = false;
  let answeredRound = 0;
  const post = (message: ControlMessage) => channel.postMessage(message);
  onMessage(channel, async (message) => {
    if (message.type === 'ask-sessions' && message.round > answeredRound) {
      answeredRound = message.round;
      post({ type: 'sessions', slot, round: message.round, meta: answers.sessions() });
    }
    if (message.type !== 'drain' || drained) return;
    drained = true;
    try {
      await answers.drain(AbortSignal.timeout(message.timeoutMs));
      post({ type: 'drained', slot });
    } catch (error) {
      post({ type: 'drained', slot, fault: error instanceof Error ? error.message : String(error) });
    }
  });
}
