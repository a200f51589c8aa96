/**
 * What the native scanner remembers of keys (native/shapes.h) changes its speed and nothing else: not when the memory
 * is full, not when a list of keys is, and not behind events that were made to mislead it.
 */
import { describe, expect, it } from 'vitest';
import { createReferenceScanner } from '../../src/scan/reference/scanner.ts';
import { createPair, differenceOf } from '../fuzz/scan-compare.ts';
import { requireNative } from '../fuzz/scan-differential.ts';

const isOff = process.env['PENSTOCK_NATIVE'] === 'off';
const range = (count: number) => Array.from({ length: count }, (_none, index) => index);
const NEEDED = '"event_type":"t","app_id":"a","user_id":"u"';
const USUAL = `{${NEEDED},"event_data":{"a":1,"b":[{"c":1},{"c":2}]},"context":{"k":"v"}}`;

/** Slabs through one pair of scanners, so that what was learnt of one is known in the next. */
function expectEqualInTurn(slabs: readonly (readonly string[])[]): void {
  const pair = createPair(createReferenceScanner, requireNative);
  for (const [index, events] of slabs.entries()) {
    const difference = differenceOf(pair, [{ body: `[${events}]` }]);
    expect(difference, `slab ${index}`).toBeUndefined();
  }
}

describe.skipIf(isOff)('keys that are known', () => {
  it('are forgotten when there are too many, and learnt again', () => {
    // 40 slabs of 512 new keys each are more than twice KNOWN_KEYS_MAX.
    const strange = (slab: number) =>
      range(64).map(
        (event) => `{${NEEDED},${range(8).map((key) => `"k${slab}_${event}_${key}":{"x${key}":1}`)}}`,
      );
    expectEqualInTurn(range(40).map((slab) => [USUAL, ...strange(slab), USUAL]));
  });

  it('push the least used out of a full list', () => {
    const others = (from: number) => range(20).map((index) => `{"first${from + index}":1,${NEEDED}}`);
    expectEqualInTurn(range(10).map((slab) => [USUAL, ...others(3 * slab), USUAL, ...others(0), USUAL]));
  });

  it('are no duplicates of themselves, but doubles of them are', () => {
    const keys = ['event_type', 'app_id', 'user_id', 'k', 'x'.repeat(29), 'x'.repeat(30), 'event_data'];
    const event = (names: readonly string[]) => `{${names.map((name) => `"${name}":"t"`)}}`;
    const doubled = keys.flatMap((_key, at) =>
      keys.map((other) => event([...keys.slice(0, at + 1), other, ...keys.slice(at + 1)])),
    );
    const inside = doubled.map(
      (object) => `{${NEEDED},"event_data":${object},"context":{"l":[${object},{}]}}`,
    );
    const usual = [
      event(keys),
      `{${NEEDED},"event_data":${event(keys)},"context":{"l":[${event(keys)},{}]}}`,
    ];
    const slab = [...usual, ...doubled, ...inside, ...usual];
    expectEqualInTurn([slab, slab, slab]);
  });

  it('are apart for an object, for the objects of an array, and for each program', () => {
    const value = '{"app":{"name":"n"},"device":{"id":"d"},"campaign":{"a":1}}';
    const events = [
      `"context":${value}`,
      `"context":[${value}]`,
      `"properties":${value}`,
      `"x":[[${value}]]`,
    ].map((member) => `{"event":"t","event_type":"t","app_id":"a","user_id":"u","userId":"u",${member}}`);
    const pair = createPair(createReferenceScanner, requireNative);
    const frames = range(12).map((index) => ({ body: `[${events}]`, route: index % 2 === 0 ? 2 : 0 }));
    for (let turn = 0; turn < 3; turn++) expect(differenceOf(pair, frames)).toBeUndefined();
  });

  it('may all be new: more of them in one slab than are learnt', () => {
    const pair = createPair(createReferenceScanner, requireNative);
    const body = `[${range(1000).map((event) => `{${NEEDED},${range(60).map((key) => `"${event}-${key}":0`)}}`)}]`;
    expect(differenceOf(pair, [{ body }])).toBeUndefined();
  });
});
