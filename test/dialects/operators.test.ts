/** What each word of a dialect's table does to an event, in both scanners. */
import { describe, expect, it } from 'vitest';
import type { Dialect, Part, Source } from '../../src/dialects/dialect.ts';
import { Shape } from '../../src/dialects/dialect.ts';
import { EVENT_FUTURE_MS_MAX, SKEW_DEAD_ZONE_MS } from '../../src/limits.ts';
import { lineOf, RECEIVED_MS, scanBody, scanEvent, tableWith } from './harness.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const event = (fields: object) => ({ event_id: 'e', event_type: 't', ...fields });
const platform = (...sources: Source[]) => tableWith({ columns: { platform: sources } });
const platformOf = (table: Dialect, fields: object, defaults = {}) =>
  scanEvent(table, event(fields), { defaults })['platform'];
const lenient = (...sources: Source[]) => tableWith({ columns: { platform: sources }, lenient: true });
const composed = (...compose: Part[]) => tableWith({ columns: { attribution: { compose } } });
const attributionOf = (table: Dialect, fields: object | string) => {
  const body = typeof fields === 'string' ? `{"event_id":"e","event_type":"t",${fields}}` : event(fields);
  const [, text] = /"attribution":(.*?)(?:,"context":.*)?$/.exec(lineOf(table, body)) ?? [];
  return text;
};

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

describe('sentAt', () => {
  const table = tableWith({
    columns: { timestamp: [{ path: 'true_time', exact: true }, 'timestamp'] },
    sentAt: ['sent', '^sent'],
  });
  const timeOf = (fields: object, envelope: object = {}) =>
    scanBody(table, { ...envelope, events: [event(fields)] }).events[0]?.['timestamp'];
  const HOUR_MS = 3_600_000;
  const at = (ms: number) => iso(RECEIVED_MS + ms);

  it('shifts the client’s time by how far its clock is off, both ways', () => {
    expect(timeOf({ timestamp: at(HOUR_MS - 5000), sent: at(HOUR_MS) })).toBe(at(-5000));
    expect(timeOf({ timestamp: at(-HOUR_MS - 5000), sent: at(-HOUR_MS) })).toBe(at(-5000));
  });
  it('leaves small differences alone: stale retries and slow networks', () => {
    for (const off of [SKEW_DEAD_ZONE_MS, -SKEW_DEAD_ZONE_MS]) {
      expect(timeOf({ timestamp: at(-5000), sent: at(off) })).toBe(at(-5000));
    }
    expect(timeOf({ timestamp: at(-5000), sent: at(SKEW_DEAD_ZONE_MS + 1) })).toBe(
      at(-5000 - SKEW_DEAD_ZONE_MS - 1),
    );
  });
  it('is the event’s own, else the envelope’s, the first that is a time', () => {
    expect(timeOf({ timestamp: at(HOUR_MS) }, { sent: at(HOUR_MS) })).toBe(at(0));
    expect(timeOf({ timestamp: at(HOUR_MS), sent: at(0) }, { sent: at(HOUR_MS) })).toBe(at(HOUR_MS));
    for (const sent of ['garbage', true, {}, null, 0]) {
      expect(timeOf({ timestamp: at(HOUR_MS), sent }, { sent: at(HOUR_MS) })).toBe(at(0));
    }
    expect(timeOf({ timestamp: at(HOUR_MS), sent: RECEIVED_MS + HOUR_MS })).toBe(at(0));
  });
  it('says nothing of times that are exact, or that the server set', () => {
    expect(timeOf({ true_time: at(HOUR_MS), sent: at(HOUR_MS) })).toBe(at(HOUR_MS));
    expect(timeOf({ sent: at(HOUR_MS) })).toBe(at(0));
  });
  it('never takes a time out of range', () => {
    expect(timeOf({ timestamp: '2000-01-01T00:00:01Z', sent: at(HOUR_MS) })).toBe('2000-01-01T00:00:01.000Z');
    expect(timeOf({ timestamp: '2099-12-31T23:59:59Z', sent: at(-HOUR_MS) })).toBe(
      '2099-12-31T23:59:59.000Z',
    );
  });
  it('is kept, so that the time as it was sent can be found again', () => {
    expect(
      scanBody(table, { sent: 1, events: [event({ sent: at(HOUR_MS) })] }).events[0]?.['context'],
    ).toEqual({
      sent: at(HOUR_MS),
      _sent: 1,
    });
  });
});

