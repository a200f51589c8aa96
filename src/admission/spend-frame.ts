// Hot path: once for each frame that came back.
import { ReasonNumber } from '../outcome.ts';
import { FrameWord, frameRow } from '../slab/layout.ts';
import type { RateLimits } from './rate-limits.ts';

/** Takes the events of a frame from what its app and its key may send; a frame that was refused whole counts as one, and one refused for its rate as a hit. */
export function spendFrame(rateLimits: RateLimits, words: Uint32Array, row: number): void {
  const app = words[row + FrameWord.app]!;
  const key = words[row + FrameWord.key]!;
  const reason = words[row + FrameWord.reason]!;
  if (reason === ReasonNumber.rate_limited) {
    rateLimits.noteHit(app, key);
    return;
  }
  const events =
    reason === 0
      ? words[row + FrameWord.accepted]! +
        words[row + FrameWord.rejected]! +
        words[row + FrameWord.duplicates]!
      : 1;
  rateLimits.spend(app, key, events);
}

/** `spendFrame` of the frames from `from` to `end - 1`; nothing where nobody has a rate. */
export function spendFrames(rateLimits: RateLimits, words: Uint32Array, from: number, end: number): void {
  if (rateLimits.isUnlimited) return;
  for (let frame = from; frame < end; frame++) spendFrame(rateLimits, words, frameRow(frame));
}
