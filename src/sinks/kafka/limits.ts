/** Bounds of the Kafka sink, as src/limits.ts has those of all else; it gives these on. */
import { assert } from '../../assert.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** One record batch, uncompressed, its header included. Brokers refuse over `message.max.bytes`, 1 MiB and 12 bytes unless they say otherwise. */
export const KAFKA_BATCH_BYTES_MAX = MiB;
/** Records of one batch: twice what 1 MiB holds of the smallest events, so that a larger batch stays quick to decode. */
export const KAFKA_BATCH_RECORDS_MAX = 8_192;
/** Batches of one call, together: they stay in a core's cache until they are compressed or sent. */
export const KAFKA_OUTPUT_BYTES_MAX = 8 * MiB;
/** Records of one call: the plan of one takes 56 bytes, this many of the smallest events fill the output. */
export const KAFKA_CALL_RECORDS_MAX = 32_768;
/** Partitions of one topic; each call clears a word for every one. */
export const KAFKA_PARTITIONS_MAX = 10_000;
/** Headers that a caller adds to every record of a batch: a traceparent takes 68 bytes, a reason of failure some hundred. */
export const KAFKA_HEADERS_BYTES_MAX = 4 * KiB;
/** Uncompressed bytes of a snappy block within Kafka's framing: the Java client's own size. */
export const SNAPPY_BLOCK_BYTES = 32 * KiB;
/** Uncompressed bytes of an LZ4 block, one of the four sizes of the format: a reader takes as much memory for each frame. */
export const LZ4_BLOCK_BYTES = 256 * KiB;
/** A block goes to Kafka at this many bytes of lines: batches of some 400 KB for ten partitions; and the smallest memory budget has room for it. */
export const KAFKA_BLOCK_BYTES_MAX = 4 * MiB;
/** … or this long after its first event: a request costs little more than the events in it. */
export const KAFKA_FLUSH_INTERVAL_MS = 50;
/** Memory that a block begins with: what a few requests of single events take. */
export const KAFKA_BLOCK_BYTES_START = 64 * KiB;
/** Lines that the plain path sends at once: kafkajs puts all of a partition into one batch, which brokers take up to 1 MiB. */
export const KAFKA_PLAIN_PART_BYTES_MAX = 512 * KiB;
/** Topics that a template may give: each is asked for with every refresh of metadata, and brokers keep files for each. */
export const KAFKA_TOPICS_MAX = 1_000;
/** Values of the template's columns in one round; more of them are sorted by the slower path. Twice the topics, since two values may give one. */
export const KAFKA_LINE_GROUPS_MAX = 2 * KAFKA_TOPICS_MAX;
/** A broker that does not answer a connection attempt for so long is passed over for another. */
export const KAFKA_CONNECT_TIMEOUT_MS = 5_000;
/** A request without an answer for so long is taken for lost, and its connection closed. */
export const KAFKA_REQUEST_TIMEOUT_MS = 30_000;
/** A SASL session is left this long before it ends: a request that is sent by then is on its way. kafkajs' 10 s would leave sessions of minutes' length early and shorter ones at once. */
export const KAFKA_SESSION_MARGIN_MS = 1_000;
/** Records of one fetched batch, decompressed: a broker passes on what other producers sent, bombs included. */
export const KAFKA_DECOMPRESSED_BYTES_MAX = 64 * MiB;

assert(KAFKA_BATCH_BYTES_MAX <= KAFKA_OUTPUT_BYTES_MAX, 'a record batch fits what one call gives');
assert(KAFKA_BATCH_RECORDS_MAX <= KAFKA_CALL_RECORDS_MAX, 'one call can fill a batch');
assert(2 * KAFKA_PLAIN_PART_BYTES_MAX <= KAFKA_BATCH_BYTES_MAX, 'a plain part with its headers fits a batch');
assert(KAFKA_BLOCK_BYTES_START < KAFKA_BLOCK_BYTES_MAX, 'a block can grow');
assert(KAFKA_HEADERS_BYTES_MAX < KAFKA_BATCH_BYTES_MAX, 'a record has room beside its headers');
