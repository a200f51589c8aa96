/**
 * Lines of shapes that came before, which the encoder knows by what stands between their values (native/encode/plan.h):
 * they must give what lines give that nobody knows.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { eventLine } from './embedded/harness.ts';
import { encoder, take } from './native-block-harness.ts';
import { openTables, type Tables } from './native-block-tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await openTables('JSON');
});
afterAll(() => tables.close());

const LONG_KEY = 'k'.repeat(70);
/** Objects whose texts between values have much in common, and differ in what follows. */
const OBJECTS = [
  '{"a":1,"b":2}',
  '{"b":2,"a":1}',
  '{"a":1,"b":null,"c":"x"}',
  '{"a":1,"b":{},"c":"y"}',
  '{"a":"1","b":"2"}',
  '{"a":1.5,"b":-7}',
  '{"a":true,"b":false}',
  '{"a":[1,2],"b":2}',
  '{"a":[],"b":{"c":3}}',
  '{"a":{"b":{"c":-0.25}},"b":"\\"q\\u00e9"}',
  '{"a":[{"k":1,"n":{"m":"x"}},{"k":2}],"b":1}',
  '{"a":[{"n":{"m":"y"},"k":3},{}],"b":1}',
  '{"a":12345678,"b":123456789012345,"c":"0.1"}',
  '{"a":1234567890123456789,"b":0.30000000000000004,"c":"é"}',
  `{"${LONG_KEY}":1,"${LONG_KEY}2":{"${LONG_KEY}":"z"}}`,
  '{}',
];
const FIELDS = [
  {},
  { user_id: 'u' },
  { session_id: 's'.repeat(40), platform: 'ios' },
  { device_id: 'd'.repeat(31), app_version: '1.2.3', attribution: { source: 'x' } },
  { platform: 'p'.repeat(63), context: undefined },
];

/** One line of each object and each set of fields, in an order made of the seed. */
function lines(seed: number): Buffer {
  const random = createRandom(seed);
  const all = FIELDS.flatMap((fields, index) =>
    OBJECTS.map((object, place) => {
      const id = `${'e'.repeat(random() % 40)}-${seed}-${index}-${place}`;
      return eventLine(id, { event_data: 0, ...fields }).replace(
        '"event_data":0',
        () => `"event_data":${object}`,
      );
    }),
  );
  return Buffer.from(all.sort(() => (random() % 2) * 2 - 1).join(''));
}

test('hold what lines hold, in a block that has them again and again', async () => {
  const all = Buffer.concat([1, 2, 3, 4, 5, 6].map(lines));
  const made = encoder();
  expect(made.append(all)).toBe(all.length);
  expect(made.textRows()).toBe(0);
  await tables.fill(take(made), all);
  expect(await tables.differences()).toEqual([]);
  expect(await tables.typeDifferences(all)).toEqual([]);
});

test('hold values that come seldom, in rows far apart and of types that change, and rows taken back between them', async () => {
  const VALUES = ['1', '"x"', '0.5', '[1]', 'true', '2', '2', '"y"', '[{"k":1}]', '[{"k":"z"}]'];
  // Around 255 rows the encoder notes another row than the next in another way (native/encode/json-column.h).
  const GAPS = [0, 1, 253, 254, 255, 256, 600, 2, 254, 300];
  const objects: string[] = [];
  for (const [index, gap] of GAPS.entries()) {
    for (let row = 0; row < gap; row++) objects.push(`{"often":${row % 3 === 0 ? '"text"' : row}}`);
    objects.push(`{"seldom":${VALUES[index]},"often":7}`);
    objects.push(`{"seldom":${VALUES[index]}}`);
  }
  const texts = objects.map((object, index) =>
    eventLine(`e${index}`, { event_data: 0 }).replace('"event_data":0', () => `"event_data":${object}`),
  );
  const made = encoder();
  for (const text of texts) {
    // As it stands and cut behind its objects: what that brought is taken back before the line comes whole.
    const cut = Buffer.from(text.slice(0, text.indexOf('"ip":')));
    expect(made.append(cut)).toBe(0);
    expect(made.append(Buffer.from(text))).toBe(Buffer.byteLength(text));
  }
  expect(made.textRows()).toBe(0);
  const all = Buffer.from(texts.join(''));
  const whole = encoder();
  expect(whole.append(all)).toBe(all.length);
  const block = take(made);
  expect(block.equals(take(whole))).toBe(true);
  await tables.fill(block, all);
  expect(await tables.differences()).toEqual([]);
  expect(await tables.typeDifferences(all)).toEqual([]);
});

test('go as text where they come to one path by two spellings, each of which is known', () => {
  const made = encoder();
  const known = ['{"a.b":1,"x":1}', '{"x":1,"a%2Eb":2}'];
  const rows = [...known, ...known, '{"a.b":1,"x":1,"a%2Eb":2}', ...known];
  for (const [index, object] of rows.entries()) {
    const line = eventLine(`e${index}`, { event_data: 0 }).replace(
      '"event_data":0',
      `"event_data":${object}`,
    );
    expect(made.append(Buffer.from(line))).toBe(line.length);
  }
  expect(made.textRows()).toBe(1);
});

test('leave nothing behind where a byte of them is damaged', { timeout: 60_000 }, () => {
  const known = lines(1);
  const sound = lines(2);
  const end = sound.indexOf(0x0a, 2000) + 1;
  for (const byte of ['"', '\\', '{', '}', ',', ':', '0', '-', 't', '\n', '\u0001']) {
    for (let at = 0; at < end; at += 13) {
      const damaged = Buffer.from(sound.subarray(0, end));
      damaged.write(byte, at, 'latin1');
      const [planned, parsed] = [encoder(), encoder()];
      for (const made of [planned, parsed]) expect(made.append(known)).toBe(known.length);
      const taken = planned.append(damaged);
      // Line by line: the parser has the last word where a line is followed by nothing, so that these are all parsed.
      for (let from = 0; from <= taken && from < end; ) {
        const next = damaged.indexOf(0x0a, from) + 1 || end;
        expect(parsed.append(damaged.subarray(from, next))).toBe(from < taken ? next - from : 0);
        from = next;
      }
      for (const made of [planned, parsed]) expect(made.append(sound)).toBe(sound.length);
      expect(take(planned).equals(take(parsed))).toBe(true);
    }
  }
});

test('are refused, also as text, where an object does not begin with its brace', () => {
  for (const form of ['paths', 'text', 'string'] as const) {
    const made = encoder(form);
    const known = lines(1);
    expect(made.append(known)).toBe(known.length);
    const damaged = eventLine('e', { event_data: 0 }).replace(
      '"event_data":0',
      '"event_data":t1{"a":1,"b":2}',
    );
    expect(made.append(Buffer.concat([Buffer.from(damaged), known]))).toBe(0);
  }
});

test('are forgotten, not refused, when they are more than the encoder keeps', () => {
  const made = encoder('paths', { rowsMax: 3000 });
  const random = createRandom(3);
  const keys = Array.from({ length: 40 }, (_, index) => `key${index}`);
  for (let round = 0; round < 12_000; round++) {
    const some = keys.filter(() => random() % 2 === 0).map((key, index) => `"${key}":${index}`);
    const line = eventLine(`e${round}`, { event_data: 0 }).replace(
      '"event_data":0',
      `"event_data":{${some}}`,
    );
    if (made.isFull()) take(made);
    expect(made.append(Buffer.from(line))).toBe(line.length);
  }
  expect(made.textRows()).toBe(0);
});
