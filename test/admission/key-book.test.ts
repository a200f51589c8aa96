/** Keys of the configuration and of a registry together, and the page that threads read. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Apps, OPEN_MODE, UNKNOWN_KEY } from '../../src/admission/apps.ts';
import { KeyBook } from '../../src/admission/key-book.ts';
import { createKeyMemory, KeyPage } from '../../src/admission/key-page.ts';

const digest = (key: string) => createHash('sha256').update(key).digest('hex');
const registry = (version: number, ...keys: [key: string, app: string][]) => ({
  version,
  apps: new Map(keys.map(([key, app]) => [digest(key), app])),
});
const SHOP = { name: 'shop', keys: ['a'], origins: ['https://shop.example'] };

describe('the book of keys', () => {
  test('adds to the configured apps, and knows others; what goes is unknown', () => {
    const book = new KeyBook([SHOP], new KeyPage(createKeyMemory()));
    book.apply(registry(1, ['b', 'shop'], ['c', 'game']));
    const { names } = book.apps;
    expect(['a', 'b', 'c'].map((key) => names[book.apps.find(key)])).toEqual(['shop', 'shop', 'game']);
    expect(book.apps.allowsOrigin(book.apps.find('b'), 'https://evil.example')).toBe(false);
    expect(book.apps.allowsOrigin(book.apps.find('c'), 'https://any.example')).toBe(true);
    book.apply(registry(2, ['c', 'game']));
    expect(book.apps.find('b')).toBe(UNKNOWN_KEY);
  });

  test('indexes of apps and numbers of keys stay, whatever comes and goes', () => {
    const book = new KeyBook([SHOP], new KeyPage(createKeyMemory()));
    book.apply(registry(1, ['b', 'x'], ['c', 'y']));
    const before = ['b', 'c'].map((key) => book.apps.match(key)).map(({ app, key }) => ({ app, key }));
    book.apply(registry(2, ['c', 'y'], ['d', 'z']));
    book.apply(registry(3, ['d', 'z'], ['c', 'y'], ['b', 'x']));
    const after = ['b', 'c'].map((key) => book.apps.match(key)).map(({ app, key }) => ({ app, key }));
    expect(after).toEqual(before);
    expect(new Set(['a', 'b', 'c', 'd'].map((key) => book.apps.match(key).key)).size).toBe(4);
  });

  test('the configuration has the last word on a key', () => {
    const book = new KeyBook([SHOP], new KeyPage(createKeyMemory()));
    book.apply(registry(1, ['a', 'thief']));
    expect(book.apps.names[book.apps.find('a')]).toBe('shop');
  });

  test('open mode ends with the first key of a registry, and does not come back with the last', () => {
    const book = new KeyBook([], new KeyPage(createKeyMemory()));
    expect(book.apps.find('anything')).toBe(OPEN_MODE);
    book.apply(registry(1, ['b', 'x']));
    expect(book.apps.find('anything')).toBe(UNKNOWN_KEY);
    book.apply(registry(2));
    expect([book.apps.openMode, book.apps.find('b')]).toEqual([false, UNKNOWN_KEY]);
  });

  test('a registry without end changes nothing', () => {
    const book = new KeyBook([SHOP], new KeyPage(createKeyMemory(2_000)));
    expect(book.apply(registry(1, ['b', 'x']))).toBe(true);
    const many = Array.from({ length: 100 }, (_, n): [string, string] => [`k${n}`, 'y']);
    expect(book.apply(registry(2, ...many))).toBe(false);
    expect(book.apps.names).toEqual(['', 'shop', 'x']);
    expect(book.apps.names[book.apps.find('b')]).toBe('x');
  });
});

describe('the page of keys', () => {
  test('a thread finds what the front has, version by version', () => {
    const memory = createKeyMemory();
    const book = new KeyBook([SHOP], new KeyPage(memory));
    const page = new KeyPage(memory);
    for (let version = 1; version <= 5; version++) {
      book.apply(registry(version, [`key ${version}`, `app ${version}`]));
      const { version: read, table } = page.read();
      expect(read).toBe(page.version);
      const apps = new Apps(table.apps, new Map(table.numbers), table.isOpen);
      expect(apps.match(`key ${version}`)).toEqual(book.apps.match(`key ${version}`));
      expect(apps.names).toEqual(book.apps.names);
      expect(JSON.stringify(table)).not.toContain(`key ${version}`);
    }
  });
});
