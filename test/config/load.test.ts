/**
 * The configuration as an operator meets it: defaults, the file, the environment over it, and for everything that
 * can be wrong the exact words that say so.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { formatFault } from '../../src/config/fault.ts';
import { CONFIG_FILE, describeConfig, loadConfig } from '../../src/config/load.ts';
import { fileSchema, RELATIONS } from '../../src/config/schema.ts';
import * as limits from '../../src/limits.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function folderWith(text: string | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-config-'));
  folders.push(folder);
  if (text !== undefined) {
    mkdirSync(dirname(join(folder, CONFIG_FILE)));
    writeFileSync(join(folder, CONFIG_FILE), text);
  }
  return folder;
}

async function load(text: string | undefined, env: NodeJS.ProcessEnv = {}, cores = 4): Promise<Config> {
  const loaded = await loadConfig({ env, directory: folderWith(text), cores });
  if ('faults' in loaded) throw new Error(loaded.faults.map(formatFault).join('\n'));
  return loaded.config;
}

/** The faults as lines of text, without the file's name where a line follows it. */
async function faultsOf(text: string | undefined, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const loaded = await loadConfig({ env, directory: folderWith(text), cores: 4 });
  if (!('faults' in loaded)) throw new Error('the configuration was accepted');
  return loaded.faults.map((fault) => formatFault(fault).replace(/^config\/penstock\.yaml:(?=\d)/, ''));
}

