// Hot path: every request and every WebSocket message passes here once.
/**
 * The front's side of a slab: frames are appended until it is full or a worker is free, then it travels. Bytes
 * and words are laid out as layout.ts says.
 */
import { copyInto } from './copy.ts';
import {
  BASE_TIME_FLOAT64_INDEX,
  ENCODING_BITS,
  FRAMES_PER_SLAB_MAX,
  FrameWord,
  frameRow,
  HeaderWord,
  SLAB_BYTES_START,
} from './layout.ts';
import { type Origin, originBytesMax } from './origin.ts';

/** What awaits the verdict of a frame: an HTTP exchange or a WebSocket connection. */
export interface FrameOwner {
  /** The frame was scanned: its verdict stands in `slab`, its answer in `replies`. Both are VIEWS until this returns. */
  frameDone(slab: Slab, frame: number, replies: Replies): void;
  /** The worker that had the frame died; nothing of it was kept. */
  frameLost(): void;
}

/**
 * Answers of a slab's frames, as a worker gives them back: a table of offset and length a frame, then the bytes.
 * Length 0: the frame needs no words beyond its verdict.
 */
export interface Replies {
  readonly table: Uint32Array;
  readonly bytes: Uint8Array;
}

/** A slab in the front's hands; in a worker's it is its buffer alone. */
export class Slab {
  readonly buffer: SharedArrayBuffer;
  readonly words: Uint32Array;
  readonly bytes: Buffer;
  /** One for each frame, in order. Front only; never crosses a thread. */
  readonly owners: FrameOwner[] = [];
  /** Grows with every use, so that an Origin of an earlier use is not taken for this one's. */
  generation = 0;
  readonly #times: Float64Array;

  constructor(byteLength: number) {
    this.buffer = new SharedArrayBuffer(byteLength);
    this.words = new Uint32Array(this.buffer);
    this.bytes = Buffer.from(this.buffer);
    this.#times = new Float64Array(this.buffer);
    this.words[HeaderWord.slabBytes] = byteLength;
  }

  get frameCount(): number {
    return this.words[HeaderWord.frameCount]!;
  }

  /** Empties the slab for a new use. `generation` must be one that no slab had before. */
  open(nowMs: number, generation: number): void {
    this.generation = generation;
    this.words[HeaderWord.frameCount] = 0;
    this.words[HeaderWord.bytesUsed] = SLAB_BYTES_START;
    this.#times[BASE_TIME_FLOAT64_INDEX] = nowMs;
    this.owners.length = 0;
  }

  /** Whether a frame of `bodyBytes` from `origin` fits beside those that are there. */
  fits(bodyBytes: number, origin: Origin): boolean {
    return (
      this.words[HeaderWord.frameCount]! < FRAMES_PER_SLAB_MAX &&
      this.words[HeaderWord.bytesUsed]! + bodyBytes + originBytesMax(origin) <= this.bytes.length
    );
  }

  /** Appends a frame that fits. COPY of `body`, which begins with the carried head that `encoding` counts, if any. */
  append(
    body: Uint8Array,
    route: number,
    app: number,
    encoding: number,
    transport: number,
    nowMs: number,
    origin: Origin,
    owner: FrameOwner,
  ): void {
    if (origin.generation !== this.generation) this.#writeOrigin(origin);
    const words = this.words;
    const frame = words[HeaderWord.frameCount]!;
    const offset = words[HeaderWord.bytesUsed]!;
    copyInto(this.bytes, body, offset);
    const row = frameRow(frame);
    const headBytes = encoding >>> ENCODING_BITS;
    words[row + FrameWord.bodyOffset] = offset + headBytes;
    words[row + FrameWord.bodyLength] = body.length - headBytes;
    words[row + FrameWord.route] = route;
    words[row + FrameWord.app] = app;
    words[row + FrameWord.encoding] = encoding;
    words[row + FrameWord.transport] = transport;
    words[row + FrameWord.receivedDeltaMs] = Math.max(0, nowMs - this.#times[BASE_TIME_FLOAT64_INDEX]!);
    words[row + FrameWord.addressOffset] = origin.addressOffset;
    words[row + FrameWord.addressLength] = origin.address.length;
    words[row + FrameWord.userAgentOffset] = origin.userAgentOffset;
    words[row + FrameWord.userAgentLength] = origin.userAgentLength;
    words[HeaderWord.bytesUsed] = offset + body.length;
    words[HeaderWord.frameCount] = frame + 1;
    this.owners.push(owner);
  }

  #writeOrigin(origin: Origin): void {
    let offset = this.words[HeaderWord.bytesUsed]!;
    this.bytes.set(origin.address, offset);
    origin.addressOffset = offset;
    offset += origin.address.length;
    origin.userAgentOffset = offset;
    origin.userAgentLength = this.bytes.write(origin.userAgent, offset, 'utf8');
    origin.generation = this.generation;
    this.words[HeaderWord.bytesUsed] = offset + origin.userAgentLength;
  }
}
