/**
 * What each word of a dialect's table does to an event, in both scanners: here the words by which a column gets its value.
 * Objects that are put together are in operators-composed.test.ts, words about a whole request in operators-request.test.ts.
 */
import { describe, expect, it } from 'vitest';
import type { Dialect, Source } from '../../src/dialects/dialect.ts';
import { EVENT_FUTURE_MS_MAX } from '../../src/limits.ts';
import { event, iso, lineOf, RECEIVED_MS, scanBody, scanEvent, tableWith } from './harness.ts';

const platform = (...sources: Source[]) => tableWith({ columns: { platform: sources } });
const platformOf = (table: Dialect, fields: object, defaults = {}) =>
  scanEvent(table, event(fields), { defaults })['platform'];
const lenient = (...sources: Source[]) => tableWith({ columns: { platform: sources }, lenient: true });

describe('sources', () => {
  it('the first that is there and not null wins, the others are left to the rest', () => {
    const table = platform('a', 'b.c', 'd');
    expect(scanEvent(table, event({ d: 'D', b: { c: 'C' }, a: 'A' }))).toMatchObject({
      platform: 'A',
      context: { d: 'D', b: { c: 'C' } },
    });
    expect(scanEvent(table, event({ a: null, b: { c: 'C' } }))).toEqual({
      ...event({ timestamp: iso(RECEIVED_MS) }),
      platform: 'C',
      context: { b: { c: 'C' } },
    });
  });
  it('one path can fill two columns, and is then in neither’s rest', () => {
    const table = tableWith({ columns: { platform: ['x'], os_version: ['x'] } });
    const line = scanEvent(table, event({ x: 'both' }));
    expect(line).toMatchObject({ platform: 'both', os_version: 'both' });
    expect(line).not.toHaveProperty('context');
  });
  it('a constant stands where nothing before it does', () => {
    expect(platformOf(platform('a', { constant: 'a "b"' }), {})).toBe('a "b"');
    expect(platformOf(platform('a', { constant: 'b' }), { a: 'A' })).toBe('A');
  });
  it('a column that nothing fills has no key', () => {
    expect(scanEvent(tableWith({ columns: { platform: [] } }), event({ platform: 'x' }))).toMatchObject({
      context: { platform: 'x' },
    });
  });
  it('what wins must fit, where the dialect is not lenient', () => {
    const table = platform('a', 'b');
    expect(scanBody(table, event({ a: 5, b: 'b' })).errors).toEqual([
      { index: 0, reason: 'invalid_type', field: 'a' },
    ]);
    expect(scanBody(table, event({ a: 'x'.repeat(65), b: 'b' })).errors).toEqual([
      { index: 0, reason: 'invalid_length', field: 'a' },
    ]);
  });
  it('what is required and missing is named by the first path', () => {
    const table = tableWith({ columns: { user_id: [{ path: 'who', after: 'u:' }] }, required: ['user_id'] });
    expect(scanBody(table, event({ who: 'x' })).errors).toEqual([
      { index: 0, reason: 'missing_field', field: 'who' },
    ]);
  });
});

