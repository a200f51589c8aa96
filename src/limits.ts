/**
 * Every bound of the process, its reason above it, and the relations between bounds asserted at the end, at load.
 * Bounds that an operator may move are defaults here and keys of `config/penstock.yaml`; a configured value is
 * checked against the same relations by config/schema.ts.
 */
import { assert } from './assert.ts';
import { SEGMENT_BYTES_MAX } from './journal/limits.ts';
import { SLAB_BYTES_START } from './slab/layout.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

// ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────

/** uWebSockets refuses request heads over 4 KB unless told otherwise; mixpanel-node puts whole events in the URL. */
export const REQUEST_HEAD_BYTES_MAX = 128 * KiB;
/** Bytes of a body as sent. The largest SDK batch seen is 1.4 MB; 5 MB leaves room without inviting uploads. */
export const WIRE_BYTES_MAX = 5 * 1_000_000;
/** A body over that limit is read up to this one and dropped, where an SDK must hear 413: cut off while it writes, it sends the same again, or nothing. */
export const DROPPED_BYTES_MAX = 20 * 1_000_000;
/** Bytes of a body after decompression: SDKs send up to 10 MB, twice that is kept free. */
export const BODY_BYTES_MAX = 20 * 1_000_000;
/** A compressed body may grow a hundredfold; event JSON compresses 5 to 20 times, a bomb a thousand times. */
export const INFLATE_RATIO_MAX = 100;
/** Below this size the ratio is not looked at: a small repetitive batch may honestly compress 200 times. */
export const INFLATE_RATIO_FREE_BYTES = MiB;
/** Events of one frame; the Go service that Penstock replaces had the same bound. */
export const BATCH_EVENTS_MAX = 1000;
/** Rejected events that an answer names; more would let 3-byte events draw megabytes of answer. */
export const ERRORS_PER_ANSWER_MAX = 100;
/** Share of the journal's and the memory's bounds that is kept for clients which never send again: others are asked to come back before it is used. */
export const RESERVE_SHARE = 1 / 32;
/** Bytes of an unfinished upload that wait in the front, over all connections, as a share of the memory budget. */
export const UPLOAD_BUDGET_SHARE = 0.25;
/** Bytes of them that were read when there was no memory, and wait for it with their connections paused, as a share of the budget. */
export const UPLOAD_QUEUE_SHARE = 1 / 32;
/** So long they wait: sinks that stand still longer are told to the client. */
export const UPLOAD_WAIT_MS_MAX = 5_000;
/** How often is looked whether there is memory again. */
export const UPLOAD_RETRY_INTERVAL_MS = 10;
/** User agents of browsers are under 300 bytes; of a header what is longer is cut here, and in an event it is none. */
export const USER_AGENT_BYTES_MAX = 512;
/** Bytes of an address that `privacy.ip: truncate` keeps: of IPv4 all but the host's, of IPv6 the /48 that a site is given. */
export const IPV4_BYTES_KEPT = 3;
export const IPV6_BYTES_KEPT = 6;
/** Origins are under 300 bytes (a host name has 253); a longer one is not reflected. */
export const ORIGIN_BYTES_MAX = 512;
/** Header names of a preflight, reflected in its answer; SDKs ask for under 200 bytes. */
export const PREFLIGHT_HEADERS_BYTES_MAX = 4 * KiB;
/** A request id that comes from the client is echoed and logged up to this length, else replaced. */
export const REQUEST_ID_BYTES_MAX = 128;

/** A write key or host that a stub of an SDK's settings says back. */
export const STUB_KEY_BYTES_MAX = 256;
/** Fields of one query string; the largest seen has 40, and each becomes a key of its event. */
export const QUERY_FIELDS_MAX = 1024;
/** Folders before a route's own path (`/prefix/v1/batch`) that are looked behind. */
export const PATH_FOLDERS_MAX = 16;

// ── Events ───────────────────────────────────────────────────────────────────────────────────────────────

