/** Tables that cannot be meant as they stand are faults of the build, named with dialect and path. */
import { describe, expect, it } from 'vitest';
import { compileDialect } from '../../src/dialects/compile.ts';
import type { Dialect, Part, Source } from '../../src/dialects/dialect.ts';
import { penstock } from '../../src/dialects/penstock.ts';
import { segment } from '../../src/dialects/segment.ts';
import { CLIENT_COLUMNS, ColumnIndex } from '../../src/event.ts';
import {
  PROGRAM_GUARDS_MAX,
  PROGRAM_LITERALS_MAX,
  PROGRAM_PARTS_MAX,
  PROGRAM_SLOTS_MAX,
  PROGRAM_SOURCES_MAX,
} from '../../src/limits.ts';
import { tableWith } from './harness.ts';

function compile(changes: Partial<Dialect>, defaults?: Record<string, string>) {
  return compileDialect(tableWith(changes), 'batch', defaults);
}
const platform = (...sources: Source[]) => ({ columns: { platform: sources } });
const composed = (...compose: Part[]) => ({ columns: { event_data: { compose } } });
const many = <Item>(count: number, make: (index: number) => Item) =>
  Array.from({ length: count }, (_none, index) => make(index));

describe('a program', () => {
  it('has one slot for a path, however many read it, those of the envelope behind the event’s', () => {
    const program = compile({
      columns: {
        event_id: [{ path: 'type', when: { path: '^a.b', is: ['x'] } }, '^c'],
        event_type: [{ path: 'event', when: { path: 'type', is: ['track'] } }, 'type'],
      },
      secrets: ['^key'],
    });
    expect(program.fields.slice(0, 2)).toEqual(['type', 'event']);
    expect(program.fields.slice(program.eventSlotCount)).toEqual(['^a.b', '^c', '^key']);
    expect(new Set(program.fields).size).toBe(program.fields.length);
    expect(program.slots.length).toBe(program.fields.length);
  });
  it('gives guards bits, equal ones the same', () => {
    const isTrack = { path: 'type', is: ['track'] };
    const isWeb = { path: 'type', isNot: ['web'] };
    const program = compile(
      platform({ path: 'a', when: isTrack }, { path: 'b', when: [isTrack, isWeb] }, { constant: 'c' }),
    );
    expect(program.guards.length).toBe(2);
    expect(program.columns[ColumnIndex.platform]?.sources.map(({ guards }) => guards)).toEqual([1, 3, 0]);
  });
  it('is plain when nothing but bare paths stands in the table', () => {
    expect(compileDialect(penstock, 'batch').isPlain).toBe(true);
    expect(compileDialect(segment, 'batch').isPlain).toBe(false);
    for (const changes of [
      { lenient: true },
      { sentAt: ['sent'] },
      { secrets: ['key'] },
      { direct: { path: 'a', is: [true] } },
      platform({ constant: 'x' }),
      platform({ path: 'x', after: 'y' }),
      platform({ path: 'x', unless: 'y' }),
      platform({ path: 'x', when: { path: 'y', is: ['z'] } }),
      composed({ member: 'x' }),
    ]) {
      expect([changes, compile(changes).isPlain]).toEqual([changes, false]);
    }
  });
  it('knows for each column which slot is missing when it is required', () => {
    const required = compile({
      ...platform({ constant: 'a', when: { path: 'b', is: ['c'] } }, 'd'),
      required: ['platform', ['app_version', 'user_id']],
    }).required;
    expect(required.map(({ columns }) => columns.map((index) => CLIENT_COLUMNS[index]?.name))).toEqual([
      ['platform'],
      ['app_version', 'user_id'],
    ]);
    const program = compile({ required: ['platform'] });
    expect(program.fields[program.required[0]?.slot ?? -1]).toBe('platform');
  });
  it('holds the text of a route behind the path’s source, and in guards where the path is absent', () => {
    const table = {
      columns: {
        event_type: [{ path: 'event', when: { path: 'type', is: ['track'] } }, 'type'],
      },
    };
    const { columns, guards } = compile(table, { type: 'track' });
    const sources = columns[ColumnIndex.event_type]?.sources ?? [];
    expect(sources.map(({ constant }) => Buffer.from(constant).toString())).toEqual(['', '', '"track"']);
    expect(guards[0]?.matchesAbsent).toBe(true);
    expect(compile(table, { type: 'page' }).guards[0]?.matchesAbsent).toBe(false);
    expect(compile(table).columns[ColumnIndex.event_type]?.sources.length).toBe(2);
  });
  it('cuts the text of a route as it cuts those of bodies', () => {
    const constants = (source: Source) =>
      compile(platform(source), { x: 'os:ios' }).columns[ColumnIndex.platform]?.sources.map(({ constant }) =>
        Buffer.from(constant).toString(),
      );
    expect(constants({ path: 'x', after: 'os:' })).toEqual(['', '"ios"']);
    expect(constants({ path: 'x', after: 'web:' })).toEqual(['']);
    expect(constants({ path: 'x', unless: 'os:' })).toEqual(['']);
    expect(constants({ path: 'x', unless: 'web:' })).toEqual(['', '"os:ios"']);
  });
});

