/** Bodies made to cost time or stack. Each is scanned, and refused or taken, within a second of processor time. */
import { describe, expect, it } from 'vitest';
import { eventWith, NESTED, scanOne } from './harness.ts';

const MB = 1_000_000;
/** Each of these takes 2 to 150 ms; the bound leaves room for a busy machine, not for anything quadratic. */
const TIME_MAX_MS = 1000;

/** The `count`th of keys that share length, first and last bytes. */
const alike = (index: number, length: number) => `aaaa${String(index).padStart(length, '0')}zzzz`;
const object = (keys: string[]) => `{${keys.map((key) => `"${key}":0`)}}`;
const range = (count: number) => Array.from({ length: count }, (_none, index) => index);

const BODIES: Record<string, () => string> = {
  '5 MB of [': () => '['.repeat(5 * MB),
  '5 MB of {"a":': () => '{"a":'.repeat(MB),
  'an event with 5 MB of [': () => `{"a":${'['.repeat(5 * MB)}`,
  '5 MB of "': () => '"'.repeat(5 * MB),
  'an array with 5 MB of "': () => `[${'"'.repeat(5 * MB)}`,
  '1 MB of escaped quotes': () => eventWith(`"x":"${'\\"'.repeat(MB / 2)}"`),
  '5 MB of lone surrogates': () => eventWith(`"x":"${'\\ud800'.repeat((5 * MB) / 6)}"`),
  '65,536 keys': () => eventWith(`"x":${object(range(65_531).map(String))}`),
  '65,536 keys that are alike outside': () =>
    eventWith(`"x":${object(range(65_531).map((index) => alike(index, 10)))}`),
  '1,200 keys of 16 kB that differ in the middle': () =>
    eventWith(
      `"x":${object(range(1200).map((index) => 'k'.repeat(8000) + alike(index, 6) + 'k'.repeat(8400)))}`,
    ),
  'many objects of 64 long keys that are alike': () =>
    eventWith(`"x":[${range(100).map(() => object(range(64).map((index) => alike(index, 1000))))}]`),
  'a string of 20 MB': () => eventWith(`"x":"${'x'.repeat(20 * MB)}"`),
  'a key of 20 MB': () => eventWith(`"${'k'.repeat(20 * MB)}":1`),
  'a number of 5 MB': () => eventWith(`"x":${'9'.repeat(5 * MB)}`),
  'a fraction of 20 MB': () => eventWith(`"x":1.${'9'.repeat(20 * MB)}e5`),
  'a timestamp of 5 MB': () => eventWith(`"timestamp":"${'1'.repeat(5 * MB)}"`),
  '20 MB of white space': () => `${' '.repeat(10 * MB)}${eventWith(`"x":[${' '.repeat(10 * MB)}]`)}`,
  '20 MB of newlines': () => `${eventWith('')}${'\n'.repeat(20 * MB)}${eventWith('')}`,
  'an envelope with 5 MB beside it': () => `{"batch":[],"x":"${'x'.repeat(5 * MB)}"}`,
  'an array of 5 MB beside a fault': () => `[{"a":tru},{"b":[${'1,'.repeat(2.5 * MB)}`,
  'thousands of rest fields that are taken': () => {
    const chain = range(2500).map((index) => '_'.repeat(index));
    return `{"event":"t","userId":"u",${object(chain).slice(1, -1)},"context":${object(chain)}}`;
  },
  '30,000 rest fields beside 30,000 keys': () => {
    const keys = range(30_000).map((index) => `k${index}`);
    return `{"event":"t","userId":"u",${object(keys).slice(1, -1)},"context":${object(keys)}}`;
  },
};

describe('pathological bodies', () => {
  for (const [name, build] of Object.entries(BODIES)) {
    it(`${name} take under a second`, () => {
      const body = Buffer.from(build());
      // Not the clock's time: other tests run beside this one.
      const before = process.cpuUsage();
      const result = scanOne(body, { route: NESTED });
      const used = process.cpuUsage(before);
      const elapsedMs = (used.user + used.system) / 1000;
      expect(
        result.accepted + result.rejected + result.errors.length + (result.reason === undefined ? 0 : 1),
      ).toBeGreaterThan(0);
      expect(elapsedMs).toBeLessThan(TIME_MAX_MS);
    });
  }
});
