/**
 * The `segment` table against what its SDKs really send: requests captured on the wire of Segment's, RudderStack's and
 * Jitsu's clients, and what a normaliser of another hand makes of them.
 */
import { describe, expect, it } from 'vitest';
import { Shape } from '../../src/dialects/dialect.ts';
import { segment } from '../../src/dialects/segment.ts';
import { readRequests, type SdkRequest, scanBody } from './harness.ts';

const REQUESTS = ['segment', 'rudderstack', 'jitsu'].flatMap(readRequests);
const COMPARED = [
  'event_id',
  'event_type',
  'device_id',
  'user_id',
  'session_id',
  'platform',
  'os_version',
  'app_version',
  'timestamp',
];
/** Click ids stand in the address of the page only; taking them out of it is no matter of the table. */
const CLICK_IDS = ['gclid'];

function scanRequest({ path, body, receivedAtMs }: SdkRequest) {
  const route = segment.routes.find((candidate) => candidate.path === path);
  const isBatch = typeof body === 'object' && body !== null && 'batch' in body;
  const { shape = isBatch ? Shape.batch : Shape.single, defaults = {} } = route ?? {};
  return scanBody(segment, body, { shape, defaults, receivedMs: receivedAtMs });
}

describe.each(REQUESTS)('$id', (request) => {
  const scanned = scanRequest(request);

  it('gives an event for each of the normaliser’s', () => {
    expect(scanned).toMatchObject({ reason: undefined, errors: [] });
    expect(scanned.events.length).toBe(request.canonical.length);
  });

  it.each(request.canonical.map((canonical, index) => [index, canonical] as const))(
    'event %i has the same columns',
    (index, canonical) => {
      const event = scanned.events[index] ?? {};
      for (const column of COMPARED) {
        expect([column, event[column] ?? null]).toEqual([column, canonical[column]]);
      }
      const attribution = Object.fromEntries(
        Object.entries(canonical.attribution).filter(([key]) => !CLICK_IDS.includes(key)),
      );
      expect(event['attribution'] ?? {}).toEqual(attribution);
      const { context, ...data } = canonical.event_data;
      expect(withoutEmpty(event['event_data'])).toEqual(withoutEmpty(data));
      expect(event['context'] ?? {}).toMatchObject(context ?? {});
    },
  );

  it('keeps nothing of the write key but the name of the app', () => {
    for (const event of scanned.events) {
      const { app_id: _app, ...rest } = event;
      expect(JSON.stringify(rest)).not.toContain('writeKey');
    }
  });
});

/** The normaliser leaves out what is empty in one SDK and keeps it in another. */
function withoutEmpty(value: unknown): unknown {
  return Object.fromEntries(
    Object.entries(value ?? {}).filter(([, member]) => JSON.stringify(member) !== '{}'),
  );
}
