/**
 * Frames for the differential fuzzer: events built from what hurts scanners (strings, numbers, keys, depths,
 * duplicates, unknown fields), in every shape that a body can have, then damaged byte by byte. All from one seed.
 */
import { createCorpus } from '../../bench/corpus.ts';
import type { FixtureFrame } from '../../bench/scan-fixture.ts';
import {
  below,
  COLUMN_KEYS,
  KEYS,
  NUMBERS,
  OTHER_KEYS,
  oneIn,
  pick,
  type Random,
  SPACES,
  TEXTS,
  TIMES,
  WORDS,
} from './scan-values.ts';

/** A generator of frames. `errors` makes roughly one event in three faulty by construction. */
export function createFrameSource(random: Random): () => FixtureFrame {
  const corpora = [
    createCorpus(random(), 'small'),
    createCorpus(random(), 'medium'),
    createCorpus(random(), 'large'),
  ];
  return () => {
    let body = buildBody(random, corpora);
    if (oneIn(random, 3)) body = damage(random, body);
    return {
      body,
      route: below(random, 3),
      app: below(random, 3),
      transport: below(random, 2),
      receivedDeltaMs: below(random, 100_000),
      ...(oneIn(random, 3) && { address: address(random) }),
      ...(oneIn(random, 3) && { userAgent: userAgent(random) }),
    };
  };
}

function buildBody(random: Random, corpora: ReturnType<typeof createCorpus>[]): Buffer {
  const mark = oneIn(random, 20) ? '\ufeff' : '';
  const before = oneIn(random, 8) ? space(random) : '';
  const after = oneIn(random, 8) ? space(random) : '';
  const count = oneIn(random, 4) ? below(random, 6) : below(random, 3);
  const events = Array.from({ length: count }, () => event(random, corpora));
  const shape = below(random, 10);
  if (shape < 3) return Buffer.from(mark + before + (events[0] ?? '') + after);
  if (shape < 6) return Buffer.from(`${mark}${before}[${join(random, events)}]${after}`);
  if (shape < 8) return Buffer.from(mark + before + envelope(random, events) + after);
  return Buffer.from(mark + before + events.join(pick(random, ['\n', '\n', '\r\n', ' \n\n', ' '])) + after);
}

function join(random: Random, parts: readonly string[]): string {
  const spaced = oneIn(random, 3);
  return parts.map((part) => (spaced ? space(random) + part + space(random) : part)).join(',');
}

function envelope(random: Random, events: readonly string[]): string {
  const fields = Array.from({ length: below(random, 4) }, () => member(random, 1));
  const array = `"${pick(random, ['events', 'batch', 'ev\\u0065nts'])}":[${join(random, events)}]`;
  fields.splice(below(random, fields.length + 1), 0, array);
  if (oneIn(random, 12)) fields.push(`"big":"${'b'.repeat(4060 + below(random, 40))}"`);
  return `{${join(random, fields)}}`;
}

function event(random: Random, corpora: ReturnType<typeof createCorpus>[]): string {
  const kind = below(random, 14);
  if (kind === 0) return value(random, 0);
  if (kind > 11) return familiar(random);
  if (kind < 4) return JSON.stringify(pick(random, corpora).next(), null, oneIn(random, 4) ? 1 : 0);
  const members: string[] = [];
  const minimal = oneIn(random, 2)
    ? ['"event_id":"e"', '"event_type":"t"', '"app_id":"a"', '"device_id":"d"']
    : ['"event":"t"', '"userId":"u"', '"event_type":"t"', '"app_id":"shop"', '"user_id":"u"'];
  if (!oneIn(random, 10)) members.push(...minimal);
  const extra = below(random, 6);
  for (let index = 0; index < extra; index++) members.push(member(random, 1));
  if (oneIn(random, 60)) for (let index = 0; index < 80; index++) members.push(`"m${index}":${index}`);
  if (oneIn(random, 60)) {
    const keys = Array.from(
      { length: 70 },
      (_none, index) => `"n${below(random, 3) === 0 ? index : index + 100}":0`,
    );
    members.push(`"context":{${keys}}`, ...keys.slice(0, 40));
  }
  if (oneIn(random, 3)) members.sort(() => (random() & 1) - 0.5);
  return `{${join(random, members)}}`;
}

/** Sequences of keys that come again and again, so that a scanner may expect them; `@` is an object, `#` an array. */
const FAMILIAR = [
  ['event_id', 'event_type', 'app_id', 'device_id', 'timestamp', 'event_data@', 'context@'],
  ['event_id', 'event_type', 'app_id', 'user_id', 'a', 'k', 'event_data@', 'b#', 'platform'],
  ['event', 'userId', 'timestamp', 'context@', 'properties@', 'k'],
] as const;
const FAMILIAR_INSIDE = ['a', 'b', 'k', '_k', 'eight__8', 'device', 'name'] as const;

