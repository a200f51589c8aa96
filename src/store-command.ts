/** `penstock store`: the embedded ClickHouse as a server of its own. */
import { type Command, InvalidArgumentError } from 'commander';
import { QUERY_RESULT_BYTES_MAX } from './limits.ts';

const HELP = `
A ClickHouse server in one process, for a machine that has no other: tests, a laptop, a small site. It speaks
ClickHouse's HTTP interface; curl, @clickhouse/client, Grafana and Penstock's own ClickHouse sink work with it.

Start one, make Penstock's tables in it, and let Penstock deliver to it:
  $ penstock store --writable --data-dir ./clickhouse --port 8124
  $ CLICKHOUSE_URL=http://localhost:8124 penstock migrate
  $ CLICKHOUSE_URL=http://localhost:8124 penstock

Insert and ask by hand; rows may come in any format, with Content-Encoding gzip, deflate, br, zstd, lz4 or xz:
  $ curl localhost:8124 -d 'CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a'
  $ curl 'localhost:8124/?query=INSERT+INTO+t+FORMAT+JSONEachRow' --data-binary '{"a":1,"b":"x"}'
  $ curl localhost:8124 -d 'SELECT * FROM t FORMAT PrettyCompact'

An insert that was answered with 200 survives kill -9. One that was not answered may be sent again: with the same
insert_deduplication_token it counts once, in a table that has non_replicated_deduplication_window.

Without PENSTOCK_STORE_PASSWORD anyone who reaches the port may write, so it listens on 127.0.0.1 unless --host says
otherwise. There is no TLS, no replication, no second user, and nothing in SQL reaches files or other hosts.

The data directory may be one of Penstock with its embedded store; then Penstock must be stopped meanwhile.
`;

interface Options {
  readonly dataDir: string;
  readonly port: number;
  readonly host: string;
  readonly user: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** Adds the command to `program`. */
export function addStoreCommand(program: Command): void {
  program
    .command('store')
    .description('serve the embedded ClickHouse alone, with inserts, over HTTP')
    .requiredOption('--writable', 'take inserts and statements that change tables')
    .requiredOption('--data-dir <folder>', 'where the tables are kept; made when it is not there')
    .requiredOption('--port <port>', 'TCP port to listen on, 0 for any free one', readPort)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--user <name>', 'name of its one user; the password is PENSTOCK_STORE_PASSWORD', 'default')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .addHelpText('after', HELP)
    .action(runStore);
}

async function runStore(options: Options): Promise<void> {
  const [{ createLogger }, { serveWritableStore }] = await Promise.all([
    import('./log.ts'),
    import('./sinks/embedded/writable-store.ts'),
  ]);
  const { dataDir, host, port, user } = options;
  const logger = createLogger(options.logLevel);
  const password = process.env['PENSTOCK_STORE_PASSWORD'] ?? '';
  if (password === '' && !['127.0.0.1', '::1', 'localhost'].includes(host)) {
    logger.warn(
      { host },
      'no password: anyone who reaches this address may write (set PENSTOCK_STORE_PASSWORD)',
    );
  }
  try {
    process.exitCode = await serveWritableStore({
      dataDir,
      host,
      port,
      user,
      password,
      queryResultBytesMax: QUERY_RESULT_BYTES_MAX,
      logger,
    });
  } catch (error) {
    process.stderr.write(`penstock: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^[0-9]{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('a whole number from 0 to 65535');
}