describe('paths of the envelope', () => {
  const table = tableWith({ columns: { platform: ['p', '^p', '^q.r'], context: ['^ctx'] } });
  it('fill the columns of every event, and stay fields of the rest', () => {
    const body = {
      q: { r: 'R' },
      events: [event({ event_id: '1' }), event({ event_id: '2', p: 'own' })],
      p: null,
    };
    expect(scanBody(table, body).events.map((one) => [one['platform'], one['context']])).toEqual([
      ['R', { q: { r: 'R' }, p: null }],
      ['own', { q: { r: 'R' }, p: null }],
    ]);
  });
  it('may be objects, and the rest column itself', () => {
    const body = { ctx: { a: 1 }, events: [event({ b: 2 })] };
    expect(scanBody(table, body).events[0]?.['context']).toEqual({ a: 1, b: 2, ctx: { a: 1 } });
  });
  it('are absent where there is no envelope, and forgotten with it', () => {
    const enveloped = JSON.stringify({ p: 'P', events: [event({})] });
    expect(scanBody(table, enveloped).events[0]?.['platform']).toBe('P');
    expect(scanBody(table, [event({})]).events[0]).not.toHaveProperty('platform');
    expect(scanBody(table, event({}), { shape: Shape.single }).events[0]).not.toHaveProperty('platform');
    expect(scanEvent(table, { ...event({}), p: 'own' })['platform']).toBe('own');
  });
});

describe('composed objects', () => {
  it('are made of values under the path’s last key, or another', () => {
    expect(
      attributionOf(composed({ member: 'a.b' }, { member: 'c', as: 'd' }), {
        c: [1, { x: null }],
        a: { b: 'B' },
      }),
    ).toBe('{"b":"B","d":[1,{"x":null}]}');
  });
  it('leave out nulls and what is absent, and are absent when nothing is left', () => {
    const table = composed({ member: 'a' }, { member: 'b' }, { each: 'c' });
    expect(attributionOf(table, { a: null, b: false })).toBe('{"b":false}');
    expect(scanEvent(table, event({ a: null, c: {} }))).toEqual(event({ timestamp: iso(RECEIVED_MS) }));
  });
  it('are made of each member of an object, as sent', () => {
    expect(
      attributionOf(
        composed({ each: 'c' }),
        '"c" : { "x" : 1.0 , "n":null,"o":{ "p":[ ] } ,"\\u0041":"\\ud800 y"}',
      ),
    ).toBe('{"x":1.0,"n":null,"o":{"p":[]},"\\u0041":"\\ufffd y"}');
  });
  it('leave what is no object to the rest', () => {
    const table = composed({ each: 'c' });
    for (const c of ['x', 1, [1], true]) {
      const line = scanEvent(table, event({ c }));
      expect(line).toMatchObject({ context: { c } });
      expect(line).not.toHaveProperty('attribution');
    }
  });
  it('select keys by name and by beginning, unescaped', () => {
    const table = composed({ each: 'c', keys: ['gclid', 'utm_*'] });
    expect(attributionOf(table, '"c":{"utm_a":1,"gclid":2,"gclid2":3,"utm":4,"\\u0075tm_b":5,"x":6}')).toBe(
      '{"utm_a":1,"gclid":2,"\\u0075tm_b":5}',
    );
  });
  it('what they only selected from is a copy, and stays where it goes', () => {
    expect(scanEvent(composed({ each: 'c', keys: ['x'] }), event({ c: { x: 1, y: 2 } }))).toMatchObject({
      attribution: { x: 1 },
      context: { c: { x: 1, y: 2 } },
    });
    expect(scanEvent(composed({ each: 'c' }), event({ c: { x: 1 } }))).not.toHaveProperty('context');
    expect(scanEvent(composed({ member: 'c' }), event({ c: { x: 1 } }))).not.toHaveProperty('context');
    expect(scanEvent(composed({ member: 'c.x' }), event({ c: { x: 1 } }))).toMatchObject({
      context: { c: { x: 1 } },
    });
  });
  it('leave out values by name', () => {
    const table = composed({ each: 'c', isNot: ['', 'EMPTY', null, -1, false] });
    expect(
      attributionOf(
        table,
        '"c":{"a":"","b":"\\u0045MPTY","c":null,"d":-1,"e":false,"f":"x","g":-1.0,"h":[""]}',
      ),
    ).toBe('{"f":"x","g":-1.0,"h":[""]}');
  });
  it('rename keys, and put a prefix before the others', () => {
    const table = composed({ each: 'c', prefix: 'utm_', rename: { name: 'utm_campaign' } });
    expect(attributionOf(table, '"c":{"source":"s","n\\u0061me":"n"}')).toBe(
      '{"utm_source":"s","utm_campaign":"n"}',
    );
  });
  it('put underscores before keys that are taken', () => {
    const table = composed(
      { each: 'c', prefix: 'u_', rename: { a: 'u_b' } },
      { member: 'd', as: 'u_b' },
      { each: 'e' },
    );
    expect(attributionOf(table, { c: { b: 1, a: 2 }, d: 3, e: { u_b: 4, ___u_b: 5, x: 6 } })).toBe(
      '{"u_b":1,"_u_b":2,"__u_b":3,"___u_b":4,"____u_b":5,"x":6}',
    );
  });
  it('do so with hundreds of keys as with few', () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_none, index) => [`k${index}`, index]));
    const table = composed({ each: 'c' }, { each: 'd' });
    const text = attributionOf(table, { c: many, d: many }) ?? '';
    expect(JSON.parse(text)).toEqual({
      ...many,
      ...Object.fromEntries(Object.entries(many).map(([key, value]) => [`_${key}`, value])),
    });
  });
  it('follow guards, part by part', () => {
    const table = composed(
      { member: 'r', as: 'referrer', when: { path: 'r', isNot: ['', '$direct'] } },
      { each: 'c', when: { path: 'k', is: ['x'] } },
    );
    expect(attributionOf(table, { r: 'https://a', c: { d: 1 } })).toBe('{"referrer":"https://a"}');
    expect(attributionOf(table, { r: '$direct', c: { d: 1 }, k: 'x' })).toBe('{"d":1}');
    expect(scanEvent(table, event({ r: '$direct' }))).toMatchObject({ context: { r: '$direct' } });
  });
  it('come before the fields of the rest when they are the rest column', () => {
    const table = tableWith({ columns: { context: { compose: [{ each: 'c' }, { member: 'd' }] } } });
    expect(scanEvent(table, event({ x: 1, d: 2, c: { x: 3, d: 4 } }))['context']).toEqual({
      x: 3,
      d: 4,
      _d: 2,
      _x: 1,
    });
    expect(scanEvent(table, event({ x: 1 }))['context']).toEqual({ x: 1 });
    expect(scanEvent(table, event({ d: 1 }))['context']).toEqual({ d: 1 });
  });
});

