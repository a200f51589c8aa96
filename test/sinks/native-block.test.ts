/** Events as Native blocks, against the same events as lines: the real engine takes both and must hold the same. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCorpus, createRandom } from '../../bench/corpus.ts';
import { createSlab, type FixtureFrame } from '../../bench/scan-fixture.ts';
import { NATIVE_BLOCK_PATHS_MAX } from '../../src/limits.ts';
import { createScanOutput } from '../../src/scan/contract.ts';
import { createUuidSource } from '../../src/scan/uuid.ts';
import { BLOCK_COLUMNS, type JsonForm } from '../../src/sinks/native-block-setup.ts';
import { createFrameSource } from '../fuzz/scan-cases.ts';
import { createBothScanners } from '../scan/both-scanners.ts';
import { APPS, BASE_TIME_MS, PROGRAMS } from '../scan/harness.ts';
import { eventLine } from './embedded/harness.ts';
import { encoder, take } from './native-block-harness.ts';
import { openTables, type Tables } from './native-block-tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await openTables('JSON');
});
afterAll(() => tables.close());

/** The lines of frames by both scanners, which must agree. */
function scan(frames: readonly FixtureFrame[]): Buffer {
  const ids = createUuidSource(createRandom(7));
  const scanner = createBothScanners({ programs: PROGRAMS, apps: APPS, batchEventsMax: 1000, ids });
  const output = createScanOutput();
  scanner.scan(createSlab(frames, BASE_TIME_MS).job(), output);
  return Buffer.from(output.lines.subarray(0, output.lineBytes));
}

async function expectEqual(lines: Buffer, options: { forms?: JsonForm[]; textRows?: number } = {}) {
  for (const form of options.forms ?? ['paths', 'text']) {
    const made = encoder(form);
    expect(made.append(lines)).toBe(lines.length);
    const rows = lines.toString('latin1').split('\n').length - 1;
    expect(made.rows()).toBe(rows);
    if (options.textRows !== undefined && form === 'paths') expect(made.textRows()).toBe(options.textRows);
    await tables.fill(take(made), lines);
    expect(await tables.differences()).toEqual([]);
    if (form === 'paths' && options.textRows === 0) expect(await tables.typeDifferences(lines)).toEqual([]);
    expect(await tables.query('SELECT count() FROM events')).toBe(String(rows));
  }
}

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

/** Lines of events that differ in `event_data` alone. */
function withData(...objects: string[]): Buffer {
  const lines = objects.map((object, index) =>
    eventLine(`e${index}`).replace('"context"', () => `"event_data":${object},"context"`),
  );
  return Buffer.from(lines.join(''));
}

test('the columns of a block are those of the table', async () => {
  expect(BLOCK_COLUMNS).toEqual(await tables.columns());
});

