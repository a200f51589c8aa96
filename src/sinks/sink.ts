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

/** One delivery's way to a sink, as the journal sees it. */
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

/** How a sink is: `starting` until it was first reached, then whether the last attempt went well. */
export const SinkState = { starting: 0, ok: 1, failing: 2 } as const;
export type SinkState = (typeof SinkState)[keyof typeof SinkState];

/** A sink as a worker thread has it: what makes its targets, one for each delivery, and what is told of it. */
export interface WorkerSink {
  readonly events: () => BlockTarget;
  readonly rejected: () => BlockTarget;
  readonly blockBytesMax: number;
  readonly flushIntervalMs: number;
  /** Rows that it refused for good and that stand nowhere else. */
  refusedRows(): number;
  /** Blocks that could not be handed over at once. */
  writeFailures(): number;
}

/** Pino's shape. Fields never carry event content. */
export interface SinkLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
