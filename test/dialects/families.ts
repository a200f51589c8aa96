/**
 * Tables of the families to come, as far as the language says them: they prove the language and are no part of the
 * product yet, whose tables also need their routes, keys, answers and the decoders of their bodies.
 */
import { type Dialect, Shape } from '../../src/dialects/dialect.ts';
import { segment } from '../../src/dialects/segment.ts';

const CLICK_IDS = ['gclid', 'fbclid', 'msclkid', 'ttclid', 'twclid', 'dclid', 'gbraid', 'wbraid'];
const NOT_DIRECT = ['', '$direct'];

/** Segment's shape under other names: one event a request, the type in the path. */
export const jitsu: Dialect = { ...segment, name: 'jitsu', envelopeKeys: [], batchEventsMax: 1 };

const IS_SERVER = { path: 'properties.$is_server', is: [true] };
const IS_ANONYMOUS = [
  { path: 'properties.$process_person_profile', isNot: [false] },
  { path: 'options.process_person_profile', isNot: [false] },
];

/** posthog-js and posthog-node, both of its wire forms. */
export const posthog: Dialect = {
  name: 'posthog',
  routes: [
    { path: '/batch', shape: Shape.batch },
    { path: '/e', shape: Shape.batch },
  ],
  envelopeKeys: ['batch'],
  columns: {
    event_id: ['uuid', 'properties.$insert_id'],
    event_type: ['event'],
    app_id: ['^api_key', 'api_key', 'token', 'properties.token', { constant: 'posthog' }],
    device_id: [
      'properties.$device_id',
      { path: 'distinct_id', when: { path: 'properties.$is_identified', is: [false] } },
      { path: 'distinct_id', when: { path: 'properties.$process_person_profile', is: [false] } },
      { path: 'distinct_id', when: { path: 'options.process_person_profile', is: [false] } },
    ],
    user_id: [
      'properties.$user_id',
      { path: 'distinct_id', when: { path: 'properties.$is_identified', is: [true] } },
      { path: 'distinct_id', when: [IS_SERVER, ...IS_ANONYMOUS] },
    ],
    session_id: ['session_id', 'properties.$session_id'],
    timestamp: ['timestamp', 'properties.$time'],
    platform: [
      { constant: 'web', when: { path: 'properties.$lib', is: ['web'] } },
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
  sentAt: ['^sent_at', '^created_at'],
  lenient: true,
  secrets: ['api_key', '^api_key', 'token'],
  direct: { path: 'properties.$lib', is: ['web'] },
  rest: 'context',
  required: ['event_type', ['device_id', 'user_id']],
};

const SNOWPLOW_TYPES = {
  pv: 'page_view',
  pp: 'page_ping',
  se: 'struct',
  tr: 'transaction',
  ti: 'transaction_item',
};
const SNOWPLOW_PLATFORMS = { web: 'web', mob: 'mobile', srv: 'server', pc: 'desktop' };

/** Snowplow's `tp2`: flat events whose values are all texts. */
export const snowplow: Dialect = {
  name: 'snowplow',
  routes: [{ path: '/com.snowplowanalytics.snowplow/tp2', shape: Shape.batch }],
  envelopeKeys: ['data'],
  columns: {
    event_id: ['eid'],
    event_type: [
      ...Object.entries(SNOWPLOW_TYPES).map(([letters, constant]) => ({
        constant,
        when: { path: 'e', is: [letters] },
      })),
      'e',
    ],
    app_id: ['aid'],
    device_id: ['duid', 'nuid', 'tnuid'],
    user_id: ['uid'],
    session_id: ['sid'],
    timestamp: [{ path: 'ttm', exact: true }, 'dtm'],
    platform: [
      ...Object.entries(SNOWPLOW_PLATFORMS).map(([letters, constant]) => ({
        constant,
        when: { path: 'p', is: [letters] },
      })),
      'p',
    ],
    attribution: { compose: [{ member: 'refr', as: 'referrer' }] },
  },
  sentAt: ['stm'],
  lenient: true,
  direct: { path: 'p', is: ['web'] },
  rest: 'event_data',
  required: ['event_type'],
};

const UTM = { keys: ['utm_*', ...CLICK_IDS], isNot: ['EMPTY', '-', '', null] };

/** Amplitude's HTTP API v2. */
export const amplitude: Dialect = {
  name: 'amplitude',
  routes: [{ path: '/2/httpapi', shape: Shape.batch }],
  envelopeKeys: ['events'],
  columns: {
    event_id: ['insert_id'],
    event_type: ['event_type'],
    app_id: ['^api_key', { constant: 'amplitude' }],
    device_id: ['device_id'],
    user_id: ['user_id'],
    session_id: [{ path: 'session_id', when: { path: 'session_id', isNot: [-1] } }],
    timestamp: ['time'],
    platform: ['platform', { constant: 'server' }],
    os_version: ['os_version'],
    app_version: ['app_version', 'version_name'],
    attribution: {
      compose: [
        { each: 'event_properties', ...UTM },
        { each: 'user_properties.$set', ...UTM },
      ],
    },
    event_data: {
      compose: [
        { each: 'event_properties' },
        { member: 'user_properties' },
        { member: 'groups' },
        { member: 'group_properties' },
      ],
    },
  },
  sentAt: ['^client_upload_time'],
  lenient: true,
  secrets: ['^api_key'],
  direct: { path: 'ip', is: ['$remote'] },
  rest: 'event_data',
  required: ['event_type'],
};

/** Mixpanel's `track` and `engage`, once their form and base64 are taken off. */
export const mixpanel: Dialect = {
  name: 'mixpanel',
  routes: [
    { path: '/track', shape: Shape.batch },
    { path: '/engage', shape: Shape.batch, defaults: { event: '$profile_update' } },
  ],
  envelopeKeys: [],
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
      { constant: 'web', when: { path: 'properties.mp_lib', is: ['web'] } },
      'properties.$os',
      { constant: 'server', when: { path: 'event', isNot: ['$profile_update'] } },
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
    event_data: { compose: [{ each: 'properties' }] },
  },
  lenient: true,
  direct: { path: 'properties.mp_lib', is: ['web'] },
  rest: 'event_data',
  required: ['event_type'],
};

/** CloudEvents in structured mode: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md */
export const cloudevents: Dialect = {
  name: 'cloudevents',
  routes: [{ path: '/ce', shape: Shape.batch }],
  envelopeKeys: [],
  columns: {
    event_id: ['id'],
    event_type: ['type'],
    app_id: ['appid', 'source'],
    device_id: ['deviceid'],
    user_id: ['subject'],
    session_id: ['sessionid'],
    timestamp: [{ path: 'time', exact: true }],
    event_data: {
      compose: [{ member: 'data' }, { member: 'data_base64' }, { member: 'source' }, { member: 'appid' }],
    },
  },
  lenient: true,
  rest: 'event_data',
  required: ['event_type'],
};
