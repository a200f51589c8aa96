/**
 * The schema of `config/penstock.yaml`: every key with its bounds and its default, in the file's snake_case.
 * Unknown keys are refused. A section that stands empty is as good as absent, so that a file whose keys are all
 * commented out is the default configuration. The bounds of one key stand beside it; relations between keys are
 * in RELATIONS; load.ts applies both. The error text of a key is what a fault calls `expected`.
 */
import * as z from 'zod';
import {
  BATCH_EVENTS_MAX,
  BLOCK_BYTES_MAX,
  BLOCK_BYTES_MIN,
  BODY_BYTES_MAX,
  CLICKHOUSE_BLOCK_BYTES_MAX,
  CLICKHOUSE_FLUSH_INTERVAL_MS,
  CONSUME_FLUSH_INTERVAL_MS,
  CONSUME_REBALANCE_TIMEOUT_MS,
  CONSUME_SESSION_TIMEOUT_MS,
  CREDIT_BYTES,
  DEDUP_IDS_MAX,
  DEDUP_WINDOW_MS,
  DELIVERED_TIMEOUT_MS,
  DELIVERED_TIMEOUT_MS_MAX,
  DRAIN_TIMEOUT_MS,
  ENVELOPE_FIELDS_BYTES_MAX,
  FLUSH_INTERVAL_MS,
  JOURNAL_BYTES_MAX,
  JOURNAL_RETENTION_BYTES_MAX,
  KAFKA_BATCH_BYTES_MAX,
  KAFKA_BLOCK_BYTES_MAX,
  KAFKA_FLUSH_INTERVAL_MS,
  KAFKA_REQUEST_TIMEOUT_MS,
  MEMORY_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  NATIVE_BLOCK_BYTES_MAX,
  NATIVE_BLOCK_ROWS_MAX,
  QUERY_RESULT_BYTES_MAX,
  REDIS_COUNTERS_TTL_MS,
  REDIS_TIMEOUT_MS,
  REDIS_WINDOW_MS,
  REDIS_WRITE_TIMEOUT_MS,
  SEGMENT_BYTES_MAX,
  SEND_TIMEOUT_MS,
  SESSION_TTL_MS,
  SESSIONS_MAX,
  WIRE_BYTES_MAX,
  WORKERS_MAX,
} from '../limits.ts';
import { isAddress, isNetwork, isTopicName } from './predicates.ts';
import { choice, flag, list, matching, rate, section, text, whole } from './schema-parts.ts';
import { parseRedisUrl, parseServerUrl } from './server-url.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

const WORKERS_EXPECTED = `auto or a whole number from 1 to ${WORKERS_MAX}`;

