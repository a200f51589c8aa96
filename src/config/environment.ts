/**
 * Environment variables over the file: which variable sets which key.
 *
 * An empty variable counts as not set, because that is what `docker run -e NAME` and compose files make of one
 * that is missing. Variables that are not listed are not looked at: Kubernetes puts PENSTOCK_PORT and REDIS_PORT
 * of its own making (`tcp://10.0.0.1:6379`) into every container that runs beside a service of that name.
 */
import type { ConfigFault } from './fault.ts';
import { redisUrlOf, serverUrlOf } from './server-url.ts';

/** Key of the file by variable. A value is checked by the file's schema, so bounds stand in one place. */
const VARIABLES = {
  PORT: ['http', 'port'],
  PENSTOCK_DATA_DIR: ['data_dir'],
  PENSTOCK_WORKERS: ['workers'],
  PENSTOCK_EMBEDDED_PORT: ['embedded', 'port'],
  PENSTOCK_LOG_LEVEL: ['log', 'level'],
  KAFKA_BROKERS: ['kafka', 'brokers'],
  KAFKA_TOPIC: ['kafka', 'topic'],
  KAFKA_SASL_USERNAME: ['kafka', 'sasl_username'],
  KAFKA_SASL_PASSWORD: ['kafka', 'sasl_password'],
  PENSTOCK_CONSUME_PORT: ['consume', 'port'],
  PENSTOCK_CONSUME_GROUP: ['consume', 'group_id'],
  PENSTOCK_CONSUME_TOPICS: ['consume', 'topics'],
  CLICKHOUSE_URL: ['clickhouse', 'url'],
  CLICKHOUSE_DATABASE: ['clickhouse', 'database'],
  CLICKHOUSE_USERNAME: ['clickhouse', 'username'],
  CLICKHOUSE_PASSWORD: ['clickhouse', 'password'],
  REDIS_URL: ['redis', 'url'],
  REDIS_USERNAME: ['redis', 'username'],
  REDIS_PASSWORD: ['redis', 'password'],
  REDIS_DB: ['redis', 'db'],
} as const satisfies Record<string, readonly string[]>;

/** Keys whose text form is digits; the others keep digits as text (a data directory may be called 7). */
const NUMBER_VARIABLES: ReadonlySet<string> = new Set([
  'PORT',
  'PENSTOCK_WORKERS',
  'PENSTOCK_EMBEDDED_PORT',
  'PENSTOCK_CONSUME_PORT',
  'REDIS_DB',
]);

/** Variables that are a list, divided by commas. */
const LIST_VARIABLES: ReadonlySet<string> = new Set(['KAFKA_BROKERS', 'PENSTOCK_CONSUME_TOPICS']);

/** Names the configuration file; read by load.ts. */
export const CONFIG_VARIABLE = 'PENSTOCK_CONFIG';
/** Write keys without a file: `app=key,app2=key2`; an app may stand more than once. */
export const KEYS_VARIABLE = 'PENSTOCK_KEYS';

export interface Override {
  readonly variable: string;
  readonly path: readonly string[];
  readonly value: string | number | readonly string[];
}

export interface EnvironmentApp {
  readonly name: string;
  readonly keys: readonly string[];
}

export interface Environment {
  readonly overrides: readonly Override[];
  readonly apps: readonly EnvironmentApp[];
  readonly faults: readonly ConfigFault[];
}

/** What `env` says, with its values not yet checked against the schema. */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  const faults: ConfigFault[] = [];
  const overrides: Override[] = Object.entries(VARIABLES).flatMap(([variable, path]) => {
    const text = env[variable];
    if (text === undefined || text === '') return [];
    return [{ variable, path, value: readValue(variable, text) }];
  });
  for (const server of SERVERS) overrides.push(...readServerHost(env, server, faults));
  return { overrides, apps: readKeys(env[KEYS_VARIABLE] ?? '', faults), faults };
}

function readValue(variable: string, text: string): Override['value'] {
  if (LIST_VARIABLES.has(variable)) return text.split(',').map((item) => item.trim());
  return NUMBER_VARIABLES.has(variable) && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

/** Servers whose host and port may stand in variables of their own: of ClickHouse the port of its HTTP interface. */
const SERVERS = [
  { name: 'CLICKHOUSE', section: 'clickhouse', port: '8123', urlOf: serverUrlOf },
  { name: 'REDIS', section: 'redis', port: '6379', urlOf: redisUrlOf },
] as const;

/** `…_HOST` and `…_PORT` as the address they make. A port that is none is one of Kubernetes' own making. */
function readServerHost(
  env: NodeJS.ProcessEnv,
  { name, section, port: usualPort, urlOf }: (typeof SERVERS)[number],
  faults: ConfigFault[],
): Override[] {
  const host = env[`${name}_HOST`] ?? '';
  if (host === '') return [];
  if (env[`${name}_URL`]) {
    faults.push({
      source: 'environment',
      path: `${name}_HOST`,
      expected: `not to be set beside ${name}_URL`,
      got: 'a value',
    });
    return [];
  }
  const port = env[`${name}_PORT`] ?? '';
  const value = urlOf(host, /^\d{1,5}$/.test(port) ? port : usualPort);
  return [{ variable: `${name}_HOST`, path: [section, 'url'], value }];
}

function readKeys(text: string, faults: ConfigFault[]): EnvironmentApp[] {
  const keysByApp = new Map<string, string[]>();
  for (const entry of text.split(',')) {
    const pair = entry.trim();
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    if (equals < 1 || equals === pair.length - 1) {
      faults.push({
        source: 'environment',
        path: KEYS_VARIABLE,
        expected: 'app=key pairs with commas between them',
        got: '<hidden>',
      });
      return [];
    }
    const name = pair.slice(0, equals);
    const keys = keysByApp.get(name) ?? [];
    keysByApp.set(name, keys);
    keys.push(pair.slice(equals + 1));
  }
  return [...keysByApp].map(([name, keys]) => ({ name, keys }));
}
