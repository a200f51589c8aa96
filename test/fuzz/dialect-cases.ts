/** Tables made at random of all that the language of dialects can say, from one seed. Their bodies: dialect-bodies.ts. */
import { compileDialect } from '../../src/dialects/compile.ts';
import {
  type Claim,
  type Dialect,
  type EachPart,
  type Guard,
  type Guards,
  type Literal,
  type Part,
  Shape,
  type Source,
} from '../../src/dialects/dialect.ts';
import { CLIENT_COLUMNS, ColumnKind } from '../../src/event.ts';
import { below, oneIn, pick, type Random } from './scan-words.ts';

export const some = <Item>(random: Random, most: number, make: () => Item): Item[] =>
  Array.from({ length: below(random, most + 1) }, make);

/** A table with the texts of a route: what a program is compiled of. */
export interface Table {
  readonly dialect: Dialect;
  readonly shape: Shape;
  readonly defaults: Readonly<Record<string, string>>;
  /** Its events say their own address and user agent. */
  readonly takesClaims?: boolean;
}

export const EVENT_PATHS = [
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
  'ip',
  'ctx.ip',
  'props.$ip',
  'ua',
  'ctx.ua',
];
const CLAIM_PATHS = ['ip', 'ip', 'ctx.ip', 'props.$ip', 'ua', 'ua', 'ctx.ua', 'who', 'platform'];
export const ENVELOPE_PATHS = ['^sent', '^key', '^meta', '^meta.y', '^ctx', '^platform'];
const SENT_PATHS = ['sent', '^sent', 'ts', 'event', '^meta.y'];
const LITERALS: readonly Literal[] = ['track', 'web', '', '$direct', 'caf\u00e9', true, false, -1, 0, 1.5];
const PREFIXES = ['$device:', 'u:', 'tr', 'w'];
export const MEMBER_KEYS = [
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

/** A table without contradictions. */
export function createTable(random: Random): Table {
  for (;;) {
    const table = tryTable(random);
    try {
      compileDialect(table.dialect, table.shape, table.defaults, table.takesClaims);
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
      claims: {
        ip: some(random, 3, () => claim(random)),
        user_agent: some(random, 3, () => claim(random)),
      },
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
    takesClaims: oneIn(random, 2),
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

function claim(random: Random): Claim {
  const from = pick(random, CLAIM_PATHS);
  return oneIn(random, 4) ? { path: from, when: guards(random) } : from;
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
