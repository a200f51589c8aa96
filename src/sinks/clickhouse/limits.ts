/** Bounds of the ClickHouse sink, as src/limits.ts has those of all else; it gives these on. */

/** A block goes out at this many bytes, ~110,000 events, or at a quarter of the memory budget: 8 % more rows/s than at 16 MiB, and a quarter more than at 45 (docs/decisions.md, "ClickHouse server"). */
export const CLICKHOUSE_BLOCK_BYTES_MAX = 24 * 1024 * 1024;
/** … or this long after its first event: every worker of every core group makes parts of its own, and a server takes few inserts a second. */
export const CLICKHOUSE_FLUSH_INTERVAL_MS = 1_000;
/** How often a thread asks a server that nothing is sent to whether it is there, and one that is not ready whether it is now. */
export const CLICKHOUSE_CHECK_INTERVAL_MS = 5_000;
/** A kept connection is let go of when it was idle for so long: below the 10 s after which servers close theirs. */
export const CLICKHOUSE_IDLE_SOCKET_MS = 2_500;
/** Connections of one thread: two deliveries, those of journals it empties, and a check. */
export const CLICKHOUSE_CONNECTIONS_MAX = 16;
/** Characters of a server's message in a log line; a whole one may quote rows, further on. */
export const CLICKHOUSE_MESSAGE_CHARACTERS_MAX = 300;
