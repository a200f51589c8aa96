/**
 * Frames for the differential fuzzer: events built from what hurts scanners (strings, numbers, keys, depths,
 * duplicates, unknown fields), in every shape that a body can have, then damaged byte by byte. All from one seed.
 */
import { type Corpus, createCorpus } from '../../bench/corpus.ts';
import { CLIENT_COLUMNS } from '../../src/event.ts';
import { ReasonNumber } from '../../src/outcome.ts';
import { PROGRAMS } from '../scan/harness.ts';
import type { FuzzFrame } from './scan-compare.ts';
import { familiar } from './scan-familiar.ts';
import {
  ADDRESSES,
  AGENTS,
  below,
  COLUMN_KEYS,
  FALSE_SPACES,
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
} from './scan-words.ts';

/** Reasons with which a frame comes to the scanner: decompression refused it. */
const EARLIER_REASONS = [
  ReasonNumber.invalid_compression,
  ReasonNumber.body_too_large,
  ReasonNumber.overloaded,
];

/** A generator of frames: one in three is damaged, and about one event in three is faulty by construction. */
export function createFrameSource(random: Random): () => FuzzFrame {
  const corpora = [
    createCorpus(random(), 'small'),
    createCorpus(random(), 'medium'),
    createCorpus(random(), 'large'),
  ];
  return () => {
    const { body, shape } = buildBody(random, corpora);
    return {
      body: oneIn(random, 3) ? damage(random, body) : body,
      shape,
      route: below(random, PROGRAMS.length),
      app: below(random, 3),
      transport: below(random, 2),
      receivedDeltaMs: below(random, 100_000),
      ...(oneIn(random, 3) && { address: address(random) }),
      ...(oneIn(random, 3) && { userAgent: userAgent(random) }),
      ...(oneIn(random, 4) && { isInArena: true }),
      ...(oneIn(random, 100) && { reason: pick(random, EARLIER_REASONS) }),
    };
  };
}

interface Built {
  readonly body: Buffer;
  readonly shape: NonNullable<FuzzFrame['shape']>;
}

function buildBody(random: Random, corpora: readonly Corpus[]): Built {
  const mark = oneIn(random, 20) ? '\ufeff' : '';
  const before = oneIn(random, 8) ? space(random) : '';
  const after = oneIn(random, 8) ? space(random) : '';
  const count = oneIn(random, 4) ? below(random, 6) : 1 + below(random, 3);
  const events = Array.from({ length: count }, () => event(random, corpora));
  const kind = below(random, 10);
  const build = (shape: Built['shape'], text: string): Built => ({
    body: Buffer.from(mark + before + text + after),
    shape,
  });
  if (kind < 3) return build('single', events[0] ?? '');
  if (kind < 6) return build('array', `[${join(random, events)}]`);
  if (kind < 8) return build('envelope', envelope(random, events));
  return build('ndjson', events.join(pick(random, ['\n', '\n', '\r\n', ' \n\n', ' '])));
}

function join(random: Random, parts: readonly string[]): string {
  const spaced = oneIn(random, 3);
  return parts.map((part) => (spaced ? space(random) + part + space(random) : part)).join(',');
}

function envelope(random: Random, events: readonly string[]): string {
  const fields = Array.from({ length: below(random, 4) }, () => member(random, 1));
  if (oneIn(random, 60)) fields.push(`"deep":${deep(random)}`);
  if (oneIn(random, 60)) fields.push(`"huge":${pick(random, ['1e308', '1e309', '-1e309'])}`);
  const array = `"${pick(random, ['events', 'batch', 'ev\\u0065nts'])}":[${join(random, events)}]`;
  fields.splice(below(random, fields.length + 1), 0, array);
  if (oneIn(random, 12)) fields.push(`"big":"${'b'.repeat(4060 + below(random, 40))}"`);
  return `{${join(random, fields)}}`;
}

function event(random: Random, corpora: readonly Corpus[]): string {
  const kind = below(random, 18);
  if (kind === 0) return value(random, 0);
  if (kind > 13) return familiar(random, value);
  if (kind < 4) return JSON.stringify(pick(random, corpora).next(), null, oneIn(random, 4) ? 1 : 0);
  const members: string[] = [];
  const minimal = oneIn(random, 2)
    ? ['"event_id":"e"', '"event_type":"t"', '"app_id":"a"', '"device_id":"d"']
    : ['"event":"t"', '"userId":"u"', '"event_type":"t"', '"app_id":"shop"', '"user_id":"u"'];
  if (oneIn(random, 8)) minimal.splice(below(random, minimal.length), 1);
  if (!oneIn(random, 20)) members.push(...minimal);
  const extra = below(random, 6);
  for (let index = 0; index < extra; index++) members.push(member(random, 1));
  if (oneIn(random, 4)) members.push(...claims(random));
  if (oneIn(random, 60)) for (let index = 0; index < 80; index++) members.push(`"m${index}":${index}`);
  if (oneIn(random, 60)) {
    const keys = Array.from(
      { length: 70 },
      (_none, index) => `"n${below(random, 3) === 0 ? index : index + 100}":0`,
    );
    members.push(
      `"context":{${oneIn(random, 3) ? keys : [...new Set(keys)]}}`,
      ...new Set(keys.slice(0, 40)),
    );
  }
  if (oneIn(random, 3)) members.sort(() => (random() & 1) - 0.5);
  return `{${join(random, unlikeKeys(random, members))}}`;
}

