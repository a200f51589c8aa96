/** Bounds of the journal, as src/limits.ts has those of all else; it gives these on. */
const KiB = 1024;
const MiB = 1024 * KiB;

/** Segments of all workers that not every sink has passed; at 500 B an event this is 16 million events. */
export const JOURNAL_BYTES_MAX = 8192 * MiB;
/** A segment is deleted whole, when every sink has passed it: small ones give the disk back sooner, large ones are fewer files. */
export const SEGMENT_BYTES_MAX = 64 * MiB;
/** Written and taken back to see whether a disk that failed takes writes again: as much as a slab may need. */
export const PROBE_BYTES = MiB;
/** Chunks below it always go through the page cache: a direct write waits for the disk, however little it is. */
export const DIRECT_WRITE_BYTES_MIN = 256 * KiB;
/** Memory of a thread in which direct writes are gathered; a slab's lines fit it mostly, what is longer takes several writes. */
export const DIRECT_STAGE_BYTES = 2 * MiB;
/** Writes after which the slower way is tried again, */
export const WRITES_PER_TRIAL = 128;
/** … so many times in a row, which may be as slow as they like: 8 % of the time where they take three times as long, */
export const WRITES_OF_TRIAL = 4;
/** … and at once when the quicker way takes so many times as long as it did: pages got cold, or the disk busy. */
export const WRITE_SLOWER_RATIO = 2;
/** What of an asynchronous write's time counts when the ways are compared: the next slab is scanned meanwhile. A choice, not a measurement. */
export const ASYNC_WRITE_SHARE = 0.5;
/** Writes of each way whose median counts. */
export const WRITE_TIMES_KEPT = 5;
/** Share of the journal's bound that is kept, beyond it, as files to be written over. */
export const JOURNAL_SPARE_SHARE = 0.25;
/** Segments kept for replays, beyond the bound above, when `journal.retention_ms` asks for it: as much again. */
export const JOURNAL_RETENTION_BYTES_MAX = 8192 * MiB;
/** Payload of a block of a replay. Fixed, so that the same replay cuts the same blocks whatever is configured. */
export const REPLAY_BLOCK_BYTES = 8 * MiB;
/** Times that a replay's block is tried again after the breaker opened: with the longest pauses, under a minute. */
export const REPLAY_PROBES_MAX = 12;
/** A replay tells how far it is this often. */
export const REPLAY_PROGRESS_MS = 1_000;
/** The embedded store is up within seconds; one that is not after so long needs a person. */
export const REPLAY_STORE_START_MS_MAX = 60_000;
/** Tasks in flight a worker when answers wait for the disk: all that come while a sync runs share the next one. */
export const TASKS_PER_WORKER_DURABLE = 16;