describe('after and unless', () => {
  const table = tableWith({
    columns: {
      device_id: [{ path: 'id', after: '$device:' }],
      user_id: [{ path: 'id', unless: '$device:' }],
    },
  });
  it('cut a prefix off, and send texts to the column that they belong to', () => {
    expect(scanEvent(table, event({ id: '$device:d"1' }))).toEqual({
      ...event({ timestamp: iso(RECEIVED_MS) }),
      device_id: 'd"1',
    });
    expect(scanEvent(table, event({ id: 'u1' }))).toMatchObject({ user_id: 'u1' });
    expect(scanEvent(table, event({ id: 'u1' }))).not.toHaveProperty('device_id');
  });
  it('count the length of what is left, and keep escapes and repairs in it', () => {
    expect(scanEvent(table, event({ id: `$device:${'x'.repeat(256)}` }))['device_id']).toHaveLength(256);
    expect(scanBody(table, event({ id: `$device:${'x'.repeat(257)}` })).errors).toEqual([
      { index: 0, reason: 'invalid_length', field: 'id' },
    ]);
    expect(lineOf(table, '{"event_id":"e","event_type":"t","id":"$device:a b\\u0041\\ud800"}')).toContain(
      '"device_id":"a b\\u0041\\ufffd"',
    );
  });
  it('compare what was sent, byte by byte', () => {
    expect(scanEvent(table, '{"event_id":"e","event_type":"t","id":"\\u0024device:d"}')).toMatchObject({
      user_id: '$device:d',
    });
  });
  it('leave a text of the prefix alone empty', () => {
    expect(scanEvent(table, event({ id: '$device:' }))).not.toHaveProperty('device_id');
  });
  it('`after` takes no other types, `unless` only passes over texts', () => {
    expect(scanBody(table, event({ id: 5 })).errors).toEqual([
      { index: 0, reason: 'invalid_type', field: 'id' },
    ]);
    const only = tableWith({ columns: { device_id: [{ path: 'id', after: 'd' }] } });
    expect(scanEvent(only, event({ id: 5 }))).toMatchObject({ context: { id: 5 } });
  });
});

describe('guards', () => {
  const taken = (when: object, fields: object, defaults = {}) =>
    platformOf(platform({ path: 'a', when: when as never }), { a: 'A', ...fields }, defaults) === 'A';
  it('compare texts unescaped, numbers and booleans as they are spelt', () => {
    const is = { path: 'k', is: ['track', true, -1] };
    for (const k of ['track', true, -1]) expect([k, taken(is, { k })]).toEqual([k, true]);
    for (const k of ['Track', 'tracks', '', 'true', '-1', false, 1, 0, null, {}, ['track']]) {
      expect([k, taken(is, { k })]).toEqual([k, false]);
    }
    expect(
      lineOf(
        platform({ path: 'a', when: is }),
        '{"event_id":"e","event_type":"t","a":"A","k":"tr\\u0061ck"}',
      ),
    ).toContain('"platform":"A"');
    expect(
      lineOf(platform({ path: 'a', when: is }), '{"event_id":"e","event_type":"t","a":"A","k":-1.0}'),
    ).not.toContain('platform');
  });
  it('`isNot` holds for what is absent, null or of another type', () => {
    const isNot = { path: 'k', isNot: ['x', false] };
    for (const fields of [{}, { k: null }, { k: 'y' }, { k: 5 }, { k: {} }, { k: true }]) {
      expect([fields, taken(isNot, fields)]).toEqual([fields, true]);
    }
    for (const k of ['x', false]) expect([k, taken(isNot, { k })]).toEqual([k, false]);
  });
  it('several must all hold', () => {
    const both = [
      { path: 'k', is: ['x'] },
      { path: 'l.m', isNot: ['y'] },
    ];
    expect(taken(both, { k: 'x' })).toBe(true);
    expect(taken(both, { k: 'x', l: { m: 'y' } })).toBe(false);
    expect(taken(both, {})).toBe(false);
  });
  it('thirty-two of them are told apart', () => {
    const table = platform(
      ...Array.from({ length: 32 }, (_none, index) => ({
        constant: `c${index}`,
        when: { path: 'k', is: [index] },
      })),
    );
    for (let k = 0; k < 32; k++) expect(platformOf(table, { k })).toBe(`c${k}`);
    expect(platformOf(table, { k: 32 })).toBeUndefined();
  });
  it('hold by the text that the route gives, until the event says otherwise', () => {
    const is = { path: 'k', is: ['x'] };
    expect(taken(is, {}, { k: 'x' })).toBe(true);
    expect(taken(is, { k: null }, { k: 'x' })).toBe(true);
    expect(taken(is, { k: 'y' }, { k: 'x' })).toBe(false);
    expect(taken({ path: 'k', isNot: ['x'] }, {}, { k: 'x' })).toBe(false);
  });
});

