/** Which instants timestamps name: a table, then agreement with Date over many instants. */
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { TIMESTAMP_MS_END, TIMESTAMP_MS_MIN } from '../../src/event.ts';
import { parseTimestamp, writeTimestamp } from '../../src/scan/reference/timestamp.ts';
import { eventWith, lineOf, RECEIVED_TEXT, reasonOf } from './harness.ts';

const RANGE = 'timestamp_out_of_range timestamp';
const INVALID = 'invalid_timestamp timestamp';

function timeOf(value: string): string {
  const body = eventWith(`"timestamp":${value}`);
  const reason = reasonOf(body);
  return reason === 'accepted' ? (JSON.parse(lineOf(body)).timestamp as string) : reason;
}

const TABLE: [string, string][] = [
  ['null', RECEIVED_TEXT],
  // Numbers: s, ms, µs, ns by magnitude.
  ['1748739723', '2025-06-01T01:02:03.000Z'],
  ['1748739723.9999', '2025-06-01T01:02:03.999Z'],
  ['1748739723.05', '2025-06-01T01:02:03.050Z'],
  ['1748739723456', '2025-06-01T01:02:03.456Z'],
  ['1748739723456.9', '2025-06-01T01:02:03.456Z'],
  ['1748739723456999', '2025-06-01T01:02:03.456Z'],
  ['1748739723456999999', '2025-06-01T01:02:03.456Z'],
  ['1.748739723e9', '2025-06-01T01:02:03.000Z'],
  ['1748739723456e0', '2025-06-01T01:02:03.456Z'],
  ['1.748739723456789E+15', '2025-06-01T01:02:03.456Z'],
  ['946684800', '2000-01-01T00:00:00.000Z'],
  ['4102444799999', '2099-12-31T23:59:59.999Z'],
  ['4102444799.999999', '2099-12-31T23:59:59.999Z'],
  ['946684799.999', RANGE],
  ['4102444800', RANGE],
  ['4102444800000', RANGE],
  ['0', RANGE],
  ['-0', RANGE],
  ['-1748739723', RANGE],
  ['99999999999', RANGE],
  ['100000000000', RANGE],
  ['18446744073709551615', RANGE],
  ['1e300', RANGE],
  ['1e-300', RANGE],
  // Strings that are only a number.
  ['"1748739723"', '2025-06-01T01:02:03.000Z'],
  ['"1748739723456999999"', '2025-06-01T01:02:03.456Z'],
  ['"1.748739723e9"', '2025-06-01T01:02:03.000Z'],
  ['"123456789012345678901234567890"', RANGE],
  ['"1e999"', RANGE],
  ['"123e-12345"', RANGE],
  ['"2024"', RANGE],
  ['"01748739723"', INVALID],
  ['"1748739723."', INVALID],
  ['"+1748739723"', INVALID],
  ['" 1748739723"', INVALID],
  ['"1748739723e"', INVALID],
  ['"1748739723 "', INVALID],
  ['"-"', INVALID],
  ['""', INVALID],
  // ISO 8601.
  ['"2025-06-01"', '2025-06-01T00:00:00.000Z'],
  ['"2025-06-01T01:02"', '2025-06-01T01:02:00.000Z'],
  ['"2025-06-01T01:02:03"', '2025-06-01T01:02:03.000Z'],
  ['"2025-06-01t01:02:03z"', '2025-06-01T01:02:03.000Z'],
  ['"2025-06-01 01:02:03Z"', '2025-06-01T01:02:03.000Z'],
  ['"2025-06-01T01:02:03.4Z"', '2025-06-01T01:02:03.400Z'],
  ['"2025-06-01T01:02:03,45678901234567890Z"', '2025-06-01T01:02:03.456Z'],
  ['"2025-06-01T01:02:03.9999"', '2025-06-01T01:02:03.999Z'],
  ['"2025-06-01T01:02:03+02:00"', '2025-05-31T23:02:03.000Z'],
  ['"2025-06-01T01:02:03-0530"', '2025-06-01T06:32:03.000Z'],
  ['"2025-06-01T01:02+02"', '2025-05-31T23:02:00.000Z'],
  ['"2025-06-01T01:02:03.5-00:00"', '2025-06-01T01:02:03.500Z'],
  ['"2025-06-01T01:02:03\\u005a"', '2025-06-01T01:02:03.000Z'],
  ['"2024-02-29"', '2024-02-29T00:00:00.000Z'],
  ['"2000-02-29T00:00:00Z"', '2000-02-29T00:00:00.000Z'],
  ['"1999-12-31T23:30:00-01:00"', '2000-01-01T00:30:00.000Z'],
  ['"1999-12-31T23:59:59.999Z"', RANGE],
  ['"2100-01-01T00:00:00Z"', RANGE],
  ['"2099-12-31T23:59:59.999Z"', '2099-12-31T23:59:59.999Z'],
  ['"0000-01-01"', RANGE],
  ['"2025-02-29"', INVALID],
  ['"2100-02-29"', INVALID],
  ['"2025-02-30"', INVALID],
  ['"2025-04-31"', INVALID],
  ['"2025-13-01"', INVALID],
  ['"2025-00-01"', INVALID],
  ['"2025-01-00"', INVALID],
  ['"2025-01-32"', INVALID],
  ['"2025-06-01T24:00:00Z"', INVALID],
  ['"2025-06-01T23:59:60Z"', INVALID],
  ['"2025-06-01T23:60:00Z"', INVALID],
  ['"2025-06-01T1:02:03Z"', INVALID],
  ['"2025-06-01T01"', INVALID],
  ['"2025-06-01T"', INVALID],
  ['"2025-06-01T01:02:"', INVALID],
  ['"2025-06-01T01:02:3"', INVALID],
  ['"2025-06-01T01:02:03."', INVALID],
  ['"2025-06-01T01:02:03.Z"', INVALID],
  ['"2025-06-01T01:02:03+2"', INVALID],
  ['"2025-06-01T01:02:03+02:0"', INVALID],
  ['"2025-06-01T01:02:03+02:60"', INVALID],
  ['"2025-06-01T01:02:03+24:00"', INVALID],
  ['"2025-06-01T01:02:03ZZ"', INVALID],
  ['"2025-06-01T01:02:03 Z"', INVALID],
  ['"2025-06-01Z"', INVALID],
  ['"2025-6-01"', INVALID],
  ['"2025/06/01"', INVALID],
  ['"20250601"', RANGE],
  ['"Sun, 01 Jun 2025 01:02:03 GMT"', INVALID],
  ['"now"', INVALID],
  ['true', 'invalid_type timestamp'],
  ['{}', 'invalid_type timestamp'],
  ['[1748739723]', 'invalid_type timestamp'],
];

describe('timestamps', () => {
  for (const [value, expected] of TABLE) {
    it(`${value.slice(0, 50)} is ${expected}`, () => expect(timeOf(value)).toBe(expected));
  }
  it('agree with Date over random instants of the hundred years, both ways', () => {
    const seed = 20250601;
    console.log(`timestamps: seed ${seed}`);
    const random = createRandom(seed);
    const target = Buffer.alloc(24);
    for (let round = 0; round < 50_000; round++) {
      const span = TIMESTAMP_MS_END - TIMESTAMP_MS_MIN;
      const ms = TIMESTAMP_MS_MIN + Math.floor(((random() * 2 ** 21 + (random() >>> 11)) / 2 ** 53) * span);
      const text = new Date(ms).toISOString();
      writeTimestamp(ms, target, 0);
      expect(target.toString('latin1')).toBe(text);
      expect(parseTimestamp(target, 0, 24)).toBe(ms);
    }
  });
  it('writes received times from 1970 on', () => {
    const target = Buffer.alloc(24);
    for (const ms of [0, 1, 86_399_999, 86_400_000, 951_782_400_000]) {
      writeTimestamp(ms, target, 0);
      expect(target.toString('latin1')).toBe(new Date(ms).toISOString());
    }
  });
});
