/**
 * The scanner against JSON.parse, which we did not write: random values, spelt in random ways, and random damage
 * to their bytes. What JSON.parse refuses the scanner refuses; what it accepts the scanner accepts with the same
 * values, or one of these rules says why not:
 *
 *   duplicate_key        JSON.parse keeps the last of equal keys (lone surrogates are equal to each other here)
 *   number_out_of_range  JSON.parse rounds integers beyond 64 bits, and makes Infinity of 1e999
 *   too_deep             JSON.parse has no bound
 *   invalid_utf8         a decoder in front of JSON.parse replaces what is not UTF-8
 *   U+FFFD               JSON.parse keeps lone surrogates
 */
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { createBench, SINGLE } from './harness.ts';

type Random = () => number;
const SEED = 0x5eed_0001;
/** Every rule is reached some fifty times. */
const ROUNDS = 8_000;
const RULES = ['duplicate_key', 'number_out_of_range', 'too_deep'];

const bench = createBench();
const PREFIX = '{"event_id":"e","event_type":"t","app_id":"a","device_id":"d","event_data":{"v":';
const PREFIX_LINE = '"event_data":{"v":';

/** The canonical text of `value` as the scanner writes it, or the reason why it is refused. */
function scanValue(value: Buffer): { text?: string; reason?: string } {
  const body = Buffer.concat([Buffer.from(PREFIX), value, Buffer.from('}}')]);
  const result = bench.scan([{ body, route: SINGLE }]);
  const frame = result.frames[0]!;
  if (frame.accepted === 0) return { reason: frame.reason ?? frame.errors[0]!.reason };
  const line = frame.lines[0]!;
  const start = line.indexOf(PREFIX_LINE) + PREFIX_LINE.length;
  return { text: line.slice(start, line.lastIndexOf('},"received_at":')) };
}

const WORDS = [
  '',
  'a',
  'key',
  'événement',
  '🙂',
  '\u0000\u001f',
  '"\\/',
  '\u2028',
  '__proto__',
  'constructor',
  'x'.repeat(40),
];
const NUMBERS = [
  '0',
  '-0',
  '1',
  '-1.5',
  '1e3',
  '1E-7',
  '9007199254740993',
  '123456789012345678',
  '0.1e+2',
  '1e400',
];
const SPACES = ['', '', '', ' ', '\n', '\t\r ', '          '];

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random() % items.length] as Item;
}

/** A string literal: each character plain or escaped in one of the ways JSON allows. */
function spellString(random: Random, text: string): string {
  let spelt = '';
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    const mustEscape = unit < 0x20 || unit === 0x22 || unit === 0x5c;
    const isSurrogate = unit >= 0xd800 && unit <= 0xdfff;
    if (mustEscape || random() % 8 === 0) spelt += `\\u${unit.toString(16).padStart(4, '0')}`;
    else if (isSurrogate) spelt += text.slice(index, ++index + 1);
    else spelt += text[index];
  }
  return `"${spelt}"`;
}

function spellValue(random: Random, depth: number): string {
  const space = () => pick(random, SPACES);
  const kind = random() % (depth > 4 ? 5 : 8);
  if (kind === 0) return pick(random, ['true', 'false', 'null']);
  if (kind <= 2) return pick(random, NUMBERS);
  if (kind <= 4) return spellString(random, pick(random, WORDS) + pick(random, WORDS));
  const items = Array.from({ length: random() % 6 }, (_none, index) => {
    const value = `${space()}${spellValue(random, depth + 1)}${space()}`;
    if (kind === 5) return value;
    return `${space()}${spellString(random, pick(random, WORDS) + (random() % 10 === 0 ? '' : index))}${space()}:${value}`;
  });
  return kind === 5
    ? `[${items.length === 0 ? space() : items}]`
    : `{${items.length === 0 ? space() : items}}`;
}

const DAMAGE = Buffer.from('{}[]",:\\u0eE+-.tfn/ \n\t\x00\x7f\x80\xc3\xed\xff', 'latin1');