/** An event of a familiar sequence, mostly with one key changed, doubled, dropped, moved, spelt or spaced otherwise. */
function familiar(random: Random): string {
  const keys: string[] = [...pick(random, FAMILIAR)];
  const change = below(random, 9);
  const at = below(random, keys.length);
  if (change === 0) keys[at] = pick(random, KEYS);
  else if (change === 1) keys.splice(at, 0, pick(random, keys));
  else if (change === 2) keys.splice(at, 1);
  else if (change === 3) keys.push(...keys.splice(at, 1));
  else if (change === 4) keys[at] = keys[at]!.replace('e', '\\u0065');
  const members = keys.map((key, index) => {
    const isOdd = change > 4 && index === at;
    const name = key.replace(/[@#]$/, '');
    const colon = isOdd && change === 5 ? ' : ' : ':';
    return `"${name}"${colon}${isOdd && change === 6 ? value(random, 1) : familiarValue(random, key)}`;
  });
  return `{${members.join(change === 7 ? ', ' : ',')}}`;
}

function familiarValue(random: Random, key: string): string {
  const inside = () => {
    const keys = FAMILIAR_INSIDE.slice(0, 3 + below(random, 4));
    if (oneIn(random, 6)) keys[below(random, keys.length)] = pick(random, FAMILIAR_INSIDE);
    return `{${keys.map((name) => `"${name}":${pick(random, ['1', '"t"', '2.5', 'true', 'null', '{}', '[]'])}`)}}`;
  };
  if (key.endsWith('@')) return inside();
  if (key.endsWith('#')) return `[${Array.from({ length: below(random, 4) }, inside)}]`;
  if (key === 'timestamp') return pick(random, TIMES);
  return `"${pick(random, ['t', 'shop', 'a b', ''])}"`;
}

function member(random: Random, depth: number): string {
  const key = oneIn(random, 2)
    ? pick(random, COLUMN_KEYS)
    : oneIn(random, 2)
      ? pick(random, OTHER_KEYS)
      : pick(random, KEYS);
  const colon = oneIn(random, 6) ? `${space(random)}:${space(random)}` : ':';
  if (key === 'timestamp' || oneIn(random, 15)) return `"${key}"${colon}${pick(random, TIMES)}`;
  if (oneIn(random, 4) && /^(context|event_data|attribution|properties|campaign|device|app)$/.test(key)) {
    return `"${key}"${colon}${object(random, depth)}`;
  }
  return `"${key}"${colon}${value(random, depth)}`;
}

function object(random: Random, depth: number): string {
  return `{${join(
    random,
    Array.from({ length: below(random, 5) }, () => member(random, depth + 1)),
  )}}`;
}

function value(random: Random, depth: number): string {
  const kind = below(random, depth > 4 ? 8 : 12);
  if (kind < 4) return `"${pick(random, TEXTS)}"`;
  if (kind < 6) return pick(random, NUMBERS.slice(0, oneIn(random, 5) ? NUMBERS.length : 10));
  if (kind < 7) return oneIn(random, 5) ? pick(random, WORDS) : pick(random, WORDS.slice(0, 3));
  if (kind < 8) return oneIn(random, 40) ? deep(random) : String(random());
  if (kind < 10) return object(random, depth);
  return `[${join(
    random,
    Array.from({ length: below(random, 4) }, () => value(random, depth + 1)),
  )}]`;
}

function deep(random: Random): string {
  const levels = 58 + below(random, 10);
  const open = pick(random, ['[', '{"a":']);
  return `${open.repeat(levels)}0${(open === '[' ? ']' : '}').repeat(levels)}`;
}

function space(random: Random): string {
  return pick(random, SPACES);
}

function address(random: Random): number[] {
  const length = oneIn(random, 2) ? 4 : oneIn(random, 10) ? 7 : 16;
  return Array.from({ length }, () => (oneIn(random, 2) ? 0 : oneIn(random, 4) ? 255 : below(random, 256)));
}

function userAgent(random: Random): Buffer {
  if (oneIn(random, 2)) return Buffer.from('Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101');
  const length = below(random, 24);
  const alphabet = [
    0x22, 0x5c, 0x0a, 0x1f, 0x41, 0x7f, 0x80, 0xbf, 0xc1, 0xc2, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xf5,
  ];
  return Buffer.from(
    Array.from({ length }, () => (oneIn(random, 3) ? below(random, 256) : pick(random, alphabet))),
  );
}

/** Bytes that matter to a scanner, for mutations. */
const NASTY_BYTES = Buffer.from(
  '"\\{}[]:, \n\r\t\x00\x01\x1f\x0c\x7f\x80\xbf\xc0\xc3\xed\xa0\xf5\xff-+.eEu0129tfn_',
  'latin1',
);

/** The body with a few bytes changed, dropped, added, doubled or cut. */
export function damage(random: Random, body: Buffer): Buffer {
  let bytes = [...body];
  const rounds = 1 + below(random, 3);
  for (let round = 0; round < rounds; round++) {
    const at = below(random, bytes.length + 1);
    const kind = below(random, 8);
    if (kind < 3) bytes[Math.min(at, Math.max(0, bytes.length - 1))] = pick(random, [...NASTY_BYTES]);
    else if (kind === 3) bytes.splice(at, 1 + below(random, 3));
    else if (kind === 4) bytes.splice(at, 0, pick(random, [...NASTY_BYTES]));
    else if (kind === 5) bytes = bytes.slice(0, at);
    else if (kind === 6) bytes.splice(at, 0, ...bytes.slice(at, at + below(random, 12)));
    else if (bytes.length > 0) bytes[at % bytes.length] = below(random, 256);
  }
  return Buffer.from(bytes);
}
