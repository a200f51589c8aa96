/** The words of the client's callers. */

/** What may go wrong, as `onError` is told. */
export type ErrorCode =
  /** The queue is full: the event was not taken. */
  | 'queue_full'
  /** The event is over `EVENT_BYTES_MAX`, or over what the server takes: it is gone. */
  | 'event_too_large'
  /** No event: no type, or data that JSON cannot say. It was not taken. */
  | 'invalid_event'
  /** The server found events wrong; they stand in its `events_rejected`. */
  | 'rejected'
  /** The server refuses this client (key, origin, ack level, route); it is asked again, rarely. */
  | 'refused'
  /** No way to the server; said once until it is reached again. */
  | 'unreachable'
  /** The queue cannot be kept on disk: it goes on in memory. Said once. */
  | 'storage_failed'
  /** A bug of this client. */
  | 'internal';

/** One fault, as `onError` is told. */
export interface ClientError {
  readonly code: ErrorCode;
  readonly message: string;
  /** Events that are gone by it. */
  readonly events: number;
}

/** How a client is made. */
export interface Options {
  /** The server, `https://events.example.com`. */
  readonly url: string;
  /** The app's write key; travels in the query, since sockets and beacons of browsers have no headers. */
  readonly key?: string;
  /** Column `app_id`; of the key where there is one. */
  readonly appId?: string;
  readonly appVersion?: string;
  /** Instead of one that is made and remembered. */
  readonly deviceId?: string;
  /** What an answer must mean before an event leaves the queue; the server's default is `journal`. */
  readonly ack?: 'journal' | 'fsync' | 'delivered';
  /** `auto` streams, and posts where WebSockets do not get through. */
  readonly transport?: 'auto' | 'stream' | 'http';
  /** A class of WebSockets, where there is no global one: Node 20 and the package `ws`. */
  readonly webSocket?: new (
    url: string,
  ) => object;
  /** Node: a folder for events that wait, of one machine or container; processes may share it. */
  readonly queueDir?: string;
  /** Browsers: `memory` keeps nothing on the device but in the page. */
  readonly storage?: 'persistent' | 'memory';
  /** Events and bytes that may wait; more are refused, the newest. */
  readonly queueEventsMax?: number;
  readonly queueBytesMax?: number;
  readonly retryDelayMsMax?: number;
  /** Over HTTP, events are gathered for so long. */
  readonly flushIntervalMs?: number;
  onError?(error: ClientError): void;
}

/** Columns of one event, beside its type and data. */
export interface EventFields {
  /** An id of yours: one that comes again within the server's window is not stored again. */
  readonly eventId?: string;
  readonly userId?: string;
  readonly deviceId?: string;
  readonly sessionId?: string;
  /** Milliseconds since 1970, or a date; now where there is none. */
  readonly timestamp?: number | Date;
  /** Joined to what the client knows itself, member by member. */
  readonly context?: Record<string, unknown>;
  readonly attribution?: Record<string, unknown>;
}

/** What became of events so far. taken = acknowledged + beaconed + queued. */
export interface Stats {
  /** Taken by `track`, `page` and `identify`, and taken over from clients before this one. */
  readonly taken: number;
  /** Of them, those that the server has answered for. */
  readonly acknowledged: number;
  /** Of these, those that it found wrong, or larger than it takes. */
  readonly rejected: number;
  /** Left to a beacon of a page that is long gone, and not sent again. */
  readonly beaconed: number;
  readonly queued: number;
  readonly queuedBytes: number;
  /** Never taken: the queue was full, or they were no events. */
  readonly dropped: number;
  readonly transport: 'stream' | 'http' | 'none';
  /** Whether the queue outlives the page or process. */
  readonly isPersistent: boolean;
}
