-- Accepted events. Columns: docs/events.md.
--
-- Partitions follow received_at, not timestamp: clients may send any time between 2000 and 2100, and one block with
-- times in over 100 months would be refused (max_partitions_per_insert_block). By the week: the TTL drops whole parts,
-- so rows live at most 6 days longer than said, and a year has 53 partitions.
-- Order: which app, which type, which hour; inside an hour by device, whose rows compress best side by side.
-- Questions by time alone are served by the index on timestamp.
-- Shards of a cluster share devices out: a device's events stay together, and a block is cut the same way each time it is
-- sent, so that its token holds on every shard.
-- Parts below 1 GiB are one file each: a wide part has a file for every path and type of the JSON columns, and nested
-- keys that drift made 20,000 of a block of 3,000 rows. Above, 64 paths of each column stay columns, the rest is shared.
CREATE TABLE IF NOT EXISTS {table events}{on_cluster}
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
    attribution {object_type},
    event_data {object_type},
    context {object_type},
    ip String,
    user_agent String,
    received_at DateTime64(3, 'UTC'),
    dialect LowCardinality(String),
    transport LowCardinality(String),
    INDEX timestamp_range timestamp TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
PARTITION BY toMonday(received_at)
ORDER BY (app_id, event_type, toStartOfHour(timestamp), device_id, timestamp)
TTL toDateTime(received_at) + toIntervalDay({ttl_days})
SETTINGS {deduplication}, ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 1073741824{json_part_settings};
{distributed events cityHash64(device_id, user_id)}
