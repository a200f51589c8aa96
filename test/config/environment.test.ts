/** Variables of the environment: they win over the file, and their faults name them. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { faultsOf, folderWith, load } from './harness.ts';

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
