import { CLICK_IDS } from './attribution.ts';
import { type Dialect, jsonAnswer, Shape } from './dialect.ts';

/** Sentinels of the browser SDK for "nothing" are no values. */
const UTM = { keys: ['utm_*', ...CLICK_IDS], isNot: ['EMPTY', '-', '', null] };

/** Amplitude's HTTP API v2 and its batch API (https://amplitude.com/docs/apis/analytics/http-v2), whose bodies are the same. */
export const amplitude: Dialect = {
  name: 'amplitude',
  // `/batch` and `/` belong to several dialects (routes.ts).
  routes: [{ path: '/2/httpapi', shape: Shape.batch }],
  bodyKeys: { envelope: ['api_key'] },
  envelopeKeys: ['events'],
  batchEventsMax: 10_000,
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
  claims: { ip: ['ip'], user_agent: ['user_agent'] },
  rest: 'event_data',
  required: ['event_type', 'app_id'],
  // A body of JSON without `code` 200 is a failure to these SDKs, and is sent again up to 12 times.
  answers: {
    ok: jsonAnswer(
      '{"code":200,"events_ingested":{accepted},"payload_size_bytes":{bytes},"server_upload_time":{now}}',
    ),
    statuses: { batch_too_large: 413 },
    refusal: 'numeric',
    partial: { missing: 'events_with_missing_fields', invalid: 'events_with_invalid_fields' },
  },
};
