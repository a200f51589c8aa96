/** The corpus as Segment's SDKs would send it: the same facts under their names, in envelopes of the batch route. */
import type { CorpusEvent } from './corpus.ts';

/** A `track` call that says what `event` says. */
export function toSegment(event: CorpusEvent): Record<string, unknown> {
  const { event_id, event_type, device_id, user_id, session_id, timestamp, platform } = event;
  const { os_version, app_version, attribution, event_data, context } = event;
  return {
    messageId: event_id,
    type: 'track',
    event: event_type,
    anonymousId: device_id,
    userId: user_id,
    timestamp: typeof timestamp === 'number' ? new Date(timestamp).toISOString() : timestamp,
    properties: event_data,
    context: {
      app: { name: 'Shop', version: app_version },
      os: { name: platform, version: os_version },
      campaign: attribution === undefined ? undefined : toCampaign(attribution as object),
      sessionId: session_id,
      library: { name: '@segment/analytics-node', version: '3.1.0' },
      ...(context as object),
    },
  };
}

function toCampaign(attribution: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(attribution).map(([key, value]) => [
      key === 'utm_campaign' ? 'name' : key.replace(/^utm_/, ''),
      value,
    ]),
  );
}

/** A body of `/v1/batch`. */
export function toSegmentBatch(events: readonly CorpusEvent[]): Buffer {
  const batch = events.map(toSegment);
  return Buffer.from(
    JSON.stringify({ batch, sentAt: '2025-06-09T00:00:00.000Z', writeKey: 'wk_bench_0123456789' }),
  );
}
