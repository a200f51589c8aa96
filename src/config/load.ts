/**
 * Builds the Config: file, then environment over it, then defaults, then the relations between keys.
 * Every fault is found in one run: a key that is wrong is set aside, its default takes its place, and the checks
 * go on without the relations that it takes part in.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { WORKERS_MAX } from '../limits.ts';
import { camelTree, snakeTree } from './case.ts';
import type { AppConfig, Config } from './config.ts';
import {
  CONFIG_VARIABLE,
  type EnvironmentApp,
  KEYS_VARIABLE,
  type Override,
  readEnvironment,
} from './environment.ts';
import { type ConfigFault, formatPath } from './fault.ts';
import {
  blockBytesOf,
  checkApps,
  checkFiles,
  checkPorts,
  checkRelations,
  checkSinks,
  FILE_KEYS,
  isEmbeddedOn,
} from './relations.ts';
import { type FileConfig, fileSchema } from './schema.ts';
import { parseRedisUrl, parseServerUrl } from './server-url.ts';
import { CheckedTree, mergeTrees } from './tree.ts';
import type { YamlFile } from './yaml-file.ts';

/** Looked for in the working directory when no file is named. */
export const CONFIG_FILE = 'config/penstock.yaml';

export interface LoadOptions {
  /** The file to read; before PENSTOCK_CONFIG and CONFIG_FILE. A named file must exist. */
  readonly file?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** What relative paths count from. */
  readonly directory?: string;
  /** Cores that this process may run on. The default respects cpusets and affinity, not CPU quotas. */
  readonly cores?: number;
}

export type Loaded =
  | { readonly config: Config /** The file that was read. */; readonly file: string | undefined }
  | { readonly faults: readonly ConfigFault[] };

/** Loads the configuration, or says everything that is wrong with it. Never throws for what an operator wrote. */
export async function loadConfig(options: LoadOptions = {}): Promise<Loaded> {
  const env = options.env ?? process.env;
  const directory = options.directory ?? process.cwd();
  const named = options.file ?? (env[CONFIG_VARIABLE] || undefined);
  const file = await readConfigFile(directory, named);
  const environment = readEnvironment(env);
  const faults = [...file.faults, ...environment.faults];

  const tree = new CheckedTree(file.tree, (path, isUnknownKey) => ({
    source: file.locate(path, isUnknownKey),
    path: formatPath(path),
  }));
  const variables = new Map(
    environment.overrides.map(({ path, variable }) => [path.join('.'), variable] as const),
  );
  const overrides = new CheckedTree(nestOverrides(environment.overrides, environment.apps), (path) => ({
    source: 'environment',
    path: variables.get(path.slice(0, 2).join('.')) ?? KEYS_VARIABLE,
  }));
  faults.push(...tree.faults, ...overrides.faults);

  const merged = fileSchema.parse(mergeTrees(tree.accepted, overrides.accepted));
  const fileApps = fileSchema.parse(tree.accepted).apps;
  const envApps = fileSchema.parse(overrides.accepted).apps;
  const place = (path: string) => {
    const variable = variables.get(path);
    if (variable !== undefined) return { source: 'environment', path: variable };
    return { source: file.locate(path.split('.'), false), path };
  };
  const setAside = new Set([...tree.setAside, ...overrides.setAside]);
  faults.push(
    ...checkRelations(merged, setAside, place),
    ...checkPorts(merged, setAside, place),
    ...checkSinks(merged, setAside, place),
    ...checkFiles(merged, directory, place),
    ...checkApps(fileApps, envApps, (path) => file.locate(path, false)),
  );
  if (faults.length > 0) return { faults };

  const cores = options.cores ?? availableParallelism();
  const config: Config = camelTree({
    ...merged,
    apps: mergeApps(fileApps, envApps),
    embedded: { ...merged.embedded, enabled: isEmbeddedOn(merged) },
    clickhouse: {
      ...merged.clickhouse,
      flush_bytes: Math.min(merged.clickhouse.flush_bytes, blockBytesOf(merged.memory)),
      ...namedByUrl(merged.clickhouse),
      ...resolveFiles(directory, merged.clickhouse, FILE_KEYS.clickhouse),
    },
    consume: {
      ...merged.consume,
      flush_bytes: Math.min(merged.consume.flush_bytes, blockBytesOf(merged.memory)),
    },
    kafka: { ...merged.kafka, ...resolveFiles(directory, merged.kafka, FILE_KEYS.kafka) },
    redis: {
      ...merged.redis,
      ...namedByRedisUrl(merged.redis),
      ...resolveFiles(directory, merged.redis, FILE_KEYS.redis),
    },
    workers: merged.workers === 'auto' ? defaultWorkers(cores) : merged.workers,
    data_dir: resolve(directory, merged.data_dir),
  });
  return { config, file: file.name };
}