describe('defaults', () => {
  test('no file and an empty environment give the bounds of limits.ts', async () => {
    const directory = folderWith(undefined);
    const loaded = await loadConfig({ env: {}, directory, cores: 4 });
    expect(loaded).toEqual({
      file: undefined,
      config: {
        http: { host: '0.0.0.0', port: 8080, trustedProxies: [] },
        workers: 3,
        scanner: 'auto',
        apps: [],
        rateLimits: { appEventsPerSecond: 0, appBurst: 0, keyEventsPerSecond: 0, keyBurst: 0 },
        limits: {
          wireBytesMax: limits.WIRE_BYTES_MAX,
          bodyBytesMax: limits.BODY_BYTES_MAX,
          batchEventsMax: limits.BATCH_EVENTS_MAX,
          messageBytesMax: limits.MESSAGE_BYTES_MAX,
          creditBytes: limits.CREDIT_BYTES,
        },
        memory: { maxBytes: limits.MEMORY_BYTES_MAX },
        privacy: { ip: 'keep', userAgent: 'keep', fromEvents: false },
        journal: {
          durability: 'os',
          maxBytes: limits.JOURNAL_BYTES_MAX,
          segmentBytes: limits.SEGMENT_BYTES_MAX,
          compression: 'none',
          retentionMs: 0,
          retentionBytes: limits.JOURNAL_RETENTION_BYTES_MAX,
        },
        sessions: { max: limits.SESSIONS_MAX, ttlMs: limits.SESSION_TTL_MS },
        ack: { deliveredTimeoutMs: limits.DELIVERED_TIMEOUT_MS },
        embedded: {
          enabled: true,
          port: 8123,
          flushIntervalMs: limits.FLUSH_INTERVAL_MS,
          blockBytesMax: limits.BLOCK_BYTES_MAX,
          ttlDays: 365,
          rejectedTtlDays: 30,
          objectType: 'JSON',
          queryResultBytesMax: limits.QUERY_RESULT_BYTES_MAX,
        },
        dedup: { idsMax: limits.DEDUP_IDS_MAX, windowMs: limits.DEDUP_WINDOW_MS },
        kafka: {
          brokers: [],
          topic: 'events',
          deadLetterTopic: 'events_rejected',
          createTopics: false,
          client: 'native',
          acks: 'all',
          compression: 'lz4',
          key: ['device_id', 'user_id'],
          clientId: 'penstock',
          requestTimeoutMs: limits.KAFKA_REQUEST_TIMEOUT_MS,
          flushIntervalMs: limits.KAFKA_FLUSH_INTERVAL_MS,
          blockBytesMax: limits.KAFKA_BLOCK_BYTES_MAX,
          batchBytesMax: limits.KAFKA_BATCH_BYTES_MAX,
          saslMechanism: 'none',
          saslUsername: '',
          saslPassword: '',
          tls: false,
          tlsCaFile: '',
          tlsCertFile: '',
          tlsKeyFile: '',
        },
        clickhouse: {
          url: '',
          database: 'default',
          username: 'default',
          password: '',
          caFile: '',
          verifyTls: true,
          compression: 'none',
          flushRows: limits.NATIVE_BLOCK_ROWS_MAX,
          flushBytes: limits.BLOCK_BYTES_MAX,
          flushIntervalMs: limits.CLICKHOUSE_FLUSH_INTERVAL_MS,
          objectType: 'auto',
          ttlDays: 365,
          rejectedTtlDays: 30,
        },
        consume: {
          host: '0.0.0.0',
          port: 8081,
          groupId: 'penstock',
          topics: [],
          from: 'earliest',
          deadLetterTopic: '{topic}.dlq',
          flushRows: limits.NATIVE_BLOCK_ROWS_MAX,
          flushBytes: limits.BLOCK_BYTES_MAX,
          flushIntervalMs: limits.CONSUME_FLUSH_INTERVAL_MS,
          sessionTimeoutMs: limits.CONSUME_SESSION_TIMEOUT_MS,
          rebalanceTimeoutMs: limits.CONSUME_REBALANCE_TIMEOUT_MS,
        },
        redis: {
          url: '',
          username: '',
          password: '',
          db: 0,
          caFile: '',
          keyPrefix: 'penstock:',
          timeoutMs: limits.REDIS_TIMEOUT_MS,
          dedup: true,
          windowMs: limits.REDIS_WINDOW_MS,
          countersTtlMs: limits.REDIS_COUNTERS_TTL_MS,
        },
        delivery: { sendTimeoutMs: limits.SEND_TIMEOUT_MS },
        dataDir: join(directory, 'data'),
        drainTimeoutMs: limits.DRAIN_TIMEOUT_MS,
        log: { level: 'info' },
      } satisfies Config,
    });
  });

  test.each([
    { cores: 1, workers: 1 },
    { cores: 2, workers: 1 },
    { cores: 8, workers: 7 },
    { cores: 256, workers: limits.WORKERS_MAX },
  ])('$cores cores give $workers workers', async ({ cores, workers }) => {
    expect((await load(undefined, {}, cores)).workers).toBe(workers);
  });

  test.each(['', '# nothing\n', '---\n', 'http:\nlimits:\napps:\n'])(
    'the file %j is as good as none',
    async (text) => {
      const { dataDir: _, ...fromFile } = await load(text);
      const { dataDir: __, ...fromNothing } = await load(undefined);
      expect(fromFile).toEqual(fromNothing);
    },
  );
});

describe('the file', () => {
  test('sets keys and leaves the others at their defaults', async () => {
    const config = await load(
      'http: { port: 0, trusted_proxies: [10.0.0.0/8, "fd00::/8"] }\nworkers: 2\nprivacy: { ip: truncate, from_events: true }\nembedded: { object_type: String }\n',
    );
    expect(config.http).toEqual({ host: '0.0.0.0', port: 0, trustedProxies: ['10.0.0.0/8', 'fd00::/8'] });
    expect(config.workers).toBe(2);
    expect(config.privacy).toEqual({ ip: 'truncate', userAgent: 'keep', fromEvents: true });
    expect(config.embedded.objectType).toBe('String');
  });

  test('names apps, their keys and their origins', async () => {
    const config = await load(
      `apps:\n  - name: web\n    keys: [one, "sha256:${'0'.repeat(64)}"]\n    origins: ["https://a.example:8443", "null"]\n  - { name: ios, keys: [two] }\n`,
    );
    expect(config.apps).toEqual([
      {
        name: 'web',
        keys: ['one', `sha256:${'0'.repeat(64)}`],
        origins: ['https://a.example:8443', 'null'],
      },
      { name: 'ios', keys: ['two'], origins: [] },
    ]);
  });

  test('that is named must exist, by option or by variable', async () => {
    const directory = folderWith(undefined);
    const expected = 'none.yaml: expected a file that can be read, got ENOENT';
    for (const options of [{ file: 'none.yaml', env: {} }, { env: { PENSTOCK_CONFIG: 'none.yaml' } }]) {
      const loaded = await loadConfig({ ...options, directory });
      expect('faults' in loaded && loaded.faults.map(formatFault)).toEqual([expected]);
    }
  });

  test('named by option wins over the one named by variable', async () => {
    const directory = folderWith(undefined);
    writeFileSync(join(directory, 'a.yaml'), 'workers: 1');
    writeFileSync(join(directory, 'b.yaml'), 'workers: 2');
    const loaded = await loadConfig({ directory, file: 'b.yaml', env: { PENSTOCK_CONFIG: 'a.yaml' } });
    expect(loaded).toMatchObject({ file: 'b.yaml', config: { workers: 2 } });
  });
});