/** Levels of an event, its own braces counted: ClickHouse's JSON parser and every tool after it stay far from a stack limit. */
export const DEPTH_MAX = 64;
/** Keys of one event over all levels: 10,000 are known from the field, beyond this it is an attack on the duplicate check. */
export const EVENT_KEYS_MAX = 65_536;
/** A client's clock that is off by less is taken as right: SDKs send retries with the first attempt's time of sending, up to a minute old. */
export const SKEW_DEAD_ZONE_MS = 60_000;
/** A time so far ahead of the server's clock, corrected or not, is no time of an event. */
export const EVENT_FUTURE_MS_MAX = 24 * 3_600_000;
/** Fields beside the events of an envelope are copied into every event's context: this times the events of a batch bounds the copy, 40 MiB for the 10,000 of a dialect with large batches. */
export const ENVELOPE_FIELDS_BYTES_MAX = 4 * KiB;
/** Keys of one object compared one by one: 2,016 comparisons of hashes cost less than the first insertions into a set. */
export const KEYS_COMPARED_MAX = 64;
/** Keys longer than this are held in that set by their digest: V8 hashes strings over 16,383 characters by length alone. */
export const KEY_STRING_BYTES_MAX = 1024;
/** Spans up to this size are copied in a loop: the call of a native copy costs ~100 ns, the loop 0.1 ns a byte. */
export const COPY_LOOP_BYTES_MAX = 1024;
/** Canonical lines of one slab. The fields of an envelope and the user agent are repeated in every event, so small frames can grow a hundredfold; one frame alone may always be written. */
export const LINES_BYTES_MAX = 64 * MiB;
/** Decompressed bodies of one slab: the largest body beside honest gzip, 20:1, of a whole slab. Without it 2,000 bombs of 1 MB fit one slab. */
export const INFLATED_BYTES_MAX = 40 * 1_000_000;
/** Buffers of a worker that one large slab has grown go back to this size when the next slabs need less. */
export const SCAN_BUFFER_KEEP_BYTES = 4 * MiB;
/** Events of one body that are decoded one by one; the dialects whose bodies are take no more, and each may leave an edit behind. */
export const DECODED_EVENTS_MAX = 10_000;
/** JSON in a text within an event (Snowplow) that is unpacked: parsed once to know that it is whole. What is longer stays a text. */
export const EMBEDDED_JSON_BYTES_MAX = MiB;
/** Rejected events of one frame that get rows of their own; the rest of the frame is one row with its whole body. */
export const DEAD_LETTERS_PER_FRAME_MAX = 100;
/** Bytes of a body of one event, no JSON, that is looked at again: parsed once, to know whether NaN alone is at fault. */
export const UNREAD_LOOK_BYTES_MAX = 64 * KiB;
/** Raw bytes kept of one rejected event. */
export const REJECTED_RAW_BYTES_MAX = 64 * KiB;

// ── Dialects ─────────────────────────────────────────────────────────────────────────────────────────────

/** Paths that the table of one dialect reads; its slots are looked at for every event. */
export const PROGRAM_SLOTS_MAX = 128;
/** Conditions of one table, and parts of its composed objects: each is a bit of a word. */
export const PROGRAM_GUARDS_MAX = 32;
export const PROGRAM_PARTS_MAX = 32;
/** Paths at which its events say their own address and user agent. */
export const PROGRAM_CLAIMS_MAX = 16;
/** Sources of its columns, those that a route's own texts add included. */
export const PROGRAM_SOURCES_MAX = 128;
/** Texts with which it compares values and keys: one after the other for each key of an object that is taken apart. */
export const PROGRAM_LITERALS_MAX = 256;

// ── WebSocket ────────────────────────────────────────────────────────────────────────────────────────────

