/**
 * A slab is one SharedArrayBuffer that carries frames (HTTP bodies, WebSocket messages) from the front to one
 * worker thread and their verdicts back. This page is the only description of its bytes.
 *
 *   words 0 … SLAB_HEADER_WORDS - 1        header
 *   then FRAMES_PER_SLAB_MAX rows          frame table, FRAME_WORDS words each
 *   then to the end                        body bytes, addresses and user agents; offsets count from the slab's start
 *
 * Ownership changes by message only, so no word is ever atomic: the front writes everything while it fills the
 * slab, the Piscina task hands the slab to exactly one worker, the worker writes the words marked W, and the
 * task's result hands it back to the front. Between those two messages the front does not touch it.
 *
 *   header  0 frame count · 1 bytes used (end of the last frame) · 2 slab bytes · 3 what is wanted (Want)
 *           4–5 base time: float64, ms since 1970, to which the rows' received deltas are added
 *           6–7 the same moment by the monotonic clock: float64, ms
 *   row     see FrameWord
 */

export const SLAB_HEADER_WORDS = 8;
/** Rows a slab: 434-byte events, one a frame, fill the rows and the bytes of a 1 MiB slab at the same time. */
export const FRAMES_PER_SLAB_MAX = 2048;
export const FRAME_WORDS = 18;

export const HeaderWord = { frameCount: 0, bytesUsed: 1, slabBytes: 2, wants: 3 } as const;
/** Bits of the header's word 3: the slab's place in the journal with its result; and a sync that no frame of it waits for. */
export const Want = { place: 1, sync: 2 } as const;
/** Index of the base time in a Float64Array over the slab. */
export const BASE_TIME_FLOAT64_INDEX = 2;
/** … and of the same moment by the monotonic clock. */
export const OPENED_FLOAT64_INDEX = 3;

/** Words of a frame row. W: written by the worker. All offsets and lengths are bytes. */
export const FrameWord = {
  /** W. Which of the scan's sources holds the body: 0 the slab, 1 the arena of decompressed bodies. */
  source: 0,
  bodyOffset: 1,
  bodyLength: 2,
  /** Index into ROUTES (dialects/routes.ts): dialect and shape. */
  route: 3,
  /**
   * Index into the app names of the configuration; 0 is open mode, where the event names its app. APP_IN_BODY until
   * the worker has found the key.
   */
  app: 4,
  /** Encoding of the body (encoding.ts): one of Encoding below, and above ENCODING_BITS the bytes of the carried head before it (slab/carried.ts). */
  encoding: 5,
  /** Index into TRANSPORTS (event.ts). */
  transport: 6,
  /** Milliseconds after the slab's base time. */
  receivedDeltaMs: 7,
  /** The peer's address, 4 or 16 bytes in network order, in the slab; length 0 when it is not kept. */
  addressOffset: 8,
  addressLength: 9,
  /** The user agent as it stood in the header, in the slab; length 0 when there was none. */
  userAgentOffset: 10,
  userAgentLength: 11,
  /** W. Number of the reason (outcome.ts) when the frame is refused whole, else 0. */
  reason: 12,
  /** W. Events of the frame that were accepted, and that were rejected. */
  accepted: 13,
  rejected: 14,
  /** W. Row of the first record of the frame in the scan's record table; its accepted events follow each other. */
  recordStart: 15,
  /** W. Events of the frame that repeat one that is kept already; they are not among the accepted. */
  duplicates: 16,
  /** Number of the write key (admission/apps.ts), 0 for none; the worker's word where the key stands in the body. */
  key: 17,
} as const;

const FRAME_TABLE_BYTES = FRAMES_PER_SLAB_MAX * FRAME_WORDS * 4;
/** Offset of the first body byte. */
export const SLAB_BYTES_START = SLAB_HEADER_WORDS * 4 + FRAME_TABLE_BYTES;

/** Content encodings, as numbers in a frame row. */
export const Encoding = { identity: 0, gzip: 1, deflate: 2, br: 3, zstd: 4 } as const;

/** Bits of the encoding word that hold the encoding. */
export const ENCODING_BITS = 8;
/** `app` of a frame whose events name their apps. */
export const OPEN_APP = 0;
/** `app` of a frame whose write key stands in its body. */
export const APP_IN_BODY = 0xffff_ffff;

/** Index of the first word of frame `frame` in a Uint32Array over the slab. */
export function frameRow(frame: number): number {
  return SLAB_HEADER_WORDS + frame * FRAME_WORDS;
}
