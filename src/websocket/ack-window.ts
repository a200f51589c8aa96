// Hot path: two calls a message.
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

/** Messages of one slab; what the caller holds of it is only for `settle`. */
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
  errors: MessageError[];
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

  /** Number of the next message of `generation` that comes back. */
  seqOf(generation: number): number {
    const span = this.#waiting(generation);
    return span.firstSeq + span.returned;
  }

  /**
   * The next message of the slab of `generation` came back; messages of a slab come back in their order. Gives the
   * span when it is whole by that: it is then to be settled.
   */
  returned(
    generation: number,
    accepted: number,
    rejected: number,
    duplicates: number,
    errorsOf: ((seq: number) => MessageError[]) | undefined,
  ): Span | undefined {
    const span = this.#waiting(generation);
    const seq = span.firstSeq + span.returned;
    span.returned += 1;
    span.accepted += accepted;
    span.rejected += rejected;
    span.duplicates += duplicates;
    if (errorsOf !== undefined) span.errors.push(...errorsOf(seq));
    return span.returned === span.count ? span : undefined;
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

  /** The first span of the slab that is not back whole: between two of them may stand messages that were known. */
  #waiting(generation: number): Span {
    const span = this.#spans.find(
      (candidate) => candidate.generation === generation && candidate.returned < candidate.count,
    );
    assert(span !== undefined, 'a returned message was sent');
    return span;
  }
}
