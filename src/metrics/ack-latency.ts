// Hot path: once a slab, a comparison a frame.
/**
 * How long frames waited for their answers, counted when a slab is back: frames that came in the same millisecond over
 * the same transport are one observation of many. A row's time is the wall clock's in whole milliseconds, so that a
 * frame behind the first of its slab is off by one at most.
 */
import { FrameWord, frameRow, HeaderWord } from '../slab/layout.ts';
import { histogramPlace, type ThreadStatistics } from './statistics.ts';

const ACK = histogramPlace('ack');

/** Counts the frames of a slab that was opened at `openedAtMs` and is answered at `nowMs` of the monotonic clock. VIEW of its words. */
export function countAcks(
  statistics: ThreadStatistics,
  words: Uint32Array,
  openedAtMs: number,
  nowMs: number,
): void {
  const frameCount = words[HeaderWord.frameCount]!;
  const slabMs = nowMs - openedAtMs;
  statistics.begin();
  let from = 0;
  for (let frame = 1; frame <= frameCount; frame++) {
    const first = frameRow(from);
    const row = frameRow(frame);
    const isSame =
      frame < frameCount &&
      words[row + FrameWord.receivedDeltaMs] === words[first + FrameWord.receivedDeltaMs] &&
      words[row + FrameWord.transport] === words[first + FrameWord.transport];
    if (isSame) continue;
    const waitedMs = Math.max(0, slabMs - words[first + FrameWord.receivedDeltaMs]!);
    statistics.observe(ACK, words[first + FrameWord.transport]!, waitedMs / 1000, frame - from);
    from = frame;
  }
  statistics.end();
}