describe('a fault says where, what was expected and what stood there', () => {
  const table: readonly (readonly [text: string, ...faults: string[]])[] = [
    ['http: { port: 65536 }', '1:15: http.port: expected a whole number from 0 to 65535, got 65536'],
    ['http: { port: "80" }', '1:15: http.port: expected a whole number from 0 to 65535, got "80"'],
    ['http: { port: -1.5 }', '1:15: http.port: expected a whole number from 0 to 65535, got -1.5'],
    ['http:\n  port:\n', '2:8: http.port: expected a whole number from 0 to 65535, got nothing'],
    ['http: 5', '1:7: http: expected a section with host, port, trusted_proxies, got 5'],
    [
      'http: { host: "" }',
      '1:15: http.host: expected a text of 1 to 255 bytes (a number needs quotes), got ""',
    ],
    [
      'http:\n  trusted_proxies: [10.0.0.1, 10.0.0.0/8, "::/129", 7]',
      '2:21: http.trusted_proxies[0]: expected a network such as 10.0.0.0/8 or fd00::/8, got "10.0.0.1"',
      '2:43: http.trusted_proxies[2]: expected a network such as 10.0.0.0/8 or fd00::/8, got "::/129"',
      '2:53: http.trusted_proxies[3]: expected a network such as 10.0.0.0/8 or fd00::/8, got 7',
    ],
    ['http: { prot: 80 }', '1:9: http.prot: expected one of host, port, trusted_proxies, got an unknown key'],
    [
      'prot: 80',
      '1:1: prot: expected one of http, workers, scanner, apps, rate_limits, limits, memory, privacy, journal, dedup, sessions, ack, embedded, kafka, clickhouse, consume, redis, delivery, data_dir, drain_timeout_ms, log, got an unknown key',
    ],
    [
      '[]',
      'config/penstock.yaml: expected a section with http, workers, scanner, apps, rate_limits, limits, memory, privacy, journal, dedup, sessions, ack, embedded, kafka, clickhouse, consume, redis, delivery, data_dir, drain_timeout_ms, log, got a list',
    ],
    ['workers: 0', '1:10: workers: expected auto or a whole number from 1 to 64, got 0'],
    ['workers: some', '1:10: workers: expected auto or a whole number from 1 to 64, got "some"'],
    ['scanner: wasm', '1:10: scanner: expected one of auto, native, reference, got "wasm"'],
    ['privacy: { ip: hash }', '1:16: privacy.ip: expected one of keep, truncate, drop, got "hash"'],
    [
      'privacy: { from_events: sometimes }',
      '1:25: privacy.from_events: expected true or false, got "sometimes"',
    ],
    [
      'embedded: { object_type: json }',
      '1:26: embedded.object_type: expected one of JSON, String, got "json"',
    ],
    [
      'embedded: { enabled: false }',
      '1:22: embedded.enabled: expected auto or true, or the address of another sink (kafka.brokers, clickhouse.url), got false',
    ],
    ['embedded: { enabled: maybe }', '1:22: embedded.enabled: expected auto, true or false, got "maybe"'],
    [
      'log: { level: loud }',
      '1:15: log.level: expected one of trace, debug, info, warn, error, fatal, silent, got "loud"',
    ],
    [
      `data_dir: ${'x'.repeat(5000)}`,
      `1:11: data_dir: expected a text of 1 to 4096 bytes (a number needs quotes), got "${'x'.repeat(60)}…"`,
    ],
    [
      'apps: [{ name: web, keys: [] }]',
      '1:27: apps[0].keys: expected a list of at least one key, got a list',
    ],
    ['apps: [{ name: web }]', '1:8: apps[0].keys: expected a list of at least one key, got nothing'],
    [
      'apps: [{ keys: [one] }]',
      '1:8: apps[0].name: expected a text of 1 to 128 bytes (a number needs quotes), got nothing',
    ],
    [
      'apps: [{ name: 7, keys: [one] }]',
      '1:16: apps[0].name: expected a text of 1 to 128 bytes (a number needs quotes), got 7',
    ],
    [
      'apps: [{ name: web, keys: [one], origins: ["https://a.example/"] }]',
      '1:44: apps[0].origins[0]: expected an origin as browsers send it, such as https://app.example.com (lower case, no path, no slash at the end), got "https://a.example/"',
    ],
    [
      'apps:\n  - { name: web, keys: [one] }\n  - { name: web, keys: [two] }',
      '3:13: apps[1].name: expected a name that no other app has (the same stands in apps[0].name), got "web"',
    ],
  ];
  test.each(table)('%s', async (text, ...faults) => {
    expect(await faultsOf(text)).toEqual(faults);
  });

  test('all of them at once, from file, environment and relations', async () => {
    const text =
      'http: { port: x }\nzoo: 1\nlimits: { wire_bytes_max: 30000000 }\nlog: { level: 1, color: y }\n';
    expect(await faultsOf(text, { PENSTOCK_WORKERS: '99', REDIS_HOST: 'r', REDIS_URL: 'redis://r' })).toEqual(
      [
        'environment: REDIS_HOST: expected not to be set beside REDIS_URL, got a value',
        '1:15: http.port: expected a whole number from 0 to 65535, got "x"',
        '4:15: log.level: expected one of trace, debug, info, warn, error, fatal, silent, got 1',
        '4:18: log.color: expected one of level, got an unknown key',
        '2:1: zoo: expected one of http, workers, scanner, apps, rate_limits, limits, memory, privacy, journal, dedup, sessions, ack, embedded, kafka, clickhouse, consume, redis, delivery, data_dir, drain_timeout_ms, log, got an unknown key',
        'environment: PENSTOCK_WORKERS: expected auto or a whole number from 1 to 64, got 99',
        '3:27: limits.wire_bytes_max: expected at most 20000000 = limits.body_bytes_max (a body that is sent uncompressed has both sizes), got 30000000',
      ],
    );
  });
});

