/** What the load process and the harness say to each other, over Node's IPC. */

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  /** First part of every id. */
  readonly prefix: string;
  /** HTTP connections, each one client with a batch in flight … */
  readonly connections: number;
  readonly eventsPerBatch: number;
  /** … and WebSocket connections, each one client with some messages in flight. */
  readonly streams: number;
  readonly eventsPerMessage: number;
  /** Events a second, all clients together; they fall behind an outage and do not make up for it. */
  readonly rate: number;
  /** After `stop`: how long what has no answer yet is sent again. */
  readonly settleMs: number;
}

/** What one client knows: its events are numbered from 0, and every one below `acknowledged` was acknowledged. */
export interface ClientLedger {
  readonly client: number;
  readonly transport: 'http' | 'websocket';
  readonly acknowledged: number;
  /** Events below it were sent at least once. */
  readonly sent: number;
  /** First numbers of what was sent more than once, and how many events each time. */
  readonly resent: readonly number[];
  readonly eventsEach: number;
}

/** From the load process, some times a second. */
export interface LoadProgress {
  readonly type: 'progress';
  readonly acknowledged: number;
  /** Milliseconds since 1970 by the monotonic clock; 0 before the first. */
  readonly lastAckAt: number;
}

/** From the load process when it was told to stop and everything sent is acknowledged, or given up. */
export interface LoadReport {
  readonly type: 'report';
  readonly clients: readonly ClientLedger[];
  /** Events that were sent again because their first answer did not come or was a refusal. */
  readonly resentEvents: number;
  /** Answers other than 200, and closes of streams, by status or code. */
  readonly refusals: Readonly<Record<string, number>>;
  /** What no client should see: 4xx, rejected events, counts that do not add up. */
  readonly problems: readonly string[];
  /** Of each answer that acknowledged something: when it came, and how long after it was asked for. */
  readonly ackAt: Float64Array;
  readonly ackMs: Float64Array;
}

export type FromLoad = LoadProgress | LoadReport;
export interface ToLoad {
  readonly type: 'stop';
}

/** Milliseconds since 1970 that never go backwards; of two processes of one machine they can be compared. */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}
