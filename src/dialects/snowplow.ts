import { type Dialect, type Guard, jsonAnswer, PIXEL, Shape } from './dialect.ts';

const TYPES = {
  pv: 'page_view',
  pp: 'page_ping',
  se: 'struct',
  tr: 'transaction',
  ti: 'transaction_item',
};
const PLATFORMS = { web: 'web', mob: 'mobile', srv: 'server', pc: 'desktop' };
/** `SP-Anonymous: *`: neither address nor agent are to be kept. */
const IS_NAMED: readonly Guard[] = ['^$anonymous', '$anonymous'].map((path) => ({ path, isNot: ['*'] }));

/**
 * Snowplow's tracker protocol (https://docs.snowplow.io/docs/sources/trackers/snowplow-tracker-protocol/): `tp2` and the
 * pixel. What stands in texts is unpacked before (src/unwrap/snowplow.ts).
 */
export const snowplow: Dialect = {
  name: 'snowplow',
  routes: [
    { path: '/com.snowplowanalytics.snowplow/tp2', shape: Shape.batch },
    { path: '/i', shape: Shape.batch, get: true },
  ],
  // A key in the head is then a proxy's.
  bodyKeys: { event: ['aid'], isBeforeHead: true },
  decoders: ['fields', 'snowplow'],
  head: { headers: { 'sp-anonymous': '$anonymous' } },
  envelopeKeys: ['data'],
  batchEventsMax: 10_000,
  columns: {
    event_id: ['eid'],
    event_type: [
      ...Object.entries(TYPES).map(([letters, constant]) => ({
        constant,
        when: { path: 'e', is: [letters] },
      })),
      '$name',
      'e',
    ],
    app_id: ['aid', { constant: 'snowplow' }],
    device_id: ['duid', 'nuid', 'tnuid'],
    user_id: ['uid'],
    session_id: ['sid'],
    timestamp: [{ path: 'ttm', exact: true }, 'dtm'],
    platform: [
      ...Object.entries(PLATFORMS).map(([letters, constant]) => ({
        constant,
        when: { path: 'p', is: [letters] },
      })),
      'p',
    ],
    attribution: { compose: [{ each: '$attribution' }, { member: 'refr', as: 'referrer' }] },
    event_data: {
      compose: [
        { each: '$unstruct' },
        { member: '$contexts', as: 'contexts' },
        { member: 'page', as: 'page_title' },
      ],
    },
  },
  sentAt: ['stm'],
  lenient: true,
  secrets: ['$anonymous', '^$anonymous'],
  direct: [{ path: 'p', is: ['web'] }, ...IS_NAMED],
  claims: {
    ip: [{ path: 'ip', when: IS_NAMED }],
    user_agent: [{ path: 'ua', when: IS_NAMED }],
  },
  rest: 'event_data',
  required: ['event_type', 'app_id'],
  // These trackers send again for ever, in growing batches, on any status but 2xx, 400, 401, 403, 410 and 422.
  answers: {
    ok: jsonAnswer('{"ok":true}'),
    okOfGet: PIXEL,
    statuses: { body_too_large: 400, batch_too_large: 400, unsupported_media_type: 400 },
  },
};
