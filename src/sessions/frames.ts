// Hot path: runs once a message of a session.
/** What a worker learns of a slab's sessions, and says in the meta of its chunk. */
import { outcome, REASONS } from '../outcome.ts';
import { FrameWord, frameRow } from '../slab/layout.ts';
import type { SessionFrames } from '../slab/slab.ts';
import type { SessionEntry } from './entry.ts';
import { SeqSet } from './seq-set.ts';

/** Numbers of one row of SessionFrames. */
const ROW = 3;

/**
 * What of the sessions in a scanned slab its chunk journals: every message but those that are to be sent again.
 * `words` are the slab's.
 */
export function entriesOf(frames: SessionFrames, words: Uint32Array, usedAtMs: number): SessionEntry[] {
  const { sessions, rows } = frames;
  const sets = sessions.map(() => new SeqSet());
  for (let at = 0; at < rows.length; at += ROW) {
    const reason = words[frameRow(rows[at]!) + FrameWord.reason]!;
    if (reason !== 0 && outcome(REASONS[reason]!).retry) continue;
    sets[rows[at + 1]!]!.add(rows[at + 2]!, rows[at + 2]!);
  }
  return sessions.map(({ key, instance, low }, index) => {
    const set = sets[index]!;
    const head = set.low === 0 ? [] : [1, set.low];
    return { key, instance, low, usedAtMs, ranges: [...head, ...set.ranges] };
  });
}
