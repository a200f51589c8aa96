/** For everything that can be wrong in the file, the exact words that say so: its keys, their relations, its YAML. */
import { describe, expect, test } from 'vitest';
import { RELATIONS } from '../../src/config/schema.ts';
import { faultsOf, load } from './harness.ts';

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
