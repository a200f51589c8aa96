/**
 * The tables of all families through both scanners: over bodies that their SDKs sent, unwrapped, they give what a
 * normaliser of another hand made of them, but for what stands in `beyond`. That is for the decoders before the scanner,
 * with which test/pipeline/20-sdk-requests.test.ts sends the same requests as they came over the wire.
 */
import { describe, expect, it } from 'vitest';
import { amplitude } from '../../src/dialects/amplitude.ts';
import { cloudevents } from '../../src/dialects/cloudevents.ts';
import type { Dialect } from '../../src/dialects/dialect.ts';
import { Shape } from '../../src/dialects/dialect.ts';
import { jitsu } from '../../src/dialects/jitsu.ts';
import { mixpanel } from '../../src/dialects/mixpanel.ts';
import { posthog } from '../../src/dialects/posthog.ts';
import { segment } from '../../src/dialects/segment.ts';
import { snowplow } from '../../src/dialects/snowplow.ts';
import { type Canonical, readRequests, type SdkRequest, scanBody } from './harness.ts';

const COLUMNS = [
  ...['event_id', 'event_type', 'app_id', 'device_id', 'user_id', 'session_id', 'timestamp'],
  ...['platform', 'os_version', 'app_version', 'attribution'],
];

interface Family {
  readonly name: string;
  readonly dialect: Dialect;
  /** What a table cannot say of an event, as columns or keys of event_data that are not compared. */
  readonly beyond: (canonical: Canonical) => readonly string[];
}

const FAMILIES: readonly Family[] = [
  // The key is a header's, so that app_id is not in the body; click ids stand in the page's address.
  { name: 'segment', dialect: segment, beyond: () => ['gclid', 'context'] },
  { name: 'rudderstack', dialect: segment, beyond: () => ['app_id', 'gclid', 'context'] },
  // The normaliser takes every client of this name for a browser's; the one for Node says that it is not.
  {
    name: 'jitsu',
    dialect: jitsu,
    beyond: ({ event_data }) => [
      ...['app_id', 'gclid', 'context'],
      ...(JSON.stringify(event_data).includes('"env":"node"') ? ['platform'] : []),
    ],
  },
  // The key of the newer wire form is a header's.
  {
    name: 'posthog',
    dialect: posthog,
    beyond: ({ sent_at }) => (sent_at === null ? [] : ['app_id']),
  },
  // The name of a self-describing event, and its data, are JSON within a text, or base64 of it; utm_* are in `url`.
  {
    name: 'snowplow',
    dialect: snowplow,
    beyond: ({ event_type }) => [
      ...['utm_source', 'utm_campaign', 'gclid', 'contexts', 'page_title'],
      ...(SNOWPLOW_NAMES.includes(String(event_type)) ? [] : ['event_type', 'schema', 'data']),
    ],
  },
  { name: 'amplitude', dialect: amplitude, beyond: () => [] },
  // `operation` is the name of a key, which a decoder says; requests without an id get one.
  {
    name: 'mixpanel',
    dialect: mixpanel,
    beyond: ({ event_id }) => ['operation', ...(event_id === null ? ['event_id'] : [])],
  },
  // Bytes in base64 are kept as the text that they are.
  { name: 'cloudevents', dialect: cloudevents, beyond: () => ['data'] },
];
const SNOWPLOW_NAMES = ['page_view', 'page_ping', 'struct', 'transaction', 'transaction_item'];

const without = (value: unknown, keys: readonly string[]) =>
  Object.fromEntries(Object.entries(value ?? {}).filter(([key]) => !keys.includes(key)));

function scanRequest(dialect: Dialect, { path, body, receivedAtMs }: SdkRequest) {
  const bare = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  const route = dialect.routes.find((candidate) => candidate.path === bare);
  const { shape = Shape.batch, defaults = {} } = route ?? {};
  return scanBody(dialect, body, { shape, defaults, receivedMs: receivedAtMs });
}

describe.each(FAMILIES)('$name', ({ name, dialect, beyond }) => {
  describe.each(readRequests(name))('$id', (request) => {
    const scanned = scanRequest(dialect, request);

    it('has every event', () => {
      expect(scanned).toMatchObject({ reason: undefined, errors: [] });
      expect(scanned.events.length).toBe(request.canonical.length);
    });

    it('has the same columns', () => {
      for (const [index, canonical] of request.canonical.entries()) {
        const event = scanned.events[index] ?? {};
        const exempt = beyond(canonical);
        for (const column of COLUMNS.filter((candidate) => !exempt.includes(candidate))) {
          const expected = canonical[column];
          const comparable =
            column === 'attribution'
              ? [without(event[column], []), without(expected, exempt)]
              : [event[column] ?? null, expected];
          expect([index, column, comparable[0]]).toEqual([index, column, comparable[1]]);
        }
      }
    });

    it('has all the data', () => {
      for (const [index, canonical] of request.canonical.entries()) {
        const data = without(scanned.events[index]?.['event_data'], []);
        for (const [key, value] of Object.entries(without(canonical.event_data, beyond(canonical)))) {
          expect([index, key, data[key] ?? {}]).toEqual([index, key, value ?? {}]);
        }
      }
    });
  });
});
