/**
 * The few messages between front and workers that are not slabs: at present "drain your sinks" and its answer.
 * Piscina cannot address one thread, so they go over a BroadcastChannel of the process.
 *
 *   front → workers   {type: 'drain', timeoutMs}
 *   worker → front    {type: 'drained', slot, fault?}   once a thread, `fault` says what is left behind
 */
import { randomUUID } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';

type ControlMessage =
  | { readonly type: 'drain'; readonly timeoutMs: number }
  | { readonly type: 'drained'; readonly slot: number; readonly fault?: string };

const DRAIN_ASK_INTERVAL_MS = 100;
const ANSWER_SHARE = 0.9;

function onMessage(channel: BroadcastChannel, listener: (message: ControlMessage) => void): void {
  channel.onmessage = (event) => listener((event as { data: ControlMessage }).data);
}

/** The front's end. */
export class ControlFront {
  readonly name = `penstock-control-${randomUUID()}`;
  readonly #channel = new BroadcastChannel(this.name);

  constructor() {
    this.#channel.unref();
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
        for (const slot of waiting) faults.push(`worker ${slot} did not answer`);
        resolve(faults);
      };
      const timer = setTimeout(finish, timeoutMs);
      onMessage(this.#channel, (message) => {
        if (message.type !== 'drained') return;
        waiting.delete(message.slot);
        if (message.fault !== undefined) faults.push(`worker ${message.slot}: ${message.fault}`);
        if (waiting.size === 0) finish();
      });
      // Their answer must come before the end of the time here.
      const ask = () => this.#post({ type: 'drain', timeoutMs: Math.floor(timeoutMs * ANSWER_SHARE) });
      // Asked again: a thread that replaces a dead one may still be loading and hears only what is said later.
      const asking = setInterval(ask, DRAIN_ASK_INTERVAL_MS);
      ask();
      if (waiting.size === 0) finish();
    });
  }

  close(): void {
    this.#channel.close();
  }

  #post(message: ControlMessage): void {
    this.#channel.postMessage(message);
  }
}

/** A worker's end: `drain` is called once, with a signal that aborts at the front's timeout; repeats are ignored. */
export function answerControl(
  name: string,
  slot: number,
  drain: (signal: AbortSignal) => Promise<void>,
): void {
  const channel = new BroadcastChannel(name);
  let drained = false;
  onMessage(channel, async (message) => {
    if (message.type !== 'drain' || drained) return;
    drained = true;
    let answer: ControlMessage = { type: 'drained', slot };
    try {
      await drain(AbortSignal.timeout(message.timeoutMs));
    } catch (error) {
      answer = { type: 'drained', slot, fault: error instanceof Error ? error.message : String(error) };
    }
    channel.postMessage(answer);
  });
}
