/** What a table's claims do: an event's own address and user agent before the connection's, in both scanners. */
import { describe, expect, it } from 'vitest';
import { compileDialect } from '../../src/dialects/compile.ts';
import type { Claim, Dialect } from '../../src/dialects/dialect.ts';
import { penstock } from '../../src/dialects/penstock.ts';
import { DIALECTS } from '../../src/dialects/routes.ts';
import { PROGRAM_CLAIMS_MAX } from '../../src/limits.ts';
import { CLAIMS_KEPT } from '../../src/scan/claim-privacy.ts';
import type { ClaimPrivacy } from '../../src/scan/contract.ts';
import { lineOf, scanBody, scanEvent, tableWith } from './harness.ts';

const CONNECTION = { address: [198, 51, 100, 1], userAgent: 'Header/1' };
const THEIRS = { ip: '198.51.100.1', user_agent: 'Header/1' };
const event = (fields: object) => ({ event_id: 'e', event_type: 't', ...fields });
const table = (ip: Claim[], user_agent: Claim[] = [], changes: Partial<Dialect> = {}) =>
  tableWith({ claims: { ip, user_agent }, ...changes });
const said = (dialect: Dialect, fields: object, claims: ClaimPrivacy = CLAIMS_KEPT) =>
  scanEvent(dialect, event(fields), { ...CONNECTION, claims });

describe('a claim', () => {
  it('is not looked at unless it is asked for: the program is the same as without', () => {
    for (const dialect of DIALECTS) {
      const { claims: _, ...without } = dialect;
      expect(compileDialect(dialect, 'batch')).toEqual(compileDialect(without, 'batch'));
    }
    const line = scanEvent(table(['ip']), event({ ip: '1.2.3.4' }), CONNECTION);
    expect(line).toMatchObject({ ...THEIRS, context: { ip: '1.2.3.4' } });
  });
  it('stands before the connection’s value, each column by itself', () => {
    const both = table(['ip'], ['ua']);
    expect(said(both, { ip: '1.2.3.4' })).toMatchObject({ ip: '1.2.3.4', user_agent: 'Header/1' });
    expect(said(both, { ua: 'Own/1' })).toMatchObject({ ip: '198.51.100.1', user_agent: 'Own/1' });
    expect(said(both, { ip: '1.2.3.4', ua: 'Own/1' })).toMatchObject({ ip: '1.2.3.4', user_agent: 'Own/1' });
    expect(said(both, {})).toMatchObject(THEIRS);
  });
  it('wins by its place in the table; one that does not fit gives way to the next', () => {
    const dialect = table(['a', 'b.ip', 'c']);
    expect(said(dialect, { c: '3.3.3.3', b: { ip: '2.2.2.2' }, a: '1.1.1.1' })).toMatchObject({
      ip: '1.1.1.1',
      context: { b: { ip: '2.2.2.2' }, c: '3.3.3.3' },
    });
    expect(said(dialect, { a: 'unknown', b: { ip: ['2.2.2.2'] }, c: '3.3.3.3' })).toMatchObject({
      ip: '3.3.3.3',
      context: { a: 'unknown', b: { ip: ['2.2.2.2'] } },
    });
    expect(said(dialect, { a: null, c: 5 })).toMatchObject({ ...THEIRS, context: { c: 5 } });
  });
  it('takes a field of the root whole, and leaves one within an object where it is', () => {
    expect(said(table(['ip']), { ip: '1.2.3.4' })).not.toHaveProperty('context');
    expect(said(table(['b.ip']), { b: { ip: '1.2.3.4' } })).toMatchObject({
      ip: '1.2.3.4',
      context: { b: { ip: '1.2.3.4' } },
    });
  });
  it('holds only under its guards', () => {
    const dialect = table([{ path: 'ip', when: { path: 'quiet', isNot: [true] } }]);
    expect(said(dialect, { ip: '1.2.3.4' })).toMatchObject({ ip: '1.2.3.4' });
    expect(said(dialect, { ip: '1.2.3.4', quiet: true })).toMatchObject({
      ...THEIRS,
      context: { ip: '1.2.3.4', quiet: true },
    });
  });
  it('is taken also where the connection’s value is not the event’s', () => {
    const dialect = table(['ip'], [], { direct: { path: 'direct', is: [true] } });
    const line = said(dialect, { ip: '1.2.3.4' });
    expect(line).toMatchObject({ ip: '1.2.3.4' });
    expect(line).not.toHaveProperty('user_agent');
    expect(said(dialect, { ip: '1.2.3.4', direct: true })).toMatchObject({
      ip: '1.2.3.4',
      user_agent: 'Header/1',
    });
  });
  it('may be a source, a guard or a part at once', () => {
    const dialect = table(['who'], ['agent'], {
      columns: { platform: ['who'], attribution: { compose: [{ member: 'agent' }] } },
    });
    expect(said(dialect, { who: '1.2.3.4', agent: 'Own/1' })).toMatchObject({
      ...{ platform: '1.2.3.4', ip: '1.2.3.4', user_agent: 'Own/1' },
      attribution: { agent: 'Own/1' },
    });
    expect(said(dialect, { who: 'x' })).toMatchObject({ platform: 'x', ip: '198.51.100.1' });
  });
  it('counts unescaped, and is written as addresses are, or with the client’s escapes', () => {
    const body =
      '{"event_id":"e","event_type":"t","ip":"\\u0031.2.3.4","ua":"a\\/b \\ud83d \\u00e9\\"" , "x":1}';
    const line = lineOf(table(['ip'], ['ua']), body, { claims: CLAIMS_KEPT });
    expect(line).toContain('"context":{"x":1},"ip":"1.2.3.4","user_agent":"a\\/b \\ufffd \\u00e9\\""');
  });
  it('of one event says nothing of the next', () => {
    for (const dialect of [table(['ip'], ['ua']), table(['b.ip'], ['b.ua'], { lenient: true })]) {
      const own = event({ ip: '1.2.3.4', ua: 'Own/1', b: { ip: '1.2.3.4', ua: 'Own/1' } });
      const { events } = scanBody(dialect, [own, event({}), own], { ...CONNECTION, claims: CLAIMS_KEPT });
      expect(events.map(({ ip, user_agent }) => [ip, user_agent])).toEqual([
        ['1.2.3.4', 'Own/1'],
        Object.values(THEIRS),
        ['1.2.3.4', 'Own/1'],
      ]);
    }
  });
});

