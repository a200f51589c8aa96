// Hot path: once a frame, which is once an event where events come alone.
/**
 * Decompresses the bodies of a slab into one arena, the scan's second source, before the scan. A frame that
 * cannot be decompressed keeps source 0, its bytes and a reason; the scanner passes over it.
 *
 *   gzip     declared, or found by the front (slab/encoding.ts)
 *   deflate  zlib's wrapping or none: HTTP means the first, many clients send the second
 *   br, zstd as declared; zstd where node:zlib has it
 *   none     declared compressed, but it cannot be read so and begins as JSON does: some proxies decompress bodies and
 *            leave the header
 */
import zlib from 'node:zlib';
import {
  INFLATE_RATIO_FREE_BYTES,
  INFLATE_RATIO_MAX,
  INFLATED_BYTES_MAX,
  SCAN_BUFFER_KEEP_BYTES,
} from '../limits.ts';
import { ReasonNumber } from '../outcome.ts';
import { ENCODING_BITS, Encoding, FrameWord, frameRow, HeaderWord } from '../slab/layout.ts';

/** Decompressed bodies of the slab in hand. One belongs to one thread; `bytes` is replaced when it grows. */
export interface UnwrapArena {
  /** OWNED by the arena; what stands in it is valid until the next call of `unwrapFrames`. */
  bytes: Buffer;
  usedBytes: number;
}

export interface UnwrapLimits {
  /** Bytes of one body after decompression. */
  readonly bodyBytesMax: number;
}

/**
 * What is done with a frame when its body is plain: `headStart` to `bodyStart` of the slab is the head it carries.
 * May set its reason, route and app, and put another body into the arena (`replaceBody`).
 */
export type FrameStep = (row: number, headStart: number, bodyStart: number) => void;

/** Whether this runtime can decompress zstd; where it cannot, the front refuses it as unsupported_media_type. */
export const ZSTD_AVAILABLE = typeof zlib.zstdDecompressSync === 'function';

const ENCODING_MASK = 2 ** ENCODING_BITS - 1;
/** zlib gathers its output in pieces of this size; bodies of batches mostly fit one. */
const CHUNK_BYTES = 64 * 1024;

/** An arena that holds nothing; it grows with the first compressed body. */
export function createUnwrapArena(): UnwrapArena {
  return { bytes: Buffer.alloc(0), usedBytes: 0 };
}

/**
 * Makes every frame of the slab plain: resets the verdict words (slabs are used again), decompresses into
 * `arena` and points the rows there, and sets the reason of frames that are too large or damaged. `words` and
 * `slabBytes` are VIEWS of the same slab. Never throws for bad input.
 */
export function unwrapFrames(
  words: Uint32Array,
  slabBytes: Uint8Array,
  arena: UnwrapArena,
  limits: UnwrapLimits,
  step?: FrameStep,
): void {
  shrinkArena(arena);
  const frameCount = words[HeaderWord.frameCount]!;
  for (let frame = 0; frame < frameCount; frame++) {
    const row = frameRow(frame);
    words[row + FrameWord.source] = 0;
    words[row + FrameWord.reason] = 0;
    words[row + FrameWord.accepted] = 0;
    words[row + FrameWord.rejected] = 0;
    words[row + FrameWord.recordStart] = 0;
    words[row + FrameWord.duplicates] = 0;
    const offset = words[row + FrameWord.bodyOffset]!;
    const length = words[row + FrameWord.bodyLength]!;
    const declared = words[row + FrameWord.encoding]!;
    const encoding = declared & ENCODING_MASK;
    if (encoding === Encoding.identity) {
      words[row + FrameWord.reason] = reasonOfPlain(length, limits);
    } else {
      unwrapFrame(words, row, slabBytes.subarray(offset, offset + length), encoding, arena, limits);
    }
    step?.(row, offset - (declared >>> ENCODING_BITS), offset);
  }
}

/**
 * Gives a frame another body, made of its own. COPY of `body`. Sets the frame's reason when it is over the limit or
 * the arena has no room for it.
 */
export function replaceBody(
  words: Uint32Array,
  row: number,
  body: Uint8Array,
  arena: UnwrapArena,
  limits: UnwrapLimits,
): void {
  const isLast = words[row + FrameWord.source] === 1;
  // The body that it replaces is the last in the arena, if it is there.
  if (isLast) arena.usedBytes = words[row + FrameWord.bodyOffset]!;
  if (body.length > limits.bodyBytesMax) {
    words[row + FrameWord.reason] = ReasonNumber.body_too_large;
    return;
  }
  if (arena.usedBytes > 0 && arena.usedBytes + body.length > INFLATED_BYTES_MAX) {
    words[row + FrameWord.reason] = ReasonNumber.overloaded;
    return;
  }
  growArena(arena, body.length);
  arena.bytes.set(body, arena.usedBytes);
  words[row + FrameWord.source] = 1;
  words[row + FrameWord.bodyOffset] = arena.usedBytes;
  words[row + FrameWord.bodyLength] = body.length;
  arena.usedBytes += body.length;
}