describe('sinks', () => {
  test('the address of Kafka turns its sink on and the embedded store off, unless that is asked for', async () => {
    const env = { KAFKA_BROKERS: 'k1:9092, [::1]:9093', KAFKA_TOPIC: '{app_id}.events' };
    const config = await load(undefined, env);
    expect(config.kafka).toMatchObject({ brokers: ['k1:9092', '[::1]:9093'], topic: '{app_id}.events' });
    expect(config.embedded.enabled).toBe(false);
    expect((await load('embedded: { enabled: true }', env)).embedded.enabled).toBe(true);
    expect((await load('embedded: { enabled: false }', env)).embedded.enabled).toBe(false);
    expect((await load(undefined)).embedded.enabled).toBe(true);
  });

  test.each([
    [
      'kafka: { sasl_mechanism: plain }',
      '1:8: kafka.sasl_username: expected a user name for plain, got nothing',
    ],
    [
      'kafka: { sasl_password: 1234 }',
      '1:25: kafka.sasl_password: expected a text of 0 to 1024 bytes (a number needs quotes), got <hidden>',
    ],
    ['kafka: { acks: 0 }', '1:16: kafka.acks: expected all or 1, got 0'],
    [
      'kafka: { key: [user_id, user_id] }',
      '1:15: kafka.key: expected a list of columns, each once, got a list',
    ],
    [
      'kafka: { dead_letter_topic: "{app_id}" }',
      '1:29: kafka.dead_letter_topic: expected a topic of letters, digits, dots, _ and -, got "{app_id}"',
    ],
  ])('%s', async (text, fault) => {
    expect(await faultsOf(text)).toEqual([fault]);
  });

  test('a password is not shown', async () => {
    const config = await load('kafka: { sasl_mechanism: plain, sasl_username: u, sasl_password: hunter2 }');
    expect(JSON.stringify(describeConfig(config))).not.toContain('hunter2');
  });
});

