// Hot path: a look a frame whose key stands in its body.
/**
 * Which apps and keys are over their rate now, for threads that find a key only in a body: one word of shared memory for
 * each, written by the front (Atomics.store in `set`), read by workers (Atomics.load in `isLimited`).
 *
 *   words    apps by their index, then keys by their number
 *   word     LimitWord: nobody is refused, those who send again, all
 */
import { RATE_LIMITED_APPS_MAX, RATE_LIMITED_KEYS_MAX } from '../limits.ts';

/** How much of an app's or a key's traffic is refused. */
export const LimitWord = { none: 0, some: 1, all: 2 } as const;
export type LimitWord = (typeof LimitWord)[keyof typeof LimitWord];

/** Shared memory in which nobody is limited. */
export function createLimitMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((RATE_LIMITED_APPS_MAX + RATE_LIMITED_KEYS_MAX) * 4);
}

/** Place of an app in the page. */
export function placeOfApp(app: number): number {
  return app;
}

/** Place of a key in the page. */
export function placeOfKey(key: number): number {
  return RATE_LIMITED_APPS_MAX + key;
}

/** The page as one thread sees it. */
export class LimitPage {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** For the front alone. */
  set(place: number, word: LimitWord): void {
    Atomics.store(this.#words, place, word);
  }

  /** Whether a request with the key of the app is refused. Those who never send again (`cannotRetry`) are refused last. */
  isLimited(app: number, key: number, cannotRetry: boolean): boolean {
    const least = cannotRetry ? LimitWord.all : LimitWord.some;
    return (
      Atomics.load(this.#words, placeOfApp(app)) >= least ||
      Atomics.load(this.#words, placeOfKey(key)) >= least
    );
  }
}
