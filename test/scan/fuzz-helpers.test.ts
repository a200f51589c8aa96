/** The fuzzers' own parts: inputs of native/fuzz/, the count of what is reached, and shrinking. */
import { expect, it } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { createReferenceScanner } from '../../src/scan/reference/scanner.ts';
import { decodeInput, encodeInput, LIMITS_ROWS } from '../fuzz/native-input.ts';
import { createFrameSource, damage } from '../fuzz/scan-cases.ts';
import {
  createPair,
  differenceOf,
  type FuzzFrame,
  fromRegression,
  toRegression,
} from '../fuzz/scan-compare.ts';
import { addCoverage, createCoverage, missingFeatures } from '../fuzz/scan-coverage.ts';
import { shrink } from '../fuzz/scan-shrink.ts';

it('an input of the native targets is read as the frames it was made of', () => {
  const shared = { route: 2, app: 1, transport: 1, receivedDeltaMs: 7000, address: [1, 2, 3, 4] };
  const frames = ['{"a":1}', '', '[]'].map((body) => ({
    ...shared,
    userAgent: Buffer.from('agent'),
    body: Buffer.from(body),
  }));
  for (let row = 0; row < LIMITS_ROWS; row++) expect(decodeInput(encodeInput(frames, row))).toEqual(frames);
  expect(decodeInput(encodeInput(frames.slice(0, 1), 0))).toEqual(frames.slice(0, 1));
  expect(decodeInput(Buffer.from('abc'))).toBeUndefined();
});

it('any bytes of a head and more are frames of the slab that they end in', () => {
  const random = createRandom(5);
  for (let round = 0; round < 2000; round++) {
    const input = Buffer.from(Array.from({ length: 4 + (random() % 120) }, () => random() & 0xff));
    const frames = decodeInput(input) ?? [];
    const again = decodeInput(encodeInput(frames, 0)) ?? [];
    expect(frames.length).toBeLessThanOrEqual(8);
    // The flag that splits is not set for one frame, whose bytes then stay whole.
    expect(again.map(({ body }) => body)).toEqual(frames.map(({ body }) => body));
  }
});

it('a feature counts as reached when a slab shows it, and not before', () => {
  const coverage = createCoverage();
  const all = missingFeatures(coverage);
  const frames: FuzzFrame[] = [
    { body: Buffer.from('{"event_type":"t","app_id":"a","user_id":"u"}'), shape: 'single', isInArena: true },
    { body: Buffer.from('{"event_type":1}') },
    { body: Buffer.from(' ') },
  ];
  const pair = createPair(createReferenceScanner, createReferenceScanner);
  expect(differenceOf(pair, frames, (words, output) => addCoverage(coverage, frames, words, output))).toBe(
    undefined,
  );
  const missing = missingFeatures(coverage);
  const reached = all.filter((feature) => !missing.includes(feature));
  expect(reached.sort()).toEqual(
    [
      ...['body in the arena', 'column app_id', 'column event_id', 'column event_type', 'column timestamp'],
      ...['column user_id', 'dialect penstock batch', 'frame empty_body', 'id made here'],
      ...['invalid_type event_type', 'single accepted', 'time of arrival', 'transport http'],
    ].sort(),
  );
});

it('generated frames survive being kept as a regression file', () => {
  const random = createRandom(3);
  const next = createFrameSource(random);
  for (let round = 0; round < 200; round++) {
    const { shape: _, ...frame } = next();
    const [again] = fromRegression(JSON.parse(JSON.stringify(toRegression([frame]))));
    expect(again).toEqual(frame);
  }
});

it('damage changes a copy', () => {
  const random = createRandom(4);
  const body = Buffer.from('{"a":[1,2,3]}');
  let changed = 0;
  for (let round = 0; round < 500; round++) if (!damage(random, body).equals(body)) changed++;
  expect(body.toString()).toBe('{"a":[1,2,3]}');
  expect(changed).toBeGreaterThan(400);
});

it('shrinks what differs to the bytes that matter', () => {
  const frames = [{ body: 'aaaa' }, { body: 'bbxbb', route: 1 }, { body: 'cc' }];
  const smallest = shrink(frames, (some) => some.some(({ body }) => body.toString().includes('x')));
  expect(smallest.map(({ body }) => body.toString())).toEqual(['x']);
});

it('shrinks by whole objects where single bytes would unbalance the brackets', () => {
  const isBalanced = (text: string) => text.split('{').length === text.split('}').length;
  const frames = [{ body: '[{"a":{"b":{"c":1}}},{"d":2},{"x":3},{"e":{"f":{}}}]' }];
  const smallest = shrink(frames, ([frame]) => {
    const text = String(frame?.body);
    return text.startsWith('[') && text.endsWith(']') && isBalanced(text) && text.includes('{"x":3}');
  });
  expect(smallest.map(({ body }) => body.toString())).toEqual(['[{"x":3}]']);
});
