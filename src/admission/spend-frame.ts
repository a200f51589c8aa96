// Hot path: once a frame that came back.
import { ReasonNumber } from '../outcome.ts';
import { FrameWord } from '../slab/layout.ts';
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
