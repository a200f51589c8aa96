import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Apps, OPEN_MODE, UNKNOWN_KEY } from '../../src/admission/apps.ts';

const digest = createHash('sha256').update('secret').digest('hex');
const apps = new Apps([
  { name: 'shop', keys: ['a', 'b'], origins: ['https://shop.example'] },
  { name: 'game', keys: [`sha256:${digest.toUpperCase()}`], origins: [] },
]);

describe('apps', () => {
  test('a key finds its app; index 0 stays free for open mode', () => {
    expect(['a', 'b', 'secret'].map((key) => apps.names[apps.find(key)])).toEqual(['shop', 'shop', 'game']);
  });

  test.each(['', 'c', 'A', digest, `sha256:${digest}`])('%j finds none', (key) => {
    expect(apps.find(key)).toBe(UNKNOWN_KEY);
  });

  test('without apps every key, and none, is open mode', () => {
    const open = new Apps([]);
    expect([open.find(''), open.find('x')]).toEqual([OPEN_MODE, OPEN_MODE]);
    expect(open.restrictsOrigins).toBe(false);
  });

  test('origins count for browsers only, and only where an app lists them', () => {
    expect(apps.restrictsOrigins).toBe(true);
    const [shop, game] = [apps.find('a'), apps.find('secret')];
    expect(apps.allowsOrigin(shop, 'https://shop.example')).toBe(true);
    expect(apps.allowsOrigin(shop, 'https://shop.example.evil')).toBe(false);
    expect(apps.allowsOrigin(shop, 'null')).toBe(false);
    expect(apps.allowsOrigin(shop, '')).toBe(true);
    expect(apps.allowsOrigin(game, 'https://anything.example')).toBe(true);
  });
});
