/**
 * What a worker thread needs of a place that events go to. A sink gathers what it is given into blocks and sends
 * them on its own time; it never blocks the scan and never drops: when it cannot deliver, `pendingBytes` grows,
 * and admission refuses new events before the memory budget is reached.
 */
export interface Sink {
  readonly name: string;
  /** Takes `rowCount` canonical lines. COPY: `lines` may be used again when the call returns. Never throws for a broken sink. */
  append(lines: Uint8Array, rowCount: number): void;
  /** Takes `rowCount` rows for `events_rejected`, encoded by rejected.ts. COPY, as above. */
  appendRejected(rows: Uint8Array, rowCount: number): void;
  /** Bytes that this sink holds in memory for this thread. */
  pendingBytes(): number;
  /** Rows that were confirmed since the sink was made: what the drain rate is measured from. */
  deliveredRows(): number;
  /** Rows that the target refused for their content; they are kept aside, and not delivered. */
  refusedRows(): number;
  /** Bytes that wait on the disk for the target. */
  spooledBytes(): number;
  /** Failed writes to that disk. */
  writeFailures(): number;
  /** Sends what is gathered and resolves when all of it was confirmed; rejects when that is not possible before `signal` aborts. What is appended from then on is sent at once. */
  drain(signal: AbortSignal): Promise<void>;
}
