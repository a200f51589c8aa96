/** Slabs filled from plain frames, for benches and tests of scanners; the front has its own writer. */
import type { ScanJob } from '../src/scan/contract.ts';
import { encodingWord, firstBytesOf } from '../src/slab/encoding.ts';
import {
  BASE_TIME_FLOAT64_INDEX,
  FRAME_WORDS,
  FrameWord,
  frameRow,
  HeaderWord,
  SLAB_BYTES_START,
} from '../src/slab/layout.ts';

export interface FixtureFrame {
  readonly body: Buffer | string;
  readonly route?: number;
  readonly app?: number;
  readonly encoding?: number;
  readonly transport?: number;
  readonly receivedDeltaMs?: number;
  /** 4 or 16 bytes. */
  readonly address?: readonly number[];
  readonly userAgent?: Buffer | string;
}

export interface FixtureSlab {
  readonly words: Uint32Array;
  readonly bytes: Buffer;
  /** The job over the slab alone, or with the arena that `unwrapFrames` filled. */
  job(arena?: Uint8Array): ScanJob;
}

/** A slab in shared memory with `frames` in it, as large as they need. */
export function createSlab(frames: readonly FixtureFrame[], baseTimeMs: number): FixtureSlab {
  const bodies = frames.map((frame) => Buffer.from(frame.body));
  const agents = frames.map((frame) => Buffer.from(frame.userAgent ?? ''));
  const addresses = frames.map((frame) => Buffer.from(frame.address ?? []));
  const lengths = [...bodies, ...agents, ...addresses].map((part) => part.length);
  const total = SLAB_BYTES_START + lengths.reduce((sum, length) => sum + length, 0);
  const shared = new SharedArrayBuffer(Math.ceil(total / 8) * 8);
  const words = new Uint32Array(shared);
  const bytes = Buffer.from(shared);
  let used = SLAB_BYTES_START;
  const put = (part: Buffer): number => {
    part.copy(bytes, used);
    used += part.length;
    return used - part.length;
  };
  for (const [index, frame] of frames.entries()) {
    const row = frameRow(index);
    words.fill(0, row, row + FRAME_WORDS);
    words[row + FrameWord.addressOffset] = put(addresses[index]!);
    words[row + FrameWord.addressLength] = addresses[index]!.length;
    words[row + FrameWord.userAgentOffset] = put(agents[index]!);
    words[row + FrameWord.userAgentLength] = agents[index]!.length;
    words[row + FrameWord.bodyOffset] = put(bodies[index]!);
    words[row + FrameWord.bodyLength] = bodies[index]!.length;
    words[row + FrameWord.route] = frame.route ?? 0;
    words[row + FrameWord.app] = frame.app ?? 0;
    const firstBytes = firstBytesOf(bodies[index]!, 0, bodies[index]!.length);
    words[row + FrameWord.encoding] = encodingWord(frame.encoding ?? 0, firstBytes);
    words[row + FrameWord.transport] = frame.transport ?? 0;
    words[row + FrameWord.receivedDeltaMs] = frame.receivedDeltaMs ?? 0;
  }
  words[HeaderWord.frameCount] = frames.length;
  words[HeaderWord.bytesUsed] = used;
  words[HeaderWord.slabBytes] = bytes.length;
  new Float64Array(shared, 0, 4)[BASE_TIME_FLOAT64_INDEX] = baseTimeMs;
  return {
    words,
    bytes,
    job: (arena = new Uint8Array(0)) => ({ words, baseTimeMs, sources: [bytes, arena] }),
  };
}

/** Sets every verdict word back to 0, as `unwrapFrames` does at the start of a task. */
export function resetVerdicts(words: Uint32Array): void {
  for (let frame = 0; frame < words[HeaderWord.frameCount]!; frame++) {
    const row = frameRow(frame);
    words[row + FrameWord.source] = 0;
    words.fill(0, row + FrameWord.reason, row + FrameWord.recordStart + 1);
  }
}