describe('texts of a route', () => {
  it('stand in for what the event does not say', () => {
    const table = platform('kind', { constant: 'other' });
    expect(platformOf(table, {}, { kind: 'web' })).toBe('web');
    expect(platformOf(table, { kind: null }, { kind: 'web' })).toBe('web');
    expect(platformOf(table, { kind: 'ios' }, { kind: 'web' })).toBe('ios');
    expect(platformOf(table, {})).toBe('other');
  });
});

describe('lenient dialects', () => {
  it('pass over what does not fit, and leave it to the rest', () => {
    const table = lenient('a', 'b');
    for (const a of [true, {}, [], '', 'x'.repeat(65)]) {
      expect(scanEvent(table, event({ a, b: 'B' }))).toMatchObject({ platform: 'B', context: { a } });
    }
    expect(scanEvent(table, event({ a: {}, b: [] }))).not.toHaveProperty('platform');
  });
  it('take numbers as texts, spelt as they were sent', () => {
    expect(lineOf(lenient('a'), '{"event_id":"e","event_type":"t","a":1.50E3}')).toContain(
      '"platform":"1.50E3"',
    );
    expect(
      lineOf(tableWith({ lenient: true }), '{"event_id":12,"event_type":"t","user_id":9007199254740993}'),
    ).toBe(
      `{"event_id":"12","event_type":"t","user_id":"9007199254740993","timestamp":"${iso(RECEIVED_MS)}"`,
    );
  });
  it('hash the text of a number, so that a partition and an id do not depend on its type', () => {
    const table = tableWith({ lenient: true });
    const { lines, hashes } = scanBody(table, '{"event_id":12,"event_type":"t","device_id":5}');
    const quoted = scanBody(table, '{"event_id":"12","event_type":"t","device_id":"5"}');
    expect(lines).toEqual(quoted.lines);
    expect(hashes).toEqual(quoted.hashes);
    expect(scanBody(table, '{"event_id":"1","event_type":"t","device_id":"6"}').hashes).not.toEqual(hashes);
  });
  it('take the next time where one is none or out of range, and the time of arrival where none is left', () => {
    const table = tableWith({ columns: { timestamp: ['a', 'b'] }, lenient: true });
    for (const a of ['garbage', '', true, {}, '1999-12-31T00:00:00Z', '2100-01-01', 0]) {
      expect(scanEvent(table, event({ a, b: '2024-05-06' }))).toMatchObject({
        timestamp: '2024-05-06T00:00:00.000Z',
        context: { a },
      });
      expect(scanEvent(table, event({ a }))['timestamp']).toBe(iso(RECEIVED_MS));
    }
  });
  it('do not take times a day ahead', () => {
    const table = tableWith({ lenient: true });
    const ahead = iso(RECEIVED_MS + EVENT_FUTURE_MS_MAX + 1);
    expect(scanEvent(table, event({ timestamp: ahead }))).toMatchObject({
      timestamp: iso(RECEIVED_MS),
      context: { timestamp: ahead },
    });
    const just = iso(RECEIVED_MS + EVENT_FUTURE_MS_MAX);
    expect(scanEvent(table, event({ timestamp: just }))['timestamp']).toBe(just);
    expect(scanEvent(tableWith({}), event({ timestamp: ahead }))['timestamp']).toBe(ahead);
  });
  it('pass over an object column’s path that holds no object', () => {
    const table = tableWith({ columns: { event_data: ['a', 'b'] }, lenient: true });
    expect(scanEvent(table, event({ a: 'text', b: { c: 1 } }))).toMatchObject({
      event_data: { c: 1 },
      context: { a: 'text' },
    });
    expect(scanEvent(tableWith({ lenient: true }), event({ context: 'text' }))).toMatchObject({
      context: { context: 'text' },
    });
  });
});
