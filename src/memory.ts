/** Memory as the machine sees it, by the addon: where it lies, and by what pages it is backed. */
import { loadNativeAddon } from './native-addon.ts';

interface Addon {
  blockOffset(bytes: Uint8Array): number;
  useLargePages(bytes: Uint8Array): boolean;
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
 * Has the system back `memory` by large pages where it has some: what is looked up in it by chance then costs a walk of
 * the page table less. False where it does not.
 */
export function useLargePages(memory: SharedArrayBuffer): boolean {
  return addon?.useLargePages(new Uint8Array(memory)) ?? false;
}
