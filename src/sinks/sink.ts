/** What the journal's deliveries need of a place that events go to (journal/delivery.ts). */

/** What goes there: streams of the journal, of accepted and of rejected events. */
export const STREAMS = ['events', 'rejected'] as const;
export type StreamName = (typeof STREAMS)[number];

/**
 * What became of a block: `refused` is for its content, and parts of it may pass; `aside` is for good, the target
 * keeps it; `retry` for anything that may pass by itself.
 */
export type SendOutcome = 'delivered' | 'refused' | 'aside' | 'retry';

/** Rows on their way to a target, in the target's own form. */
export interface BlockBuilder {
  readonly bytes: number;
  readonly rows: number;
  /** Takes `rows` rows of the stream's payload. COPY. */
  add(payload: Uint8Array, rows: number): void;
  /** Gives the block's memory back; it must not be used again. */
  release(): void;
}

/** A sink as the journal sees it. */
export interface BlockTarget {
  readonly name: string;
  begin(): BlockBuilder;
  /**
   * Sends the block; asked again with the same token until the outcome is not `retry`. Never rejects. `signal` aborts
   * when it takes too long: the send then ends as soon as it can, with `retry` where it does not know better. When it
   * resolves, nothing reads the block's memory any more.
   */
  send(token: string, block: BlockBuilder, signal: AbortSignal): Promise<SendOutcome>;
}
