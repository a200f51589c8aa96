import { type Dialect, type DialectRoute, jsonAnswer, Shape } from './dialect.ts';

/** Calls of Segment's Spec. */
export const CALL_TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const;

/** One call type a route, as in Segment's HTTP API, and by its first letter, as analytics.js sends it. */
const TYPED_ROUTES = CALL_TYPES.flatMap((type): DialectRoute[] => [
  { path: `/v1/${type}`, shape: Shape.single, defaults: { type } },
  { path: `/v1/${type[0]}`, shape: Shape.single, defaults: { type } },
]);

/** Libraries that run in the browser of the person whose event it is. */
const BROWSER_LIBRARIES = ['analytics.js', 'RudderLabs JavaScript SDK', '@jitsu/js'];
const IN_BROWSER = { path: 'context.library.name', is: BROWSER_LIBRARIES };

/**
 * Segment's Spec (https://segment.com/docs/connections/spec/), as analytics-node, analytics.js and the HTTP API
 * send it; RudderStack and Customer.io send the same shape.
 */
export const segment: Dialect = {
  name: 'segment',
  routes: [
    ...TYPED_ROUTES,
    { path: '/v1/batch', shape: Shape.batch },
    { path: '/v1/b', shape: Shape.batch },
    { path: '/v1/import', shape: Shape.batch },
    { path: '/beacon/v1/batch', shape: Shape.batch },
  ],
  keyPlaces: { headers: ['x-write-key'], query: ['writeKey'] },
  bodyKeys: { envelope: ['writeKey'], event: ['writeKey'] },
  decoders: ['clickIds'],
  envelopeKeys: ['batch'],
  // analytics-node sent 1,500 in one request; Segment's own limit is 2,500.
  batchEventsMax: 10_000,
  columns: {
    event_id: ['messageId'],
    event_type: [{ path: 'event', when: { path: 'type', is: ['track'] } }, 'type'],
    // Read only where no write key is configured.
    app_id: ['writeKey', '^writeKey', { constant: 'segment' }],
    device_id: ['anonymousId', 'context.device.id'],
    user_id: ['userId'],
    session_id: ['context.sessionId'],
    timestamp: ['timestamp', 'originalTimestamp'],
    platform: [
      'context.device.type',
      'context.os.name',
      { constant: 'web', when: IN_BROWSER },
      { constant: 'server' },
    ],
    os_version: ['context.os.version'],
    app_version: [
      {
        path: 'context.app.version',
        // RudderStack's browser SDK names itself as the app.
        when: { path: 'context.app.name', isNot: BROWSER_LIBRARIES },
      },
    ],
    attribution: {
      compose: [
        { each: 'context.campaign', prefix: 'utm_', rename: { name: 'utm_campaign' } },
        { each: '$click' },
        {
          member: 'context.page.referrer',
          as: 'referrer',
          when: { path: 'context.page.referrer', isNot: ['', '$direct'] },
        },
      ],
    },
    event_data: {
      compose: [
        { member: 'properties' },
        { member: 'traits' },
        { member: 'groupId' },
        { member: 'previousId' },
        { member: 'name' },
        { member: 'category' },
      ],
    },
    context: ['context'],
  },
  sentAt: ['sentAt', '^sentAt'],
  lenient: true,
  secrets: ['writeKey', '^writeKey'],
  direct: IN_BROWSER,
  claims: { ip: ['context.ip'], user_agent: ['context.userAgent'] },
  rest: 'context',
  required: ['event_type', 'app_id', ['device_id', 'user_id']],
  // Segment's SDKs drop a batch on 400 and 413 alike; clients that halve their batches do so on 413 only.
  answers: { ok: jsonAnswer('{"success":true}'), statuses: { batch_too_large: 413 } },
};
