/** Values that clients of many languages send, and that some decoders lose, round, or fall over; through both scanners. */
import { describe, expect, test } from 'vitest';
import { amplitude } from '../../src/dialects/amplitude.ts';
import { mixpanel } from '../../src/dialects/mixpanel.ts';
import { posthog } from '../../src/dialects/posthog.ts';
import { segment } from '../../src/dialects/segment.ts';
import { snowplow } from '../../src/dialects/snowplow.ts';
import { lineOf, RECEIVED_MS, scanBody, scanEvent } from './harness.ts';

const withProperties = (properties: string) => `{"type":"page","userId":"u","properties":${properties}}`;
const lineWith = (properties: string) => lineOf(segment, withProperties(properties));
const reasonWith = (properties: string) => {
  const { events, errors, reason } = scanBody(segment, withProperties(properties));
  return events.length === 1 ? 'accepted' : (errors[0]?.reason ?? reason);
};

describe('a number', () => {
  test.each([
    '9007199254740993',
    '9007199254740994',
    '12345678901234567890',
    '-9223372036854775808',
    '-0',
    '0.1000000000000000055511151231257827',
    '1.7976931348623157e308',
  ])('%s is kept by its letters', (number) => {
    expect(lineWith(`{"a":${number}}`)).toContain(`"properties":{"a":${number}}`);
  });

  test.each(['NaN', 'Infinity', '-Infinity', '1e999', '01', '+1', '.5', '1.', '0x10'])(
    '%s refuses its event alone, with a reason',
    (number) => {
      const good = '{"type":"page","userId":"good"}';
      const scanned = scanBody(segment, `{"batch":[${good},${withProperties(`{"a":${number}}`)}]}`);
      expect(scanned.events.map((event) => event['user_id'])).toEqual(['good']);
      expect(scanned.errors.map(({ index }) => index)).toEqual([1]);
      expect(reasonWith(`{"a":${number}}`)).toMatch(/^(invalid_json|number_out_of_range)$/);
    },
  );

  test.each(['NaN', 'Infinity', '-', '$direct', 'null'])('as the text "%s" is a text', (text) => {
    expect(lineWith(`{"a":"${text}"}`)).toContain(`"properties":{"a":"${text}"}`);
  });
});

