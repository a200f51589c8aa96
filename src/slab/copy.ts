// Hot path: the one copy that every body makes.
import { assert } from '../assert.ts';
import { loadNativeAddon } from '../native-addon.ts';

/** Bytes as uWebSockets gives them, or as a body was put together. */
export type FrameBody = ArrayBuffer | Uint8Array;

/** Copies a body to an offset of the memory it was made for, which has room for it. */
export type CopyBody = (body: FrameBody, offset: number) => void;

interface Addon {
  holdMemory(bytes: Uint8Array): object;
  copyInto(memory: object, body: FrameBody, offset: number): boolean;
}

/** Below this many bytes the call into native code costs more than it saves. */
const FILL_BYTES_MIN = 256;

const addon = loadNativeAddon<Addon>();

/**
 * How bodies get into `target`, which may be shared memory.
 *
 * By the addon 50 ns for a message of 434 bytes, as uWebSockets gives it. Without it a view of the message costs 30 ns and
 * the copy 100: TypedArray.prototype.set copies into shared memory word by word, for the memory model's sake, 5 GB/s for a
 * body of 43 KB, while Buffer.prototype.fill with a pattern as long as its range is one memcpy, 37 GB/s.
 */
export function copierInto(target: Buffer): CopyBody {
  if (addon === undefined) return (body, offset) => fillInto(target, body, offset);
  const memory = addon.holdMemory(target);
  const { copyInto } = addon;
  return (body, offset) => assert(copyInto(memory, body, offset), 'a body fits its slab');
}

function fillInto(target: Buffer, body: FrameBody, offset: number): void {
  const bytes = body instanceof ArrayBuffer ? new Uint8Array(body) : body;
  if (bytes.length < FILL_BYTES_MIN) target.set(bytes, offset);
  else target.fill(bytes, offset, offset + bytes.length);
}
