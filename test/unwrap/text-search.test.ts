/** The search for a text finds what Buffer.includes finds, by the addon and without it, wherever the text stands. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadNativeAddon } from '../../src/native-addon.ts';
import { createTextSearch, type SearchAddon } from '../../src/unwrap/text-search.ts';

const native = loadNativeAddon<SearchAddon>() ?? null;

describe.each([
  ['by the addon', native],
  ['without it', null],
])('a text is found %s', (_way, by) => {
  test.each(['p', 'pa', 'page"', 'x'.repeat(40)])('%s, at every place of a body of any length', (text) => {
    const holds = createTextSearch(text, by);
    for (let length = 0; length < 110; length++) {
      // What looks like it at both ends stands everywhere else.
      const body = Buffer.alloc(length, `${text[0]}-${text.at(-1)}`);
      expect([length, holds(body)]).toEqual([length, body.includes(text)]);
      for (let at = 0; at + text.length <= length; at++) {
        const holding = Buffer.from(body);
        holding.write(text, at);
        expect([length, at, holds(holding)]).toEqual([length, at, true]);
      }
    }
  });

  test('as includes finds it, in bodies made at random', () => {
    const letters = fc.constantFrom('a', 'b', '"');
    const texts = fc.string({ unit: letters, minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(texts, fc.string({ unit: letters, maxLength: 300 }), (text, body) => {
        const bytes = Buffer.from(body);
        expect(createTextSearch(text, by)(bytes)).toBe(bytes.includes(text));
      }),
    );
  });
});
