/** `penstock migrate`: Penstock's tables on a ClickHouse server. */
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { Config } from './config/config.ts';

const HELP = `
The server, its database and the user come from the configuration, as the ClickHouse sink has them; the user needs CREATE,
ALTER and INSERT there. Run it before the first start and behind every upgrade; twice does no harm.

See what would run, then run it:
  $ CLICKHOUSE_URL=http://localhost:8123 penstock migrate --dry-run
  $ CLICKHOUSE_URL=http://localhost:8123 penstock migrate

Which tables:
  one server                        events (MergeTree)
  --replicated                      events (ReplicatedMergeTree; Keeper, and the macros {shard} and {replica}, must be set up)
  --cluster NAME                    events_local on every node of the cluster, and events (Distributed) over them
  --cluster NAME --replicated       the same with events_local as ReplicatedMergeTree

and events_rejected and penstock_schema likewise. Penstock inserts into, and you read from, events and events_rejected. All
of them remember the names of inserted blocks (…_deduplication_window), so that a block that is sent again counts once.
Object columns are of type JSON from ClickHouse 25.3, else String; clickhouse.object_type decides it by hand.
`;

interface Options {
  readonly config?: string;
  readonly dryRun?: boolean;
  readonly cluster?: string;
  readonly replicated?: boolean;
}

/** Loads the configuration, or reports its faults and gives undefined. */
type Load = (options: { config?: string }) => Promise<{ config: Config } | undefined>;

/** Adds the command to `program`. */
export function addMigrateCommand(program: Command, fileOption: readonly [string, string], load: Load): void {
  program
    .command('migrate')
    .description('make or upgrade the tables on a ClickHouse server')
    .option(...fileOption)
    .option('--dry-run', 'print the statements, run none')
    .option('--cluster <name>', 'on every node of this cluster, with Distributed tables over them')
    .option('--replicated', 'ReplicatedMergeTree instead of MergeTree')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const loaded = await load(options);
      if (loaded !== undefined) await migrate(loaded.config, options);
    });
}

async function migrate(config: Config, options: Options): Promise<void> {
  const { clickhouse } = config;
  if (clickhouse.url === '') {
    fail(
      'no ClickHouse server is configured: set CLICKHOUSE_URL or clickhouse.url (the embedded store migrates itself)',
    );
    return;
  }
  const [{ createConnection }, { planMigration, runMigration }, { serverAddress }, { readFailure }] =
    await Promise.all([
      import('./sinks/clickhouse/connection.ts'),
      import('./sinks/clickhouse/migrate.ts'),
      import('./sinks/clickhouse/setup.ts'),
      import('./sinks/clickhouse/failures.ts'),
    ]);
  const connection = createConnection(serverAddress(config));
  try {
    const plan = await planMigration(connection, {
      place: {
        database: clickhouse.database,
        cluster: options.cluster,
        isReplicated: options.replicated === true,
      },
      objectType: clickhouse.objectType,
      ttlDays: clickhouse.ttlDays,
      rejectedTtlDays: clickhouse.rejectedTtlDays,
      schemaDir: SCHEMA_DIR,
    });
    const where = `ClickHouse ${plan.serverVersion} at ${clickhouse.url}, database ${clickhouse.database}`;
    if (options.dryRun === true) {
      const text = plan.statements.map((statement) => `${statement};\n`).join('\n');
      process.stdout.write(
        `-- ${where}: schema version ${plan.from} to ${plan.to}, nothing was run\n\n${text}`,
      );
      return;
    }
    await runMigration(connection, plan, (statement) => {
      process.stdout.write(`${statement.split('\n', 1)[0]}\n`);
    });
    process.stdout.write(`${where}: schema version ${plan.to}, object columns ${plan.objectType}\n`);
  } catch (error) {
    const { code, message } = readFailure(error);
    fail(`${clickhouse.url}: ${message}${code === 0 ? '' : ` (code ${code})`}`);
  } finally {
    await connection.close();
  }
}

function fail(message: string): void {
  process.stderr.write(`penstock migrate: ${message}\n`);
  process.exitCode = 1;
}

/** Stands beside src, and beside dist when compiled. */
const SCHEMA_DIR = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../config/schema' : '../../config/schema', import.meta.url),
);
