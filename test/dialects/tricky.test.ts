/**
 * Cases that clients of many languages make, each with what is made of it, through both scanners. How they travel (keys,
 * encodings, wrappings) is in test/pipeline/02, 08 and 20 to 27.
 */
import { describe, expect, test } from 'vitest';
import { mixpanel } from '../../src/dialects/mixpanel.ts';
import { posthog } from '../../src/dialects/posthog.ts';
import { segment } from '../../src/dialects/segment.ts';
import { snowplow } from '../../src/dialects/snowplow.ts';
import { RECEIVED_MS, scanBody, scanEvent } from './harness.ts';

const RECEIVED = new Date(RECEIVED_MS).toISOString();
const timeOf = (timestamp: unknown, more: object = {}) =>
  scanEvent(segment, { type: 'page', userId: 'u', messageId: 'm', timestamp, ...more })['timestamp'];

describe('a time', () => {
  test.each([
    ['2024-05-06T07:08:09.123Z', '2024-05-06T07:08:09.123Z'],
    ['2024-05-06T07:08:09+02:00', '2024-05-06T05:08:09.000Z'],
    ['2024-05-06T07:08:09-12:00', '2024-05-06T19:08:09.000Z'],
    ['2024-05-06T07:08:09', '2024-05-06T07:08:09.000Z'],
    ['2024-05-06', '2024-05-06T00:00:00.000Z'],
    ['2024-05-06T07:08:09.123456789Z', '2024-05-06T07:08:09.123Z'],
    [1_715_000_000, '2024-05-06T12:53:20.000Z'],
    [1_715_000_000_123, '2024-05-06T12:53:20.123Z'],
    [1_715_000_000_123_456, '2024-05-06T12:53:20.123Z'],
    ['1715000000', '2024-05-06T12:53:20.000Z'],
  ])('of %s is %s', (sent, expected) => {
    expect(timeOf(sent)).toBe(expected);
  });

  test.each([['garbage'], ['2024-02-30T00:00:00Z'], [''], [null], [true], [{}], ['1899-01-01T00:00:00Z']])(
    'of %s is that of arrival, and what was sent is kept',
    (sent) => {
      const event = scanEvent(segment, { type: 'page', userId: 'u', timestamp: sent });
      expect(event['timestamp']).toBe(RECEIVED);
      if (sent !== null) expect(event['context']).toMatchObject({ timestamp: sent });
    },
  );

  test('ten years ahead gives way to that of arrival, with a clock that is right', () => {
    expect(timeOf('2035-01-01T00:00:00Z', { sentAt: RECEIVED })).toBe(RECEIVED);
  });

  test('ten years ahead is set right, with a clock that is as wrong', () => {
    const ahead = (ms: number) => new Date(RECEIVED_MS + 10 * 365 * 86_400_000 + ms).toISOString();
    expect(timeOf(ahead(-5_000), { sentAt: ahead(0) })).toBe(new Date(RECEIVED_MS - 5_000).toISOString());
  });
});

describe('who it was', () => {
  test.each([
    ['a number is a text', 42, '42'],
    ['an empty text is nobody', '', undefined],
    ['null is nobody', null, undefined],
    ['an object is nobody, and kept', { id: 1 }, undefined],
    ['a list is nobody, and kept', [1], undefined],
    ['a boolean is nobody, and kept', true, undefined],
    ['257 bytes are nobody, and kept', 'x'.repeat(257), undefined],
  ])('as userId: %s', (_what, userId, expected) => {
    const event = scanEvent(segment, { type: 'page', anonymousId: 'a', userId });
    expect(event['user_id']).toBe(expected);
    if (expected === undefined && userId !== null && userId !== '') {
      expect(event['context']).toMatchObject({ userId });
    }
  });

  test('Snowplow and Mixpanel may be nobody at all, PostHog not', () => {
    expect(scanBody(snowplow, { e: 'pv', aid: 'a' }).errors).toEqual([]);
    expect(scanBody(mixpanel, { event: 'e', properties: { token: 't' } }).errors).toEqual([]);
    expect(scanBody(posthog, { event: 'e', api_key: 'k' }).errors).toMatchObject([
      { reason: 'missing_field' },
    ]);
  });
});

test.each([
  ['no context', {}],
  ['null', { context: null }],
  ['a text', { context: 'x' }],
  ['a list', { context: [] }],
  ['pages that are texts', { context: { page: 'x', os: 'y', campaign: 'z', app: 1, device: [] } }],
])('a context of %s costs no event', (_what, more) => {
  expect(scanBody(segment, { type: 'page', userId: 'u', ...more }).errors).toEqual([]);
});

test('one bad event among 1,000: 999 are taken, in order', () => {
  const batch = Array.from({ length: 1000 }, (_none, n) => ({
    type: n === 500 ? '' : 'page',
    userId: `u${n}`,
  }));
  const { events, errors } = scanBody(segment, { batch });
  expect(events.map((event) => event['user_id'])).toEqual(
    batch.filter((_event, n) => n !== 500).map(({ userId }) => userId),
  );
  expect(errors).toMatchObject([{ index: 500, reason: 'missing_field' }]);
});
