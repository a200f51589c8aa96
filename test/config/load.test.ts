/**
 * The configuration as an operator meets it: defaults, the file, and what it is in effect. Its environment, its faults, the
 * servers that it names and its keys have files of their own beside this one.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { formatFault } from '../../src/config/fault.ts';
import { describeConfig, loadConfig } from '../../src/config/load.ts';
import { fileSchema } from '../../src/config/schema.ts';
import * as limits from '../../src/limits.ts';
import { folderWith, load } from './harness.ts';

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
          flushBytes: limits.CLICKHOUSE_BLOCK_BYTES_MAX,
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

test('the effective configuration has the keys of the file', async () => {
  const described = describeConfig(await load(undefined)) as Record<string, unknown>;
  const defaults = fileSchema.parse({});
  const embedded = { ...defaults.embedded, enabled: true };
  expect(described).toEqual({ ...defaults, embedded, workers: 3, data_dir: described['data_dir'] });
});
