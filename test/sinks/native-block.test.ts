/**
 * Events as Native blocks, against the same events as lines: the real engine takes both and must hold the same. Here the
 * block as a whole; objects that go by path are in native-block-paths.test.ts, rows that go as text in native-block-text.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCorpus, createRandom } from '../../bench/corpus.ts';
import { BLOCK_COLUMNS } from '../../src/sinks/native-block-setup.ts';
import { eventLine } from './embedded/harness.ts';
import { encoder, expectEqual, scan, take } from './native-block-harness.ts';
import { openTables, type Tables } from './native-block-tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await openTables('JSON');
});
afterAll(() => tables.close());

test('the columns of a block are those of the table', async () => {
  expect(BLOCK_COLUMNS).toEqual(await tables.columns());
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
      await expectEqual(tables, Buffer.from(text), { forms: ['paths'] });
    });
  }
});

describe('the shape of a block', () => {
  test('no rows are no bytes, and one row is one', async () => {
    expect(take(encoder())).toHaveLength(0);
    const made = encoder();
    expect(made.append(Buffer.alloc(0))).toBe(0);
    expect(take(made)).toHaveLength(0);
    await expectEqual(tables, Buffer.from(eventLine('only')));
  });

  test('absent columns hold the defaults', async () => {
    const bare = { context: undefined, device_id: undefined, user_id: 'u' };
    await expectEqual(tables, Buffer.from(eventLine('a', bare) + eventLine('b') + eventLine('c', bare)));
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