function damage(random: Random, value: Buffer): Buffer {
  const at = random() % (value.length + 1);
  const byte = DAMAGE.subarray(random() % DAMAGE.length).subarray(0, 1);
  const kind = random() % 4;
  if (kind === 0) return Buffer.concat([value.subarray(0, at), byte, value.subarray(at)]);
  if (kind === 1) return Buffer.concat([value.subarray(0, at), value.subarray(at + 1)]);
  if (kind === 2) return Buffer.concat([value.subarray(0, at), byte, value.subarray(at + 1)]);
  const from = random() % (value.length + 1);
  return Buffer.concat([
    value.subarray(0, at),
    value.subarray(from, from + (random() % 8)),
    value.subarray(at),
  ]);
}

/** What JSON.parse makes of the value where it stands in the event, or undefined when it refuses. */
function parseValue(value: Buffer): { parsed: unknown } | undefined {
  try {
    const event = JSON.parse(`${PREFIX}${value.toString('utf8')}}}`) as { event_data: { v: unknown } };
    return { parsed: event.event_data.v };
  } catch {
    return undefined;
  }
}

/** Lone surrogates as the contract wants them, in every string and key of a parsed value. */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return Buffer.from(value).toString();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [wellFormed(key), wellFormed(inner)]),
  );
}

/** Tokens of numbers in a JSON text, outside of strings. */
function numbersOf(text: string): string[] {
  return text.replace(/"(?:[^"\\]|\\.)*"/gs, '""').match(/-?\d[\d.eE+-]*/g) ?? [];
}

function compare(value: Buffer, counts: Map<string, number>): void {
  const expected = parseValue(value);
  const { text, reason } = scanValue(value);
  const isUtf8 = Buffer.from(value.toString('utf8')).equals(value);
  const context = JSON.stringify(value.toString('latin1'));
  counts.set(reason ?? 'accepted', (counts.get(reason ?? 'accepted') ?? 0) + 1);
  if (text === undefined) {
    if (expected === undefined) return;
    if (!isUtf8) expect(reason, context).toBe('invalid_utf8');
    else expect(RULES, `${context} refused as ${reason}`).toContain(reason);
    return;
  }
  expect(isUtf8, context).toBe(true);
  expect(expected, `${context} accepted`).toBeDefined();
  // A damaged value may close its own object and open fields behind it; parsing the text tells.
  const parsed = parseValue(Buffer.from(text));
  expect(wellFormed(parsed?.parsed), context).toEqual(wellFormed(expected?.parsed));
  expect(numbersOf(text), context).toEqual(numbersOf(value.toString('utf8')));
}

describe('JSON.parse and the scanner', () => {
  it('agree on random values in random spellings, and on their damaged bytes', () => {
    console.log(`json-equivalence: seed ${SEED}`);
    const random = createRandom(SEED);
    const counts = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++) {
      let value: Buffer = Buffer.from(spellValue(random, 0));
      compare(value, counts);
      for (let step = 0; step < 3; step++) {
        value = damage(random, value);
        compare(value, counts);
      }
    }
    console.log(`json-equivalence: ${ROUNDS} rounds`, Object.fromEntries(counts));
    // A generator that no longer reaches a rule would make the test say nothing about it.
    for (const outcome of [
      'accepted',
      'invalid_json',
      'invalid_utf8',
      'duplicate_key',
      'number_out_of_range',
    ]) {
      expect(counts.get(outcome) ?? 0, outcome).toBeGreaterThan(20);
    }
  });
  it('agree on every single byte in place of a value, and within a string', () => {
    const counts = new Map<string, number>();
    for (let byte = 0; byte < 256; byte++) {
      compare(Buffer.from([byte]), counts);
      compare(Buffer.from([0x22, byte, 0x22]), counts);
      compare(Buffer.from([0x22, 0x5c, byte, 0x22]), counts);
      compare(Buffer.from([0x31, byte, 0x32]), counts);
      compare(Buffer.concat([Buffer.from('"1234567'), Buffer.from([byte]), Buffer.from('1234567"')]), counts);
    }
  });
});
