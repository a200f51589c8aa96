/** `penstock keys`: the registry of write keys that all processes follow. */
import { Command } from 'commander';
import type { Config } from './config/config.ts';

const HELP = `
Write keys beside those of the configuration, in the Redis that it names (REDIS_URL). All processes that use it follow a
change within a moment, without a restart; one that starts while Redis is away knows the keys that it knew last. Redis
holds digests of keys, never keys.

  $ penstock keys add web                      makes a key, prints it once: it cannot be shown again
  $ penstock keys add ios --key WRITE_KEY      takes one that an SDK has already, or sha256: and its digest
  $ penstock keys ls                           apps, and the first digits of their keys' digests
  $ penstock keys rm sha256:0f3a9c61d2b4       takes the key away that is listed so; or name the key itself
`;

interface ConfigOptions {
  readonly config?: string;
}

/** Loads the configuration, or reports its faults and gives undefined. */
type Load = (options: ConfigOptions) => Promise<{ config: Config } | undefined>;

/** Adds the commands to `program`. */
export function addKeysCommand(program: Command, fileOption: readonly [string, string], load: Load): void {
  const keys = new Command('keys')
    .description('list, add or take away write keys while Penstock runs; with Redis')
    .addHelpText('after', HELP);
  program.addCommand(keys);
  const run = async (
    options: ConfigOptions,
    act: (commands: typeof import('./key-commands.ts'), config: Config) => Promise<string>,
  ) => {
    const loaded = await load(options);
    if (loaded === undefined) return;
    try {
      process.stdout.write(await act(await import('./key-commands.ts'), loaded.config));
    } catch (error) {
      process.stderr.write(`penstock: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  };
  keys
    .command('ls')
    .description('apps and the digests of their keys')
    .option(...fileOption)
    .option('--json', 'as JSON, with whole digests')
    .action((options: ConfigOptions & { json?: boolean }) =>
      run(options, ({ listKeys }, config) => listKeys(config, options.json ?? false)),
    );
  keys
    .command('add')
    .description('add a key of an app; the app need not be configured')
    .argument('<app>', 'value of app_id for events that come with the key')
    .option(...fileOption)
    .option('-k, --key <key>', 'this key, instead of one that is made')
    .action((app: string, options: ConfigOptions & { key?: string }) =>
      run(options, ({ addKey }, config) => addKey(config, app, options.key)),
    );
  keys
    .command('rm')
    .description('take a key away')
    .argument('<key>', 'the key, or sha256: and at least 12 digits of its digest')
    .option(...fileOption)
    .action((key: string, options: ConfigOptions) =>
      run(options, ({ removeKey }, config) => removeKey(config, key)),
    );
}
