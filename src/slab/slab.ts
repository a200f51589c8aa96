// Hot path: every request and every WebSocket message passes here once.
/**
 * The front's side of a slab: frames are appended until it is full or a worker is free, then it travels. Bytes
 * and words are laid out as layout.ts says.
 */
import { assert } from '../assert.ts';
import { type CopyBody, copierInto, type FrameBody } from './copy.ts';
import { encodingWord, firstBytesOf } from './encoding.ts';
import {
  BASE_TIME_FLOAT64_INDEX,
  ENCODING_BITS,
  FRAMES_PER_SLAB_MAX,
  FrameWord,
  frameRow,
  HeaderWord,
  OPENED_FLOAT64_INDEX,
  SLAB_BYTES_START,
} from './layout.ts';
import { type Origin, originBytesMax } from './origin.ts';

/** What awaits the verdict of a frame: an HTTP exchange or a WebSocket connection. */
export interface FrameOwner {
  /**
   * Its frames from `from` to `end - 1`, which follow each other in `slab`, were scanned: their verdicts stand there, their
   * answers in `replies`. Both are VIEWS until this returns.
   */
  framesDone(slab: Slab, from: number, end: number, replies: Replies): void;
  /** The worker that had so many of its frames died; nothing of them was kept. */
  framesLost(count: number): void;
}

/** Where the rows of a slab end: all of them are below `rows` in the journal of worker slot `slot`. */
export interface JournalPlace {
  readonly slot: number;
  /** Period of the journal in which a row's number says that it was synced (ack/progress.ts). */
  readonly term: number;
  readonly rows: { readonly events: number; readonly rejected: number };
}

/**
 * Answers of a slab's frames, as a worker gives them back: a table of offset and length a frame, then the bytes.
 * Length 0: the frame needs no words beyond its verdict.
 */
export interface Replies {
  readonly table: Uint32Array;
  readonly bytes: Uint8Array;
  /** Where the slab's rows end in the journal; only when it was wanted. */
  readonly place?: JournalPlace;
}

/** A session as a slab needs it; the last two are the slab's to write. */
export interface SessionTag {
  readonly key: string;
  readonly instance: number;
  readonly low: number;
  /** Generation of the slab in which the session has `place`. */
  generation: number;
  place: number;
}

/** Which frames of a slab are messages of sessions (sessions/entry.ts): travels beside the slab when there are any. */
export interface SessionFrames {
  readonly sessions: readonly Pick<SessionTag, 'key' | 'instance' | 'low'>[];
  /** Three numbers a message: its frame, the place of its session in `sessions`, its number in the session. */
  readonly rows: Float64Array;
}

/** A slab in the front's hands; in a worker's it is its buffer alone. */
export class Slab {
  readonly buffer: SharedArrayBuffer;
  readonly words: Uint32Array;
  readonly bytes: Buffer;
  /** Of each frame, in order. Front only; never crosses a thread. */
  readonly #owners: (FrameOwner | undefined)[] = new Array(FRAMES_PER_SLAB_MAX).fill(undefined);
  #sessions: { key: string; instance: number; low: number }[] = [];
  #sessionRows: number[] = [];
  /** Grows with every use, so that an Origin of an earlier use is not taken for this one's. */
  generation = 0;
  readonly #times: Float64Array;
  readonly #copy: CopyBody;

  constructor(byteLength: number) {
    this.buffer = new SharedArrayBuffer(byteLength);
    this.words = new Uint32Array(this.buffer);
    this.bytes = Buffer.from(this.buffer);
    this.#times = new Float64Array(this.buffer);
    this.#copy = copierInto(this.bytes);
    this.words[HeaderWord.slabBytes] = byteLength;
  }

  get frameCount(): number {
    return this.words[HeaderWord.frameCount]!;
  }

  /** When the first frame came, ms of the monotonic clock; the front sets it before the slab travels. */
  get openedAtMs(): number {
    return this.#times[OPENED_FLOAT64_INDEX]!;
  }

  set openedAtMs(monotonicMs: number) {
    this.#times[OPENED_FLOAT64_INDEX] = monotonicMs;
  }

  /** Empties the slab for a new use. `generation` must be one that no slab had before. */
  open(nowMs: number, generation: number): void {
    this.generation = generation;
    this.words[HeaderWord.frameCount] = 0;
    this.words[HeaderWord.bytesUsed] = SLAB_BYTES_START;
    this.words[HeaderWord.wants] = 0;
    this.#times[BASE_TIME_FLOAT64_INDEX] = nowMs;
    if (this.#sessions.length > 0) {
      this.#sessions = [];
      this.#sessionRows = [];
    }
  }

  /** Whether a frame of `bodyBytes` from `origin` fits beside those that are there. */
  fits(bodyBytes: number, origin: Origin): boolean {
    return (
      this.words[HeaderWord.frameCount]! < FRAMES_PER_SLAB_MAX &&
      this.words[HeaderWord.bytesUsed]! + bodyBytes + originBytesMax(origin) <= this.bytes.length
    );
  }

  /** Has the worker do more with the slab: bits of Want. */
  want(bits: number): void {
    this.words[HeaderWord.wants]! |= bits;
  }

  /** The frame that was appended last is message `seq` of `session`. */
  tag(session: SessionTag, seq: number): void {
    if (session.generation !== this.generation) {
      session.generation = this.generation;
      session.place = this.#sessions.length;
      this.#sessions.push({ key: session.key, instance: session.instance, low: session.low });
    }
    this.#sessionRows.push(this.frameCount - 1, session.place, seq);
  }

  /** The messages of sessions in it; undefined when there are none. COPY. */
  get sessionFrames(): SessionFrames | undefined {
    if (this.#sessions.length === 0) return undefined;
    return { sessions: this.#sessions, rows: Float64Array.from(this.#sessionRows) };
  }

  /** Appends a frame that fits. COPY of `body`, which begins with the carried head that `encoding` counts, if any. */
  append(
    body: FrameBody,
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
    const bodyBytes = body.byteLength;
    const copied = this.#copy(body, offset);
    const row = frameRow(frame);
    const headBytes = encoding >>> ENCODING_BITS;
    const firstBytes =
      headBytes === 0 ? copied : firstBytesOf(this.bytes, offset + headBytes, bodyBytes - headBytes);
    words[row + FrameWord.bodyOffset] = offset + headBytes;
    words[row + FrameWord.bodyLength] = bodyBytes - headBytes;
    words[row + FrameWord.route] = route;
    words[row + FrameWord.app] = app;
    words[row + FrameWord.key] = origin.key;
    words[row + FrameWord.encoding] = encodingWord(encoding, firstBytes);
    words[row + FrameWord.transport] = transport;
    words[row + FrameWord.receivedDeltaMs] = Math.max(0, nowMs - this.#times[BASE_TIME_FLOAT64_INDEX]!);
    words[row + FrameWord.addressOffset] = origin.addressOffset;
    words[row + FrameWord.addressLength] = origin.address.length;
    words[row + FrameWord.userAgentOffset] = origin.userAgentOffset;
    words[row + FrameWord.userAgentLength] = origin.userAgentLength;
    words[HeaderWord.bytesUsed] = offset + bodyBytes;
    words[HeaderWord.frameCount] = frame + 1;
    this.#owners[frame] = owner;
  }

  /** The owner of a frame that was appended. */
  owner(frame: number): FrameOwner {
    const owner = this.#owners[frame];
    assert(owner !== undefined, 'a frame has an owner until its slab is given back');
    return owner;
  }

  /** Keeps no owner alive. */
  close(): void {
    this.#owners.fill(undefined, 0, this.frameCount);
    this.generation = 0;
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
