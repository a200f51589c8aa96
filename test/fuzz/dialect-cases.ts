/**
 * Tables made at random of all that the language of dialects can say, and bodies shaped after them: their paths, the
 * texts of their guards and prefixes, keys that meet. From one seed; bytes are then damaged as in scan-cases.ts.
 */
import type { FixtureFrame } from '../../bench/scan-fixture.ts';
import { compileDialect } from '../../src/dialects/compile.ts';
import type { Dialect, EachPart, Guard, Guards, Literal, Part, Source } from '../../src/dialects/dialect.ts';
import { Shape } from '../../src/dialects/dialect.ts';
import { CLIENT_COLUMNS, ColumnKind } from '../../src/event.ts';
import { below, oneIn, pick, type Random } from './scan-values.ts';

const some = <Item>(random: Random, most: number, make: () => Item): Item[] =>
  Array.from({ length: below(random, most + 1) }, make);

/** A table with the texts of a route: what a program is compiled of. */
export interface Table {
  readonly dialect: Dialect;
  readonly shape: Shape;
  readonly defaults: Readonly<Record<string, string>>;
}

const EVENT_PATHS = [
  'id',
  'type',
  'event',
  'who',
  'dev',
  'kind',
  'ts',
  'sent',
  'key',
  'ctx',
  'ctx.x',
  'ctx.lib.name',
  'props',
  'props.c',
  'props.$x',
  'camp',
  'camp.src',
  'camp.page.ref',
  'event_id',
  'platform',
  'timestamp',
  'context',
  'event_data',
];
const ENVELOPE_PATHS = ['^sent', '^key', '^meta', '^meta.y', '^ctx', '^platform'];
const SENT_PATHS = ['sent', '^sent', 'ts', 'event', '^meta.y'];
const LITERALS: readonly Literal[] = ['track', 'web', '', '$direct', 'caf\u00e9', true, false, -1, 0, 1.5];
const PREFIXES = ['$device:', 'u:', 'tr', 'w'];
const MEMBER_KEYS = [
  'a',
  'b',
  'utm_a',
  'utm_b',
  '_utm_a',
  '__utm_a',
  'src',
  'name',
  'c',
  '$x',
  'gclid',
  'gclid2',
];
/** Keys as bodies spell them, which no table names. */
const BODY_KEYS = ['\\ud800', '\\u0075tm_\\ud83d', 'a \\" b', 'caf\u00e9a', '\\u0063af\\u00e9b'];

/** A table without contradictions. */
export function createTable(random: Random): Table {
  for (;;) {
    const table = tryTable(random);
    try {
      compileDialect(table.dialect, table.shape, table.defaults);
      return table;
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('dialect fuzz: ')) throw error;
    }
  }
}

function tryTable(random: Random): Table {
  const columns: Record<string, unknown> = {};
  for (const { name, kind } of CLIENT_COLUMNS) {
    if (oneIn(random, 6)) continue;
    if (kind !== ColumnKind.object) columns[name] = some(random, 3, () => source(random, name));
    else if (oneIn(random, 2)) columns[name] = some(random, 2, () => path(random));
    else columns[name] = { compose: some(random, 4, () => part(random)) };
  }
  const defaultPath = pick(random, EVENT_PATHS);
  return {
    dialect: {
      name: 'fuzz',
      routes: [],
      envelopeKeys: pick(random, [['batch'], ['events'], ['batch', 'props']]),
      columns,
      ...(!oneIn(random, 3) && { lenient: true }),
      ...(oneIn(random, 2) && { sentAt: some(random, 2, () => pick(random, SENT_PATHS)) }),
      ...(oneIn(random, 2) && {
        secrets: some(random, 2, () => pick(random, ['key', '^key', '^sent', 'who'])),
      }),
      ...(oneIn(random, 3) && { direct: guards(random) }),
      ...(oneIn(random, 4) && { batchEventsMax: 1 + below(random, 8) }),
      rest: pick(random, ['context', 'context', 'event_data', 'attribution'] as const),
      required: pick(random, [
        [],
        [],
        ['event_type'],
        ['event_type', 'app_id', ['device_id', 'user_id']],
      ] as const),
    },
    shape: oneIn(random, 4) ? Shape.single : Shape.batch,
    defaults: oneIn(random, 4) ? { [defaultPath]: pick(random, ['track', 'web', 'u:x', '$device:y']) } : {},
  };
}

function path(random: Random): string {
  return oneIn(random, 5) ? pick(random, ENVELOPE_PATHS) : pick(random, EVENT_PATHS);
}

function source(random: Random, column: string): Source {
  const kind = below(random, 8);
  const when = oneIn(random, 3) && { when: guards(random) };
  if (kind === 0) return { constant: pick(random, ['web', 'caf\u00e9 "q"', '1']), ...when };
  if (kind === 1) return { path: path(random), after: pick(random, PREFIXES), ...when };
  if (kind === 2) return { path: path(random), unless: pick(random, PREFIXES), ...when };
  if (kind === 3 && column === 'timestamp') {
    return { path: pick(random, ['ts', 'timestamp', '^sent']), exact: true, ...when };
  }
  // A time is mostly looked for where times stand.
  if (column === 'timestamp' && !oneIn(random, 3))
    return { path: pick(random, ['ts', 'timestamp']), ...when };
  return when === false ? path(random) : { path: path(random), ...when };
}

function guards(random: Random): Guards {
  return oneIn(random, 3) ? [guard(random), guard(random)] : guard(random);
}

function guard(random: Random): Guard {
  const literals = [pick(random, LITERALS), ...some(random, 2, () => pick(random, LITERALS))];
  return { path: path(random), [oneIn(random, 2) ? 'is' : 'isNot']: literals };
}

function part(random: Random): Part {
  const when = oneIn(random, 3) && { when: guards(random) };
  if (oneIn(random, 2)) {
    return { member: path(random), ...(oneIn(random, 2) && { as: pick(random, MEMBER_KEYS) }), ...when };
  }
  const each: EachPart = {
    each: pick(random, ['props', 'ctx', 'camp', '^meta', 'camp.page', 'event_data']),
    ...(oneIn(random, 2) && { prefix: pick(random, ['utm_', '_', 'caf\u00e9']) }),
    ...(oneIn(random, 3) && { keys: [pick(random, MEMBER_KEYS), pick(random, ['utm_*', '$*', '*'])] }),
    ...(oneIn(random, 3) && { isNot: [pick(random, [...LITERALS, null]), null] }),
    ...(oneIn(random, 2) && { rename: { [pick(random, MEMBER_KEYS)]: pick(random, MEMBER_KEYS) } }),
  };
  return { ...each, ...when };
}

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
    const isTime = /^(ts|sent|timestamp)$/.test(key) && !oneIn(random, 6);
    const value = isTime
      ? pick(random, TIMES)
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