function resolveFiles<Key extends string>(
  directory: string,
  section: Readonly<Record<Key, string>>,
  keys: readonly Key[],
): Record<Key, string> {
  const resolved = keys.map((key) => [key, section[key] && resolve(directory, section[key])] as const);
  return Object.fromEntries(resolved) as Record<Key, string>;
}

/** What the address names wins over the keys beside it. */
function namedByUrl({ url, username, password, database }: FileConfig['clickhouse']) {
  const named = parseServerUrl(url);
  return {
    url: named?.origin ?? '',
    username: named?.username ?? username,
    password: named?.password ?? password,
    database: named?.database ?? database,
  };
}

function namedByRedisUrl({ url, username, password, db }: FileConfig['redis']) {
  const named = parseRedisUrl(url);
  return {
    url: named?.origin ?? '',
    username: named?.username ?? username,
    password: named?.password ?? password,
    db: named?.database === undefined ? db : Number(named.database),
  };
}

/** One thread for each core but the front's. */
function defaultWorkers(cores: number): number {
  return Math.min(Math.max(cores - 1, 1), WORKERS_MAX);
}

/** The configuration as YAML keys and values, write keys and passwords hidden: what `penstock config check` prints. */
export function describeConfig(config: Config): unknown {
  return snakeTree({
    ...config,
    apps: config.apps.map((app) => ({ ...app, keys: app.keys.map(() => '<hidden>') })),
    kafka: { ...config.kafka, saslPassword: config.kafka.saslPassword && '<hidden>' },
    clickhouse: { ...config.clickhouse, password: config.clickhouse.password && '<hidden>' },
    redis: { ...config.redis, password: config.redis.password && '<hidden>' },
  });
}

interface ConfigFile extends YamlFile {
  readonly name: string | undefined;
}

async function readConfigFile(directory: string, named: string | undefined): Promise<ConfigFile> {
  const name = named ?? CONFIG_FILE;
  const none = { name: undefined, tree: undefined, faults: [], locate: () => 'defaults' };
  let text: string;
  try {
    text = readFileSync(resolve(directory, name), 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (named === undefined && code === 'ENOENT') return none;
    const fault = { source: name, path: '', expected: 'a file that can be read', got: String(code) };
    return { ...none, faults: [fault] };
  }
  // Loaded here because a start without a file has no use for the parser's 30 ms.
  const { parseYamlFile } = await import('./yaml-file.ts');
  return { ...parseYamlFile(name, text), name };
}

/** Keys from the environment add to the file's apps: a container gets one more key without a file of its own. */
function mergeApps(fileApps: readonly AppConfig[], envApps: readonly AppConfig[]): AppConfig[] {
  const added = envApps.filter((app) => !fileApps.some(({ name }) => name === app.name));
  const grown = fileApps.map((app) => {
    const more = envApps.find(({ name }) => name === app.name);
    return more === undefined ? app : { ...app, keys: [...app.keys, ...more.keys] };
  });
  return [...grown, ...added];
}

function nestOverrides(
  overrides: readonly Pick<Override, 'path' | 'value'>[],
  apps: readonly EnvironmentApp[],
): Record<string, unknown> {
  const tree: Record<string, unknown> = apps.length === 0 ? {} : { apps };
  for (const { path, value } of overrides) {
    const [first = '', second] = path;
    tree[first] = second === undefined ? value : { ...(tree[first] as object | undefined), [second]: value };
  }
  return tree;
}