/** One message; SDK batches fit, and uWebSockets must buffer a fragmented message whole, per connection. */
export const MESSAGE_BYTES_MAX = MiB;
/** Unacknowledged bytes a connection may have: at 50 ms to the ack this is 80 MB/s from one client. */
export const CREDIT_BYTES = 4 * MiB;
/** Credits of all connections together, as a share of the memory budget; each has at least one message. */
export const CREDIT_POOL_SHARE = 0.1;
/** Most of memory, or of the journal, that is kept for messages within credits that clients have: the pool as lines, and as slabs. */
export const CREDIT_RESERVE_SHARE = 0.25;
/** Share of a bound, before the reserve, over which credits shrink. */
export const CREDIT_SHRINK_SHARE = 0.1;
/** A client is told of a change by more than this share, and of any to or from nothing. */
export const CREDIT_CHANGE_SHARE = 0.25;
/** How often connections that are not acknowledged anything are told of a change. */
export const CREDIT_INTERVAL_MS = 50;
/** A credit is computed again when it is this old: many connections are acknowledged in one turn. */
export const CREDIT_AGE_MS_MAX = 1;
/** Acks that a client does not read are kept up to this size, then the connection is closed. */
export const ACK_BACKLOG_BYTES_MAX = MiB;
/** Bytes over the message limit up to which a client is told so (1009) before uWebSockets cuts it off (1006). */
export const MESSAGE_SLACK_BYTES = 64 * KiB;
/** Connections of one front. uWebSockets keeps unfinished messages itself, outside the memory budget: see docs/decisions.md. */
export const WEBSOCKET_CONNECTIONS_MAX = 20_000;
/** Seconds without a message before uWebSockets pings, then closes: longer than the 60 s of common load balancers. */
export const WEBSOCKET_IDLE_SECONDS = 120;

// ── Acks ─────────────────────────────────────────────────────────────────────────────────────────────────

/** An answer that asks for `fsync` or `delivered` waits at most so long: within the shortest timeouts of SDKs, 10 s. */
export const DELIVERED_TIMEOUT_MS = 5_000;
/** Beyond this a load balancer has given the connection up. */
export const DELIVERED_TIMEOUT_MS_MAX = 60_000;
/** How often shared memory is looked at while an answer waits: half of it is added to a sync of milliseconds. */
export const ACK_POLL_INTERVAL_MS = 5;

/** Sessions of the stream that are remembered (`?session=`): as many as there may be connections, some 300 bytes each. */
export const SESSIONS_MAX = 20_000;
/** A session that nobody used for so long is forgotten: a phone that was off for the night goes on. */
export const SESSION_TTL_MS = 24 * 3_600_000;
/** Ranges above the low-water mark that a worker remembers of one session: as many slabs may be under way. */
export const SESSION_RANGES_MAX = 1024;
/** Bytes with which a segment says again what is known of sessions; of small segments at most this share. */
export const SESSION_SNAPSHOT_BYTES_MAX = 4 * MiB;
export const SESSION_SNAPSHOT_SHARE = 0.25;
/** A connection waits so long for its session: for the one before it, for a thread that is replaced; then it is told to come back. */
export const SESSION_WAIT_MS_MAX = 10_000;

// ── Slabs and tasks ──────────────────────────────────────────────────────────────────────────────────────

/** A slab holds about 20 batches of 100 events, or 2,000 single ones: one task's overhead (~50 µs) is under 2 % of its scan. */
export const SLAB_BYTES = MiB;
/** Slabs, uploads and what the sinks hold in memory, together. */
export const MEMORY_BYTES_MAX = 256 * MiB;
/** Young objects of a worker's heap: a slab makes some kilobytes, and V8's own bound is three times 16 MiB a thread. */
export const WORKER_YOUNG_HEAP_MIB = 6;
/** One task runs, the next waits in the worker: a worker never waits for the front between two full slabs. */
export const TASKS_PER_WORKER = 2;
/** Worker threads: more than 64 on one front means that the front is the bottleneck and a second core group is due. */
export const WORKERS_MAX = 64;
/** Empty slabs kept for reuse; at light load one slab circulates, the rest of a burst is given back. */
export const FREE_SLABS_MAX = 16;

// ── Journal ──────────────────────────────────────────────────────────────────────────────────────────────

export * from './journal/limits.ts';

// ── Dedup window ─────────────────────────────────────────────────────────────────────────────────────────

