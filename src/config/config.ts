/**
 * The configuration as the stages read it: every value checked, every default filled in (schema.ts), units at
 * the end of each name. The YAML keys are the same words in snake_case.
 */
export interface Config {
  readonly http: {
    readonly host: string;
    /** 0 takes any free port. */
    readonly port: number;
    /** Networks (CIDR) whose X-Forwarded-For is believed. */
    readonly trustedProxies: readonly string[];
  };
  /** Threads that scan; one per core of the group but the front's by default. */
  readonly workers: number;
  /** `auto` takes the fastest scanner that this machine has; `native` must be there, or the start fails. */
  readonly scanner: 'auto' | 'native' | 'reference';
  /** No app with a key means open mode: anyone may send, and each event names its app. */
  readonly apps: readonly AppConfig[];
  /** Events a second of an app and of a key, 0 for no limit, and how many may come at once, 0 for as many as in a second. */
  readonly rateLimits: {
    readonly appEventsPerSecond: number;
    readonly appBurst: number;
    readonly keyEventsPerSecond: number;
    readonly keyBurst: number;
  };
  readonly limits: {
    readonly wireBytesMax: number;
    readonly bodyBytesMax: number;
    readonly batchEventsMax: number;
    readonly messageBytesMax: number;
    readonly creditBytes: number;
  };
  /** Slabs, uploads and what the sinks hold in memory, together. */
  readonly memory: { readonly maxBytes: number };
  readonly privacy: {
    /** `truncate` zeroes the last octet of IPv4 and the last 80 bits of IPv6; `drop` keeps none. */
    readonly ip: 'keep' | 'truncate' | 'drop';
    readonly userAgent: 'keep' | 'drop';
    /** Whether an event's own address and user agent stand before the connection's. */
    readonly fromEvents: boolean;
  };
  readonly journal: {
    /** What an answer waits for: nothing but memory, the page cache (survives a kill), the disk (survives a power failure). */
    readonly durability: 'memory' | 'os' | 'fsync';
    /** Segments that wait for a sink, over all workers. */
    readonly maxBytes: number;
    readonly segmentBytes: number;
    /** lz4 writes a quarter of the bytes, for processor time in the workers. */
    readonly compression: 'none' | 'lz4';
    /** How long segments that every sink has are kept for replays; 0 keeps none. */
    readonly retentionMs: number;
    /** At most so many bytes of them, beside maxBytes, over all workers. */
    readonly retentionBytes: number;
  };
  readonly dedup: {
    /** Ids of events that are remembered at least; 0 keeps repeats like any other event. */
    readonly idsMax: number;
    readonly windowMs: number;
  };
  /** Sessions of the stream that are remembered, and how long after their last use. */
  readonly sessions: { readonly max: number; readonly ttlMs: number };
  /** How long an answer waits for more than the journal. */
  readonly ack: { readonly deliveredTimeoutMs: number };
  readonly embedded: {
    /** As configured, or where that is `auto` whether no other sink has an address. */
    readonly enabled: boolean;
    /** Port of the read-only ClickHouse HTTP interface on 127.0.0.1; 0 takes any free port. */
    readonly port: number;
    readonly flushIntervalMs: number;
    readonly blockBytesMax: number;
    /** Days that events, and rejected events, are kept. */
    readonly ttlDays: number;
    readonly rejectedTtlDays: number;
    /** Type of attribution, event_data and context; frozen with the first start of a data directory. */
    readonly objectType: 'JSON' | 'String';
    readonly queryResultBytesMax: number;
  };
  readonly kafka: KafkaConfig;
  /** A ClickHouse server as a sink. */
  readonly clickhouse: {
    /** Scheme, host and port; empty when there is none. */
    readonly url: string;
    readonly database: string;
    readonly username: string;
    readonly password: string;
    /** PEM file of certificates that are trusted instead of those that Node brings; empty for these. */
    readonly caFile: string;
    /** False takes any certificate. */
    readonly verifyTls: boolean;
    readonly compression: 'none' | 'lz4';
    /** A block goes out at so many rows or bytes, or so long after its first event. */
    readonly flushRows: number;
    readonly flushBytes: number;
    readonly flushIntervalMs: number;
    /** Type of the object columns where `penstock migrate` makes them; `auto` is JSON where the server has it. */
    readonly objectType: 'auto' | 'JSON' | 'String';
    readonly ttlDays: number;
    readonly rejectedTtlDays: number;
  };
  /** `penstock consume`: from Kafka into the ClickHouse server. */
  readonly consume: ConsumeConfig;
  readonly redis: {
    /** Scheme, host and port; empty when there is none. */
    readonly url: string;
    readonly username: string;
    readonly password: string;
    readonly db: number;
    /** PEM file of authorities that are trusted instead of those that Node brings; empty for these. */
    readonly caFile: string;
    /** What every key in Redis begins with. */
    readonly keyPrefix: string;
    /** A slab waits at most so long for a look-up. */
    readonly timeoutMs: number;
    /** Whether repeats are looked for across processes, and how long an id is known at least. */
    readonly dedup: boolean;
    readonly windowMs: number;
    /** How long counters of a minute are kept; 0 counts nothing. */
    readonly countersTtlMs: number;
  };
  readonly delivery: {
    /** A send to a sink that is not answered for so long has failed, and is made again under the same token. */
    readonly sendTimeoutMs: number;
  };
  readonly dataDir: string;
  readonly drainTimeoutMs: number;
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent' };
}