describe('YAML', () => {
  test.each([
    [
      'http: [',
      '1:8: expected valid YAML (Flow sequence in block collection must be sufficiently indented and end with a ]), got something else',
    ],
    [
      'http:\n\tport: 1',
      '2:1: expected valid YAML (Tabs are not allowed as indentation), got something else',
    ],
    ['log: {}\nlog: {}\n', '2:1: expected valid YAML (Map keys must be unique), got something else'],
    [
      'apps: [{ name: a, keys: [!secret] }]',
      '1:26: expected no tags; quotes around a text that begins with an exclamation mark, got something else',
    ],
    [
      'apps: [{ name: a, keys: [@secret] }]',
      '1:26: expected quotes around a text that begins with a special character, got something else',
    ],
    ['apps: [{ name: a, keys: ["\\q"] }]', '1:27: expected a valid escape sequence, got something else'],
    [
      'apps: [{ name: a, keys: [*secret] }]',
      'config/penstock.yaml: expected every *alias to have its &anchor, got one without',
    ],
  ])('%j is refused with line and column', async (text, fault) => {
    const faults = await faultsOf(text);
    expect(faults[0]).toBe(fault);
    expect(faults.join()).not.toContain('secret');
  });
});

describe('relations between keys', () => {
  test.each(RELATIONS.map((relation) => [relation.key, relation.bound, relation] as const))(
    '%s may not outgrow %s',
    async (key, bound, { divisor }) => {
      const [section = '', name = ''] = key.split('.');
      const [boundSection = '', boundName = ''] = bound.split('.');
      const boundValue = bound === 'memory.max_bytes' ? 16 * 1024 * 1024 : 1_048_576;
      const max = Math.floor(boundValue / divisor);
      const tree: Record<string, Record<string, number>> = { [boundSection]: { [boundName]: boundValue } };
      tree[section] = { ...tree[section], [name]: max + 1 };
      const faults = await faultsOf(JSON.stringify(tree));
      const share = divisor === 1 ? bound : `${bound} / ${divisor}`;
      expect(
        faults.filter((fault) => fault.includes(`${key}: expected at most ${max} = ${share} (`)),
      ).toHaveLength(1);
    },
  );

  test('hold at their edges', async () => {
    const config = await load(
      'memory: { max_bytes: 16777216 }\nlimits: { wire_bytes_max: 4194304, body_bytes_max: 4194304, message_bytes_max: 4194304, batch_events_max: 1000 }\nembedded: { block_bytes_max: 4194304 }\n',
    );
    expect(config.limits.messageBytesMax).toBe(config.limits.creditBytes);
  });

  test('are checked for a default that a smaller budget makes too large, and name the key to mend', async () => {
    expect(await faultsOf('memory: { max_bytes: 67108864 }')).toEqual([
      'config/penstock.yaml: limits.body_bytes_max: expected at most 16777216 = memory.max_bytes / 4 (the largest body must fit the budget beside others), got 20000000',
    ]);
  });

  test('the two doors need two ports', async () => {
    expect(await faultsOf('embedded: { port: 8080 }')).toEqual([
      '1:19: embedded.port: expected a port other than http.port, got 8080',
    ]);
    expect(await faultsOf(undefined, { PORT: '9000', PENSTOCK_EMBEDDED_PORT: '9000' })).toEqual([
      'environment: PENSTOCK_EMBEDDED_PORT: expected a port other than http.port, got 9000',
    ]);
    expect((await load('http: { port: 0 }\nembedded: { port: 0 }')).embedded.port).toBe(0);
  });
});

