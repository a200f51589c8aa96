/** Memory as the machine sees it, by the addon: where it lies, and by what pages it is backed. */
import { loadNativeAddon } from './native-addon.ts';

interface Addon {
  blockOffset(bytes: Uint8Array): number;
  useLargePage(bytes: Uint8Array, index: number): boolean;
}

/** What direct reads and writes are aligned to, in files and in memory; native/memory-door.h has the same. */
export const BLOCK_BYTES = 4096;

const addon = loadNativeAddon<Addon>();

/** A buffer whose memory begins on a block; undefined where the addon is not built. Its content is not cleared. */
export function alignedBuffer(bytes: number): Buffer | undefined {
  if (addon === undefined) return undefined;
  const whole = Buffer.allocUnsafeSlow(bytes + BLOCK_BYTES);
  const offset = addon.blockOffset(whole);
  const from = offset === 0 ? 0 : BLOCK_BYTES - offset;
  return whole.subarray(from, from + bytes);
}

/**
 * Has the system back the `index`-th 2 MiB of `memory` by one large page: what is looked up in it by chance then costs
 * a walk of the page table less. Copies them, a millisecond. False behind the last, and where there are no such pages.
 */
export function useLargePage(memory: SharedArrayBuffer, index: number): boolean {
  return addon?.useLargePage(new Uint8Array(memory), index) ?? false;
}
