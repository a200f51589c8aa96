/** Bounds of the consumer, as src/limits.ts has those of all else; it gives these on. */
import { assert } from '../assert.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** A block goes out this long after its first record: servers take few inserts a second, and each partition inserts on its own. */
export const CONSUME_FLUSH_INTERVAL_MS = 2_000;
/** A member that says nothing for so long is taken out of the group and its partitions given to others. */
export const CONSUME_SESSION_TIMEOUT_MS = 30_000;
/** Signs of life within it: two may be lost. */
export const CONSUME_HEARTBEATS_PER_SESSION = 10;
/** Members have so long to come back when partitions are dealt anew, so that blocks in hand may end first. */
export const CONSUME_REBALANCE_TIMEOUT_MS = 60_000;
/** Share of that time for the block in hand; what is not inserted by then is inserted again by whoever has the partition, under the same token. */
export const CONSUME_REBALANCE_GRACE_SHARE = 0.25;
/** How often the brokers are asked whether topics have grown partitions. */
export const CONSUME_METADATA_INTERVAL_MS = 30_000;

/** A broker holds a fetch back so long for more than FETCH_BYTES_MIN: at light load four requests a second a broker. */
export const CONSUME_FETCH_WAIT_MS = 250;
export const CONSUME_FETCH_BYTES_MIN = 64 * KiB;
/** Bytes of one answer, as they stand in the topic; brokers send at least one batch, also where it is larger. */
export const CONSUME_FETCH_BYTES_MAX = 16 * MiB;
/** … and of one partition in it. */
export const CONSUME_FETCH_PARTITION_BYTES_MAX = 4 * MiB;
/** Bytes of one partition that wait for their block, as they stand in the topic: two blocks of 16 MiB at a fifth of the size. */
export const CONSUME_LANE_BYTES_MAX = 8 * MiB;
/** Share of memory.max_bytes for what waits in all partitions; the rest is for blocks, lines and answers in the air. */
export const CONSUME_GATHERED_SHARE = 0.25;
/** Blocks that are encoded or inserted at the same time: while the server has one, the thread encodes another. */
export const CONSUME_BLOCKS_MAX = 2;
/** Bytes of lines that are decoded and encoded at one go, before sockets and timers have their turn: some 30 ms. */
export const CONSUME_TURN_BYTES_MAX = 8 * MiB;
/** What a byte in the topic becomes in a block, until a partition's first block was measured: lines compress eightfold, a block is a third of its lines. */
export const CONSUME_GROWTH_START = 3;

/** Times that a batch is fetched anew when its checksum is wrong, before it is taken to stand so in the topic. */
export const CONSUME_DAMAGED_FETCHES_MAX = 5;
/** Bytes of a value that the dead-letter topic has refused whole: it stays with its begin, and the original in its topic. */
export const CONSUME_LETTER_VALUE_BYTES_MAX = 64 * KiB;
/** Partitions that have a series of their own in the metrics; beyond it, only the sums of their topics. */
export const CONSUME_PARTITION_SERIES_MAX = 1_000;
/** Records of one step of `penstock dlq replay`, which is remembered when it is done. */
export const DLQ_REPLAY_STEP_RECORDS = 500;
/** Samples that `penstock dlq ls` shows of a reason unless told otherwise. */
export const DLQ_SAMPLES = 3;
export const DLQ_SAMPLES_MAX = 1_000;
/** Bytes of a sample's value that are shown. */
export const DLQ_SAMPLE_BYTES_MAX = 512;

assert(CONSUME_FETCH_WAIT_MS * 2 < CONSUME_FLUSH_INTERVAL_MS, 'a block is not late for a fetch');
assert(CONSUME_HEARTBEATS_PER_SESSION >= 3, 'a lost heartbeat costs no partition');
assert(CONSUME_FETCH_PARTITION_BYTES_MAX <= CONSUME_LANE_BYTES_MAX, 'a fetch fits what may wait');
assert(CONSUME_REBALANCE_GRACE_SHARE < 1, 'a member is back in time');
