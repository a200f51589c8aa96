-- Which of the numbered files ran to their end.
CREATE TABLE IF NOT EXISTS {table penstock_schema}{on_cluster}
(
    version UInt32,
    file String,
    applied_at DateTime DEFAULT now()
)
ENGINE = {engine}
ORDER BY version;
{distributed penstock_schema version}