/** Ids that are remembered at least: 59 MiB of shared memory, beside the memory budget. */
export const DEDUP_IDS_MAX = 4_000_000;
/** … or as long as this: SDKs retry for minutes; whoever sends an id again much later means another event. */
export const DEDUP_WINDOW_MS = 600_000;
/** From so many ids on nearly every page of the table is in use, and large ones take no more memory. One a slab is made. */
export const DEDUP_LARGE_PAGES_IDS_MIN = 30_000;
/** Bytes of each worker's journal that a start reads ids back from: a tenth of a second, and more than a worker has without an answer when the process dies. So much is left on disk for it. */
export const DEDUP_READ_BACK_BYTES_MAX = 128 * MiB;

// ── Sinks ────────────────────────────────────────────────────────────────────────────────────────────────

/** A sink that goes on failing for the same reason says so this often. */
export const SINK_FAILURE_LOG_INTERVAL_MS = 60_000;
/** Share of the memory budget that blocks of accepted events may take: more, and a sink that stands still would stop the doors before the journal is full. */
export const BLOCKS_MEMORY_SHARE = 0.5;
/** Blocks are not cut smaller for it: a rejected event must fit one. */
export const BLOCK_BYTES_MIN = 2 * REJECTED_RAW_BYTES_MAX;
/** A block of the embedded store goes out at this many bytes: ~75,000 events encoded, ~26,000 as lines; one part each. */
export const BLOCK_BYTES_MAX = 16 * MiB;
/** … or at this many rows, whose indexes and offsets then stay within 32 bits whatever they hold. */
export const NATIVE_BLOCK_ROWS_MAX = 262_144;
/** … or at this many bytes, however large the configured blocks are: their pieces stay countable, their offsets too. */
export const NATIVE_BLOCK_BYTES_MAX = 128 * MiB;
/** Of these, what says which row has a value of which type at which path: 30 bytes an event are usual; keys that come late, and arrays of empty objects, want far more. */
export const NATIVE_BLOCK_PLACES_BYTES_MAX = 16 * MiB;
/** Paths that a JSON column of a block tells apart, each a byte a row; rows with further ones go as text, at three times the cost. */
export const NATIVE_BLOCK_PATHS_MAX = 512;
/** What an encoder keeps of its memory from one block to the next: a block, whose columns have grown by doubling, twice. */
export const NATIVE_BLOCK_KEEP_BYTES = 64 * MiB;
/** Pieces that one block is written into: a full one, the places, and a line more, whose numbers may be 9 bytes for 2. */
export const NATIVE_BLOCK_PIECES_MAX = 512;
/** … or this long after its first event. Shorter makes too many parts at light load, longer shows events late. */
export const FLUSH_INTERVAL_MS = 250;
/** Pause before a failed block is tried again, doubling from the first to the second. A sink that is away costs one block read a pause. */
export const RETRY_DELAY_MS_MIN = 100;
export const RETRY_DELAY_MS_MAX = 5_000;
/** Failures in a row that open a sink's breaker: one may be chance, and the pauses between three are half a second. */
export const BREAKER_FAILURES_MAX = 3;
/** A send without an answer for so long has failed: the client libraries of ClickHouse and Kafka give up after 30 s too. */
export const SEND_TIMEOUT_MS = 30_000;
/** ClickHouse remembers this many block tokens per table, so that a block sent twice is counted once. */
export const DEDUPLICATION_WINDOW_BLOCKS = 10_000;
/** … and replicas for so long, a week: a block may be sent again after an outage of days, and theirs forget within an hour by default. */
export const DEDUPLICATION_WINDOW_SECONDS = 604_800;
/** Paths of one JSON column that get columns of their own in a part; the engine's 1024 lets drifting keys open a file each. */
export const JSON_DYNAMIC_PATHS_MAX = 128;
/** Types that one path may have in columns of their own, again a file each; the engine's default is 32. */
export const JSON_DYNAMIC_TYPES_MAX = 8;
/** Blocks gather in pieces of this size: a slab's lines are about as long, and no block needs one allocation of 16 MiB. */
export const BLOCK_CHUNK_BYTES = MiB;
/** Empty pieces kept per thread: one full block, which ends with the slab that filled it; what a longer queue took is given back. */
export const FREE_BLOCK_CHUNKS_MAX = 18;
/** One line on the store's socket: a file name, or an engine's message cut to STORE_MESSAGE_BYTES_MAX. */
export const STORE_LINE_BYTES_MAX = 16 * KiB;
/** Characters of an engine message that travel back; longer ones quote whole rows. */
export const STORE_MESSAGE_BYTES_MAX = 2 * KiB;
/** Blocks inserted at the same time: 1 core in 2, never more; parsing alone takes a core a block. */
export const STORE_INSERTS_MAX = 4;
/** Deaths of the engine while it inserts one block; then the block is moved aside. One may be chance, three are not. */
export const BLOCK_ABORTS_MAX = 3;
/** A block that fails again and again is told this often. */
export const BLOCK_FAILURE_LOG_INTERVAL_MS = 60_000;
/** Block files this old are inserted without being asked for: their thread died. Threads that live ask within seconds. */
export const LEFTOVER_AGE_MS = 60_000;
/** How often the store looks whether merges may wait. */
export const STORE_MERGE_LOOK_INTERVAL_MS = 1_000;
/** Merges wait from this share of a second on in which blocks are inserted: a store that keeps up pauses between blocks … */
export const STORE_BUSY_SHARE = 0.8;
/** … and go on below this one … */
export const STORE_IDLE_SHARE = 0.4;
/** … or with so many parts, of 75,000 events each when a store is behind; at 1,000 the engine delays inserts. */
export const STORE_HELD_PARTS_MAX = 400;
/** A merge that ran longer is not thrown away. */
export const STORE_MERGE_LOST_SECONDS_MAX = 2;
/** The store process yields the cores to the front and the workers: an ack comes before visibility. */
export const STORE_NICE = 19;
/** Free disk below which the engine begins no insert and no merge: both then meet no full disk halfway, which it does not bear. */
export const STORE_FREE_DISK_BYTES = 128 * MiB;
/** Share of the container's memory that the engine may take, inserts, merges and queries together … */
export const STORE_MEMORY_SHARE = 0.4;
/** … and of that, what one query may take. */
export const QUERY_MEMORY_SHARE = 0.5;
/** The front asks the store for a sign of life this often … */
export const STORE_PING_INTERVAL_MS = 2_000;
/** … is not ready when none came for so long: the engine answers in milliseconds, under a full load in a second … */
export const STORE_SILENCE_MS_MAX = 30_000;
/** … and kills and restarts a store that is silent for so long; a machine that swaps may take the time between. */
export const STORE_HANG_MS_MAX = 120_000;
/** After SIGTERM the store finishes the blocks in hand for so long, then it is killed; the files stay for the next start. */
export const STORE_STOP_TIMEOUT_MS = 10_000;

