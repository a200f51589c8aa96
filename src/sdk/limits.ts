/** Every bound of the client, each with its reason; the server's, which some of them must fit, are in src/limits.ts. */

const KiB = 1024;

/** Events that wait for the server: hours of a page without a network. */
export const QUEUE_EVENTS_MAX = 10_000;
/** Their bytes, which stand in memory and in storage. */
export const QUEUE_BYTES_MAX = 5 * KiB * KiB;
/** One event; the server takes messages of 1 MiB, and what is larger than this is a file, not an event. */
export const EVENT_BYTES_MAX = 256 * KiB;
/** Events of one POST: half of what the server takes unless it is configured lower. */
export const BATCH_EVENTS_MAX = 500;
/** Bytes of one POST from Node. */
export const BATCH_BYTES_MAX = KiB * KiB;
/** … from a page: two of them fit the 64 KiB that browsers let outlive it (`keepalive`), one in the air and a beacon. */
export const PAGE_BATCH_BYTES_MAX = 30 * KiB;

/** Pause before something is tried again, at least. */
export const RETRY_DELAY_MS_MIN = 250;
/** … before a POST of what was sent already: the server may still be at work on it, and two of its threads that hold an event at the same moment both keep it. */
export const REPEAT_DELAY_MS_MIN = 1_000;
/** What is added to it by chance: up to twice this after the first failure, doubling with each, and at most. */
export const RETRY_DELAY_MS_START = 500;
export const RETRY_DELAY_MS_MAX = 30_000;
/** A Retry-After is heeded up to this: a number in the wrong unit must not silence a client for days. */
export const RETRY_AFTER_MS_MAX = 300_000;
/** Pause after a refusal that only a person can mend: an unknown key, a forbidden origin. */
export const REFUSED_DELAY_MS = 60_000;

/** From the start of a connection to its welcome. */
export const CONNECT_TIMEOUT_MS = 8_000;
/** Without an ack for what was sent, the connection is taken for dead. */
export const ACK_TIMEOUT_MS = 30_000;
/** One POST, from its start to its answer. */
export const REQUEST_TIMEOUT_MS = 30_000;
/** A connection with nothing to send is closed, so that it keeps neither a phone's radio nor a process awake. */
export const STREAM_IDLE_MS = 10_000;
/** Where WebSockets do not get through and POST does, they are tried again after this. */
export const STREAM_RETRY_MS = 60_000;
/** Over HTTP, events are gathered for so long. */
export const FLUSH_INTERVAL_MS = 1_000;
/** How long `flush` and `close` wait. */
export const FLUSH_TIMEOUT_MS = 10_000;

/** What a beacon took is sent again for so long, since the server knows repeats for twice that; later it is taken as stored. */
export const BEACON_TRUST_MS = 300_000;
/** Beacons that are remembered; each has at most PAGE_BATCH_BYTES_MAX of events, so some 80 ids. */
export const BEACONS_MAX = 8;
/** A visit ends after so long without an event, as everywhere. */
export const VISIT_IDLE_MS = 1_800_000;
/** A browser whose storage does not answer goes on without it. */
export const STORAGE_OPEN_MS_MAX = 3_000;

/** Of a queue's file, beyond which it is written anew when the larger part of it is of events that are gone. */
export const FILE_BYTES_DONE_MAX = KiB * KiB;
/** A disk that failed is tried again this often. */
export const FILE_RETRY_MS = 5_000;