describe('the environment', () => {
  test('wins over the file', async () => {
    const config = await load(
      'http: { port: 1 }\nworkers: 1\ndata_dir: a\nembedded: { port: 2 }\nlog: { level: warn }\n',
      {
        PORT: '3',
        PENSTOCK_WORKERS: '4',
        PENSTOCK_DATA_DIR: '/b',
        PENSTOCK_EMBEDDED_PORT: '5',
        PENSTOCK_LOG_LEVEL: 'debug',
      },
    );
    expect(config).toMatchObject({
      http: { port: 3 },
      workers: 4,
      dataDir: '/b',
      embedded: { port: 5 },
      log: { level: 'debug' },
    });
  });

  test('an empty variable is not set, and digits can be a folder', async () => {
    const directory = folderWith(undefined);
    const env = {
      PORT: '',
      KAFKA_BROKERS: '',
      PENSTOCK_CONFIG: '',
      PENSTOCK_KEYS: '',
      PENSTOCK_DATA_DIR: '7',
    };
    const loaded = await loadConfig({ env, directory });
    expect(loaded).toMatchObject({
      config: { http: { port: 8080 }, apps: [], dataDir: join(directory, '7') },
    });
  });

  test('what Kubernetes puts there for services called penstock and redis is not read', async () => {
    await load(undefined, { PENSTOCK_PORT: 'tcp://10.0.0.1:80', REDIS_PORT: 'tcp://10.0.0.2:6379' });
  });

  test.each([
    ['PORT', 'http', 'a whole number from 0 to 65535', '"http"'],
    ['PORT', '70000', 'a whole number from 0 to 65535', '70000'],
    ['PENSTOCK_WORKERS', '0', 'auto or a whole number from 1 to 64', '0'],
    ['PENSTOCK_EMBEDDED_PORT', '-1', 'a whole number from 0 to 65535', '-1'],
    ['PENSTOCK_LOG_LEVEL', 'INFO', 'one of trace, debug, info, warn, error, fatal, silent', '"INFO"'],
    [
      'PENSTOCK_DATA_DIR',
      'x'.repeat(5000),
      'a text of 1 to 4096 bytes (a number needs quotes)',
      `"${'x'.repeat(60)}…"`,
    ],
    ['KAFKA_BROKERS', 'kafka', 'a broker as host:port, such as kafka-1:9092', '"kafka"'],
    ['KAFKA_BROKERS', 'a:1,b:70000', 'a broker as host:port, such as kafka-1:9092', '"b:70000"'],
    [
      'KAFKA_TOPIC',
      'a topic',
      'a topic of letters, digits, dots, _ and -, in which {app_id} and {event_type} may stand',
      '"a topic"',
    ],
    [
      'KAFKA_SASL_PASSWORD',
      'x'.repeat(2000),
      'a text of 0 to 1024 bytes (a number needs quotes)',
      '<hidden>',
    ],
    ['PENSTOCK_KEYS', 'secret', 'app=key pairs with commas between them', '<hidden>'],
    ['PENSTOCK_KEYS', '=secret', 'app=key pairs with commas between them', '<hidden>'],
    [
      'PENSTOCK_KEYS',
      'web=a secret',
      '1 to 256 visible ASCII characters in quotes, or sha256: and 64 lower-case hex digits',
      '<hidden>',
    ],
    ['PENSTOCK_KEYS', 'web=s,ios=s', 'keys that stand once (the same stands in PENSTOCK_KEYS)', '<hidden>'],
  ])('%s=%s is a fault of that variable', async (variable, value, expected, got) => {
    expect(await faultsOf(undefined, { [variable]: value })).toEqual([
      `environment: ${variable}: expected ${expected}, got ${got}`,
    ]);
  });

  test('keys add to the apps of the file', async () => {
    const config = await load('apps: [{ name: web, keys: [one] }]', {
      PENSTOCK_KEYS: 'web=two, ios=a=b==,ios=four',
    });
    expect(config.apps).toEqual([
      { name: 'web', keys: ['one', 'two'], origins: [] },
      { name: 'ios', keys: ['a=b==', 'four'], origins: [] },
    ]);
  });
});