// ── ClickHouse server, Kafka, the consumer; Redis; apps, keys and their rates ─────────────────────────────

export * from './admission/limits.ts';
export * from './consume/limits.ts';
export * from './redis/limits.ts';
export * from './sinks/clickhouse/limits.ts';
export * from './sinks/kafka/limits.ts';

// ── Query door of the embedded store ─────────────────────────────────────────────────────────────────────

/** One result; the engine streams nothing over this binding, so the result stands in memory whole. */
export const QUERY_RESULT_BYTES_MAX = 256 * MiB;
/** Text of one query. */
export const QUERY_BYTES_MAX = 256 * KiB;
/** Queries that run at the same time: readers are people and dashboards, and every one of them takes cores from the inserts. */
export const QUERIES_MAX = 4;
/** Queries that wait for one of those places; more is a runaway dashboard and is told so at once. */
export const QUERIES_WAITING_MAX = 64;
/** Seconds one query may run. The engine cannot be interrupted over this binding but by this bound and KILL QUERY. */
export const QUERY_SECONDS_MAX = 60;

// ── Writable store: `penstock store --writable` ───────────────────────────────────────────────────────────

export * from './sinks/embedded/store/writable/limits.ts';

// ── Metrics ──────────────────────────────────────────────────────────────────────────────────────────────

export * from './metrics/limits.ts';

// ── Life of the process ──────────────────────────────────────────────────────────────────────────────────

