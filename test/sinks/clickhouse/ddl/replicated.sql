CREATE TABLE IF NOT EXISTS `analytics`.`penstock_schema`
(
    version UInt32,
    file String,
    applied_at DateTime DEFAULT now()
)
ENGINE = ReplicatedMergeTree
ORDER BY version;

CREATE TABLE IF NOT EXISTS `analytics`.`events`
(
    event_id String,
    event_type LowCardinality(String),
    app_id LowCardinality(String),
    device_id String,
    user_id String,
    session_id String,
    timestamp DateTime64(3, 'UTC'),
    platform LowCardinality(String),
    os_version LowCardinality(String),
    app_version LowCardinality(String),
    attribution JSON(max_dynamic_types=8, max_dynamic_paths=128),
    event_data JSON(max_dynamic_types=8, max_dynamic_paths=128),
    context JSON(max_dynamic_types=8, max_dynamic_paths=128),
    ip String,
    user_agent String,
    received_at DateTime64(3, 'UTC'),
    dialect LowCardinality(String),
    transport LowCardinality(String),
    INDEX timestamp_range timestamp TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree
PARTITION BY toMonday(received_at)
ORDER BY (app_id, event_type, toStartOfHour(timestamp), device_id, timestamp)
TTL toDateTime(received_at) + toIntervalDay(365)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 1073741824, merge_max_dynamic_subcolumns_in_wide_part = 64;

CREATE TABLE IF NOT EXISTS `analytics`.`events_rejected`
(
    received_at DateTime64(3, 'UTC'),
    app_id LowCardinality(String),
    dialect LowCardinality(String),
    transport LowCardinality(String),
    reason LowCardinality(String),
    field LowCardinality(String),
    `index` UInt32 COMMENT 'place of the event in its request, from 0',
    raw String COMMENT 'any bytes, cut at 64 KiB',
    raw_bytes UInt32 COMMENT 'length before the cut',
    ip String,
    user_agent String
)
ENGINE = ReplicatedMergeTree
PARTITION BY toMonday(received_at)
ORDER BY (app_id, reason, received_at)
TTL toDateTime(received_at) + toIntervalDay(30)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1;