describe('a table that contradicts itself is refused', () => {
  const refused: readonly (readonly [
    message: string,
    changes: Partial<Dialect>,
    defaults?: Record<string, string>,
  ])[] = [
    ['x: platform: stands twice', platform('x', 'x')],
    ['x: platform: stands twice', platform('x', { path: 'x', after: 'y' })],
    ['y: platform: stands behind "x", which is always there', platform({ constant: 'x' }, 'y')],
    ['"": platform: takes 1 to 64 bytes', platform({ constant: '' })],
    [`platform: takes 1 to 64 bytes`, platform({ constant: 'x'.repeat(65) })],
    ['"u": user_id: takes no constant', { columns: { user_id: [{ constant: 'u' }] } }],
    ['"d": device_id: takes no constant', { columns: { device_id: [{ constant: 'd' }] } }],
    ['"e": event_id: takes no constant', { columns: { event_id: [{ constant: 'e' }] } }],
    ['"1": timestamp: takes no constant', { columns: { timestamp: [{ constant: '1' }] } }],
    ['"u": user_id: takes no constant', {}, { user_id: 'u' }],
    ['nowhere: no source or guard reads it', {}, { nowhere: 'u' }],
    ['a..b: has an empty key', platform('a..b')],
    ['^: has an empty key', platform('^')],
    [': has an empty key', platform('')],
    ['^events: is where the events of the envelope stand', platform('^events')],
    ['^events.x: is where the events of the envelope stand', platform('^events.x')],
    ['x: a guard says `is` or `isNot`, and of what', platform({ path: 'y', when: { path: 'x' } })],
    ['x: a guard says `is` or `isNot`, and of what', platform({ path: 'y', when: { path: 'x', is: [] } })],
    [
      'x: a guard says `is` or `isNot`, and of what',
      platform({ path: 'y', when: { path: 'x', is: ['a'], isNot: ['b'] } }),
    ],
    ['x: no body holds NaN', platform({ path: 'y', when: { path: 'x', is: [Number.NaN] } })],
    ['x: platform: `exact` is said of times', platform({ path: 'x', exact: true })],
    [
      'x: timestamp: `after` and `unless` are said of texts',
      { columns: { timestamp: [{ path: 'x', after: 'y' }] } },
    ],
    ...['', 'a"b', 'a/b', 'a\\b', 'caf\u00e9', 'a\n'].map(
      (after) =>
        [
          'x: platform: a prefix is of printable ASCII without quote, slash and backslash',
          platform({ path: 'x', after }),
        ] as const,
    ),
    ['x: platform: a prefix is of', platform({ path: 'x', unless: '"' })],
    ['x: event_data: stands twice', { columns: { event_data: ['x', 'x'] } }],
    ['x: takes no key at all', composed({ each: 'x', keys: [] })],
    ['x: key "a\\"b" would have to be escaped', composed({ member: 'x', as: 'a"b' })],
    ['x: key "\\n" would have to be escaped', composed({ each: 'x', prefix: '\n' })],
    ['x: key "\\\\" would have to be escaped', composed({ each: 'x', rename: { y: '\\' } })],
    ['a.b: a secret is a field of the root', { secrets: ['a.b'] }],
    ['events: holds the events of an envelope', { secrets: ['events'] }],
    ['platform: is kept in a column; a secret may fill app_id only', { secrets: ['platform'] }],
    ['x: is kept in a column; a secret may fill app_id only', { ...composed({ each: 'x' }), secrets: ['x'] }],
    ['x: is kept in part', { ...platform('x.y'), secrets: ['x'] }],
    ['sent: there is no timestamp to correct', { columns: { timestamp: [] }, sentAt: ['sent'] }],
    ['batchEventsMax: is a count of events', { batchEventsMax: 0.5 }],
    [
      'event_data: a composed column may always be empty',
      { ...composed({ member: 'x' }), required: ['event_data'] },
    ],
    [
      `is one of more than ${PROGRAM_SLOTS_MAX} paths`,
      platform(...many(PROGRAM_SLOTS_MAX, (index) => `p${index}`)),
    ],
    [
      `has one of more than ${PROGRAM_GUARDS_MAX} guards`,
      platform(
        ...many(PROGRAM_GUARDS_MAX + 1, (index) => ({ path: `p${index}`, when: { path: 'x', is: [index] } })),
      ),
    ],
    [
      `more than ${PROGRAM_SOURCES_MAX} sources`,
      platform(
        ...many(PROGRAM_SOURCES_MAX + 1, (index) => ({
          constant: `p${index}`,
          when: { path: 'x', is: ['y'] },
        })),
      ),
    ],
    [
      `more than ${PROGRAM_PARTS_MAX} parts`,
      composed(...many(PROGRAM_PARTS_MAX + 1, (index) => ({ member: 'x', as: `p${index}` }))),
    ],
    [
      `x: brings more than ${PROGRAM_LITERALS_MAX} texts to compare with`,
      composed({ each: 'x', keys: many(PROGRAM_LITERALS_MAX + 1, (index) => `p${index}`) }),
    ],
  ];
  it.each(refused.map(([message, changes, defaults]) => ({ message, changes, defaults })))(
    '$message',
    ({ message, changes, defaults }) => {
      expect(() => compile(changes, defaults)).toThrow(message);
      expect(() => compile(changes, defaults)).toThrow('dialect probe: ');
    },
  );

  it('while what only looks like it is taken', () => {
    const isA = { path: 'k', is: ['a'] };
    compile(platform({ path: 'x', when: isA }, 'x'));
    compile(platform({ path: 'x', after: 'a' }, { path: 'x', after: 'b' }, 'x'));
    compile(platform({ constant: 'x', when: isA }, 'y'));
    compile({ columns: { app_id: ['key'] }, secrets: ['key'] });
    compile(composed(...many(PROGRAM_PARTS_MAX, (index) => ({ member: 'x', as: `p${index}` }))));
    compile(
      platform(...many(PROGRAM_GUARDS_MAX, (index) => ({ path: 'x', when: { path: 'x', is: [index] } }))),
    );
  });
});
