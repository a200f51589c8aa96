import type { Apps } from './admission/apps.ts';
import type { ClientAddress } from './admission/client-address.ts';
import type { Dispatcher } from './dispatch/dispatcher.ts';
import type { Reason } from './outcome.ts';
import type { MemoryBudget } from './slab/budget.ts';

/** What the front's doors (HTTP and WebSocket) need of the stages around them; made once, in appliance.ts. */
export interface FrontStage {
  readonly dispatcher: Dispatcher;
  readonly apps: Apps;
  readonly clientAddress: ClientAddress;
  readonly keepUserAgent: boolean;
  /** The budget of all unfinished uploads. */
  readonly uploads: MemoryBudget;
  readonly wireBytesMax: number;
  readonly messageBytesMax: number;
  readonly creditBytes: number;
  /** True from SIGTERM on: new requests are answered `draining`. */
  draining(): boolean;
  retryAfterSeconds(): number;
  newRequestId(): string;
  /** Counts and logs a refusal; never with a key or content. */
  refused(reason: Reason, requestId: string, traceparent: string): void;
}