/** What an event says of its own address and user agent, in itself or in its context. */
function claims(random: Random): string[] {
  const own = [
    ...(oneIn(random, 3) ? [] : [`"ip":"${pick(random, ADDRESSES)}"`]),
    ...(oneIn(random, 3) ? [] : [`"${pick(random, ['user_agent', 'userAgent'])}":"${pick(random, AGENTS)}"`]),
  ];
  return oneIn(random, 2) ? own : [`"context":{${join(random, own)}}`];
}

/** The members without those whose key, as it is spelt, stood before; now and then all of them. */
function unlikeKeys(random: Random, members: readonly string[]): readonly string[] {
  if (oneIn(random, 12)) return members;
  const byKey = new Map(members.map((text) => [text.slice(0, text.indexOf('"', 1)), text]));
  return [...byKey.values()];
}

const KEY_KINDS = new Map<string, string>(CLIENT_COLUMNS.map(({ name, kind }) => [name, kind]));
for (const key of ['messageId', 'event', 'type', 'anonymousId', 'userId', 'name', 'id'])
  KEY_KINDS.set(key, 'text');
for (const key of ['properties', 'campaign', 'device', 'app']) KEY_KINDS.set(key, 'object');

function member(random: Random, depth: number): string {
  const key = oneIn(random, 2)
    ? pick(random, COLUMN_KEYS)
    : oneIn(random, 2)
      ? pick(random, OTHER_KEYS)
      : pick(random, KEYS);
  const colon = oneIn(random, 6) ? `${space(random)}:${space(random)}` : ':';
  return `"${key}"${colon}${fittingValue(random, key, depth)}`;
}

/** A value of the kind that the key's column takes; one in eight of any kind. */
function fittingValue(random: Random, key: string, depth: number): string {
  const kind = oneIn(random, 8) ? undefined : KEY_KINDS.get(key);
  if (kind === 'object') return object(random, depth);
  if (key === 'ip' && !oneIn(random, 8)) return `"${pick(random, ADDRESSES)}"`;
  if (/^user_?agent$/i.test(key) && !oneIn(random, 8)) return `"${pick(random, AGENTS)}"`;
  if (kind === 'timestamp') return pick(random, oneIn(random, 3) ? TIMES : TIMES.slice(0, 11));
  if (kind === 'text') return `"${oneIn(random, 3) ? pick(random, TEXTS) : pick(random, TEXTS.slice(1, 8))}"`;
  return oneIn(random, 30) ? pick(random, TIMES) : value(random, depth);
}

function object(random: Random, depth: number): string {
  const members = Array.from({ length: below(random, depth > 3 ? 2 : 5) }, () => member(random, depth + 1));
  return `{${join(random, unlikeKeys(random, members))}}`;
}

function value(random: Random, depth: number): string {
  const kind = below(random, depth > 4 ? 8 : 12);
  if (kind < 4) return `"${pick(random, TEXTS)}"`;
  if (kind < 6) return pick(random, NUMBERS.slice(0, oneIn(random, 20) ? NUMBERS.length : 10));
  if (kind < 7) return oneIn(random, 20) ? pick(random, WORDS) : pick(random, WORDS.slice(0, 3));
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
  return oneIn(random, 150) ? pick(random, FALSE_SPACES) : pick(random, SPACES);
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

/** The body with a few bytes changed, dropped, added, doubled or cut; a copy. */
export function damage(random: Random, body: Buffer): Buffer {
  let bytes: Buffer = Buffer.from(body);
  const rounds = oneIn(random, 3) ? 1 + below(random, 3) : 1;
  for (let round = 0; round < rounds; round++) {
    const at = below(random, bytes.length + 1);
    const kind = below(random, 8);
    const nasty = NASTY_BYTES[below(random, NASTY_BYTES.length)]!;
    // A byte set behind the end is not set.
    if (kind < 3) bytes[Math.min(at, bytes.length - 1)] = nasty;
    else if (kind === 3) bytes = splice(bytes, at, 1 + below(random, 3), NOTHING);
    else if (kind === 4) bytes = splice(bytes, at, 0, Buffer.of(nasty));
    else if (kind === 5) bytes = bytes.subarray(0, at);
    else if (kind === 6) bytes = splice(bytes, at, 0, bytes.subarray(at, at + below(random, 12)));
    else if (bytes.length > 0) bytes[at % bytes.length] = below(random, 256);
  }
  return bytes;
}

const NOTHING = Buffer.alloc(0);

function splice(bytes: Buffer, at: number, dropped: number, added: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + dropped)]);
}
