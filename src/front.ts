import type { AckLevel } from './ack/level.ts';
import type { AckWaiters } from './ack/waiters.ts';
import type { Apps } from './admission/apps.ts';
import type { ClientAddress } from './admission/client-address.ts';
import type { CreditPool } from './admission/credit-pool.ts';
import type { RateLimits } from './admission/rate-limits.ts';
import type { Dispatcher } from './dispatch/dispatcher.ts';
import type { UploadQueue } from './http/upload-queue.ts';
import type { InFlight } from './in-flight.ts';
import type { Reason } from './outcome.ts';
import type { SessionRegistry } from './sessions/registry.ts';
import type { MemoryBudget } from './slab/budget.ts';

/** What the front's doors (HTTP and WebSocket) need of the stages around them; made once, in appliance.ts. */
export interface FrontStage {
  readonly dispatcher: Dispatcher;
  /** Those of now: they may change between two requests. */
  readonly apps: Apps;
  readonly rateLimits: RateLimits;
  /** False while a registry of keys was never read: no key can be called unknown then. */
  keysAreRead(): boolean;
  readonly clientAddress: ClientAddress;
  readonly keepUserAgent: boolean;
  readonly sessions: SessionRegistry;
  /** What an answer means at least; said in every one. */
  readonly ackLevel: AckLevel;
  /** Answers that promise more. */
  readonly ackWaiters: AckWaiters;
  /** The budget of all unfinished uploads. */
  readonly uploads: MemoryBudget;
  readonly wireBytesMax: number;
  readonly messageBytesMax: number;
  readonly credit: CreditPool;
  /** Uploads that wait for memory. */
  readonly uploadQueue: UploadQueue;
  /** Requests that were admitted and have no answer yet. */
  readonly exchanges: InFlight;
  /** True from SIGTERM on: new requests are answered `draining`. */
  draining(): boolean;
  /** True from when the sinks are drained on: what still arrives can no longer be kept. */
  closed(): boolean;
  /** Whether the memory budget or the journal is used up, to the last byte or but for the reserve (limits.ts, RESERVE_SHARE). */
  isFull(mayUseReserve: boolean): boolean;
  retryAfterSeconds(): number;
  nowMs(): number;
  newRequestId(): string;
  /** Counts and logs a refusal; never with a key or content. */
  refused(reason: Reason, requestId: string, traceparent: string): void;
  /** Logs a bug that a route handler threw. */
  failed(error: unknown): void;
}