describe('what is kept of claims', () => {
  const truncated = { ...CLAIMS_KEPT, ipv4BytesKept: 3, ipv6BytesKept: 6 };
  const dropped = { ipv4BytesKept: 0, ipv6BytesKept: 0, keepsUserAgent: false };
  it('of an address its first bytes', () => {
    const ipOf = (ip: string) => said(table(['ip']), { ip }, truncated)['ip'];
    expect(ipOf('1.2.3.4')).toBe('1.2.3.0');
    expect(ipOf('::ffff:1.2.3.4')).toBe('1.2.3.0');
    expect(ipOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1::');
    expect(ipOf('::1')).toBe('::');
  });
  it('or nothing, of it and of the connection’s', () => {
    const line = said(table(['ip'], ['b.ua']), { ip: '1.2.3.4', b: { ua: 'Own/1' } }, dropped);
    expect([line['ip'], line['user_agent'], line['context']]).toEqual([
      undefined,
      undefined,
      { b: { ua: 'Own/1' } },
    ]);
  });
});

describe('a table', () => {
  const compile = (dialect: Dialect) => () => compileDialect(dialect, 'batch', {}, true);
  it('of sources without conditions stays the shortest way with claims', () => {
    expect(compileDialect(penstock, 'batch', {}, true).isPlain).toBe(true);
    expect(compileDialect(table(['b.ip', 'ip'], ['ua']), 'batch', {}, true).isPlain).toBe(true);
    expect(compileDialect(table(['platform']), 'batch', {}, true).isPlain).toBe(false);
    expect(compileDialect(table(['ip'], ['ip']), 'batch', {}, true).isPlain).toBe(false);
  });
  it.each([
    ['^ip', table(['^ip']), 'every event says its own'],
    ['ip', table(['ip', 'ip']), 'stands twice'],
    ['key', table(['key'], [], { secrets: ['key'] }), 'a secret may fill app_id only'],
    [
      `p${PROGRAM_CLAIMS_MAX}`,
      table(Array.from({ length: PROGRAM_CLAIMS_MAX + 1 }, (_none, index) => `p${index}`)),
      'more than 16 claims',
    ],
  ])('with %s as it cannot be meant does not compile', (path, dialect, what) => {
    expect(compile(dialect)).toThrow(new RegExp(`^dialect probe: ${path.replace('^', '\\^')}: .*${what}`));
  });
});
