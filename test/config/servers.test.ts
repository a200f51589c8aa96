/**
 * The servers that a configuration names: Kafka, ClickHouse and Redis. How their addresses are said, what follows from
 * naming them, and that their passwords are shown to nobody.
 */
import { describe, expect, test } from 'vitest';
import { CONFIG_FILE, describeConfig } from '../../src/config/load.ts';
import { faultsOf, load } from './harness.ts';

/** A budget of memory that the default blocks do not fit. */
const SMALL =
  'memory: { max_bytes: 60000000 }\nlimits: { body_bytes_max: 10000000 }\nembedded: { block_bytes_max: 10000000 }';

describe('files', () => {
  const CERTIFICATES = [
    ['clickhouse', 'ca_file'],
    ['redis', 'ca_file'],
    ['kafka', 'tls_ca_file'],
    ['kafka', 'tls_cert_file'],
    ['kafka', 'tls_key_file'],
  ] as const;

  test.each(CERTIFICATES)('%s.%s must be there, and is below the working directory', async (section, key) => {
    expect(await faultsOf(`${section}: { ${key}: none.pem }`)).toEqual([
      `1:${section.length + key.length + 7}: ${section}.${key}: expected a file that can be read, got "none.pem" (ENOENT)`,
    ]);
    const config = await load(`${section}: { ${key}: ${CONFIG_FILE} }`);
    expect(JSON.stringify(describeConfig(config))).toMatch(new RegExp(`"${key}":"/[^"]*/${CONFIG_FILE}"`));
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

  test('has blocks of 24 MiB, or what a quarter of the memory budget is', async () => {
    const env = { CLICKHOUSE_URL: 'http://ch:8123' };
    expect((await load(undefined, env)).clickhouse.flushBytes).toBe(25165824);
    expect((await load(SMALL, env)).clickhouse.flushBytes).toBe(15000000);
    expect(await faultsOf(`${SMALL}\nclickhouse: { flush_bytes: 15000001 }`, env)).toEqual([
      expect.stringMatching(/clickhouse\.flush_bytes: expected at most 15000000 = memory\.max_bytes \/ 4/),
    ]);
  });

  test('is filled by a consumer with such blocks too', async () => {
    expect((await load(SMALL)).consume.flushBytes).toBe(15000000);
    expect(await faultsOf(`${SMALL}\nconsume: { flush_bytes: 15000001 }`)).toEqual([
      expect.stringMatching(/consume\.flush_bytes: expected at most 15000000 = memory\.max_bytes \/ 4/),
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