const app = section({
  name: text(1, 128),
  keys: list(
    matching(
      (key) => (key.startsWith('sha256:') ? /^sha256:[0-9a-f]{64}$/ : /^[\x21-\x7e]{1,256}$/).test(key),
      '1 to 256 visible ASCII characters in quotes, or sha256: and 64 lower-case hex digits',
    ),
    // An app without a key would turn an oversight into open mode.
    'a list of at least one key',
    1,
  ),
  origins: list(
    matching(
      (origin) => /^([a-z][a-z0-9+.-]*:\/\/[^/?#\sA-Z]+|null)$/.test(origin),
      'an origin as browsers send it, such as https://app.example.com (lower case, no path, no slash at the end)',
    ),
    'a list of origins',
  ),
  events_per_second: rate().optional(),
  burst: rate().optional(),
  key_events_per_second: rate().optional(),
  key_burst: rate().optional(),
});

/** The file. Its output has every key; `workers` may still be the word `auto`. */
export const fileSchema = section({
  http: section({
    host: text(1, 255).default('0.0.0.0'),
    port: whole(0, 65_535).default(8080),
    trusted_proxies: list(
      matching(isNetwork, 'a network such as 10.0.0.0/8 or fd00::/8'),
      'a list of networks',
    ),
  }),
  workers: z
    .union([z.literal('auto'), whole(1, WORKERS_MAX, WORKERS_EXPECTED)], { error: WORKERS_EXPECTED })
    .default('auto'),
  scanner: choice(['auto', 'native', 'reference']).default('auto'),
  apps: list(app, 'a list of apps, each with name, keys and origins'),
  rate_limits: section({
    app_events_per_second: rate().default(0),
    app_burst: rate().default(0),
    key_events_per_second: rate().default(0),
    key_burst: rate().default(0),
  }),
  limits: section({
    wire_bytes_max: whole(KiB, 256 * MiB).default(WIRE_BYTES_MAX),
    // Offsets in a slab are 32-bit and a canonical line is longer than its event: 256 MiB stays far from 4 GiB.
    body_bytes_max: whole(KiB, 256 * MiB).default(BODY_BYTES_MAX),
    batch_events_max: whole(1, 100_000).default(BATCH_EVENTS_MAX),
    message_bytes_max: whole(KiB, 256 * MiB).default(MESSAGE_BYTES_MAX),
    credit_bytes: whole(KiB, 256 * MiB).default(CREDIT_BYTES),
  }),
  memory: section({
    max_bytes: whole(16 * MiB, 1024 * GiB).default(MEMORY_BYTES_MAX),
  }),
  privacy: section({
    ip: choice(['keep', 'truncate', 'drop']).default('keep'),
    user_agent: choice(['keep', 'drop']).default('keep'),
    from_events: flag().default(false),
  }),
  journal: section({
    durability: choice(['memory', 'os', 'fsync']).default('os'),
    max_bytes: whole(MiB, 1024 * 1024 * GiB).default(JOURNAL_BYTES_MAX),
    segment_bytes: whole(64 * KiB, 4 * GiB - 1).default(SEGMENT_BYTES_MAX),
    compression: choice(['none', 'lz4']).default('none'),
    retention_ms: whole(0, 10 * 365 * 24 * 3_600_000).default(0),
    retention_bytes: whole(0, 1024 * 1024 * GiB).default(JOURNAL_RETENTION_BYTES_MAX),
  }),
  dedup: section({
    ids_max: whole(0, 100_000_000).default(DEDUP_IDS_MAX),
    window_ms: whole(1, 7 * 24 * 3_600_000).default(DEDUP_WINDOW_MS),
  }),
  sessions: section({
    max: whole(1, 1_000_000).default(SESSIONS_MAX),
    ttl_ms: whole(1000, 365 * 24 * 3_600_000).default(SESSION_TTL_MS),
  }),
  ack: section({
    delivered_timeout_ms: whole(1, DELIVERED_TIMEOUT_MS_MAX).default(DELIVERED_TIMEOUT_MS),
  }),
  embedded: section({
    enabled: z.union([z.literal('auto'), z.boolean()], { error: 'auto, true or false' }).default('auto'),
    port: whole(0, 65_535).default(8123),
    flush_interval_ms: whole(1, 60_000).default(FLUSH_INTERVAL_MS),
    // A rejected event with its raw bytes must fit a block.
    block_bytes_max: whole(BLOCK_BYTES_MIN, GiB).default(BLOCK_BYTES_MAX),
    ttl_days: whole(1, 36_500).default(365),
    rejected_ttl_days: whole(1, 36_500).default(30),
    object_type: choice(['JSON', 'String']).default('JSON'),
    query_result_bytes_max: whole(MiB, 2 * GiB).default(QUERY_RESULT_BYTES_MAX),
  }),
  kafka: section({
    brokers: list(
      matching(isAddress, 'a broker as host:port, such as kafka-1:9092'),
      'a list of brokers as host:port',
    ),
    topic: matching(
      isTopicName,
      'a topic of letters, digits, dots, _ and -, in which {app_id} and {event_type} may stand',
    ).default('events'),
    dead_letter_topic: matching(
      (name) => isTopicName(name) && !name.includes('{'),
      'a topic of letters, digits, dots, _ and -',
    ).default('events_rejected'),
    create_topics: flag().default(false),
    client: choice(['native', 'plain']).default('native'),
    acks: z.union([z.literal('all'), z.literal(1)], { error: 'all or 1' }).default('all'),
    compression: choice(['none', 'gzip', 'snappy', 'lz4', 'zstd']).default('lz4'),
    key: list(
      choice(['event_id', 'event_type', 'app_id', 'device_id', 'user_id', 'session_id']),
      'a list of columns, each once',
    )
      .default(['device_id', 'user_id'])
      .refine((columns) => new Set(columns).size === columns.length, {
        error: 'a list of columns, each once',
      }),
    client_id: text(1, 128).default('penstock'),
    request_timeout_ms: whole(100, 600_000).default(KAFKA_REQUEST_TIMEOUT_MS),
    flush_interval_ms: whole(1, 60_000).default(KAFKA_FLUSH_INTERVAL_MS),
    block_bytes_max: whole(64 * KiB, 64 * MiB).default(KAFKA_BLOCK_BYTES_MAX),
    batch_bytes_max: whole(16 * KiB, 64 * MiB).default(KAFKA_BATCH_BYTES_MAX),
    sasl_mechanism: choice(['none', 'plain', 'scram-sha-256', 'scram-sha-512']).default('none'),
    sasl_username: text(0, 256).default(''),
    sasl_password: text(0, 1024).default(''),
    tls: flag().default(false),
    tls_ca_file: text(0, 4096).default(''),
    tls_cert_file: text(0, 4096).default(''),
    tls_key_file: text(0, 4096).default(''),
  }),
  clickhouse: section({
    url: matching(
      (url) => url === '' || parseServerUrl(url) !== undefined,
      'an address such as http://clickhouse:8123 or https://host:8443/database',
    ).default(''),
    database: text(1, 128).default('default'),
    username: text(1, 128).default('default'),
    password: text(0, 1024).default(''),
    ca_file: text(0, 4096).default(''),
    verify_tls: flag().default(true),
    compression: choice(['none', 'lz4']).default('none'),
    flush_rows: whole(1, NATIVE_BLOCK_ROWS_MAX).default(NATIVE_BLOCK_ROWS_MAX),
    flush_bytes: whole(BLOCK_BYTES_MIN, NATIVE_BLOCK_BYTES_MAX).default(CLICKHOUSE_BLOCK_BYTES_MAX),
    flush_interval_ms: whole(1, 60_000).default(CLICKHOUSE_FLUSH_INTERVAL_MS),
    object_type: choice(['auto', 'JSON', 'String']).default('auto'),
    ttl_days: whole(1, 36_500).default(365),
    rejected_ttl_days: whole(1, 36_500).default(30),
  }),
  consume: section({
    host: text(1, 255).default('0.0.0.0'),
    port: whole(0, 65_535).default(8081),
    group_id: text(1, 249).default('penstock'),
    topics: list(
      matching(
        (name) => isTopicName(name) && !name.includes('{'),
        'a topic of letters, digits, dots, _ and -',
      ),
      'a list of topics',
    ),
    from: choice(['earliest', 'latest']).default('earliest'),
    dead_letter_topic: matching(
      (name) => isTopicName(name.replace('{topic}', 'x')) && !/\{(?!topic\})/.test(name),
      'a topic of letters, digits, dots, _ and -, in which {topic} may stand',
    ).default('{topic}.dlq'),
    flush_rows: whole(1, NATIVE_BLOCK_ROWS_MAX).default(NATIVE_BLOCK_ROWS_MAX),
    flush_bytes: whole(64 * KiB, NATIVE_BLOCK_BYTES_MAX).default(BLOCK_BYTES_MAX),
    flush_interval_ms: whole(1, 600_000).default(CONSUME_FLUSH_INTERVAL_MS),
    // Brokers take nothing shorter or longer unless they are told to.
    session_timeout_ms: whole(6_000, 1_800_000).default(CONSUME_SESSION_TIMEOUT_MS),
    rebalance_timeout_ms: whole(6_000, 1_800_000).default(CONSUME_REBALANCE_TIMEOUT_MS),
  }),
  redis: section({
    url: matching(
      (url) => url === '' || parseRedisUrl(url) !== undefined,
      'an address such as redis://redis:6379, redis://:password@host:6379/2 or rediss://host:6380',
    ).default(''),
    username: text(0, 256).default(''),
    password: text(0, 1024).default(''),
    db: whole(0, 65_535).default(0),
    ca_file: text(0, 4096).default(''),
    key_prefix: matching(
      (prefix) => /^[\x21-\x7e]{0,64}$/.test(prefix),
      'at most 64 visible ASCII characters',
    ).default('penstock:'),
    timeout_ms: whole(1, REDIS_WRITE_TIMEOUT_MS).default(REDIS_TIMEOUT_MS),
    dedup: flag().default(true),
    window_ms: whole(1000, 7 * 24 * 3_600_000).default(REDIS_WINDOW_MS),
    counters_ttl_ms: whole(0, 365 * 24 * 3_600_000).default(REDIS_COUNTERS_TTL_MS),
  }),
  delivery: section({
    // Shorter than a second, a busy sink would be taken for a dead one.
    send_timeout_ms: whole(1_000, 600_000).default(SEND_TIMEOUT_MS),
  }),
  data_dir: text(1, 4096).default('./data'),
  drain_timeout_ms: whole(0, 3_600_000).default(DRAIN_TIMEOUT_MS),
  log: section({
    level: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  }),
});

export type FileConfig = z.output<typeof fileSchema>;

/** Names of the number keys: `section.key`. */
type NumberKey = {
  [Section in keyof FileConfig & string]: {
    [Key in keyof FileConfig[Section] & string]: FileConfig[Section][Key] extends number
      ? `${Section}.${Key}`
      : never;
  }[keyof FileConfig[Section] & string];
}[keyof FileConfig & string];

export interface Relation {
  readonly key: NumberKey;
  readonly bound: NumberKey;
  /** `key` is at most `bound` divided by this. */
  readonly divisor: number;
  /** Why, in a few words; part of the fault's text. */
  readonly reason: string;
}

/** What keys must hold between them; the same relations that limits.ts asserts for the defaults. */
export const RELATIONS: readonly Relation[] = [
  {
    key: 'limits.wire_bytes_max',
    bound: 'limits.body_bytes_max',
    divisor: 1,
    reason: 'a body that is sent uncompressed has both sizes',
  },
  {
    key: 'limits.body_bytes_max',
    bound: 'memory.max_bytes',
    divisor: 4,
    reason: 'the largest body must fit the budget beside others',
  },
  {
    key: 'limits.message_bytes_max',
    bound: 'limits.credit_bytes',
    divisor: 1,
    reason: 'one message must fit the credit',
  },
  {
    key: 'limits.message_bytes_max',
    bound: 'limits.body_bytes_max',
    divisor: 1,
    reason: 'a message is scanned like a body',
  },
  {
    key: 'limits.batch_events_max',
    bound: 'memory.max_bytes',
    divisor: 4 * ENVELOPE_FIELDS_BYTES_MAX,
    reason: 'the fields beside the events are copied into each of them',
  },
  {
    key: 'embedded.block_bytes_max',
    bound: 'memory.max_bytes',
    divisor: 4,
    reason: 'a block is gathered in memory',
  },
  {
    key: 'kafka.block_bytes_max',
    bound: 'memory.max_bytes',
    divisor: 4,
    reason: 'a block is gathered in memory',
  },
  {
    key: 'journal.segment_bytes',
    bound: 'journal.max_bytes',
    divisor: 2,
    reason: 'only whole segments are given back',
  },
];
