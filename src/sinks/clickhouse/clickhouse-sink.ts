/**
 * A ClickHouse server as a sink of one worker thread: the connections and what is known of the server, which its deliveries
 * share, and a target for each of them.
 */
import type { Clock } from '../../clock.ts';
import type { SinkLogger, StreamName, WorkerSink } from '../sink.ts';
import { type ClickHouseTarget, createClickHouseTarget } from './clickhouse-target.ts';
import { type BodyCompression, createBodyEncoder } from './compress.ts';
import { createConnection, type ServerAddress } from './connection.ts';
import { createServer, type Server } from './server.ts';

/** Plain data that travels to worker threads. */
export interface ClickHouseSinkSetup {
  readonly address: ServerAddress;
  readonly database: string;
  readonly compression: BodyCompression;
  readonly blockBytesMax: number;
  readonly blockRowsMax: number;
  readonly flushIntervalMs: number;
  /** False writes lines, as a build without the addon does. */
  readonly writesNative: boolean;
  /** `<dataDir>/clickhouse/refused`: where blocks of rejected events stay that the server cannot read. */
  readonly refusedDir: string;
}

export interface ClickHouseSinkParts {
  readonly clock: Clock;
  readonly logger: SinkLogger;
  /** Takes an accepted event that cannot be encoded. */
  readonly onUnreadable: (line: Buffer) => void;
}

export interface ClickHouseSink extends WorkerSink {
  readonly server: Server;
}

/** Begins to ask for the server. Throws when the certificates or the compression cannot be had. */
export function createClickHouseSink(
  setup: ClickHouseSinkSetup,
  { clock, logger, onUnreadable }: ClickHouseSinkParts,
): ClickHouseSink {
  const { blockBytesMax, blockRowsMax, flushIntervalMs } = setup;
  const server = createServer(createConnection(setup.address), setup.database, logger, clock);
  const body = createBodyEncoder(setup.compression);
  const targets: ClickHouseTarget[] = [];
  const make = (stream: StreamName) => {
    const target = createClickHouseTarget({ ...setup, stream, server, body, logger, onUnreadable });
    targets.push(target);
    return target;
  };
  return {
    server,
    events: () => make('events'),
    rejected: () => make('rejected'),
    blockBytesMax,
    blockRowsMax,
    flushIntervalMs,
    refusedRows: () => targets.reduce((sum, target) => sum + target.refusedRows(), 0),
    writeFailures: () => 0,
  };
}
