/** Rows of Native blocks whose objects paths cannot say: they go as text, beside the others, and the engine holds the same. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { NATIVE_BLOCK_PATHS_MAX } from '../../src/limits.ts';
import { createFrameSource } from '../fuzz/scan-cases.ts';
import { encoder, expectEqual, scan, take, withData } from './native-block-harness.ts';
import { openTables, type Tables } from './native-block-tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await openTables('JSON');
});
afterAll(() => tables.close());

describe('what paths cannot say goes as text, in the same file', () => {
  const rest = '{"plain":1}';
  const cases: readonly [name: string, object: string][] = [
    ['arrays of mixed types', '{"a":[1,"x",null,true,{"b":1},[1,2],1.5]}'],
    ['booleans beside texts', '{"a":[true,"x"]}'],
    ['negative beside unsigned', '{"a":[-1,18446744073709551615]}'],
    ['arrays in arrays', '{"a":[[1,[2,[3]]],[]]}'],
    ['objects and nulls in one array', '{"a":[{"b":1},null]}'],
    ['arrays of objects four deep', '{"a":[{"b":[{"c":[{"d":[{"e":1}]}]}]}]}'],
    ['escaped keys', '{"a\\u0000b":"x\\u0000y","k":1}'],
    ['one path twice', '{"a%2Eb":1,"a.b":2}'],
    ['a long key', `{"${'k'.repeat(100_000)}":1}`],
  ];
  for (const [name, object] of cases) {
    test(name, () => expectEqual(tables, withData(rest, object, rest), { textRows: 1 }));
  }

  test('more paths than a column has, while those that are known go on', async () => {
    const wide = (from: number, count: number) =>
      `{${Array.from({ length: count }, (_, index) => `"k${from + index}":${index}`).join(',')}}`;
    const within = NATIVE_BLOCK_PATHS_MAX;
    await expectEqual(tables, withData(wide(0, within), wide(within, 1), wide(0, 5), wide(0, 1000)), {
      textRows: 2,
    });
  });

  test('arrays of empty objects before full ones, whose places would be a thousand times their text', async () => {
    const keys = Array.from({ length: 100 }, (_, index) => `"k${index}":${index}`).join(',');
    const hostile = (count: number) => `{"a":[${'{},'.repeat(count)}{${keys}}]}`;
    const numbers = `{"a":[${'1,'.repeat(70_000)}2]}`;
    await expectEqual(tables, withData(hostile(10), hostile(170_000), numbers, hostile(10)), { textRows: 2 });
    const made = encoder();
    const lines = withData(hostile(50_000));
    for (let round = 0; round < 1000 && !made.isFull(); round++)
      expect(made.append(lines)).toBe(lines.length);
    expect(made.isFull()).toBe(true);
    expect(made.bytes()).toBeLessThan(40 * 1024 * 1024);
  });

  test('a row that was half told leaves nothing behind', async () => {
    const half = (index: number) =>
      `{"n":1,"new${index}":"x","list":[1],"items":[{"a":1},{"b":[[1]]}],"bad":[[1]]}`;
    const lines = withData('{"n":1}', ...[0, 1, 2].map(half), '{"n":2,"list":[2],"items":[{"a":2}]}');
    await expectEqual(tables, lines, { textRows: 3 });
    const made = encoder();
    made.append(lines);
    expect(take(made).toString('latin1').split('new0')).toHaveLength(2);
  });
});

/**
 * The engine reads an array as what earlier rows of its block have at that path, if it can: [9223372036854775807] behind
 * [0.5] is rounded. So rows by path are held to what each row alone gives, and rows as text to lines of the same rows.
 */
test('events of the fuzzer, whatever is in them', { timeout: 120_000 }, async () => {
  const next = createFrameSource(createRandom(11));
  let [pathRows, textRows] = [0, 0];
  for (let round = 0; round < 6; round++) {
    const [byPath, asText] = byForm(scan(Array.from({ length: 4000 }, next)));
    const made = encoder();
    made.append(byPath);
    pathRows += made.rows();
    expect(made.textRows()).toBe(0);
    await tables.fill(take(made), byPath);
    expect(await tables.typeDifferences(byPath)).toEqual([]);
    made.append(asText);
    textRows += made.textRows();
    await tables.fill(take(made), asText);
    expect(await tables.differences()).toEqual([]);
  }
  expect(pathRows).toBeGreaterThan(1000);
  expect(textRows).toBeGreaterThan(50);
});

/** The lines that go by path, and those that go as text. */
function byForm(lines: Buffer): [paths: Buffer, text: Buffer] {
  const made = encoder();
  const found: [Buffer[], Buffer[]] = [[], []];
  for (let at = 0; at < lines.length; ) {
    const line = lines.subarray(at, lines.indexOf(0x0a, at) + 1);
    const before = made.textRows();
    expect(made.append(line)).toBe(line.length);
    found[made.textRows() > before ? 1 : 0].push(line);
    at += line.length;
  }
  return [Buffer.concat(found[0]), Buffer.concat(found[1])];
}
