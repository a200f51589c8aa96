/** Canonical lines for tests of record batches, built from what hurts their readers, and damaged ones. All from one seed. */
import type { Random } from './scan-words.ts';

const below = (random: Random, bound: number) => random() % bound;
const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[below(random, items.length)] as Item;
const oneIn = (random: Random, count: number) => below(random, count) === 0;

/** Insides of strings as a line carries them. */
const TEXTS = [
  'a',
  'device-1',
  '21',
  'foobar',
  'x'.repeat(15),
  'x'.repeat(16),
  'x'.repeat(17),
  'y'.repeat(63),
  'y'.repeat(64),
  'y'.repeat(128),
  'z'.repeat(256),
  '\\"',
  '\\\\',
  `${'q'.repeat(15)}\\"`,
  'caf\u00e9',
  'caf\\u00e9 \\"x\\"',
  '\\/\\b\\f\\n\\r\\t',
  '\\u0000\\u0041\\u00e9\\u20AC',
  '\\ud83d\\ude00',
  '\\ud83d\\u0041',
  '\\ud83d',
  '\\udc00\\ud800',
  '\\ufffd',
  '\ud83d\ude00 emoji',
  '\\u0041'.repeat(128),
  ',\\"received_at\\":\\"2025-06-09T12:30:15.250Z\\",\\"dialect\\":\\"x\\",\\"transport\\":\\"y\\"}',
];
const TIMES = [
  '2025-06-09T12:30:15.250Z',
  '2025-06-09T12:30:15.251Z',
  '2025-06-09T12:30:14.000Z',
  '2025-06-10T00:00:00.000Z',
  '2024-02-29T23:59:59.999Z',
  '2000-01-01T00:00:00.000Z',
  '2099-12-31T23:59:59.999Z',
  '1970-01-01T00:00:00.000Z',
];
const MIDDLES = [
  '',
  ',"platform":"ios","app_version":"1.2.3"',
  ',"context":{"received_at":"2020-01-01T00:00:00.000Z","dialect":"x","transport":"y"}',
  `,"event_data":{"text":"${'long '.repeat(60)}"}`,
  ',"event_data":{"a":[1,2.5,{"b":null}],"\u65e5":"\u672c"},"ip":"203.0.113.7","user_agent":"a \\"b\\""',
];

/** The next line, its newline included. */
export function createLineSource(random: Random): () => string {
  return () => {
    const optional = (name: string) => (oneIn(random, 2) ? `,"${name}":"${pick(random, TEXTS)}"` : '');
    // Mostly the same device, so that the batches of a partition grow.
    const device = oneIn(random, 3) ? ',"device_id":"device-7"' : optional('device_id');
    return (
      `{"event_id":"${pick(random, TEXTS)}-${below(random, 100_000)}","event_type":"t"${optional('app_id')}` +
      `${device}${optional('user_id')}${optional('session_id')},"timestamp":"2025-06-09T12:30:15.250Z"` +
      `${pick(random, MIDDLES)},"received_at":"${pick(random, TIMES)}","dialect":"penstock","transport":"http"}\n`
    );
  };
}

const FAULTS: readonly ((line: string, random: Random) => string)[] = [
  (line, random) => line.slice(0, below(random, line.length)),
  (line, random) => `${line.slice(0, below(random, line.length))}\n`,
  (line, random) => line.slice(below(random, line.length)),
  () => '\n',
  () => '{}\n',
  (line) => line.replace('"event_id"', '"event_ie"'),
  (line) => line.replace(/"timestamp"/, '"timestomp"'),
  (line) => line.replace('"app_id":"', '"app_id":"\\x'),
  (line) => line.replace('"app_id":"', '"app_id":"\\u12g4'),
  (line) => line.replace('"app_id":"', '"app_id":7,"a":"'),
  (line) => line.replace(/"received_at":"\d/, '"received_at":"x'),
  (line) => line.replace(/(.*)-\d\dT\d\d/, '$1-31T24'),
  (line) => line.replace(/(.*"received_at":"....)-..-../, '$1-02-30'),
  (line) => line.replace('"dialect":"penstock"', '"dialect":"pen\\nstock"'),
  (line) => line.replace('"http"}', '"http" }'),
  (line, random) => {
    const bytes = Buffer.from(line);
    bytes[below(random, bytes.length)] = pick(random, [0, 0x0a, 0x22, 0x5c, 0x7b, 0x80, 0xff]);
    return bytes.toString('latin1');
  },
];

/** The line with one fault in it; whether it is still one that can be encoded is the encoders' to agree on. */
export function damageLine(line: string, random: Random): Buffer {
  const damaged = pick(random, FAULTS)(line, random);
  return Buffer.from(damaged, oneIn(random, 2) ? 'utf8' : 'latin1');
}
