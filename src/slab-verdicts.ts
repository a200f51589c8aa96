// Hot path: once a slab.
/** What became of the frames of a slab, as its rows say after the scan: counted by app, or taken back. */
import { ReasonNumber } from './outcome.ts';
import type { LiveCounts } from './redis/live-counts.ts';
import { FrameWord, frameRow, HeaderWord } from './slab/layout.ts';

/** Counters of events that name their apps themselves: in open mode, and in bodies with keys of several apps. */
const APPS_OF_EVENTS = '*';

/** Adds what became of the slab's events to the counters of their apps; frames beside each other mostly share one. */
export function countSlab(
  counts: Pick<LiveCounts, 'add' | 'send'>,
  words: Uint32Array,
  apps: readonly string[],
  nowMs: number,
): void {
  const frameCount = words[HeaderWord.frameCount]!;
  let app = -1;
  let accepted = 0;
  let rejected = 0;
  let duplicates = 0;
  for (let frame = 0; frame <= frameCount; frame++) {
    const row = frameRow(frame);
    if (frame === frameCount || words[row + FrameWord.app] !== app) {
      if (accepted + rejected + duplicates > 0)
        counts.add(apps[app] || APPS_OF_EVENTS, accepted, rejected, duplicates, nowMs);
      if (frame === frameCount) break;
      app = words[row + FrameWord.app]!;
      accepted = 0;
      rejected = 0;
      duplicates = 0;
    }
    accepted += words[row + FrameWord.accepted]!;
    duplicates += words[row + FrameWord.duplicates]!;
    rejected += words[row + FrameWord.reason] === 0 ? words[row + FrameWord.rejected]! : 1;
  }
  counts.send();
}

/** Every frame of the slab is to be sent again; what the scan found in them is not promised. */
export function refuseAll(words: Uint32Array): void {
  const frameCount = words[HeaderWord.frameCount]!;
  for (let frame = 0; frame < frameCount; frame++) {
    const row = frameRow(frame);
    if (words[row + FrameWord.reason] !== 0) continue;
    words[row + FrameWord.reason] = ReasonNumber.overloaded;
    words[row + FrameWord.accepted] = 0;
    words[row + FrameWord.rejected] = 0;
    words[row + FrameWord.duplicates] = 0;
  }
}
