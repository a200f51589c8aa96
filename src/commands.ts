/** The command line: `serve` (also when no command is given), `config check`, and the commands of other files. */
import { Command } from 'commander';
import type { Config } from './config/config.ts';
import { addMigrateCommand } from './migrate-command.ts';
import { addStoreCommand } from './store-command.ts';
import { VERSION } from './version.ts';

const EXAMPLES = `
Start with nothing configured (open mode, embedded store, ./data), then send and query an event:
  $ penstock
  $ curl localhost:8080/v1/events -d '{"event_type":"signup","app_id":"web","user_id":"u1"}'
  $ curl localhost:8123 --get --data-urlencode 'query=SELECT event_type, count() FROM events GROUP BY 1'

Send a batch: a JSON array, {"events":[…]} or one event a line, also gzip-compressed:
  $ curl localhost:8080/v1/events/batch -H 'X-Api-Key: KEY' --data-binary @events.ndjson

Stream over a WebSocket; the server acknowledges by number:
  const socket = new WebSocket('ws://localhost:8080/v1/stream?key=KEY', 'penstock.v1');
  socket.onmessage = (message) => console.log(message.data);   // {"type":"welcome",…}, {"type":"ack","seq":1,…}
  socket.onopen = () => socket.send('{"event_type":"tap","app_id":"ios","user_id":"u1"}');

Environment (over the file; empty counts as not set), with defaults:
  PORT                     port for events (8080)
  PENSTOCK_CONFIG          configuration file (config/penstock.yaml when it is there)
  PENSTOCK_DATA_DIR        where events are kept (./data)
  PENSTOCK_WORKERS         threads that parse (cores of this process but one)
  PENSTOCK_EMBEDDED_PORT   port for queries, on 127.0.0.1 only (8123)
  PENSTOCK_LOG_LEVEL       trace, debug, info, warn, error, fatal or silent (info)
  CLICKHOUSE_URL           ClickHouse server that events go to, instead of the embedded store (none); or
                           CLICKHOUSE_HOST, _PORT (8123), _DATABASE, _USERNAME, _PASSWORD
  PENSTOCK_KEYS            write keys, added to the file's: app=key,app2=key2 (none)

Every other setting is a key of the file, with its default and its reason: see config/penstock.yaml.
While it runs: GET /health, GET /ready, GET /metrics. SIGTERM finishes what is in flight and exits.
`;

interface ConfigOptions {
  readonly config?: string;
}

/** Runs the command of `argv`, as process.argv has it. Faults of an operator go to stderr and set exit code 1. */
export async function runCommand(argv: readonly string[]): Promise<void> {
  const program = new Command('penstock')
    .description('Event-ingestion appliance: events over HTTP and WebSocket, checked, stored and queryable.')
    .version(VERSION)
    .showHelpAfterError('(penstock --help shows the commands)')
    .addHelpText('after', EXAMPLES);
  const fileOption = ['-c, --config <file>', 'configuration file (over PENSTOCK_CONFIG)'] as const;
  program
    .command('serve', { isDefault: true })
    .description('take events until SIGTERM (the default command)')
    .option(...fileOption)
    // A mistyped command lands here, because serve is the default.
    .allowExcessArguments()
    .action(async (options: ConfigOptions, command: Command) => {
      if (command.args.length > 0) program.error(`error: unknown command '${command.args.join(' ')}'`);
      await runServe(options);
    });
  program
    .command('config')
    .description('work with the configuration')
    .command('check')
    .description('print the effective configuration, or everything that is wrong with it')
    .option(...fileOption)
    .action(checkConfig);
  addStoreCommand(program);
  addMigrateCommand(program, fileOption, loadOrReport);
  await program.parseAsync(argv as string[]);
}

async function runServe(options: ConfigOptions): Promise<void> {
  const loaded = await loadOrReport(options);
  if (loaded === undefined) return;
  const { createLogger } = await import('./log.ts');
  const log = createLogger(loaded.config.log.level);
  try {
    const { serve } = await import('./serve.ts');
    await serve(loaded.config, log);
  } catch (error) {
    log.fatal({ err: error }, 'start failed');
    process.stderr.write(
      `penstock: start failed: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    // Threads and the store's process may already run and would keep this one alive.
    process.exit(1);
  }
}

async function checkConfig(options: ConfigOptions): Promise<void> {
  const loaded = await loadOrReport(options);
  if (loaded === undefined) return;
  const [{ describeConfig }, { stringify }] = await Promise.all([import('./config/load.ts'), import('yaml')]);
  process.stdout.write(`# ${loaded.file ?? 'no file: defaults and environment'}\n`);
  process.stdout.write(stringify(describeConfig(loaded.config)));
}

async function loadOrReport(
  options: ConfigOptions,
): Promise<{ config: Config; file: string | undefined } | undefined> {
  const [{ loadConfig }, { formatFault }] = await Promise.all([
    import('./config/load.ts'),
    import('./config/fault.ts'),
  ]);
  const loaded = await loadConfig({ file: options.config });
  if ('config' in loaded) return loaded;
  const count = loaded.faults.length;
  process.stderr.write(`penstock: the configuration has ${count} ${count === 1 ? 'fault' : 'faults'}\n`);
  for (const fault of loaded.faults) process.stderr.write(`  ${formatFault(fault)}\n`);
  process.exitCode = 1;
  return undefined;
}
