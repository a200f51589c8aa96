/**
 * Bodies shaped after the tables of dialect-cases.ts: their paths, the texts of their guards and prefixes, keys that
 * meet. From one seed; bytes are then damaged as in scan-cases.ts.
 */
import type { FixtureFrame } from '../../bench/scan-fixture.ts';
import { Shape } from '../../src/dialects/dialect.ts';
import { ENVELOPE_PATHS, EVENT_PATHS, MEMBER_KEYS, some, type Table } from './dialect-cases.ts';
import { ADDRESSES, AGENTS, below, oneIn, pick, type Random } from './scan-words.ts';

/** Keys as bodies spell them, which no table names. */
const BODY_KEYS = ['\\ud800', '\\u0075tm_\\ud83d', 'a \\" b', 'caf\u00e9a', '\\u0063af\\u00e9b'];
const TEXTS = [
  '',
  'x',
  'track',
  'true',
  '-1',
  '1.5',
  'tr\\u0061ck',
  'web',
  'caf\u00e9',
  'caf\\u00e9',
  '$direct',
  '$device:d-1',
  '$device:',
  '\\u0024device:d',
  'u:\\u0075',
  'u:a b\\ud800',
  'shop',
  '\\\\"'.slice(0, 2),
  '\\"{}[],:',
  'z'.repeat(63),
  'z'.repeat(65),
  `u:${'z'.repeat(64)}`,
  'y'.repeat(129),
  'y'.repeat(257),
  '\\u0041'.repeat(70),
];
const NUMBERS = [
  '0',
  '-1',
  '1.5',
  '-1.0',
  '12',
  '9007199254740993',
  '1e3',
  '1.50',
  '1749472215250',
  '1749400000',
];
const TIMES = [
  '"2025-06-09T12:30:15.250Z"',
  '"2025-06-09T12:29:15.249Z"',
  '"2025-06-09T12:29:15.250Z"',
  '"2025-06-09T12:31:15.250Z"',
  '"2025-06-09T12:31:15.251Z"',
  '"2025-06-09T13:30:15.250Z"',
  '"2025-06-10T12:30:15.250Z"',
  '"2025-06-10T12:30:15.251Z"',
  '"2025-06-12"',
  '"2024-05-06T07:08:09.123Z"',
  '"2024-05-06T07:08:09.12\\u0033Z"',
  '"2000-01-01T00:00:01Z"',
  '"2099-12-31T23:59:59.999Z"',
  '"1999-01-01"',
  '1749472215250',
  '1749472155.25',
  '"1749472215"',
  '"garbage"',
  '""',
];

/** A generator of frames for these tables, whose programs are the routes in this order. */
export function createTableFrames(random: Random, tables: readonly Table[]): () => FixtureFrame {
  return () => {
    const route = below(random, tables.length);
    return {
      body: Buffer.from(body(random, tables[route] as Table)),
      route,
      app: below(random, 3),
      transport: below(random, 2),
      receivedDeltaMs: below(random, 3) * 40_000,
      ...(oneIn(random, 3) && { address: [203, 0, 113, below(random, 256)] }),
      ...(oneIn(random, 3) && { userAgent: 'Agent/1.0' }),
    };
  };
}

function body(random: Random, table: Table): string {
  const events = Array.from({ length: 1 + below(random, 4) }, () => eventText(random, EVENT_PATHS));
  const shape = below(random, 8);
  if (table.shape === Shape.single || shape === 0) return events[0] ?? '';
  if (shape === 1) return `[${events.join(gap(random, ','))}]`;
  if (shape === 2) return events.join('\n');
  const fields = members(
    random,
    ENVELOPE_PATHS.map((name) => name.slice(1)),
  );
  const array = `"${pick(random, table.dialect.envelopeKeys)}":[${events.join(gap(random, ','))}]`;
  fields.splice(below(random, fields.length + 1), 0, array);
  return `{${fields.join(',')}}`;
}

function eventText(random: Random, paths: readonly string[]): string {
  const fields = [...members(random, paths)];
  if (!oneIn(random, 4)) fields.push(`"event_type":"t"`, `"app_id":"shop"`, `"user_id":"u"`);
  if (oneIn(random, 3)) fields.sort(() => (random() & 1) - 0.5);
  return `{${fields.join(gap(random, ','))}}`;
}

/** Keys under which tables look for objects. */
const OBJECT_KEYS = /^(ctx|props|camp|meta|page|lib|context|event_data)$/;

/** Members for a choice of paths, those that share their first key in one object. */
function members(random: Random, paths: readonly string[]): string[] {
  const groups = new Map<string, string[]>();
  for (const name of paths) {
    if (!oneIn(random, 2)) continue;
    const dot = name.indexOf('.');
    const first = dot < 0 ? name : name.slice(0, dot);
    const group = groups.get(first) ?? [];
    groups.set(first, group);
    if (dot >= 0) group.push(name.slice(dot + 1));
  }
  return [...groups].map(([key, inner]) => {
    const claimed = /^\$?ip$/.test(key) ? ADDRESSES : key === 'ua' ? AGENTS : undefined;
    const isTime = /^(ts|sent|timestamp)$/.test(key) && !oneIn(random, 6);
    const value = isTime
      ? pick(random, TIMES)
      : claimed !== undefined && !oneIn(random, 6)
        ? `"${pick(random, claimed)}"`
        : inner.length > 0 && !oneIn(random, 8)
          ? `{${[...members(random, inner), ...memberList(random, inner)].join(gap(random, ','))}}`
          : OBJECT_KEYS.test(key) && !oneIn(random, 8)
            ? `{${memberList(random).join(gap(random, ','))}}`
            : oneIn(random, 3)
              ? anyValue(random)
              : `"${pick(random, TEXTS)}"`;
    return `${keyText(random, key)}${gap(random, ':')}${value}`;
  });
}

function anyValue(random: Random): string {
  const kind = below(random, 12);
  if (kind < 5) return `"${pick(random, TEXTS)}"`;
  if (kind < 7) return pick(random, NUMBERS);
  if (kind < 8) return pick(random, ['true', 'false', 'null']);
  if (kind < 9) return pick(random, TIMES);
  if (kind < 11) return `{${memberList(random).join(gap(random, ','))}}`;
  return `[${some(random, 2, () => pick(random, NUMBERS)).join(',')}]`;
}

/** Members whose keys a part may select, rename or meet, beside members for the paths `others`. */
function memberList(random: Random, others: readonly string[] = []): string[] {
  const keys = new Set(some(random, 6, () => pick(random, MEMBER_KEYS)));
  if (oneIn(random, 8)) keys.add(pick(random, BODY_KEYS));
  if (!oneIn(random, 20)) for (const other of others) keys.delete(other.split('.', 1)[0] ?? '');
  if (oneIn(random, 30)) for (let index = 0; index < 70; index++) keys.add(`k${index}`);
  return [...keys].map((key) => {
    const value = oneIn(random, 6) ? anyValue(random) : `"${pick(random, TEXTS)}"`;
    return `${keyText(random, key)}${gap(random, ':')}${value}`;
  });
}

/** A key, now and then with its first letter escaped. */
function keyText(random: Random, key: string): string {
  if (key.startsWith('\\') || !oneIn(random, 12)) return `"${key}"`;
  const code = key.charCodeAt(0).toString(16).padStart(4, '0');
  return `"\\u${code}${key.slice(1)}"`;
}

function gap(random: Random, mark: string): string {
  return oneIn(random, 6) ? ` ${mark} ` : mark;
}
