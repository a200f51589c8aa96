// Hot path: one call a message, and a few a slab.
/**
 * What of a connection's messages is acknowledged. Messages are numbered 1, 2, 3 … and travel in slabs that may
 * come back out of order; an ack is cumulative, so it covers a message when all before it are back too.
 *
 * The messages of one connection in one slab form a span; spans stand in the order of their numbers. A span is
 * whole when all its messages are back, which one slab's return brings about at once, and settled when what its ack
 * promises is reached, or will not be.
 */
import { assert } from '../assert.ts';

/** An error of one message, numbered for the client. */
export interface MessageError {
  readonly seq: number;
  readonly [detail: string]: unknown;
}

/** Messages of one slab; the caller may add errors to it, and nothing else. */
export interface Span {
  readonly generation: number;
  /** Number of the span's first message. */
  readonly firstSeq: number;
  count: number;
  returned: number;
  bytes: number;
  accepted: number;
  rejected: number;
  duplicates: number;
  readonly errors: MessageError[];
  isSettled: boolean;
  isReached: boolean;
}

/** Everything up to `seq` is acknowledged; the counts are since the last ack. */
export interface Ack {
  readonly seq: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Only where there are some. */
  readonly duplicates?: number;
  readonly errors: readonly MessageError[];
  /** Whether all of it reached the level that the connection asked for. */
  readonly isReached: boolean;
}

/** Generation of messages that travel in no slab. */
const NO_SLAB = 0;

export class AckWindow {
  readonly #spans: Span[] = [];
  #lastSeq: number;
  #unackedBytes = 0;

  /** `lastSeq` is the number before the first message's. */
  constructor(lastSeq = 0) {
    this.#lastSeq = lastSeq;
  }

  /** Number that the next message gets. */
  get nextSeq(): number {
    return this.#lastSeq + 1;
  }

  /** Bytes of messages that are not acknowledged. */
  get unackedBytes(): number {
    return this.#unackedBytes;
  }

  /** Whether every message is acknowledged. */
  get isEmpty(): boolean {
    return this.#spans.length === 0;
  }

  /** A message went into the slab of `generation`. */
  sent(generation: number, bytes: number): void {
    this.#lastSeq += 1;
    this.#unackedBytes += bytes;
    let span = this.#spans.at(-1);
    if (span?.generation !== generation) span = this.#begin(generation);
    span.count += 1;
    span.bytes += bytes;
  }

  /** The next message was journaled before, and goes nowhere. True when an ack can be taken. */
  known(): boolean {
    this.#lastSeq += 1;
    const last = this.#spans.at(-1);
    const span = last?.generation === NO_SLAB ? last : this.#begin(NO_SLAB);
    span.count += 1;
    span.returned += 1;
    return this.settle(span, true);
  }

  /**
   * The span to which the next messages that come back in the slab of `generation` belong: the first of that slab that is
   * not back whole, since messages of a slab come back in their order. Between two of one slab may stand messages that were
   * known.
   */
  waiting(generation: number): Span {
    const first = this.#spans[0];
    const span = first !== undefined && isWaiting(first, generation) ? first : this.#find(generation);
    assert(span !== undefined, 'a returned message was sent');
    return span;
  }

  /**
   * The next `count` messages of the span are back, no more than it waits for; errors of them are the caller's to add. True
   * when it is whole by that: it is then to be settled.
   */
  returned(span: Span, count: number, accepted: number, rejected: number, duplicates: number): boolean {
    span.returned += count;
    assert(span.returned <= span.count, 'a span gets back what it has');
    span.accepted += accepted;
    span.rejected += rejected;
    span.duplicates += duplicates;
    return span.returned === span.count;
  }

  /** What the acks of `span` promise is reached, or will not be. True when an ack can be taken: all before it are settled too. */
  settle(span: Span, isReached: boolean): boolean {
    span.isSettled = true;
    span.isReached = isReached;
    return span === this.#spans[0];
  }

  /** The ack over all settled spans at the head. */
  take(errorsMax: number): Ack {
    let seq = 0;
    let accepted = 0;
    let rejected = 0;
    let duplicates = 0;
    let isReached = true;
    const errors: MessageError[] = [];
    while (this.#spans[0]?.isSettled === true) {
      const span = this.#spans.shift()!;
      seq = span.firstSeq + span.count - 1;
      isReached &&= span.isReached;
      accepted += span.accepted;
      rejected += span.rejected;
      duplicates += span.duplicates;
      this.#unackedBytes -= span.bytes;
      errors.push(...span.errors.slice(0, Math.max(0, errorsMax - errors.length)));
    }
    assert(seq > 0, 'an ack covers at least one message');
    const ack = { seq, accepted, rejected, errors, isReached };
    return duplicates > 0 ? { ...ack, duplicates } : ack;
  }

  #begin(generation: number): Span {
    const span = {
      generation,
      firstSeq: this.#lastSeq,
      count: 0,
      returned: 0,
      bytes: 0,
      accepted: 0,
      rejected: 0,
      duplicates: 0,
      errors: [],
      isSettled: false,
      isReached: true,
    };
    this.#spans.push(span);
    return span;
  }

  #find(generation: number): Span | undefined {
    return this.#spans.find((span) => isWaiting(span, generation));
  }
}

function isWaiting(span: Span, generation: number): boolean {
  return span.generation === generation && span.returned < span.count;
}
