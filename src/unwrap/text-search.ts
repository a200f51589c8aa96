// Hot path: once a body of the dialects that ask.
import { loadNativeAddon } from '../native-addon.ts';

/** What the addon has for it (native/text-search.h). */
export interface SearchAddon {
  holdsText(bytes: Uint8Array, text: Uint8Array): boolean;
}

const addon = loadNativeAddon<SearchAddon>();

/**
 * A function that says whether `text`, which is not empty, stands in a body. By the addon, which looks for its first and last byte
 * together; where there is none (`by` null) by Buffer.includes, which stops at each byte that is the first:
 * `node dist/bench/copy.js` has both.
 */
export function createTextSearch(
  text: string,
  by: SearchAddon | null = addon ?? null,
): (body: Buffer) => boolean {
  const bytes = Buffer.from(text);
  if (by === null) return (body) => body.includes(bytes);
  const { holdsText } = by;
  return (body) => holdsText(body, bytes);
}
