/** Each rule of the contract for the inside of an event: its grammar, its limits, its columns. */
import { describe, expect, it } from 'vitest';
import { DEPTH_MAX, EVENT_KEYS_MAX } from '../../src/limits.ts';
import { clientPart, createBench, eventWith, lineOf, NESTED, reasonOf, SINGLE } from './harness.ts';

const reason = (fields: string) => reasonOf(eventWith(fields), { route: SINGLE });
const data = (value: string) => reason(`"event_data":{"v":${value}}`);

describe('depth', () => {
  it('allows 64 levels, the braces of the event counted, and not 65', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"k":', '}'],
    ] as const) {
      const nested = (levels: number) => `"x":${open.repeat(levels)}1${close.repeat(levels)}`;
      expect(reason(nested(DEPTH_MAX - 1))).toBe('accepted');
      expect(reason(nested(DEPTH_MAX))).toBe('too_deep');
    }
  });
  it('recovers behind an event that is too deep', () => {
    const deep = `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(reasonOf(`[${deep},${eventWith('')},${deep}]`)).toBe('too_deep,too_deep');
  });
});

describe('numbers', () => {
  it('accepts what Int64, UInt64 or a double can hold', () => {
    const good = [
      '9223372036854775807',
      '-9223372036854775808',
      '18446744073709551615',
      '9007199254740993',
      '0',
      '-0',
    ];
    good.push(
      '1e308',
      '-1.7976931348623157e308',
      '1e-999',
      '0.1',
      '1E5',
      '1e+5',
      '0e999',
      `1.${'1'.repeat(400)}`,
    );
    good.push('123456789012345678', '1234567890123456789', `${'9'.repeat(308)}.0`);
    for (const text of good) expect(data(text), text).toBe('accepted');
  });
  it('rejects what neither can hold', () => {
    const bad = [
      '18446744073709551616',
      '-9223372036854775809',
      '1e999',
      '-1e309',
      '123456789012345678901234567890',
    ];
    bad.push(`${'9'.repeat(309)}.0`, '99999999999999999999', '1.8e308');
    for (const text of bad) expect(data(text), text).toBe('number_out_of_range');
  });
  it('rejects what is no number of JSON', () => {
    const bad = [
      '01',
      '-',
      '+1',
      '.5',
      '1.',
      '1e',
      '1e+',
      '0x1',
      '1_0',
      'NaN',
      'Infinity',
      '-01',
      '1.e1',
      '--1',
      '١',
    ];
    for (const text of bad) expect(data(text), text).toBe('invalid_json');
  });
});

describe('strings', () => {
  it('replaces lone surrogates, high, low and in keys, and counts them', () => {
    const bench = createBench();
    const body = eventWith(
      '"event_data":{"a":"x\\ud83d","b":"\\ude00y","\\uD800":"\\ude00\\ud83d","ok":"\\ud83d\\ude00"}',
    );
    const result = bench.scan([{ body }]);
    expect(result.lines[0]).toContain(
      '"event_data":{"a":"x\\ufffd","b":"\\ufffdy","\\ufffd":"\\ufffd\\ufffd","ok":"\\ud83d\\ude00"}',
    );
    expect(result.surrogatesReplaced).toBe(5);
  });
  it('sees halves apart: a high one before an escape that is no low one, before a high one, before text', () => {
    expect(
      clientPart(lineOf(eventWith('"x":"\\ud800\\n\\ud800\\ud800\\udc00\\ud800\\u0041\\udbffu"'))),
    ).toContain('"x":"\\ufffd\\n\\ufffd\\ud800\\udc00\\ufffd\\u0041\\ufffdu"');
  });
  it('keeps white space inside a string or key that is rewritten', () => {
    expect(clientPart(lineOf(eventWith('" k \\ud800 " : " \\ud800  \\" v"')))).toContain(
      '" k \\ufffd ":" \\ufffd  \\" v"',
    );
  });
  it('rejects control characters, bad escapes and cut ones', () => {
    for (const text of [
      '"\u0000"',
      '"\n"',
      '"\u001f"',
      '"\\x"',
      '"\\u12g4"',
      '"\\u12"',
      '"\\U0041"',
      "'a'",
    ]) {
      expect(data(text), text).toBe('invalid_json');
    }
    expect(data('"\u007f"')).toBe('accepted');
  });
  it('rejects bytes that are not UTF-8, before any other fault of the event', () => {
    const bad = [
      'ff',
      'c3',
      'c328',
      'c0af',
      'e080af',
      'eda080',
      'edbfbf',
      'f08080af',
      'f4908080',
      'f8888080',
      '80',
    ];
    for (const bytes of bad) {
      const body = Buffer.concat([
        Buffer.from('{"a":01,"x":"'),
        Buffer.from(bytes, 'hex'),
        Buffer.from('"}'),
      ]);
      expect(reasonOf(body), bytes).toBe('invalid_utf8');
      expect(
        reasonOf(Buffer.concat([Buffer.from('['), body, Buffer.from(`,${eventWith('')}]`)])),
        bytes,
      ).toBe('invalid_utf8');
      expect(reasonOf(Buffer.concat([body, Buffer.from(`\n${eventWith('')}`)])), bytes).toBe('invalid_utf8');
    }
    for (const text of ['é', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}']) {
      expect(data(`"${text}"`), text).toBe('accepted');
    }
  });
});

describe('keys', () => {
  it('rejects a key that stands twice, plain or escaped, on every level', () => {
    for (const fields of [
      '"k":1,"k":2',
      '"k":1,"\\u006b":2',
      '"event_id":"x"',
      '"\\u0065vent_id":null',
      '"":1,"":2',
    ]) {
      expect(reason(fields), fields).toBe('duplicate_key');
    }
    expect(reason('"x":{"k":1,"l":[{"k":1,"k":1}]}')).toBe('duplicate_key');
    expect(reason('"x":{"k":1,"l":{"k":[{"k":1},{"k":1}]}},"k":1')).toBe('accepted');
    expect(reason('"\\ud800":1,"\\udfff":2')).toBe('duplicate_key');
  });
  it('finds it among 10,000 keys, and among keys that are alike outside', () => {
    const many = Array.from({ length: 10_000 }, (_none, index) => `"k${index}":0`);
    expect(reason(`"x":{${many}}`)).toBe('accepted');
    for (const twice of [0, 5000, 9999])
      expect(reason(`"x":{${many},"\\u006b${twice}":0}`)).toBe('duplicate_key');
    const alike = Array.from(
      { length: 60 },
      (_none, index) => `"aaaa${String(index).padStart(4, '0')}zzzz":0`,
    );
    expect(reason(`"x":{${alike}}`)).toBe('accepted');
    expect(reason(`"x":{${alike},"aaaa0030zzzz":0}`)).toBe('duplicate_key');
    const long = Array.from({ length: 100 }, (_none, index) => `"${'x'.repeat(2000)}${index}":0`);
    expect(reason(`"x":{${long}}`)).toBe('accepted');
    expect(reason(`"x":{${long},"${'x'.repeat(2000)}99":0}`)).toBe('duplicate_key');
  });
  it('allows 65,536 keys in an event, over all levels', () => {
    const keys = (count: number) => Array.from({ length: count }, (_none, index) => `"${index}":0`).join();
    // Four of eventWith, one around, the rest within.
    expect(reason(`"x":{${keys(EVENT_KEYS_MAX - 5)}}`)).toBe('accepted');
    expect(reason(`"x":{${keys(EVENT_KEYS_MAX - 4)}}`)).toBe('too_many_keys');
  });
  it('says the first fault from left to right', () => {
    expect(reason('"k":1,"k":1e999')).toBe('duplicate_key');
    expect(reason('"k":1e999,"k":1')).toBe('number_out_of_range');
    expect(reason('"k":01,"l":1e999')).toBe('invalid_json');
    expect(reason('"event_type":{},"x":1e999')).toBe('duplicate_key');
    expect(reason('"user_id":1,"x":1e999')).toBe('number_out_of_range');
  });
});

describe('columns', () => {
  const limits: [string, number, number][] = [
    ['event_id', 1, 128],
    ['event_type', 1, 128],
    ['app_id', 1, 128],
    ['device_id', 0, 256],
    ['user_id', 0, 256],
    ['session_id', 0, 256],
    ['platform', 0, 64],
    ['os_version', 0, 64],
    ['app_version', 0, 64],
  ];
  const base: Record<string, unknown> = { event_type: 't', app_id: 'a', device_id: 'd', user_id: 'u' };
  const withValue = (column: string, value: unknown) =>
    reasonOf(JSON.stringify({ ...base, [column]: value }));
  for (const [column, bytesMin, bytesMax] of limits) {
    it(`takes ${bytesMin} to ${bytesMax} bytes of ${column}, counted unescaped`, () => {
      expect(withValue(column, 'x'.repeat(bytesMax))).toBe('accepted');
      expect(withValue(column, 'x'.repeat(bytesMax + 1))).toBe(`invalid_length ${column}`);
      expect(withValue(column, 'é'.repeat(bytesMax / 2))).toBe('accepted');
      expect(withValue(column, `${'é'.repeat(bytesMax / 2)}x`)).toBe(`invalid_length ${column}`);
      expect(withValue(column, '')).toBe(bytesMin === 0 ? 'accepted' : `invalid_length ${column}`);
      const escaped = (count: number) =>
        JSON.stringify({ ...base, [column]: '' }).replace(
          `"${column}":""`,
          `"${column}":"${'\\u0041'.repeat(count)}"`,
        );
      expect(reasonOf(escaped(bytesMax))).toBe('accepted');
      expect(reasonOf(escaped(bytesMax + 1))).toBe(`invalid_length ${column}`);
    });
    it(`takes strings only for ${column}`, () => {
      for (const value of [1, true, {}, []]) expect(withValue(column, value)).toBe(`invalid_type ${column}`);
    });
  }
  it('takes objects only for attribution, event_data and context', () => {
    for (const column of ['attribution', 'event_data', 'context']) {
      for (const value of [1, 'x', true, []]) expect(withValue(column, value)).toBe(`invalid_type ${column}`);
      expect(withValue(column, { a: 1 })).toBe('accepted');
      expect(withValue(column, null)).toBe('accepted');
    }
  });
  it('requires event_type, app_id, and a device or a user, in this order', () => {
    expect(reasonOf('{}')).toBe('missing_field event_type');
    expect(reasonOf('{"event_type":null}')).toBe('missing_field event_type');
    expect(reasonOf('{"event_type":"t"}')).toBe('missing_field app_id');
    expect(reasonOf('{"event_type":"t"}', { app: 1 })).toBe('missing_field device_id');
    expect(reasonOf('{"event_type":"t","app_id":"a"}')).toBe('missing_field device_id');
    expect(reasonOf('{"event_type":"t","app_id":"a","device_id":"","user_id":""}')).toBe(
      'missing_field device_id',
    );
    expect(reasonOf('{"event_type":"t","app_id":"a","device_id":"","user_id":"u"}')).toBe('accepted');
  });
  it('says missing_field last, and other faults in canonical order', () => {
    expect(reasonOf('{"context":1,"event_id":2}')).toBe('invalid_type event_id');
    expect(reasonOf('{"context":1}')).toBe('invalid_type context');
  });
  it('names the path that the faulty value came from', () => {
    const of = (body: string) => reasonOf(body, { route: NESTED });
    expect(of('{"event":"t","context":{"device":{"id":7}}}')).toBe('invalid_type context.device.id');
    expect(of('{"type":""}')).toBe('invalid_length type');
    expect(of('{"userId":"u"}')).toBe('missing_field event');
  });
});
