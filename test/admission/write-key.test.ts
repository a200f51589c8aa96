import type { HttpRequest } from 'uWebSockets.js';
import { describe, expect, test } from 'vitest';
import { readWriteKey } from '../../src/admission/write-key.ts';

const segment = { headers: ['x-write-key'], query: ['writeKey'] };

const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`;

/** What readWriteKey asks of a request; names of headers in lower case, as uWebSockets has them. */
function request(headers: Record<string, string>, query = ''): HttpRequest {
  const parameters = new URLSearchParams(query);
  return {
    getHeader: (name: string) => headers[name] ?? '',
    getQuery: (name: string) => parameters.get(name) ?? undefined,
  } as unknown as HttpRequest;
}

describe('Basic', () => {
  test.each([
    ['an empty password, as SDKs send it', basic('wk_1:'), 'wk_1'],
    ['a password, which is not looked at', basic('wk_1:secret:more'), 'wk_1'],
    ['no colon', basic('wk_1'), 'wk_1'],
    ['no padding', basic('wk_1:').replaceAll('=', ''), 'wk_1'],
    ['letters beyond ASCII', basic('schlüssel🎉:'), 'schlüssel🎉'],
    ['the scheme in capitals', basic('wk_1:').replace('Basic', 'BASIC'), 'wk_1'],
    ['spaces around the credentials', `Basic   ${basic('wk_1:').slice(6)} `, 'wk_1'],
    ['an empty user', basic(':secret'), ''],
    ['nothing', 'Basic', ''],
    ['nothing but a space', 'Basic ', ''],
  ])('with %s', (_what, authorization, key) => {
    expect(readWriteKey(request({ authorization }))).toBe(key);
  });

  test('with credentials that are no base64 is a word that no app has, not a fault', () => {
    expect(readWriteKey(request({ authorization: 'Basic ***' }))).toBe('');
    expect(readWriteKey(request({ authorization: 'Basic wk_1:' }))).not.toBe('wk_1');
  });
});

describe('places', () => {
  test('are looked at in order, each only where those before it are empty', () => {
    const headers: Record<string, string> = {
      'x-write-key': 'id:secret',
      authorization: 'Bearer b',
      'x-api-key': 'x',
    };
    const query = 'writeKey=w&key=k';
    const seen: string[] = [];
    for (const emptied of ['', 'x-write-key', 'authorization', 'x-api-key']) {
      headers[emptied] = '';
      seen.push(readWriteKey(request(headers, query), segment));
    }
    seen.push(readWriteKey(request(headers, 'key=&writeKey=w'), segment));
    seen.push(readWriteKey(request(headers), segment));
    expect(seen).toEqual(['id:secret', 'b', 'x', 'k', 'w', '']);
  });

  test('a key in a header may have a colon, since it is no pair', () => {
    expect(readWriteKey(request({ 'x-write-key': 'id:secret' }), segment)).toBe('id:secret');
    expect(readWriteKey(request({ authorization: 'Bearer id:secret' }), segment)).toBe('id:secret');
  });

  test('an empty one does not hide the next', () => {
    for (const authorization of ['Bearer ', 'Bearer', basic(':'), 'Digest username="a"']) {
      expect(readWriteKey(request({ authorization, 'x-api-key': 'x' }))).toBe('x');
    }
  });

  test("a dialect's own are not looked at on other routes", () => {
    expect(readWriteKey(request({ 'x-write-key': 'a' }, 'writeKey=b'))).toBe('');
  });
});
