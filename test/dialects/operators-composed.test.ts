/** Words of a dialect's table that put an object together of an event's values (`compose`), in both scanners. */
import { describe, expect, it } from 'vitest';
import type { Dialect, Part } from '../../src/dialects/dialect.ts';
import { event, iso, lineOf, RECEIVED_MS, scanEvent, tableWith } from './harness.ts';

const composed = (...compose: Part[]) => tableWith({ columns: { attribution: { compose } } });
const attributionOf = (table: Dialect, fields: object | string) => {
  const body = typeof fields === 'string' ? `{"event_id":"e","event_type":"t",${fields}}` : event(fields);
  const [, text] = /"attribution":(.*?)(?:,"context":.*)?$/.exec(lineOf(table, body)) ?? [];
  return text;
};

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