/** Share of the memory budget above which `/ready` sends load balancers elsewhere. */
export const MEMORY_READY_SHARE = 0.95;
/** Shares of the drain's time: for requests in flight, then for the sinks; the store's process gets the rest. */
export const DRAIN_IN_FLIGHT_SHARE = 0.4;
export const DRAIN_SINKS_SHARE = 0.4;
/** Kubernetes kills 30 s after SIGTERM; the rest is for the container runtime. */
export const DRAIN_TIMEOUT_MS = 25_000;
/** Retry-After is computed from the measured drain rate and kept between these. */
export const RETRY_AFTER_SECONDS_MIN = 1;
export const RETRY_AFTER_SECONDS_MAX = 60;

assert(SLAB_BYTES > 2 * SLAB_BYTES_START, 'a slab is mostly bytes, not frame table');
assert(WIRE_BYTES_MAX <= BODY_BYTES_MAX, 'an identity body within the wire limit is within the body limit');
assert(WIRE_BYTES_MAX < DROPPED_BYTES_MAX, 'a body over the limit is read to its end');
assert(INFLATED_BYTES_MAX >= 2 * BODY_BYTES_MAX, 'the largest body fits beside others of its slab');
assert(LINES_BYTES_MAX > INFLATED_BYTES_MAX, 'the lines of what may be decompressed fit');
assert(KEY_STRING_BYTES_MAX < 16_383, 'the hash of a key in a set depends on all of it');
assert(MESSAGE_BYTES_MAX <= CREDIT_BYTES, 'one message of the allowed size fits the credit');
assert(
  SESSION_SNAPSHOT_BYTES_MAX <= SESSION_SNAPSHOT_SHARE * SEGMENT_BYTES_MAX,
  'a segment is mostly events',
);
assert(2 * CREDIT_POOL_SHARE <= CREDIT_RESERVE_SHARE, 'the lines of all credits fit the reserve');
assert(CREDIT_RESERVE_SHARE + CREDIT_SHRINK_SHARE < 0.5, 'half of a bound is for full credits');
assert(SESSIONS_MAX >= WEBSOCKET_CONNECTIONS_MAX, 'every connection may have a session');
assert(MEMORY_BYTES_MAX >= 4 * BODY_BYTES_MAX, 'the largest body fits the budget beside others');
assert(REJECTED_RAW_BYTES_MAX <= BLOCK_BYTES_MAX, 'a rejected event fits a block');
assert(LINES_BYTES_MAX < 2 ** 31, 'a place in the lines of a slab fits 31 bits');
assert(
  2 * BLOCK_BYTES_MAX <= NATIVE_BLOCK_KEEP_BYTES,
  'a block of ordinary size keeps its memory for the next',
);
assert(
  NATIVE_BLOCK_BYTES_MAX + NATIVE_BLOCK_PLACES_BYTES_MAX + 5 * BODY_BYTES_MAX <
    NATIVE_BLOCK_PIECES_MAX * BLOCK_CHUNK_BYTES,
  'a full block and one event more fit the pieces',
);
assert(DELIVERED_TIMEOUT_MS <= DELIVERED_TIMEOUT_MS_MAX, 'the default is one that may be configured');
assert(
  DEDUPLICATION_WINDOW_SECONDS * 1000 > SEND_TIMEOUT_MS,
  'a block whose answer was lost is still known when it comes again',
);
assert(RETRY_DELAY_MS_MIN < RETRY_DELAY_MS_MAX, 'a backoff can grow');
assert(STORE_IDLE_SHARE < STORE_BUSY_SHARE, 'merges do not stop and start at one load');
assert(2 * STORE_MESSAGE_BYTES_MAX < STORE_LINE_BYTES_MAX, 'an escaped message fits a line of the socket');
assert(STORE_PING_INTERVAL_MS * 2 < STORE_SILENCE_MS_MAX, 'one lost sign of life is no silence');
assert(STORE_SILENCE_MS_MAX < STORE_HANG_MS_MAX, 'a silent store is first not ready, then killed');
assert(STORE_STOP_TIMEOUT_MS < DRAIN_TIMEOUT_MS, 'the store is stopped within the drain');
assert(DRAIN_IN_FLIGHT_SHARE + DRAIN_SINKS_SHARE < 1, 'the drain leaves time to stop the store');
