/** Objects of events that go into Native blocks by path: the real engine must hold of them what it holds of their lines. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { createCorpus } from '../../bench/corpus.ts';
import { expectEqual, scan, withData } from './native-block-harness.ts';
import { openTables, type Tables } from './native-block-tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await openTables('JSON');
});
afterAll(() => tables.close());

describe('what goes by path', () => {
  const frame = { address: [203, 0, 113, 7], userAgent: 'agent "1" é', app: 1 };
  for (const size of ['small', 'medium', 'large'] as const) {
    test(`events of the ${size} corpus`, async () => {
      const corpus = createCorpus(3, size);
      await expectEqual(
        tables,
        scan([
          { ...frame, body: corpus.array(200) },
          { body: corpus.array(100), app: 2 },
        ]),
        {
          textRows: 0,
        },
      );
    });
  }

  test('every scalar, to its ends, alone and mixed at one path', async () => {
    const values = [
      ...['0', '-0', '1', '-1', '999999999999999999', '1000000000000000000', '9223372036854775807'],
      ...['-9223372036854775808', '9223372036854775808', '18446744073709551615', '-999999999999999999'],
      ...['1.0', '-0.0', '0.1', '1e5', '1E-5', '1e+2', '1.7976931348623157e308', '5e-324', '2.5e-310'],
      ...['0.30000000000000004', '9007199254740993.0', '123456789012345678.5', '1234567890123456789012.5'],
      ...['3.141592653589793238462643383', '0.000000000000000000000000000001', '1e22', '1e23', '8.5e-23'],
      ...['true', 'false', '""', '"x"', '"2026-01-01"', '"12"', '"\\u00e9\\ud83d\\ude00\\n\\/\\\\"', 'null'],
    ];
    await expectEqual(tables, withData(...values.map((value, index) => `{"p${index}":${value},"q":"r"}`)), {
      textRows: 0,
    });
    // Types beyond the eighth of a path have no column of their own, and the engine then reads what comes differently.
    const mixed = ['1', '"x"', '1.5', 'true', '18446744073709551615', 'null', '{"b":1}', '2', '"y"'];
    await expectEqual(tables, withData(...mixed.map((value) => `{"a":${value}}`)), { textRows: 0 });
  });

  test('texts of every length around the steps of a copy', async () => {
    const plain = Array.from({ length: 300 }, (_, length) => `{"a":"${'x'.repeat(length)}"}`);
    const escaped = Array.from(
      { length: 70 },
      (_, length) => `{"a":"${'x'.repeat(length)}\\"${'é'.repeat(length)}"}`,
    );
    const long = [16_383, 16_384, 1_000_000].map((length) => `{"a":"${'y'.repeat(length)}"}`);
    await expectEqual(tables, withData(...plain, ...escaped, ...long), { textRows: 0 });
  });

  test('arrays of one type, nulls among them, numbers of several', async () => {
    const arrays = [
      ...[
        '[]',
        '[null]',
        '[null,null]',
        '[1,2]',
        '[1,null,-3]',
        '[null,1]',
        '[1,2.5]',
        '[1.5,null,2]',
        '[true,false]',
      ],
      ...[
        '[true,null]',
        '[null,false]',
        '["x"]',
        '["x",null,"","\\u00e9"]',
        '[null,"x"]',
        '[18446744073709551615]',
      ],
      ...['[1,18446744073709551615]', '[1.5,18446744073709551615]', '[-1,0.5]', '[9007199254740993,0.5]'],
    ];
    // Each at a path of its own: a type that a path has already draws later arrays to it.
    await expectEqual(tables, withData(...arrays.map((array, index) => `{"p${index}":${array}}`)), {
      textRows: 0,
    });
  });

  test('arrays of objects, in objects and in each other', async () => {
    const objects = [
      '{"items":[{"sku":"a","price":1.5,"tags":["x","y"]},{"sku":"b","qty":2}]}',
      '{"items":[{}]}',
      '{"items":[{"sku":"c","parts":[{"id":1},{"id":2,"sub":[{"deep":true},{"deep":"no","n":[1,2]}]}]}]}',
      '{"o":{"items":[{"a":{"b":{"c":1}}},{"a":{"b":null}},{"a":{}}]}}',
      '{"items":[{"sku":1},{"sku":null},{"sku":[1]}]}',
    ];
    await expectEqual(tables, withData(...objects, ...objects), { textRows: 0 });
  });

  test('keys with dots, empty ones, beyond ASCII, like syntax, nested to the bound', async () => {
    const nest = (depth: number) => `${'{"k":'.repeat(depth)}1${'}'.repeat(depth)}`;
    await expectEqual(
      tables,
      withData(
        ...['{"a.b":1,"a":{"b":2}}', '{".":1,"..":2,"a.":3,".a":4,"a..b":5}', '{"":1}', '{"b":{"":{"":3}}}'],
        ...[
          '{"ключ":"é","😀":1}',
          '{"`":1,"a`b":2,"[]":5,"a[]":6,"^a":7,":x":8,"{}":9,"SKIP":10,"$s":11,"%":12}',
        ],
        ...[nest(62), nest(1), '{}', '{"a":{}}', '{"a":{"b":{}},"c":null}'],
        `{"${'k'.repeat(15)}":1,"${'k'.repeat(14)}":2,"${'k'.repeat(13)}":3,"${'k'.repeat(500)}":4}`,
      ),
      { textRows: 0 },
    );
  });
});
