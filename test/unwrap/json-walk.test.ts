import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eachElement, eachEvent, eachMember, endOfValue, skipSpace } from '../../src/unwrap/json-walk.ts';

/** What the walk sees of a value, through the walk alone. */
function rebuilt(bytes: Buffer, start: number, end: number): unknown {
  const text = bytes.toString('utf8', start, end);
  if (text.startsWith('{')) {
    const members: [string, unknown][] = [];
    eachMember(bytes, start, end, (keyStart, keyEnd, valueStart, valueEnd) => {
      const key = JSON.parse(bytes.toString('utf8', keyStart - 1, keyEnd + 1)) as string;
      members.push([key, rebuilt(bytes, valueStart, valueEnd)]);
      return undefined;
    });
    return Object.fromEntries(members);
  }
  if (text.startsWith('[')) {
    const elements: unknown[] = [];
    eachElement(bytes, start, end, (from, to) => {
      elements.push(rebuilt(bytes, from, to));
      return undefined;
    });
    return elements;
  }
  return JSON.parse(text) as unknown;
}

describe('the walk', () => {
  test('finds in any JSON what JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1), (value, indent) => {
        const bytes = Buffer.from(JSON.stringify(value, undefined, indent));
        expect(rebuilt(bytes, 0, bytes.length)).toEqual(JSON.parse(bytes.toString()));
      }),
      { numRuns: 500 },
    );
  });

  test('gets lost in bytes that are no JSON, and neither throws nor goes beyond them', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'{}[]",:\\ 1a'), { maxLength: 40 }), (characters) => {
        const bytes = Buffer.from(characters.join(''));
        const seen: number[] = [];
        eachEvent(bytes, ['batch'], (from, to) => {
          seen.push(from, to);
          return undefined;
        });
        for (const place of seen) expect(place).toBeLessThanOrEqual(bytes.length);
        expect(endOfValue(bytes, 0, bytes.length)).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['{"a":1}', 1],
    ['[{"a":1},{"b":2}]', 2],
    ['{"x":1,"batch":[{"a":1},{"b":2},3]}', 3],
    ['{"a":1}\n{"b":2}\n', 2],
    ['\ufeff {"batch":[]}', 0],
    ['{"batch":5}', 1],
  ])('%s holds %i events', (text, count) => {
    let seen = 0;
    const isWhole = eachEvent(Buffer.from(text), ['batch'], () => {
      seen += 1;
      return undefined;
    });
    expect([isWhole, seen]).toEqual([true, count]);
  });

  test('passes over a byte order mark at the start only', () => {
    expect(skipSpace(Buffer.from('\ufeff 1'), 0, 5)).toBe(4);
    expect(skipSpace(Buffer.from(' \ufeff1'), 1, 5)).toBe(1);
  });
});
