/** The configuration of a ClickHouse server, as the parts want it. */
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { ClickHouseSinkSetup } from './clickhouse-sink.ts';
import type { ServerAddress } from './connection.ts';

/** What every thread's sink is made of. */
export function clickHouseSetup(config: Config, writesNative: boolean): ClickHouseSinkSetup {
  const { clickhouse } = config;
  return {
    address: serverAddress(config),
    database: clickhouse.database,
    compression: clickhouse.compression,
    blockBytesMax: clickhouse.flushBytes,
    blockRowsMax: clickhouse.flushRows,
    flushIntervalMs: clickhouse.flushIntervalMs,
    writesNative,
    refusedDir: join(config.dataDir, 'clickhouse', 'refused'),
  };
}

/** Where the server is, and who asks. */
export function serverAddress({ clickhouse, delivery }: Config): ServerAddress {
  return {
    url: clickhouse.url,
    username: clickhouse.username,
    password: clickhouse.password,
    caFile: clickhouse.caFile,
    verifyTls: clickhouse.verifyTls,
    timeoutMs: delivery.sendTimeoutMs,
  };
}
