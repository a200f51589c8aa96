/**
 * Sends the blocks of one delivery to its target, one at a time, and tells the breaker how that went. A send that
 * takes too long counts as a failure, once for every `timeoutMs`. It is asked to end and then waited for, because the
 * target may still read the block's memory; so a target that hangs holds one block and no more.
 */
import type { BlockBuilder, BlockTarget, SendOutcome } from '../sinks/sink.ts';
import type { Breaker } from './breaker.ts';
import type { Ending } from './ending.ts';

export interface SenderOptions {
  readonly target: BlockTarget;
  readonly breaker: Breaker;
  readonly timeoutMs: number;
  readonly ending: Ending;
}

export class Sender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /**
   * Sends `block` until it is answered; undefined when the breaker opened, or the end came, before: then the target may
   * have it or not, and it must be sent again under the same token.
   */
  async send(token: string, block: BlockBuilder): Promise<Exclude<SendOutcome, 'retry'> | undefined> {
    const { breaker, ending } = this.#options;
    while (!ending.isOver) {
      breaker.begin();
      const outcome = await this.#sendOnce(token, block);
      if (outcome === undefined) return undefined;
      if (outcome !== 'retry') {
        breaker.succeeded();
        return outcome;
      }
      if (breaker.isOpen) return undefined;
      await ending.pause(breaker.pauseMs());
    }
    return undefined;
  }

  /** Undefined when the end came before the answer. */
  async #sendOnce(token: string, block: BlockBuilder): Promise<SendOutcome | undefined> {
    const { target, breaker, timeoutMs, ending } = this.#options;
    const late = new AbortController();
    const timer = setInterval(() => {
      breaker.failed();
      late.abort();
    }, timeoutMs);
    timer.unref();
    try {
      const outcome = await ending.before(target.send(token, block, late.signal));
      if (outcome === 'retry' && !late.signal.aborted) breaker.failed();
      if (outcome === undefined) late.abort();
      return outcome;
    } finally {
      clearInterval(timer);
    }
  }
}