describe('secrets', () => {
  const table = tableWith({ columns: { app_id: ['key', '^key'] }, secrets: ['key', '^key', 'token'] });
  it('are in no line, whether of the event, of the envelope, or under an escaped name', () => {
    const body = `{"key":"hush1","events":[{"event_type":"t","token":{"a":"hush2"},"\\u006bey":"shop","x":1}]}`;
    const { lines } = scanBody(table, body, { app: 1 });
    expect(lines.length).toBe(1);
    expect(lines[0]).not.toContain('hush');
    expect(lines[0]).toContain('"context":{"x":1}');
  });
  it('may name the app where no key is asked for', () => {
    expect(scanBody(table, { key: 'k1', events: [event({})] }).events[0]).toMatchObject({ app_id: 'k1' });
    expect(scanBody(table, { key: 'k1', events: [event({})] }).events[0]).not.toHaveProperty('context');
  });
  it('do not count against the room for the envelope’s fields', () => {
    expect(
      scanBody(table, { key: 'k'.repeat(5000), events: [event({})] }, { app: 1 }).reason,
    ).toBeUndefined();
    expect(scanBody(table, { kez: 'k'.repeat(5000), events: [event({})] }, { app: 1 }).reason).toBe(
      'envelope_too_large',
    );
  });
});

describe('direct', () => {
  const table = tableWith({ direct: { path: 'lib', is: ['browser'] } });
  const sender = { address: [203, 0, 113, 7], userAgent: 'Agent' };
  it('gives address and user agent to events of the connection’s own person, event by event', () => {
    const { events } = scanBody(
      table,
      [event({ lib: 'browser' }), event({ lib: 'node' }), event({})],
      sender,
    );
    expect(events.map((one) => [one['ip'], one['user_agent']])).toEqual([
      ['203.0.113.7', 'Agent'],
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });
  it('is every event where the table does not say', () => {
    expect(scanBody(tableWith({}), event({}), sender).events[0]).toMatchObject({ ip: '203.0.113.7' });
  });
});

describe('batchEventsMax', () => {
  const batch = (count: number) =>
    Array.from({ length: count }, (_none, index) => event({ event_id: `e${index}` }));
  it('is the larger of the dialect’s and the configuration’s', () => {
    expect(scanBody(tableWith({ batchEventsMax: 1200 }), batch(1200)).events.length).toBe(1200);
    expect(scanBody(tableWith({ batchEventsMax: 1200 }), batch(1201)).reason).toBe('batch_too_large');
    expect(scanBody(tableWith({ batchEventsMax: 10 }), batch(1000)).events.length).toBe(1000);
    const lines = batch(1201)
      .map((one) => JSON.stringify(one))
      .join('\n');
    expect(scanBody(tableWith({ batchEventsMax: 1200 }), lines).reason).toBe('batch_too_large');
    expect(scanBody(tableWith({ batchEventsMax: 1201 }), lines).events.length).toBe(1201);
  });
});
