// Hot path: two calls a message.
/**
 * What of a connection's messages is acknowledged. Messages are numbered 1, 2, 3 … and travel in slabs that may
 * come back out of order; an ack is cumulative, so it covers a message when all before it are back too.
 *
 * The messages of one connection in one slab form a span; spans stand in the order of their numbers. A span is
 * done when all its messages are back, which one slab's return brings about at once.
 */
import { assert } from '../assert.ts';

/** An error of one message, numbered for the client. */
export interface MessageError {
  readonly seq: number;
  readonly [detail: string]: unknown;
}

interface Span {
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
}

/** Everything up to `seq` is acknowledged; the counts are since the last ack. */
export interface Ack {
  readonly seq: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Only where there are some. */
  readonly duplicates?: number;
  readonly errors: readonly MessageError[];
}

export class AckWindow {
  readonly #spans: Span[] = [];
  #lastSeq = 0;
  #unackedBytes = 0;

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
    if (span?.generation !== generation) {
      span = {
        generation,
        firstSeq: this.#lastSeq,
        count: 0,
        returned: 0,
        bytes: 0,
        accepted: 0,
        rejected: 0,
        duplicates: 0,
        errors: [],
      };
      this.#spans.push(span);
    }
    span.count += 1;
    span.bytes += bytes;
  }

  /**
   * The next message of the slab of `generation` came back; messages of a slab come back in their order. True
   * when an ack can be taken: the span is whole and all before it are.
   */
  returned(
    generation: number,
    accepted: number,
    rejected: number,
    duplicates: number,
    errorsOf: ((seq: number) => MessageError[]) | undefined,
  ): boolean {
    const span = this.#spans.find((candidate) => candidate.generation === generation);
    assert(span !== undefined, 'a returned message was sent');
    const seq = span.firstSeq + span.returned;
    span.returned += 1;
    span.accepted += accepted;
    span.rejected += rejected;
    span.duplicates += duplicates;
    if (errorsOf !== undefined) span.errors.push(...errorsOf(seq));
    return span.returned === span.count && span === this.#spans[0];
  }

  /** The ack over all whole spans at the head. */
  take(errorsMax: number): Ack {
    let seq = 0;
    let accepted = 0;
    let rejected = 0;
    let duplicates = 0;
    const errors: MessageError[] = [];
    while (this.#spans[0] !== undefined && this.#spans[0].returned === this.#spans[0].count) {
      const span = this.#spans.shift()!;
      seq = span.firstSeq + span.count - 1;
      accepted += span.accepted;
      rejected += span.rejected;
      duplicates += span.duplicates;
      this.#unackedBytes -= span.bytes;
      errors.push(...span.errors.slice(0, Math.max(0, errorsMax - errors.length)));
    }
    assert(seq > 0, 'an ack covers at least one message');
    return duplicates > 0
      ? { seq, accepted, rejected, duplicates, errors }
      : { seq, accepted, rejected, errors };
  }
}