describe('a ClickHouse server', () => {
  test.each([
    [
      { CLICKHOUSE_URL: 'https://u%40x:s%2Fecret@ch:8443/events' },
      { url: 'https://ch:8443', username: 'u@x', password: 's/ecret', database: 'events' },
    ],
    [{ CLICKHOUSE_HOST: 'ch' }, { url: 'http://ch:8123', username: 'default', database: 'default' }],
    [
      { CLICKHOUSE_HOST: '::1', CLICKHOUSE_PORT: '8443', CLICKHOUSE_DATABASE: 'd', CLICKHOUSE_USERNAME: 'u' },
      { url: 'https://[::1]:8443', username: 'u', database: 'd' },
    ],
    // Of Kubernetes' own making, for a service of that name.
    [{ CLICKHOUSE_HOST: 'ch', CLICKHOUSE_PORT: 'tcp://10.0.0.1:8123' }, { url: 'http://ch:8123' }],
  ])('%j', async (env, expected) => {
    const config = await load(undefined, env);
    expect(config.clickhouse).toMatchObject(expected);
    expect(config.embedded.enabled).toBe(false);
  });

  test('beside the embedded store, where that is asked for', async () => {
    const config = await load('embedded: { enabled: true }\nclickhouse: { url: "http://ch:8123" }');
    expect(config.embedded.enabled).toBe(true);
  });

  test.each([
    ['ftp://u:hunter2@ch', '<hidden>'],
    ['ch:8123', '<hidden>'],
    ['http://u:hunter2@ch:8123/a/b', '<hidden>'],
    ['http://u:hunter2@ch:8123/?user=x', '<hidden>'],
  ])('whose address is %s is a fault', async (url, got) => {
    expect(await faultsOf(undefined, { CLICKHOUSE_URL: url })).toEqual([
      `environment: CLICKHOUSE_URL: expected an address such as http://clickhouse:8123 or https://host:8443/database, got ${got}`,
    ]);
  });

  test('named twice is a fault, and so are certificates that are not there and blocks that memory cannot hold', async () => {
    expect(
      await faultsOf('clickhouse: { ca_file: none.pem, flush_bytes: 100000000 }', {
        CLICKHOUSE_URL: 'http://a',
        CLICKHOUSE_HOST: 'b',
      }),
    ).toEqual([
      'environment: CLICKHOUSE_HOST: expected not to be set beside CLICKHOUSE_URL, got a value',
      expect.stringMatching(/clickhouse\.flush_bytes: expected at most 67108864 = memory\.max_bytes \/ 4/),
      expect.stringMatching(
        /clickhouse\.ca_file: expected a file that can be read, got "none\.pem" \(ENOENT\)/,
      ),
    ]);
  });

  test('keeps its password to itself', async () => {
    const config = await load('clickhouse: { url: "http://u:hunter2@ch", password: hunter3 }');
    expect(config.clickhouse.password).toBe('hunter2');
    expect(JSON.stringify(describeConfig(config))).not.toMatch(/hunter/);
    expect(
      (await faultsOf('clickhouse: { password: [hunter2], verify_tls: hunter }')).join('\n'),
    ).not.toContain('hunter2');
  });
});