describe('what goes by path', () => {
  const frame = { address: [203, 0, 113, 7], userAgent: 'agent "1" é', app: 1 };
  for (const size of ['small', 'medium', 'large'] as const) {
    test(`events of the ${size} corpus`, async () => {
      const corpus = createCorpus(3, size);
      await expectEqual(
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
    await expectEqual(withData(...values.map((value, index) => `{"p${index}":${value},"q":"r"}`)), {
      textRows: 0,
    });
    // Types beyond the eighth of a path have no column of their own, and the engine then reads what comes differently.
    const mixed = ['1', '"x"', '1.5', 'true', '18446744073709551615', 'null', '{"b":1}', '2', '"y"'];
    await expectEqual(withData(...mixed.map((value) => `{"a":${value}}`)), { textRows: 0 });
  });

  test('texts of every length around the steps of a copy', async () => {
    const plain = Array.from({ length: 300 }, (_, length) => `{"a":"${'x'.repeat(length)}"}`);
    const escaped = Array.from(
      { length: 70 },
      (_, length) => `{"a":"${'x'.repeat(length)}\\"${'é'.repeat(length)}"}`,
    );
    const long = [16_383, 16_384, 1_000_000].map((length) => `{"a":"${'y'.repeat(length)}"}`);
    await expectEqual(withData(...plain, ...escaped, ...long), { textRows: 0 });
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
    await expectEqual(withData(...arrays.map((array, index) => `{"p${index}":${array}}`)), { textRows: 0 });
  });

  test('arrays of objects, in objects and in each other', async () => {
    const objects = [
      '{"items":[{"sku":"a","price":1.5,"tags":["x","y"]},{"sku":"b","qty":2}]}',
      '{"items":[{}]}',
      '{"items":[{"sku":"c","parts":[{"id":1},{"id":2,"sub":[{"deep":true},{"deep":"no","n":[1,2]}]}]}]}',
      '{"o":{"items":[{"a":{"b":{"c":1}}},{"a":{"b":null}},{"a":{}}]}}',
      '{"items":[{"sku":1},{"sku":null},{"sku":[1]}]}',
    ];
    await expectEqual(withData(...objects, ...objects), { textRows: 0 });
  });

  test('keys with dots, empty ones, beyond ASCII, like syntax, nested to the bound', async () => {
    const nest = (depth: number) => `${'{"k":'.repeat(depth)}1${'}'.repeat(depth)}`;
    await expectEqual(
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
    test(name, () => expectEqual(withData(rest, object, rest), { textRows: 1 }));
  }

  test('more paths than a column has, while those that are known go on', async () => {
    const wide = (from: number, count: number) =>
      `{${Array.from({ length: count }, (_, index) => `"k${from + index}":${index}`).join(',')}}`;
    const within = NATIVE_BLOCK_PATHS_MAX;
    await expectEqual(withData(wide(0, within), wide(within, 1), wide(0, 5), wide(0, 1000)), { textRows: 2 });
  });

  test('arrays of empty objects before full ones, whose places would be a thousand times their text', async () => {
    const keys = Array.from({ length: 100 }, (_, index) => `"k${index}":${index}`).join(',');
    const hostile = (count: number) => `{"a":[${'{},'.repeat(count)}{${keys}}]}`;
    const numbers = `{"a":[${'1,'.repeat(70_000)}2]}`;
    await expectEqual(withData(hostile(10), hostile(170_000), numbers, hostile(10)), { textRows: 2 });
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
    await expectEqual(lines, { textRows: 3 });
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

describe('dictionaries', () => {
  for (const count of [255, 256, 65_535, 65_536]) {
    test(`of ${count} values beside the empty one`, async () => {
      let text = '';
      for (let index = 0; index < count; index++) {
        text += eventLine(`e${index}`, {
          platform: `p${index}`,
          event_type: `t${index % 300}`,
          ip: `10.0.0.${index % 9}`,
        });
      }
      // Each value comes again, so that an index points back.
      for (let index = 0; index < Math.min(count, 1000); index++)
        text += eventLine(`f${index}`, { platform: `p${index}` });
      await expectEqual(Buffer.from(text), { forms: ['paths'] });
    });
  }
});

describe('the shape of a block', () => {
  test('no rows are no bytes, and one row is one', async () => {
    expect(take(encoder())).toHaveLength(0);
    const made = encoder();
    expect(made.append(Buffer.alloc(0))).toBe(0);
    expect(take(made)).toHaveLength(0);
    await expectEqual(Buffer.from(eventLine('only')));
  });

  test('absent columns hold the defaults', async () => {
    const bare = { context: undefined, device_id: undefined, user_id: 'u' };
    await expectEqual(Buffer.from(eventLine('a', bare) + eventLine('b') + eventLine('c', bare)));
  });

  test('lines in one call or many, pieces of any size, and a used encoder give the same bytes', () => {
    const lines = scan([{ body: createCorpus(5, 'medium').array(500), app: 1, address: [10, 0, 0, 1] }]);
    const whole = encoder();
    whole.append(lines);
    const expected = take(whole);
    for (const pieceBytes of [1000, 4096, expected.length, expected.length + 1]) {
      expect(whole.append(lines)).toBe(lines.length);
      expect(take(whole, pieceBytes).equals(expected)).toBe(true);
    }
    for (let at = 0; at < lines.length; ) {
      const end = lines.indexOf(0x0a, at) + 1;
      whole.append(lines.subarray(at, end));
      at = end;
    }
    expect(take(whole).equals(expected)).toBe(true);
  });

  test('a full block takes no more, and says where the next begins', () => {
    const lines = Buffer.from(Array.from({ length: 5000 }, (_, index) => eventLine(`e${index}`)).join(''));
    const made = encoder('paths', { rowsMax: 2000 });
    const taken = made.append(lines);
    expect(made.isFull()).toBe(true);
    expect(made.rows()).toBeGreaterThanOrEqual(2000);
    expect(made.rows()).toBeLessThan(2000 + 1024);
    expect(made.append(lines.subarray(taken))).toBe(0);
    const rows = made.rows();
    take(made);
    expect(made.isFull()).toBe(false);
    let rest = taken;
    let found = rows;
    while (rest < lines.length) {
      rest += made.append(lines.subarray(rest));
      found += made.rows();
      take(made);
    }
    expect(found).toBe(5000);
    const small = encoder('paths', { bytesMax: 100_000 });
    small.append(lines);
    expect(small.isFull()).toBe(true);
    expect(small.bytes()).toBeGreaterThanOrEqual(100_000);
  });

  test('bytes() is near what take gives', () => {
    for (const form of ['paths', 'text'] as const) {
      const made = encoder(form);
      made.append(scan([{ body: createCorpus(6, 'medium').array(1000), app: 1, address: [10, 0, 0, 1] }]));
      const about = made.bytes();
      const length = take(made).length;
      expect(about / length).toBeGreaterThan(0.97);
      expect(about / length).toBeLessThan(1.03);
    }
  });
});

describe('damaged lines', () => {
  const good = eventLine('good', { event_data: { a: [1, 2], b: { c: 'x\n' } } });

  test('are named by their place; what stood before them is in the block', async () => {
    const made = encoder();
    const lines = Buffer.from(`${good}${good.replace('"event_type"', '"event_typo"')}${good}`);
    expect(made.append(lines)).toBe(good.length);
    expect(made.rows()).toBe(1);
    await tables.fill(take(made), Buffer.from(good));
    expect(await tables.differences()).toEqual([]);
  });

  test('do not reach into the lines behind them where JSON is not parsed', () => {
    const cut = good.slice(0, good.indexOf('[1,'));
    for (const form of ['text', 'string'] as const) {
      const made = encoder(form);
      // The bracket that the second line leaves open is closed in the third.
      const lines = Buffer.from(`${good}${cut}\n}${good.slice(good.indexOf(',"context"'))}${good}`);
      expect(made.append(lines)).toBe(good.length);
      expect(made.rows()).toBe(1);
    }
  });

  test('cut anywhere, or with any byte changed, are an error or a line, and never read beyond', () => {
    const made = encoder();
    const bytes = Buffer.from(good);
    for (let length = 0; length < bytes.length; length++) {
      expect(made.append(Buffer.from(bytes.subarray(0, length)))).toBe(0);
    }
    expect(made.rows()).toBe(0);
    const random = createRandom(4);
    let damaged = 0;
    for (let round = 0; round < 20_000; round++) {
      const copy = Buffer.from(bytes);
      for (let change = random() % 3; change >= 0; change--) copy[random() % copy.length] = random();
      if (made.append(copy) < copy.length) damaged++;
    }
    expect(damaged).toBeGreaterThan(1000);
    take(made);
    expect(made.append(bytes)).toBe(bytes.length);
  });
});
