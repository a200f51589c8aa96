/**
 * What a scanner may accept, the JSON columns must take, and give back equal. The losses that ClickHouse's JSON type
 * has stand at the end, each with its value: docs/events.md lists them.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Store } from '../../../src/sinks/embedded/store-process.ts';
import { createHarness, eventLine, query, type TestSink, untilReady } from './harness.ts';

const harness = createHarness();
let store: Store;
let sink: TestSink;
let sent = 0;

beforeAll(async () => {
  store = harness.start();
  sink = await harness.sink(store);
  await untilReady(store);
});
afterAll(() => harness.close());

/** Texts of event_data, one event each, all in one block; gives their texts back in order. */
async function roundTrip(...objects: string[]): Promise<string[]> {
  const prefix = `v${sent++}`;
  let lines = '';
  for (const [index, object] of objects.entries()) {
    lines += eventLine(`${prefix}-${String(index).padStart(3, '0')}`).replace(
      '"context"',
      `"event_data":${object},"context"`,
    );
  }
  sink.append(Buffer.from(lines), objects.length);
  await sink.drain();
  expect(sink.target.refusedRows()).toBe(0);
  const text = await query(
    store,
    `SELECT event_data FROM events WHERE startsWith(event_id, '${prefix}-') ORDER BY event_id FORMAT JSONEachRow`,
  );
  return text.split('\n').map((row) => row.slice('{"event_data":'.length, -1));
}

function nest(depth: number, open: string, close: string): string {
  return `${open.repeat(depth)}1${close.repeat(depth)}`;
}
function wide(count: number): string {
  return `{${Array.from({ length: count }, (_, index) => `"key${index}":${index % 3 ? index : `"s${index}"`}`).join(',')}}`;
}

const SAME: readonly [name: string, ...objects: string[]][] = [
  ['dots in keys', '{"a.b":1,"a":{"b":2}}', '{".":1,"..":2,"a.":3,".a":4,"a..b":5}'],
  ['empty keys', '{"":1,"a":{"":2},"b":{"":{"":3}}}'],
  ['NUL in keys and values', '{"a\\u0000b":"x\\u0000y","\\u0000":"\\u0000"}'],
  [
    'keys that look like syntax',
    '{"`":1,"a`b":2,"a\\"b":3,"\\\\":4,"[]":5,"a[]":6,"^a":7,":x":8,"{}":9,"SKIP":10,"$s":11,"%":12,"a%20":13}',
  ],
  ['keys and values beyond ASCII', '{"ключ":"é","😀":"\\ud83d\\ude00"}'],
  [
    'mixed arrays',
    '{"a":[1,"x",null,true,{"b":1},[1,2],1.5],"b":[true,1],"c":[[true],[1]],"d":[{"x":1},"y"]}',
  ],
  ['arrays in arrays', '{"a":[[1,[2,[3]]],[]],"b":[[{"x":[{"y":1}]}]]}'],
  [
    'one path, many types',
    '{"a":1}',
    '{"a":"x"}',
    '{"a":{"b":1}}',
    '{"a":[1]}',
    '{"a":true}',
    '{"a":1.5}',
    '{"a":[["x"]]}',
    '{"a":[{"z":1}]}',
  ],
  [
    'strings that look like something else',
    '{"a":"2026-01-01","b":"2026-01-01T00:00:00Z","c":"2026-01-01 00:00:00.123","d":["2026-01-01"],"e":"12:00:00","f":"123","g":"1e5","h":"true","i":"null","j":"127.0.0.1","k":"{\\"b\\":1}","l":["1","2"]}',
  ],
  [
    'integers to both ends',
    '{"a":9007199254740993,"b":18446744073709551615,"c":-9223372036854775808}',
    '{"a":-1}',
    '{"a":0.5}',
  ],
  ['doubles to both ends', '{"a":1.7976931348623157e308,"b":5e-324,"c":0.30000000000000004}'],
  ['arrays of big integers', '{"a":[1,18446744073709551615],"b":[18446744073709551615,-1]}'],
  ['depth', nest(62, '{"k":', '}'), `{"a":${nest(61, '[', ']')}}`, nest(31, '{"a":[', ']}')],
  ['ten thousand keys', wide(10_000), `{"a":[${wide(10_000)}]}`],
  ['a long key and a long value', `{"${'k'.repeat(100_000)}":"${'v'.repeat(1_000_000)}"}`],
];

for (const [name, ...objects] of SAME) {
  test(`${name} come back equal`, async () => {
    const back = await roundTrip(...objects);
    expect(back.map((text) => JSON.parse(text))).toEqual(objects.map((text) => JSON.parse(text)));
    // JSON.parse rounds; the digits must be there as well.
    for (const [index, object] of objects.entries()) {
      for (const digits of object.slice(0, 500).match(/[0-9]{16,}/g) ?? [])
        expect(back[index]).toContain(digits);
    }
  });
}

const LOST: readonly [name: string, sent: string, kept: string][] = [
  [
    'null and empty objects vanish from objects',
    '{"a":null,"b":{},"c":{"d":null},"e":[],"f":"","g":[null,{}]}',
    '{"e":[],"f":"","g":[null,{}]}',
  ],
  ['null vanishes from objects in arrays', '{"c":[{"x":null}]}', '{"c":[{}]}'],
  ['the text of numbers is not kept', '{"a":1.0,"b":-0,"c":1e5,"d":-0.0}', '{"a":1,"b":0,"c":100000,"d":-0}'],
  [
    'integers beside fractions in an array become doubles',
    '{"a":[9223372036854775808,1.5]}',
    '{"a":[9223372036854776000,1.5]}',
  ],
  ['%2E in a key is a dot', '{"a%2Eb":1}', '{"a.b":1}'],
  ['keys are sorted', '{"b":1,"a":2}', '{"a":2,"b":1}'],
];

for (const [name, object, kept] of LOST) {
  test(`a loss: ${name}`, async () => {
    expect(await roundTrip(object)).toEqual([kept]);
  });
}
