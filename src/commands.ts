/**
 * The command line: `serve` (also when no command is given), `config check`, `journal`, `keys`, `store`, `migrate`, `consume`,
 * `dlq`.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from './config/config.ts';
import { addConsumeCommand } from './consume-command.ts';
import { addDlqCommands } from './dlq-command.ts';
import { addKeysCommand } from './keys-command.ts';
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
  KAFKA_BROKERS            host:port,host:port: events go to Kafka, instead of the embedded store (none)
  KAFKA_TOPIC              topic of the events (events)
  KAFKA_SASL_USERNAME      and KAFKA_SASL_PASSWORD: who Penstock is to the brokers (none)
  CLICKHOUSE_URL           ClickHouse server that events go to, instead of the embedded store (none); or
                           CLICKHOUSE_HOST, _PORT (8123), _DATABASE, _USERNAME, _PASSWORD
  REDIS_URL                Redis that processes share (none): repeats, rate limits, counters, keys; or
                           REDIS_HOST, _PORT (6379), _USERNAME, _PASSWORD, _DB
  PENSTOCK_KEYS            write keys, added to the file's: app=key,app2=key2 (none)

Every other setting is a key of the file, with its default and its reason: see config/penstock.yaml.
While it runs: GET /health, GET /ready, GET /metrics. SIGTERM finishes what is in flight and exits.
`;

const REPLAY_HELP = `
Sends events that the journal still holds to a sink once more: after its tables were lost, or for a sink that got wrong
what it was sent. Delivered events are held for journal.retention_ms; "penstock journal ls" shows from when to when.

The range is by the time of receiving, from --from up to but not including --to, in steps of what was written at once (some
milliseconds). Times: 2026-11-21T09:00:00Z, 2026-11-21T10:00:00+01:00, 2026-11-21 (its begin in UTC), or milliseconds.

Twice or once?
  The same replay, with the same --from and --to, made again counts once in ClickHouse, also when it was stopped half-way:
  its blocks have names that follow from the range and the rows (insert_deduplication_token).
  But rows that still stand in the table from their first delivery, or from a replay of another range, then stand there
  twice. Delete them first, or count with uniqExact(event_id). Kafka stores every replay again.

Examples:
  $ penstock journal ls
  $ penstock journal replay --from 2026-11-21T09:00:00Z --to 2026-11-21T10:00:00Z --sink embedded --dry-run
  $ penstock journal replay --from 2026-11-21T09:00:00Z --to 2026-11-21T10:00:00Z --sink embedded
  $ penstock journal replay --from 2026-11-20 --to 2026-11-21 --sink embedded --worker 0 --data-dir /data
`;

const JOURNAL_HELP = `
Examples:
  $ penstock journal ls                        files, times, states, and how far each sink is; also while Penstock runs
  $ penstock journal ls --json --data-dir /data
  $ penstock journal verify || echo damaged    reads every byte; exit code 1 when something is damaged
  $ penstock journal replay --help             kept events once more to a sink
`;

interface ConfigOptions {
  readonly config?: string;
}

interface JournalOptions extends ConfigOptions {
  readonly dataDir?: string;
  readonly worker?: number;
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
  addConsumeCommand(program, fileOption, loadOrReport);
  addDlqCommands(program, fileOption, loadOrReport);
  addJournalCommands(program, fileOption);
  addKeysCommand(program, fileOption, loadOrReport);
  await program.parseAsync(argv as string[]);
}

function addJournalCommands(program: Command, fileOption: readonly [string, string]): void {
  const journal = program
    .command('journal')
    .description('look into the journal of a data directory, or replay what it holds')
    .addHelpText('after', JOURNAL_HELP);
  const add = (name: string, description: string) =>
    journal
      .command(name)
      .description(description)
      .option(...fileOption)
      .option('-d, --data-dir <dir>', 'data directory (over the configuration)')
      .option('-w, --worker <number>', 'journal of this worker only', workerNumber);
  add('ls', 'files with their times and states, and how far each sink is')
    .option('--json', 'as JSON')
    .action((options: JournalOptions & { json?: boolean }) =>
      runJournal(options, async (config, worker) => {
        const { listJournal } = await import('./journal-commands.ts');
        process.stdout.write(
          await listJournal({ dataDir: config.dataDir, worker, isJson: options.json ?? false }),
        );
      }),
    );
  add('verify', 'check every checksum; exit code 1 when something is damaged')
    .option('--json', 'as JSON')
    .action((options: JournalOptions & { json?: boolean }) =>
      runJournal(options, async (config, worker) => {
        const { verifyJournal } = await import('./journal-commands.ts');
        const look = { dataDir: config.dataDir, worker, isJson: options.json ?? false };
        const { text, isSound } = await verifyJournal(look);
        process.stdout.write(text);
        if (!isSound) process.exitCode = 1;
      }),
    );
  add('replay', 'send kept events of a time range to a sink once more; Penstock must be stopped')
    .requiredOption('--from <time>', 'received at this time or later')
    .requiredOption('--to <time>', 'received before this time')
    .requiredOption('--sink <name>', 'sink to send to: embedded, kafka or clickhouse')
    .addOption(
      new Option('--stream <name>', 'what to send').choices(['events', 'rejected']).default('events'),
    )
    .option('--dry-run', 'only count; also while Penstock runs')
    .addHelpText('after', REPLAY_HELP)
    .action((options: JournalOptions & ReplayFlags) =>
      runJournal(options, async (config, worker) => {
        const { replayJournal } = await import('./replay-command.ts');
        const command = { ...options, worker, isDryRun: options.dryRun ?? false };
        process.stdout.write(await replayJournal(command, config));
      }),
    );
}

interface ReplayFlags {
  readonly from: string;
  readonly to: string;
  readonly sink: string;
  readonly stream: string;
  readonly dryRun?: boolean;
}

function workerNumber(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected the number of a worker, such as 0');
}

async function runJournal(
  options: JournalOptions,
  run: (config: Config, worker: number | undefined) => Promise<void>,
): Promise<void> {
  const loaded = await loadOrReport(options);
  if (loaded === undefined) return;
  const { resolve } = await import('node:path');
  const { dataDir } = options;
  try {
    await run(
      dataDir === undefined ? loaded.config : { ...loaded.config, dataDir: resolve(dataDir) },
      options.worker,
    );
  } catch (error) {
    process.stderr.write(`penstock: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
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
