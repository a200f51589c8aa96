// Hot path: the one copy that every body makes.
import { assert } from '../assert.ts';
import { loadNativeAddon } from '../native-addon.ts';
import { firstBytesOf } from './encoding.ts';

/** Bytes as uWebSockets gives them, or as a body was put together. */
export type FrameBody = ArrayBuffer | Uint8Array;

/**
 * Copies a body to an offset of the memory it was made for, which has room for it. Gives its first two bytes (encoding.ts): a
 * worker that looked at them would wait for each body to come from the front's cache.
 */
export type CopyBody = (body: FrameBody, offset: number) => number;

/** What the addon has for it (native/memory-door.h). */
export interface CopyAddon {
  holdMemory(bytes: Uint8Array): object;
  /** -1 where there is no room. */
  copyInto(memory: object, body: FrameBody, offset: number): number;
}

/** Below this many bytes the call into native code costs more than it saves. */
const FILL_BYTES_MIN = 256;

const addon = loadNativeAddon<CopyAddon>();

/**
 * How bodies get into `target`, which may be shared memory: by one call of the addon, which takes what uWebSockets gives as
 * it is. Where there is none (`by` null), by a view of it and Buffer.prototype.fill with a pattern as long as its range,
 * which is one memcpy: TypedArray.prototype.set copies into shared memory word by word, for the memory model's sake.
 * `node dist/bench/copy.js` measures them.
 */
export function copierInto(target: Buffer, by: CopyAddon | null = addon ?? null): CopyBody {
  if (by === null) return (body, offset) => fillInto(target, body, offset);
  const memory = by.holdMemory(target);
  const { copyInto } = by;
  return (body, offset) => {
    const firstBytes = copyInto(memory, body, offset);
    assert(firstBytes >= 0, 'a body fits its slab');
    return firstBytes;
  };
}

function fillInto(target: Buffer, body: FrameBody, offset: number): number {
  const bytes = body instanceof ArrayBuffer ? new Uint8Array(body) : body;
  if (bytes.length < FILL_BYTES_MIN) target.set(bytes, offset);
  else target.fill(bytes, offset, offset + bytes.length);
  return firstBytesOf(bytes, 0, bytes.length);
}
