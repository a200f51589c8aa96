/** One request of every family of SDKs, and what its clients want to hear of it. */
import { basic } from './real-sdk.ts';

/** As text, and as forms and queries carry it. */
export const json = (value: unknown) => JSON.stringify(value);
export const base64 = (value: unknown) => encodeURIComponent(Buffer.from(json(value)).toString('base64'));

export interface Sent {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export interface Family {
  readonly name: string;
  /** A request of `count` events under the key, whose text is what is between the events' brackets otherwise. */
  send(key: string, count?: number): Sent;
  readonly ok: readonly [type: string, body: string | RegExp];
  /** Status of a batch of too many events; absent where a request is one event. */
  readonly tooMany?: 400 | 413;
  /** Status of a body over the limit of bytes, and of one in an unknown encoding. */
  readonly tooLarge: 400 | 413;
  readonly unknownEncoding: 400 | 415;
  /** Refusals have the status in a body of JSON: always, or until the body says whose it is, on paths of several SDKs. */
  readonly numeric?: 'always' | 'early';
  /** Its clients never send again, and are taken from what is kept for them. */
  readonly cannotRetry?: boolean;
}

const many = (event: object, count: number) => Array.from({ length: count }, () => event);
/** One call of Segment’s. */
export const track = { type: 'track', event: 'e', userId: 'u' };
const COMMON = { tooMany: 413, tooLarge: 413, unknownEncoding: 415 } as const;
export const SEGMENT_OK = ['application/json', '{"success":true}'] as const;
const POSTHOG_OK = ['application/json', '{"status":1,"results":{}}'] as const;
const GIF = ['image/gif', /^GIF89a/] as const;

export const FAMILIES: readonly Family[] = [
  {
    ...COMMON,
    name: 'Segment and RudderStack, a batch under Basic',
    send: (key, count = 1) => ({
      path: '/v1/batch',
      headers: basic(key),
      body: json({ batch: many(track, count) }),
    }),
    ok: SEGMENT_OK,
  },
  {
    ...COMMON,
    name: 'Segment in a browser, one call, its key in the body too',
    send: (key) => ({ path: '/v1/t', body: json({ ...track, writeKey: key }) }),
    ok: SEGMENT_OK,
    tooMany: undefined as never,
  },
  {
    ...COMMON,
    name: 'a beacon of RudderStack',
    send: (key, count = 1) => ({
      path: `/beacon/v1/batch?writeKey=${key}`,
      body: json({ batch: many(track, count) }),
    }),
    ok: SEGMENT_OK,
  },
  {
    ...COMMON,
    name: 'posthog-node',
    numeric: 'early',
    send: (key, count = 1) => ({
      path: '/batch/',
      body: json({ api_key: key, batch: many({ event: 'e', distinct_id: 'u', properties: {} }, count) }),
    }),
    ok: POSTHOG_OK,
  },
  {
    ...COMMON,
    name: 'posthog-node, its newer form',
    send: (key, count = 1) => ({
      path: '/i/v1/analytics/events',
      headers: { authorization: `Bearer ${key}` },
      body: json({ batch: many({ event: 'e', distinct_id: 'u', properties: {} }, count) }),
    }),
    ok: POSTHOG_OK,
  },
  {
    ...COMMON,
    name: 'posthog-js',
    send: (key, count = 1) => ({
      path: '/e/',
      body: json(many({ event: 'e', properties: { token: key, distinct_id: 'u' } }, count)),
    }),
    ok: POSTHOG_OK,
  },
  {
    name: 'Snowplow',
    send: (key, count = 1) => ({
      path: '/com.snowplowanalytics.snowplow/tp2',
      body: json({ schema: 's', data: many({ e: 'pv', aid: key }, count) }),
    }),
    ok: ['application/json', '{"ok":true}'],
    tooMany: 400,
    tooLarge: 400,
    unknownEncoding: 400,
  },
  {
    name: 'Snowplow’s pixel',
    send: (key) => ({ method: 'GET', path: `/i?e=pv&aid=${key}` }),
    ok: GIF,
    tooLarge: 400,
    unknownEncoding: 400,
  },
  {
    ...COMMON,
    name: 'Amplitude',
    send: (key, count = 1) => ({
      path: '/2/httpapi',
      body: json({ api_key: key, events: many({ event_type: 'e', user_id: 'u' }, count) }),
    }),
    ok: [
      'application/json',
      /^\{"code":200,"events_ingested":1,"payload_size_bytes":\d+,"server_upload_time":\d{13}\}$/,
    ],
    numeric: 'always',
  },
  {
    ...COMMON,
    name: 'Mixpanel, a form',
    send: (key, count = 1) => ({
      path: '/track',
      body: `data=${base64(many({ event: 'e', properties: { token: key } }, count))}`,
    }),
    ok: ['text/plain', '1'],
    cannotRetry: true,
  },
  {
    name: 'Mixpanel, a query',
    send: (key) => ({
      method: 'GET',
      path: `/engage?verbose=1&data=${base64({ $token: key, $distinct_id: 'u', $set: {} })}`,
    }),
    ok: ['application/json', '{"error":null,"status":1}'],
    tooLarge: 413,
    unknownEncoding: 415,
    cannotRetry: true,
  },
  {
    name: 'Jitsu',
    send: (key) => ({ path: '/api/s/track', headers: { 'x-write-key': key }, body: json(track) }),
    ok: ['application/json', '{"ok":true}'],
    tooLarge: 413,
    unknownEncoding: 415,
    cannotRetry: true,
  },
  {
    ...COMMON,
    name: 'CloudEvents',
    send: (key, count = 1) => ({
      path: '/any/path',
      headers: { 'content-type': 'application/cloudevents-batch+json' },
      body: json(many({ specversion: '1.0', type: 't', source: '/s', appid: key }, count)),
    }),
    ok: ['application/json', '{"ok":true}'],
    cannotRetry: true,
  },
  {
    name: 'the plain pixel',
    send: (key) => ({ method: 'GET', path: `/v1/pixel.gif?key=${key}&event_type=e&user_id=u` }),
    ok: GIF,
    tooLarge: 413,
    unknownEncoding: 415,
    cannotRetry: true,
  },
];
