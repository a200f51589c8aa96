// Hot path: once a frame, while its first bytes are at hand.
/** How a body is encoded: as its client says, or as its first bytes do, since several SDKs compress without saying so. */
import { ENCODING_BITS, Encoding } from './layout.ts';

const ENCODING_MASK = 2 ** ENCODING_BITS - 1;
/** Of every member of a gzip stream (RFC 1952 §2.3.1), the first byte the lower one. No JSON begins so. */
const GZIP_MAGIC = 0x8b1f;

/** A body's first two bytes as one number, the first the lower; 0 for a shorter one. */
export function firstBytesOf(bytes: Uint8Array, offset: number, length: number): number {
  return length < 2 ? 0 : bytes[offset]! | (bytes[offset + 1]! << 8);
}

/** The encoding word of a row (layout.ts) for one that was declared and a body that begins so. */
export function encodingWord(declared: number, firstBytes: number): number {
  const isUndeclared = firstBytes === GZIP_MAGIC && (declared & ENCODING_MASK) === Encoding.identity;
  return isUndeclared ? declared | Encoding.gzip : declared;
}
