-- Rejected events, with the code and field that clients were told and the bytes as they came.
CREATE TABLE IF NOT EXISTS {table events_rejected}{on_cluster}
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
ENGINE = {engine}
PARTITION BY toMonday(received_at)
ORDER BY (app_id, reason, received_at)
TTL toDateTime(received_at) + toIntervalDay({rejected_ttl_days})
SETTINGS {deduplication}, ttl_only_drop_parts = 1;
{distributed events_rejected cityHash64(app_id, raw)}