export interface KafkaConfig {
  /** `host:port` of brokers to begin with; the sink is on when there is one. */
  readonly brokers: readonly string[];
  /** Name of the topic, or a template with `{app_id}` and `{event_type}`. */
  readonly topic: string;
  /** Where rejected events go. */
  readonly deadLetterTopic: string;
  /** Whether topics that are missing are made, with the broker's defaults. */
  readonly createTopics: boolean;
  /** `native` sends batches encoded in C++; `plain` uses kafkajs' producer, for brokers that do not take them. */
  readonly client: 'native' | 'plain';
  /** Replicas that confirm: all in sync, with idempotence, or the leader alone. */
  readonly acks: 'all' | 1;
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** Columns of which the first that an event has is the record's key. */
  readonly key: readonly ('event_id' | 'event_type' | 'app_id' | 'device_id' | 'user_id' | 'session_id')[];
  readonly clientId: string;
  readonly requestTimeoutMs: number;
  readonly flushIntervalMs: number;
  readonly blockBytesMax: number;
  /** Bytes of one record batch before compression. */
  readonly batchBytesMax: number;
  readonly saslMechanism: 'none' | 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly saslUsername: string;
  readonly saslPassword: string;
  readonly tls: boolean;
  /** Files in PEM; empty for the authorities that Node brings, and for no certificate of our own. */
  readonly tlsCaFile: string;
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
}

export interface ConsumeConfig {
  /** Where /health, /ready and /metrics are served; port 0 takes any free one. */
  readonly host: string;
  readonly port: number;
  readonly groupId: string;
  /** Empty for the topic of the Kafka sink. */
  readonly topics: readonly string[];
  /** Where a partition begins that the group has no offset of. */
  readonly from: 'earliest' | 'latest';
  /** `{topic}` is the topic that a record stood in. */
  readonly deadLetterTopic: string;
  /** A block goes out at so many rows or bytes, or so long after its first record. */
  readonly flushRows: number;
  readonly flushBytes: number;
  readonly flushIntervalMs: number;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

export interface AppConfig {
  /** Value of app_id for events that come with one of the keys. */
  readonly name: string;
  /** Write keys: the words that clients send, or `sha256:` and the hex digest of one. */
  readonly keys: readonly string[];
  /** Origins that browsers may send from; empty means any. */
  readonly origins: readonly string[];
  /** Rates of the app and of each of its keys, where they are not those of `rateLimits`. */
  readonly eventsPerSecond?: number | undefined;
  readonly burst?: number | undefined;
  readonly keyEventsPerSecond?: number | undefined;
  readonly keyBurst?: number | undefined;
}