describe('an object', () => {
  test.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])(
    'with the key %s at its root, in properties and in the context is kept as data',
    (key) => {
      const member = `"${key}":{"x":1}`;
      const body = `{"type":"page","userId":"u",${member},"properties":{${member}},"context":{${member}}}`;
      const line = lineOf(segment, body);
      // At the root it goes into the context, where that of the context already is.
      expect(line.split(`${key}":{"x":1}`).length - 1).toBe(3);
      expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    },
  );

  test.each([
    [60, 'accepted'],
    [100, 'too_deep'],
    [1_000, 'too_deep'],
    [100_000, 'too_deep'],
  ])('of %i levels: %s', (depth, expected) => {
    expect(reasonWith(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)).toBe(expected);
    expect(reasonWith(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`)).toBe(expected);
  });

  test('of 10,000 keys, or with a list of 100,000 numbers, is kept whole or refused with its reason', () => {
    const keys = `{${Array.from({ length: 10_000 }, (_none, n) => `"k${n}":${n}`).join()}}`;
    expect(['accepted', 'too_many_keys']).toContain(reasonWith(keys));
    const list = `{"l":[${Array.from({ length: 100_000 }, (_none, n) => n).join()}]}`;
    expect(lineWith(list)).toContain(list);
  });

  test.each(['"text"', '[1,2]', '7', 'true'])('that should be properties and is %s is kept', (value) => {
    expect(lineWith(value)).toContain(`"properties":${value}`);
  });

  test('that should be properties and is null or absent is none', () => {
    expect(lineWith('null')).not.toContain('"properties"');
    expect(scanEvent(segment, { type: 'page', userId: 'u' })['event_data']).toBeUndefined();
  });
});

describe('a text', () => {
  test.each([
    ['half an emoji', '"\\ud83c"', '"\ufffd"'],
    ['half an emoji, the other half', '"\\udf89x"', '"\ufffdx"'],
    ['a whole one, escaped', '"\\ud83c\\udf89"', undefined],
    ['a NUL', '"a\\u0000b"', undefined],
    ['a formula of a spreadsheet', '"=cmd|\' /C calc\'!A0"', undefined],
    ['an ANSI escape', '"\\u001b[31mred"', undefined],
    ['a template', '"$' + '{jndi:ldap://x}"', undefined],
    ['HTML and SQL', '"<script>1</script>\'; DROP TABLE events;--"', undefined],
    ['right-to-left', '"\u202etxt.exe"', undefined],
  ])('of %s is kept', (_what, text, expected) => {
    const line = lineWith(`{"a":${text}}`);
    const kept = JSON.parse(`${line}}`) as { event_data: { properties: { a: string } } };
    expect(kept.event_data.properties.a).toBe(JSON.parse(expected ?? text));
  });
});

describe('who and when', () => {
  test('an anonymousId alone is a device and nobody', () => {
    const event = scanEvent(segment, { type: 'page', anonymousId: 'a1' });
    expect([event['device_id'], event['user_id']]).toEqual(['a1', undefined]);
  });

  test('no id at all: Amplitude, Snowplow and Mixpanel are accepted', () => {
    const bodies = [
      [amplitude, { event_type: 'e', insert_id: 'i' }],
      [snowplow, { e: 'pv', aid: 'a' }],
      [mixpanel, { event: 'e', properties: { token: 't' } }],
    ] as const;
    for (const [dialect, body] of bodies) {
      const event = scanEvent(dialect, body);
      expect([event['device_id'], event['user_id']]).toEqual([undefined, undefined]);
    }
  });

  test('Mixpanel’s $device: is cut off, and is no user', () => {
    const event = scanEvent(mixpanel, { event: 'e', properties: { token: 't', distinct_id: '$device:d1' } });
    expect([event['device_id'], event['user_id']]).toEqual(['d1', undefined]);
  });

  test.each([
    ['2024-05-06T07:08:09+0530', '2024-05-06T01:38:09.000Z'],
    ['2024-05-06T07:08:09,5Z', '2024-05-06T07:08:09.500Z'],
    ['2024-05-06t07:08:09z', '2024-05-06T07:08:09.000Z'],
    ['2024-05-06 07:08:09', '2024-05-06T07:08:09.000Z'],
  ])('the time %s is %s', (timestamp, expected) => {
    expect(scanEvent(segment, { type: 'page', userId: 'u', timestamp })['timestamp']).toBe(expected);
  });

  test.each(['2024-W19-1', '2024-05-06T24:00:00Z', '2024-127', '06/05/2024'])(
    'the time %s is that of arrival, and kept',
    (timestamp) => {
      const event = scanEvent(segment, { type: 'page', userId: 'u', timestamp });
      expect(event['timestamp']).toBe(new Date(RECEIVED_MS).toISOString());
      expect(event['context']).toMatchObject({ timestamp });
    },
  );

  test('a server in another time zone makes the same of a time without one', () => {
    const before = process.env['TZ'];
    try {
      for (const zone of ['America/New_York', 'Asia/Kathmandu', 'UTC']) {
        process.env['TZ'] = zone;
        const event = scanEvent(segment, { type: 'page', userId: 'u', timestamp: '2024-03-10T02:30:00' });
        expect(event['timestamp']).toBe('2024-03-10T02:30:00.000Z');
      }
    } finally {
      if (before === undefined) delete process.env['TZ'];
      else process.env['TZ'] = before;
    }
  });
});

describe('what SDKs say beside the event', () => {
  test.each(['203.0.113.9', '::ffff:1.2.3.4', '2001:db8::1', '1.2.3.4, 5.6.7.8', 'unknown', ''])(
    'an address in the context, “%s”, stays there',
    (ip) => {
      const event = scanEvent(segment, { type: 'page', userId: 'u', context: { ip } });
      expect(event['context']).toMatchObject({ ip });
      expect(event['ip']).toBeUndefined();
    },
  );

  test('Segment’s integrations and RudderStack’s channel are kept in the context', () => {
    const more = { integrations: { All: false }, channel: 'server' };
    expect(scanEvent(segment, { type: 'page', userId: 'u', ...more })['context']).toMatchObject(more);
  });

  test('Amplitude’s plan and extra are kept with the data, its options with the event', () => {
    const event = { event_type: 'e', user_id: 'u', plan: { branch: 'b' }, extra: { a: 1 } };
    const { events } = scanBody(amplitude, {
      api_key: 'k',
      events: [event],
      options: { min_id_length: 1 },
    });
    expect(events[0]?.['event_data']).toMatchObject({ plan: { branch: 'b' }, extra: { a: 1 } });
  });

  test('sentinels are no attribution: EMPTY and - of Amplitude, $direct of PostHog', () => {
    const user_properties = {
      $set: { utm_source: 'EMPTY', utm_medium: '-', utm_term: 't' },
      $unset: { a: '-' },
    };
    const amplitudes = scanEvent(amplitude, { event_type: 'e', user_id: 'u', user_properties });
    expect(amplitudes['attribution']).toEqual({ utm_term: 't' });
    expect(amplitudes['event_data']).toMatchObject({ user_properties });
    const properties = { distinct_id: 'u', $lib: 'web', $referrer: '$direct', utm_source: null };
    const posthogs = scanEvent(posthog, { event: 'e', properties });
    expect(posthogs['attribution'] ?? {}).toEqual({});
  });

  test('$geoip_disable of a server keeps its address out of the event', () => {
    const properties = { $geoip_disable: true, $is_server: true, $lib: 'posthog-node' };
    const event = scanEvent(
      posthog,
      { event: 'e', distinct_id: 'u', properties },
      { address: [203, 0, 113, 9] },
    );
    expect(event['ip']).toBeUndefined();
  });

  test('events of one time stay in their order', () => {
    const batch = Array.from({ length: 50 }, (_none, n) => ({
      type: 'page',
      userId: `u${n}`,
      timestamp: '2024-05-06T00:00:00Z',
    }));
    const { events } = scanBody(segment, { batch });
    expect(events.map((event) => event['user_id'])).toEqual(batch.map(({ userId }) => userId));
  });
});