function reasonOfPlain(bodyBytes: number, limits: UnwrapLimits): number {
  return bodyBytes > limits.bodyBytesMax ? ReasonNumber.body_too_large : 0;
}

function unwrapFrame(
  words: Uint32Array,
  row: number,
  wire: Uint8Array,
  encoding: number,
  arena: UnwrapArena,
  limits: UnwrapLimits,
): void {
  const ratioBytes = Math.max(INFLATE_RATIO_FREE_BYTES, INFLATE_RATIO_MAX * wire.length);
  const bodyBytesMax = Math.min(limits.bodyBytesMax, ratioBytes);
  // The arena is bounded, but a body that is alone in it may always pass: sent again, it finds a place. Decompression
  // stops at what is left, so that many bombs in one slab cost no more time than the arena holds.
  const leftBytes = arena.usedBytes === 0 ? bodyBytesMax : INFLATED_BYTES_MAX - arena.usedBytes;
  if (leftBytes <= 0) {
    words[row + FrameWord.reason] = ReasonNumber.overloaded;
    return;
  }
  const body = inflate(wire, encoding, Math.min(bodyBytesMax, leftBytes));
  if (typeof body === 'number') {
    const isForLackOfRoom = body === ReasonNumber.body_too_large && leftBytes < bodyBytesMax;
    const isPlain = body === ReasonNumber.invalid_compression && beginsAsJson(wire);
    words[row + FrameWord.reason] = isPlain
      ? reasonOfPlain(wire.length, limits)
      : isForLackOfRoom
        ? ReasonNumber.overloaded
        : body;
    return;
  }
  replaceBody(words, row, body, arena, limits);
}

/** The plain bytes, or the number of the reason why there are none. */
function inflate(wire: Uint8Array, encoding: number, outputBytesMax: number): Buffer | number {
  const options = { maxOutputLength: outputBytesMax, chunkSize: CHUNK_BYTES };
  try {
    if (encoding === Encoding.gzip) return zlib.gunzipSync(wire, options);
    if (encoding === Encoding.br) return zlib.brotliDecompressSync(wire, options);
    if (encoding === Encoding.deflate) {
      return isZlibWrapped(wire) ? zlib.inflateSync(wire, options) : zlib.inflateRawSync(wire, options);
    }
    if (encoding === Encoding.zstd && ZSTD_AVAILABLE) return zlib.zstdDecompressSync(wire, options);
    return ReasonNumber.invalid_compression;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ERR_BUFFER_TOO_LARGE' ? ReasonNumber.body_too_large : ReasonNumber.invalid_compression;
  }
}

/** An object or array behind a byte order mark and white space, as the scanner takes them. */
function beginsAsJson(wire: Uint8Array): boolean {
  let at = wire[0] === 0xef && wire[1] === 0xbb && wire[2] === 0xbf ? 3 : 0;
  while (wire[at] === 0x20 || wire[at] === 0x0a || wire[at] === 0x0d || wire[at] === 0x09) at++;
  return wire[at] === 0x7b || wire[at] === 0x5b;
}

/** zlib's header (RFC 1950 §2.2): method 8 and a check that makes both bytes a multiple of 31. */
function isZlibWrapped(wire: Uint8Array): boolean {
  return wire.length >= 2 && (wire[0]! & 15) === 8 && (wire[0]! * 256 + wire[1]!) % 31 === 0;
}

function growArena(arena: UnwrapArena, more: number): void {
  const wanted = arena.usedBytes + more;
  if (wanted <= arena.bytes.length) return;
  const grown = Buffer.allocUnsafeSlow(
    Math.max(wanted, Math.min(2 * arena.bytes.length, INFLATED_BYTES_MAX)),
  );
  arena.bytes.copy(grown, 0, 0, arena.usedBytes);
  arena.bytes = grown;
}

/** Empties the arena, and gives its memory back when the last slab needed little of what an earlier one had grown. */
function shrinkArena(arena: UnwrapArena): void {
  if (arena.bytes.length > SCAN_BUFFER_KEEP_BYTES && arena.usedBytes * 4 < arena.bytes.length) {
    arena.bytes = Buffer.alloc(0);
  }
  arena.usedBytes = 0;
}
