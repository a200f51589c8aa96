import { CLICK_IDS } from './attribution.ts';
import { type Dialect, type Guard, jsonAnswer, Shape } from './dialect.ts';

const NOT_DIRECT = ['', '$direct'];
const IN_BROWSER: Guard = { path: 'properties.$lib', is: ['web'] };
const IS_SERVER: Guard = { path: 'properties.$is_server', is: [true] };
/** Whoever has no profile is a device, not a person. */
const HAS_PROFILE: readonly Guard[] = [
  { path: 'properties.$process_person_profile', isNot: [false] },
  { path: 'options.process_person_profile', isNot: [false] },
];
const IS_ANONYMOUS: readonly Guard[] = [
  { path: 'properties.$is_identified', is: [false] },
  { path: 'properties.$process_person_profile', is: [false] },
  { path: 'options.process_person_profile', is: [false] },
];
/** Times that are not the client's own clock's. */
const IS_EXACT: readonly Guard[] = [
  { path: 'options.disable_skew_correction', is: [true] },
  { path: 'properties.$ignore_sent_at', is: [true] },
  { path: '^historical_migration', is: [true] },
];

/**
 * PostHog's capture API (https://posthog.com/docs/api/capture), as posthog-node sends it in both of its wire forms, and
 * posthog-js in the form of today (an envelope) and of before (a list or one event, with the time of sending in the
 * query).
 */
export const posthog: Dialect = {
  name: 'posthog',
  routes: [
    ...['/e', '/i/v0/e', '/capture'].map((path) => ({ path, shape: Shape.batch, get: true })),
    ...['/i/v1/analytics/events', '/i/v0/ai/batch', '/s'].map((path) => ({ path, shape: Shape.batch })),
  ],
  bodyKeys: { envelope: ['api_key', 'token'], event: ['api_key', 'token', 'properties.token'] },
  decoders: ['form'],
  head: {
    headers: { 'posthog-request-timestamp': '$request_timestamp' },
    query: { _: '$request_time' },
  },
  envelopeKeys: ['batch'],
  batchEventsMax: 10_000,
  columns: {
    event_id: ['uuid', 'properties.$insert_id'],
    event_type: ['event'],
    app_id: ['^api_key', 'api_key', '^token', 'token', 'properties.token', { constant: 'posthog' }],
    device_id: [
      'properties.$device_id',
      ...IS_ANONYMOUS.map((when) => ({ path: 'distinct_id', when })),
      ...IS_ANONYMOUS.map((when) => ({ path: 'properties.distinct_id', when })),
      {
        path: 'properties.distinct_id',
        when: [IN_BROWSER, { path: 'properties.$is_identified', isNot: [true] }],
      },
    ],
    user_id: [
      'properties.$user_id',
      { path: 'distinct_id', when: { path: 'properties.$is_identified', is: [true] } },
      { path: 'properties.distinct_id', when: { path: 'properties.$is_identified', is: [true] } },
      { path: 'distinct_id', when: [...HAS_PROFILE, { path: 'properties.$lib', isNot: ['web'] }] },
    ],
    session_id: ['session_id', 'properties.$session_id'],
    timestamp: [
      ...IS_EXACT.map((when) => ({ path: 'timestamp', when, exact: true })),
      'timestamp',
      'properties.$time',
    ],
    platform: [
      { constant: 'web', when: IN_BROWSER },
      { constant: 'server', when: IS_SERVER },
      'properties.$os',
    ],
    os_version: ['properties.$os_version'],
    app_version: ['properties.$app_version'],
    attribution: {
      compose: [
        { each: 'properties', keys: ['utm_*', ...CLICK_IDS], isNot: [null] },
        {
          member: 'properties.$referrer',
          as: 'referrer',
          when: { path: 'properties.$referrer', isNot: NOT_DIRECT },
        },
      ],
    },
    event_data: { compose: [{ each: 'properties' }, { member: '$set' }, { member: '$set_once' }] },
  },
  sentAt: [
    '^sent_at',
    'sent_at',
    '^$request_timestamp',
    '$request_timestamp',
    '^created_at',
    '^$request_time',
    '$request_time',
  ],
  lenient: true,
  secrets: [
    ...['api_key', '^api_key', 'token', '^token'],
    ...['$request_timestamp', '^$request_timestamp', '$request_time', '^$request_time'],
  ],
  direct: IN_BROWSER,
  claims: { ip: ['properties.$ip', '$ip'], user_agent: ['properties.$raw_user_agent'] },
  rest: 'context',
  required: ['event_type', 'app_id', ['device_id', 'user_id']],
  // posthog-js takes 200 alone for success; posthog-node's newer form reads `results`, where an event that is not
  // named was taken. 413 makes posthog-node halve its batches.
  answers: {
    ok: jsonAnswer('{"status":1,"results":{}}'),
    // posthog-js drops what is answered 429, and sends again what is answered 503.
    statuses: { batch_too_large: 413, rate_limited: 503 },
  },
};
