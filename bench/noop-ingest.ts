/**
 * A worker that scans nothing: every frame is answered as a batch of 100 accepted events. With it the bench sees
 * what the front alone can carry: receive, admission, copy, hand-over, answers.
 */
import { workerData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { renderReplies } from '../src/ack/replies.ts';
import { ROUTES } from '../src/dialects/routes.ts';
import { answerControl } from '../src/dispatch/control-channel.ts';
import type { SlabTask, WorkerData } from '../src/dispatch/worker-pool.ts';
import { createScanOutput } from '../src/scan/contract.ts';
import { FrameWord, frameRow, HeaderWord } from '../src/slab/layout.ts';

const EVENTS_PER_FRAME = 100;
const nothingScanned = createScanOutput();

answerControl((workerData as WorkerData<unknown>).controlChannel, 0, {
  drain: async () => {},
  sessions: () => new Uint8Array(0),
});

/** Accepts every frame unseen. */
export default function noopIngest(task: SlabTask): unknown {
  const words = new Uint32Array(task.buffer);
  for (let frame = 0; frame < words[HeaderWord.frameCount]!; frame++) {
    const row = frameRow(frame);
    words[row + FrameWord.reason] = 0;
    words[row + FrameWord.accepted] = EVENTS_PER_FRAME;
    words[row + FrameWord.rejected] = 0;
  }
  const result = renderReplies(words, nothingScanned, ROUTES);
  return move({ [transferableSymbol]: [result.table.buffer, result.bytes.buffer], [valueSymbol]: result });
}
