import { CLICK_IDS } from './attribution.ts';
import { type Dialect, type Guard, jsonAnswer, PIXEL, Shape } from './dialect.ts';

const NOT_DIRECT = ['', '$direct'];
const IN_BROWSER: Guard = { path: 'properties.mp_lib', is: ['web'] };
/** Profiles of people and groups, for which the path says what they are. */
const PROFILES = ['$profile_update', '$group_update'];
const route = (path: string) => ({ path, shape: Shape.batch, get: true });

/**
 * Mixpanel's ingestion API (https://developer.mixpanel.com/reference/ingestion-api): events and profiles in JSON, or in
 * the field `data` of a form or a query, as JSON or base64.
 */
export const mixpanel: Dialect = {
  name: 'mixpanel',
  routes: [
    route('/track'),
    route('/import'),
    { ...route('/engage'), defaults: { event: '$profile_update' } },
    { ...route('/groups'), defaults: { event: '$group_update' } },
  ],
  // `import` of the SDK for Node has an account's key in the query, which is not the project's.
  bodyKeys: { event: ['properties.token', '$token'], isBeforeHead: true },
  decoders: ['form', 'list', 'operation'],
  head: { query: { ip: '$use_address' } },
  envelopeKeys: ['$events'],
  batchEventsMax: 10_000,
  columns: {
    event_id: ['properties.$insert_id'],
    event_type: ['event'],
    app_id: ['properties.token', '$token', { constant: 'mixpanel' }],
    device_id: [
      'properties.$device_id',
      '$device_id',
      { path: 'properties.distinct_id', after: '$device:' },
      { path: '$distinct_id', after: '$device:' },
    ],
    user_id: [
      'properties.$user_id',
      { path: 'properties.distinct_id', unless: '$device:' },
      '$user_id',
      { path: '$distinct_id', unless: '$device:' },
    ],
    session_id: ['properties.$session_id'],
    timestamp: [
      { path: 'properties.time', exact: true },
      { path: '$time', exact: true },
    ],
    platform: [
      { constant: 'web', when: IN_BROWSER },
      'properties.$os',
      { constant: 'server', when: { path: 'event', isNot: PROFILES } },
    ],
    os_version: ['properties.$os_version'],
    app_version: ['properties.$app_version_string', 'properties.$app_version'],
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
    event_data: {
      compose: [
        { each: 'properties' },
        ...['$token', '$distinct_id', '$device_id', '$user_id'].map((member) => ({ member })),
      ],
    },
  },
  lenient: true,
  secrets: ['^$use_address'],
  direct: [
    { path: '^$use_address', is: ['1'] },
    { path: 'event', isNot: PROFILES },
  ],
  claims: { ip: ['properties.ip', 'properties.$ip', '$ip'] },
  rest: 'event_data',
  required: ['event_type', 'app_id'],
  // The SDK for Node looks at the body alone: `1` is success.
  answers: {
    ok: { type: 'text/plain', body: '1' },
    variants: [
      { query: 'img', is: '1', ok: PIXEL },
      { query: 'verbose', is: '1', ok: jsonAnswer('{"error":null,"status":1}') },
    ],
    statuses: { batch_too_large: 413 },
  },
  cannotRetry: true,
};