describe('Redis', () => {
  test.each([
    [
      { REDIS_URL: 'redis://u%40x:s%2Fecret@r:6380/3' },
      { url: 'redis://r:6380', username: 'u@x', password: 's/ecret', db: 3 },
    ],
    [
      { REDIS_URL: 'rediss://r', REDIS_PASSWORD: 'p', REDIS_DB: '2' },
      { url: 'rediss://r', password: 'p', db: 2 },
    ],
    [{ REDIS_HOST: 'r' }, { url: 'redis://r:6379', db: 0 }],
    [
      { REDIS_HOST: '::1', REDIS_PORT: '7000', REDIS_PASSWORD: 'p', REDIS_DB: '15' },
      { url: 'redis://[::1]:7000', password: 'p', db: 15 },
    ],
    // Of Kubernetes' own making, for a service of that name.
    [{ REDIS_HOST: 'r', REDIS_PORT: 'tcp://10.0.0.1:6379' }, { url: 'redis://r:6379' }],
  ])('%j', async (env, expected) => {
    const config = await load(undefined, env);
    expect(config.redis).toMatchObject(expected);
    // It is no sink.
    expect(config.embedded.enabled).toBe(true);
  });

  test.each([
    'http://u:hunter2@r',
    'r:6379',
    'redis://:hunter2@r/a',
    'redis://:hunter2@r/0?x=1',
    'redis:///1',
  ])('whose address is %s is a fault', async (url) => {
    expect(await faultsOf(undefined, { REDIS_URL: url })).toEqual([
      'environment: REDIS_URL: expected an address such as redis://redis:6379, redis://:password@host:6379/2 or rediss://host:6380, got <hidden>',
    ]);
  });

  test('keeps its password to itself, and says which certificates are not there', async () => {
    const config = await load('redis: { url: "redis://:hunter2@r", password: hunter3 }');
    expect(config.redis.password).toBe('hunter2');
    expect(JSON.stringify(describeConfig(config))).not.toMatch(/hunter/);
    expect(await faultsOf('redis: { ca_file: none.pem }')).toEqual([
      expect.stringMatching(/redis\.ca_file: expected a file that can be read, got "none\.pem" \(ENOENT\)/),
    ]);
  });
});

describe('write keys', () => {
  const secret = 'hunter2-hunter2';
  const digest = `sha256:${createHash('sha256').update(secret).digest('hex')}`;

  test.each([
    `apps: ${secret}`,
    `apps: [${secret}]`,
    `apps: { web: ${secret} }`,
    `apps: [{ name: web, keys: ${secret} }]`,
    `apps: [{ name: web, keys: ["${secret} "] }]`,
    `apps: [{ name: web, keys: ["sha256:${secret}"] }]`,
    `apps: [{ name: web, key: ${secret} }]`,
    `apps: [{ name: web, keys: [${secret}, ${secret}] }]`,
    `apps: [{ name: web, keys: [${secret}] }, { name: ios, keys: ["${digest}"] }]`,
  ])('are not in the faults of %s', async (text) => {
    const faults = await faultsOf(text);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.join('\n')).not.toContain('hunter2');
  });

  test('belong to one app, plain or as a digest', async () => {
    const text = `apps:\n  - { name: web, keys: [${secret}] }\n  - { name: ios, keys: ["${digest}"] }`;
    expect(await faultsOf(text)).toEqual([
      '3:25: apps[1].keys[0]: expected keys that stand once (the same stands in apps[0].keys[0]), got <hidden>',
    ]);
  });

  test('are hidden in the effective configuration', async () => {
    const config = await load(`apps: [{ name: web, keys: [${secret}, "sha256:${'0'.repeat(64)}"] }]`);
    expect(describeConfig(config)).toMatchObject({
      apps: [{ name: 'web', keys: ['<hidden>', '<hidden>'], origins: [] }],
    });
  });
});

test('the effective configuration has the keys of the file', async () => {
  const described = describeConfig(await load(undefined)) as Record<string, unknown>;
  const defaults = fileSchema.parse({});
  const embedded = { ...defaults.embedded, enabled: true };
  expect(described).toEqual({ ...defaults, embedded, workers: 3, data_dir: described['data_dir'] });
});
